# SPDX-License-Identifier: BSD-3-Clause
"""The lab of the interoperation tests: a fourth namespace, te-wire-N, carries both links.

    te-clients ---- te-wire ---- te-engine ---- te-wire ---- te-backends
              bridge or router             bridge or router

As a bridge it loses frames and marks them as congested. Nothing else can: what a
host drops of its own packets its TCP takes back at once, and what comes to the
engine's side reaches a packet socket before any filter. It also finishes the
frames towards the engine, so the Linux ends may use every offload. As a router it
makes real ICMP errors and fragments; clients and backends are then in networks
behind it.
"""
import contextlib
import json
import re

from engine import ECHO, STREAM, Engine
from netlab import (BACK, BACKENDS, CLIENT, FRONT, LINKS, PREFIX, QUIET_IPV6, UNFINISHED_OFF, Lab,
                    host_port)

SIDES = ("front", "back")
# What the kernel calls the four ends inside te-wire: towards the engine, towards the peer.
ENDS = {side: (f"w-{LINKS[side][0]}", f"w-{LINKS[side][1]}") for side in SIDES}
BRIDGES = {side: f"w-{side}" for side in SIDES}
# Behind the routers.
FAR_CLIENT = {4: "203.0.113.2", 6: "2001:db8:3::2"}
FAR_BACKEND = {4: "198.18.0.2", 6: "2001:db8:4::2"}
# The routers' own addresses: in the engine's networks, and in those behind.
NEAR_ROUTER = {"front": CLIENT, "back": {4: "198.51.100.2", 6: "2001:db8:2::2"}}
FAR_ROUTER = {"front": {4: "203.0.113.1", 6: "2001:db8:3::1"},
              "back": {4: "198.18.0.1", 6: "2001:db8:4::1"}}
FAR_NETWORK = {"front": {4: "203.0.113.0/24", 6: "2001:db8:3::/64"},
               "back": {4: "198.18.0.0/24", 6: "2001:db8:4::/64"}}
NEAR_NETWORK = {"front": {4: "192.0.2.0/24", 6: "2001:db8:1::/64"},
                "back": {4: "198.51.100.0/24", 6: "2001:db8:2::/64"}}

# What Linux does unless a test says otherwise. Nothing learnt from one connection
# may reach into the next one.
LINUX = {"tcp_timestamps": 1, "tcp_sack": 1, "tcp_window_scaling": 1, "tcp_ecn": 2,
         "ip_no_pmtu_disc": 0, "tcp_no_metrics_save": 1}

IPV6_MIN_MTU = 1280
# What DPDK's drivers take at most; for AF_XDP what fits into a buffer of ours behind the
# kernel's headroom.
WIDEST = {"af_packet": 1500, "tap": 1500, "af_xdp": 1700}


def network(address, family):
    return f"{address}/{PREFIX[family]}"


