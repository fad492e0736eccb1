# SPDX-License-Identifier: BSD-3-Clause
"""The engine behind a switch that passes multicast on only to those who have asked for it."""
import pytest

from engine import Engine, lab_config
from netlab import CLIENT, FRONT, PREFIX
from netns import wait_until

SWITCH = "te-switch"
# In hundredths of a second: it asks each second, and believes itself at once.
SOON = ("mcast_startup_query_interval", "20", "mcast_query_interval", "100",
        "mcast_query_response_interval", "10")


@pytest.fixture(scope="module")
def snooped(bare_lab):
    """The clients' end of the link is a port of such a switch, and the client its CPU."""
    clients = bare_lab.clients
    address = f"{CLIENT[6]}/{PREFIX[6]}"
    clients.ip("address", "delete", address, "dev", "te-clients")
    clients.ip("link", "add", SWITCH, "type", "bridge", "stp_state", "0", "forward_delay", "0",
               "mcast_snooping", "1", "mcast_querier", "1", *SOON)
    clients.ip("link", "set", "te-clients", "master", SWITCH)
    clients.ip("link", "set", SWITCH, "up")
    clients.ip("address", "add", address, "dev", SWITCH, "nodad")
    return bare_lab


@pytest.mark.parametrize("version", [1, 2])
def test_solicitations_come_through(snooped, version):
    clients = snooped.clients
    clients.ip("link", "set", SWITCH, "type", "bridge", "mcast_mld_version", str(version))
    with Engine(snooped, lab_config(snooped)) as engine:
        wait_until(lambda: "ff02::1:ff00:1" in clients.run("bridge", "mdb", "show").stdout, 10,
                   "the switch knows who listens")
        # Asked again and again; what is said at the start it would forget.
        wait_until(lambda: engine.counters()["mld_replies"] >= 3, 10, "queries are answered")
        for _ in range(3):
            clients.ip("neighbour", "flush", "all")
            done = clients.run("ping", "-n", "-c", 1, "-W", 2, FRONT[6])
            assert " 0% packet loss" in done.stdout
        assert engine.stop() == 0
