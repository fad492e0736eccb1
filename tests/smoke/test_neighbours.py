# SPDX-License-Identifier: BSD-3-Clause
"""The engine as a host on its links: ARP, neighbour discovery and echo."""
import pytest

from netlab import BACK, FRONT

pytestmark = pytest.mark.paired


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize("size", [0, 56, 1400])
def test_ping(lab, family, side, size):
    namespace, address = (lab.clients, FRONT) if side == "front" else (lab.backends, BACK)
    done = namespace.run("ping", "-n", "-c", 3, "-i", "0.05", "-W", 2, "-s", size, address[family])
    assert " 0% packet loss" in done.stdout


def test_address_is_resolved_again_after_a_flush(lab, family):
    for _ in range(3):
        lab.clients.ip("neighbour", "flush", "all")
        done = lab.clients.run("ping", "-n", "-c", 1, "-W", 2, FRONT[family])
        assert " 0% packet loss" in done.stdout


def test_foreign_address_is_not_answered(lab):
    done = lab.clients.run("ping", "-n", "-c", 1, "-W", 1, "192.0.2.77", check=False)
    assert done.returncode != 0