class WireLab(Lab):
    """A Lab with te-wire on both links; `routed`: it routes, else it bridges. One more kind of
    port than a Lab's: "af_xdp"."""

    def __init__(self, kind="af_packet", workers=2, routed=False):
        super().__init__(kind, workers)
        self.routed = routed
        self.client = FAR_CLIENT if routed else CLIENT
        self.backend = FAR_BACKEND if routed else {f: BACKENDS[f][0] for f in (4, 6)}
        self.mtu = (1500, 1500)
        self.terminus = None
        self.serving = None

    def __exit__(self, *exc):
        self.terminus = None  # what it printed goes with the lab
        super().__exit__(*exc)

    def families(self):
        """Those the links are wide enough for."""
        return (4, 6) if min(self.mtu) >= IPV6_MIN_MTU else (4,)

    def port_mtu(self, side):
        """Of the engine's port: the link's, as far as the device takes it."""
        return min(self.mtu[SIDES.index(side)], WIDEST[self.kind])

    def device(self, side):
        if self.kind != "af_xdp":
            return super().device(side)
        return f"net_af_xdp{SIDES.index(side)},iface={LINKS[side][0]},queue_count=1"

    def peer(self, side):
        return self.clients if side == "front" else self.backends

    def linux(self, side=None, **settings):
        """Sets sysctls net.ipv4.* in the namespace of a side's peer, or in both."""
        named = {f"net__ipv4__{key}": value for key, value in settings.items()}
        for name in ([side] if side else SIDES) if named else ():
            self.peer(name).sysctl(**named)

    def offloads(self, **features):
        """ethtool -K at both Linux ends; True and False stand for on and off."""
        words = [word for name, on in features.items() for word in (name, "on" if on else "off")]
        for side in SIDES:
            self.peer(side).run("ethtool", "-K", LINKS[side][1], *words)

    def plain(self):
        """Takes back what a test has changed with linux() and offloads()."""
        self.linux(**LINUX)
        self.offloads(tx=False, tso=False, gso=False, gro=False)

    def serve(self, mtu=(1500, 1500), tcp=None, pool_tcp=None):
        """An engine serves with these settings, over links of these MTUs (front, back); the
        running one, if it has them. `counters` are those of now."""
        wanted = (mtu, json.dumps([tcp, pool_tcp]))
        if not (self.terminus and self.terminus.running() and self.serving == wanted):
            self.end()
            self._set_mtu(mtu)
            self.terminus = Engine(self, self._config(tcp or {}, pool_tcp or {})).start()
            for namespace in (self.clients, self.wire, self.backends):
                namespace.ip("neighbour", "flush", "all")  # a tap has a new MAC address each time
            self.idle_objects = self.terminus.objects()
            self.serving = wanted
        self.counters = self.terminus.counters()

    def end(self):
        """Stops the engine, which must have given everything back."""
        if self.terminus and self.terminus.running():
            self.settled()
            status = self.terminus.stop()
            assert status == 0, f"terminus ended with {status}: {self.terminus.output()}"

    def settled(self, leaving_out=()):
        """The engine has given back what it did not hold at its start. How many buffers are in
        the rings of an AF_XDP device varies."""
        rings = ("buffers",) if self.kind == "af_xdp" else ()
        self.terminus.settled(self.idle_objects, leaving_out=(*leaving_out, *rings))

    @contextlib.contextmanager
    def losing(self, share, side=None):
        """The bridges lose this share of all frames, in each direction of both links or of a
        side's, while the body of the with runs; yields a function that returns how many they
        have lost."""
        where = f"iifname {{ {', '.join(ENDS[side])} }} " if side else ""
        with self._rules("bridge", f"{where}numgen random mod 10000 < {round(share * 10000)} "
                         "counter drop") as count:
            yield count

    @contextlib.contextmanager
    def marking(self, share):
        """The bridges mark this share of the ECN-capable packets as congested (CE); yields as
        losing() does."""
        draw = f"numgen random mod 10000 < {round(share * 10000)} counter"
        with self._rules("bridge", f"ip ecn ect0 {draw} ip ecn set ce",
                         f"ip6 ecn ect0 {draw} ip6 ecn set ce") as count:
            yield count

    @contextlib.contextmanager
    def _rules(self, family, *rules):
        def count():
            listed = self.wire.run("nft", "list", "table", family, "harm").stdout
            return sum(map(int, re.findall(r"counter packets (\d+)", listed)))

        head = [f"add table {family} harm", f"add chain {family} harm forward "
                "{ type filter hook forward priority 0; }"]
        self.wire.run("nft", "; ".join(head + [f"add rule {family} harm forward {rule}"
                                               for rule in rules]))
        try:
            yield count
        finally:
            self.wire.run("nft", "delete", "table", family, "harm")

    def narrow(self, side, mtu, family):
        """The link between router and peer takes only packets of `mtu`, but the peer announces
        segments for 1500, so that the engine has to learn of it."""
        self.wire.ip("link", "set", ENDS[side][1], "mtu", str(mtu))
        self.peer(side).ip("link", "set", LINKS[side][1], "mtu", str(mtu))
        mss = 1500 - (40 if family == 4 else 60)
        self.peer(side).ip("route", "replace", NEAR_NETWORK[side][family], "via",
                           FAR_ROUTER[side][family], "advmss", str(mss))

    def widen(self, side):
        """Takes back narrow(); IPv6 returns to a link that was too narrow for it."""
        for namespace, name in ((self.wire, ENDS[side][1]), (self.peer(side), LINKS[side][1])):
            namespace.ip("link", "set", name, "mtu", "1500")
        self._number_far(side)

    @contextlib.contextmanager
    def cutting(self, side, mtu, family):
        """While the body of the with runs, packets from a side's peer to the engine come in
        fragments of at most `mtu`: the router cuts IPv4's, the peer itself IPv6's."""
        namespace, via = (self.wire, ["dev", ENDS[side][0]]) if family == 4 else \
            (self.peer(side), ["via", FAR_ROUTER[side][6]])
        local = (FRONT if side == "front" else BACK)[family]
        namespace.ip("route", "add", local, *via, "mtu", "lock", str(mtu))
        try:
            yield
        finally:
            namespace.ip("route", "del", local)

    def reassembled(self, side):
        """How many packets a side's peer has put together from fragments."""
        listed = self.peer(side).run("nstat", "-asz", "IpReasmOKs", "Ip6ReasmOKs").stdout
        return sum(map(int, re.findall(r"ReasmOKs\s+(\d+)", listed)))

    def _configure(self):
        self.wire = self._namespace("wire")
        self.wire.sysctl(**QUIET_IPV6)
        super()._configure()
        if self.routed:
            self.wire.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
            for side in SIDES:
                for family in (4, 6):
                    self._number(self.wire, ENDS[side][0], NEAR_ROUTER[side][family], family)
                self.peer(side).ip("address", "flush", "dev", LINKS[side][1], "scope", "global")
                self._number_far(side)
        self.plain()

    def _join(self, side, peer):
        near, far, _, _ = LINKS[side]
        inner, outer = ENDS[side]
        for namespace, name, end in ((self.engine, near, inner), (peer, far, outer)):
            namespace.ip("link", "add", name, "type", "veth",
                         "peer", "name", end, "netns", self.wire.name)
            namespace.ip("link", "set", name, "up")
            self.wire.ip("link", "set", end, "up")
        # The last stop before raw frames are read; see netlab.py.
        self.wire.run("ethtool", "-K", inner, *UNFINISHED_OFF)
        if not self.routed:
            bridge = BRIDGES[side]
            self.wire.ip("link", "add", bridge, "type", "bridge", "stp_state", "0",
                         "forward_delay", "0", "mcast_snooping", "0")
            for end in (inner, outer):
                self.wire.ip("link", "set", end, "master", bridge)
            self.wire.ip("link", "set", bridge, "up")

    def _set_mtu(self, mtu):
        self.mtu = mtu
        for side, size in zip(SIDES, mtu):
            for namespace, name in ((self.engine, LINKS[side][0]), (self.wire, ENDS[side][0]),
                                    (self.wire, ENDS[side][1]), (self.peer(side), LINKS[side][1])):
                namespace.ip("link", "set", name, "mtu", str(size))
        # A link too narrow for IPv6 has lost its IPv6 addresses.
        if not self.routed and 6 in self.families():
            self._number(self.clients, LINKS["front"][1], CLIENT[6], 6)
            self._number(self.backends, LINKS["back"][1], BACKENDS[6][0], 6)

    @staticmethod
    def _number(namespace, interface, address, family):
        nodad = ["nodad"] if family == 6 else []
        namespace.ip("address", "replace", network(address, family), "dev", interface, *nodad)

    def _number_far(self, side):
        addresses = self.client if side == "front" else self.backend
        for family in (4, 6):
            self._number(self.wire, ENDS[side][1], FAR_ROUTER[side][family], family)
            self._number(self.peer(side), LINKS[side][1], addresses[family], family)
            self.peer(side).ip("route", "replace", NEAR_NETWORK[side][family], "via",
                               FAR_ROUTER[side][family])

    def _config(self, tcp, pool_tcp):
        """One listener and one pool of one backend for each family; IPv4 clients have an IPv4
        backend, IPv6 clients an IPv6 one."""
        families = self.families()
        ports = [{"name": side, "device": self.device(side), "mtu": self.port_mtu(side),
                  "addresses": [network(local[family], family) for family in families]}
                 for side, local in zip(SIDES, (FRONT, BACK))]
        routes = [{"to": FAR_NETWORK[side][family], "via": NEAR_ROUTER[side][family]}
                  for side in SIDES for family in families] if self.routed else []
        listeners = [{"name": "echo", "address": [host_port(FRONT[family], ECHO)
                                                  for family in families], "service": "echo"}]
        listeners += [{"name": f"stream{family}", "address": host_port(FRONT[family], STREAM),
                       "service": "proxy", "pool": f"stream{family}"} for family in families]
        pools = [{"name": f"stream{family}", "sources": [BACK[family]], "connect_timeout": "20s",
                  "tcp": pool_tcp,
                  "backends": [{"name": "b1",
                                "address": host_port(self.backend[family], STREAM)}]}
                 for family in families]
        return {"instance": self.instance, "workers": {"count": self.workers},
                "memory": {"huge_pages": "never", "connections": 4096, "half_open": 1024,
                           "time_wait": 16384, "buffers": 16384},
                "tcp": {"time_wait": "1s", "fin_timeout": "2s", **tcp},
                "ports": ports, "routes": routes, "listeners": listeners, "pools": pools}
