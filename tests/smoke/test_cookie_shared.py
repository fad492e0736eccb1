# SPDX-License-Identifier: BSD-3-Clause
"""Two engines with one address behind a router that changes its mind between SYN and ACK.

                                     +-- 198.18.1.0/24 -- te-a -- Terminus a \\
    te-clients -- 192.0.2.0/24 -- te-router                                   203.0.113.1
                                     +-- 198.18.2.0/24 -- te-b -- Terminus b /
"""
import secrets

import pytest

from engine import Engine
from netlab import CLIENT, NO_IPV6, PREFIX, QUIET_IPV6, UNFINISHED_OFF, Lab, host_port

VIP = {4: "203.0.113.1", 6: "2001:db8:9::1"}
ALONE = {4: 32, 6: 128}  # prefix length of a host
FRONT_ROUTER = {4: "192.0.2.254", 6: "2001:db8:1::fe"}
NODES = {"a": {4: "198.18.1.1", 6: "2001:db8:a::1"}, "b": {4: "198.18.2.1", 6: "2001:db8:b::1"}}
ROUTERS = {"a": {4: "198.18.1.254", 6: "2001:db8:a::fe"},
           "b": {4: "198.18.2.254", 6: "2001:db8:b::fe"}}
ECHO = 7


class RouterLab(Lab):
    """A Lab whose engine namespace holds both engines, and a router between them and the
    clients."""

    def _configure(self):
        self.router = self._namespace("router")
        self.clients.sysctl(**QUIET_IPV6)
        self.engine.sysctl(**NO_IPV6)
        self.router.sysctl(**QUIET_IPV6, net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1,
                           net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__default__rp_filter=0)
        self._link("te-clients", self.clients, "r-clients", FRONT_ROUTER)
        for node in NODES:
            self._link(f"te-{node}", self.engine, f"r-{node}", ROUTERS[node])
        for family in (4, 6):
            self._address(self.clients, "te-clients", CLIENT[family], family)
            self.clients.ip(f"-{family}", "route", "add", "default", "via", FRONT_ROUTER[family])

    def _link(self, far, namespace, near, addresses):
        """From the router's interface `near` to a namespace's `far`."""
        self.router.ip("link", "add", near, "type", "veth", "peer", "name", far,
                       "netns", namespace.name)
        self.router.run("ethtool", "-K", near, *UNFINISHED_OFF)
        namespace.run("ethtool", "-K", far, *UNFINISHED_OFF)
        namespace.ip("link", "set", far, "up")
        self.router.ip("link", "set", near, "up")
        for family, address in addresses.items():
            self._address(self.router, near, address, family)

    def lead_to(self, node, family):
        """From now on what is for the address goes to this node."""
        self.router.ip(f"-{family}", "route", "replace", f"{VIP[family]}/{ALONE[family]}",
                       "via", NODES[node][family])

    def lose_acks(self, lose):
        """Whether segments of the client's with nothing but an ACK get lost."""
        table = ("add table inet acks\n"
                 "add chain inet acks forward { type filter hook forward priority 0; }\n"
                 "add rule inet acks forward iifname r-clients"
                 " tcp flags & (syn|ack|psh) == ack drop\n")
        self.router.run("nft", "-f", "-", stdin=table if lose else "delete table inet acks")


def node_config(lab, node, secret_file, mode):
    return {
        "instance": f"{lab.instance}-{node}",
        "memory": {"connections": 1024, "half_open": 1024, "time_wait": 1024, "buffers": 4096},
        "ports": [{"name": "front", "device": f"net_af_packet0,iface=te-{node}",
                   "addresses": [f"{a}/{PREFIX[family]}" for family, a in NODES[node].items()]
                   + [f"{a}/{ALONE[family]}" for family, a in VIP.items()]}],
        "tcp": {"syncookies": mode, "cookie_secret_file": str(secret_file)},
        "listeners": [{"name": "echo", "service": "echo",
                       "address": [host_port(a, ECHO) for a in VIP.values()]}],
    }


@pytest.fixture(scope="module")
def router_lab(machine):
    with RouterLab() as lab:
        yield lab


def secret_file(lab, name):
    path = lab.dir / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n")
    return path


def node(lab, name, secret, mode="always"):
    config = node_config(lab, name, secret_file(lab, secret), mode)
    return Engine(lab, config, name=f"node-{name}", instance=config["instance"])


def begin_on_a_and_send_to_b(lab, family):
    """A connection whose SYN-ACK came from a, and whose next segments go to b."""
    lab.lead_to("a", family)
    lab.lose_acks(True)
    try:
        client = lab.clients.connect(VIP[family], ECHO)
    finally:
        lab.lose_acks(False)
    lab.lead_to("b", family)
    client.settimeout(2)
    client.sendall(b"hello")
    return client


@pytest.mark.parametrize("mode", ["auto", "always"])
@pytest.mark.parametrize("timestamps", [0, 1])
def test_handshake_changes_machines(router_lab, family, timestamps, mode):
    router_lab.clients.sysctl(net__ipv4__tcp_timestamps=timestamps)
    with node(router_lab, "a", "one", mode) as a, node(router_lab, "b", "one", mode) as b:
        with begin_on_a_and_send_to_b(router_lab, family) as client:
            assert client.recv(100) == b"hello"
            client.sendall(b"again" * 1000)
            assert client.makefile("rb").read(5000) == b"again" * 1000
        assert a.counters()["syncookies_sent"] == (mode == "always")
        assert a.counters()["passive_opens"] == 0
        assert b.counters()["syncookies_received"] == 1
        assert b.counters()["syncookies_sent"] == 0


@pytest.mark.parametrize("timestamps", [0, 1])
def test_other_secret_is_refused(router_lab, timestamps):
    router_lab.clients.sysctl(net__ipv4__tcp_timestamps=timestamps)
    with node(router_lab, "a", "one"), node(router_lab, "b", "other") as b:
        with begin_on_a_and_send_to_b(router_lab, 4) as client, \
             pytest.raises((TimeoutError, ConnectionResetError)):
            client.recv(100)
        counters = b.counters()
        assert counters["passive_opens"] == 0
        assert sum(counters[f"syncookies_{why}"] for why in ("failed", "stale", "early")) >= 1


def test_secret_that_all_can_read_is_refused(router_lab):
    secret = secret_file(router_lab, "open")
    secret.chmod(0o644)
    with pytest.raises(Exception):
        node(router_lab, "a", "open").start(timeout=5)
    assert "is open to others than its owner" in \
        (router_lab.dir / "node-a.stderr").read_text()
