# SPDX-License-Identifier: BSD-3-Clause
"""The network every smoke test and the demo run in: three namespaces on one machine.

    te-clients-N              te-engine-N                      te-backends-N
    192.0.2.2          te-front        te-back                 198.51.100.11  .12
    2001:db8:1::2  <--veth--> Terminus <--veth-->              2001:db8:2::11 ::12
                     192.0.2.1         198.51.100.1
                     2001:db8:1::1     2001:db8:2::1

The engine's addresses exist in Terminus only; the kernel of te-engine-N has none.
With kind "tap" Terminus makes a tap interface for each side, and a bridge joins
that tap with the veth. Use a Lab as a context manager: leaving it gives back
everything, and what a killed one left is removed when the next one starts.
"""
import contextlib
import pathlib
import tempfile

from journal import Journal, reap_stale
from netns import Namespace, stop_process

CLIENT = {4: "192.0.2.2", 6: "2001:db8:1::2"}
FRONT = {4: "192.0.2.1", 6: "2001:db8:1::1"}
BACK = {4: "198.51.100.1", 6: "2001:db8:2::1"}
BACKENDS = {4: ["198.51.100.11", "198.51.100.12"], 6: ["2001:db8:2::11", "2001:db8:2::12"]}
PREFIX = {4: 24, 6: 64}

# Engine side interface, peer side interface, tap made by the engine, bridge joining them.
LINKS = {"front": ("te-front", "te-clients", "te-tap0", "te-br0"),
         "back": ("te-back", "te-backends", "te-tap1", "te-br1")}

# No duplicate address detection, no router discovery: addresses work at once and
# the only frames on the links are those of the test. Addresses outlive a link flap.
QUIET_IPV6 = {f"net__ipv6__conf__{which}__{key}": value
              for which in ("all", "default")
              for key, value in (("accept_dad", 0), ("dad_transmits", 0), ("accept_ra", 0),
                                 ("autoconf", 0), ("router_solicitations", 0),
                                 ("keep_addr_on_down", 1))}
NO_IPV6 = {f"net__ipv6__conf__{which}__disable_ipv6": 1 for which in ("all", "default")}

# For ethtool -K: no frames without checksums, none larger than the MTU.
UNFINISHED_OFF = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")

# Bridges must pass malformed packets on; netfilter would drop them there.
PLAIN_BRIDGE = {f"net__bridge__bridge-nf-call-{family}": 0
                for family in ("iptables", "ip6tables", "arptables")}


def host_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def url(address, path="/", port=80):
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}{path}" if port == 80 else f"http://{host_port(address, port)}{path}"


class Lab:
    """Namespaces, links and the processes in them. kind: "af_packet" or "tap"."""

    def __init__(self, kind="af_packet", workers=1):
        self.kind = kind
        self.workers = workers
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.reaped = reap_stale()
        with contextlib.ExitStack() as stack:
            self.journal = Journal()
            stack.callback(self.journal.close)
            self.dir = pathlib.Path(tempfile.mkdtemp(prefix="terminus-lab-"))
            self.journal.note("directories", self.dir)
            self.dir.chmod(0o755)
            self.clients = self._namespace("clients")
            self.engine = self._namespace("engine")
            self.backends = self._namespace("backends")
            self._configure()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        self.stack.close()

    @property
    def instance(self):
        """A name for the engine's instance that no other lab uses."""
        return f"lab-{self.journal.suffix}"

    def device(self, side):
        """The DPDK device of the "front" or "back" port."""
        index = list(LINKS).index(side)
        if self.kind == "tap":
            return f"net_tap{index},iface={LINKS[side][2]}"
        queues = f",qpairs={self.workers}" if side == "front" and self.workers > 1 else ""
        return f"net_af_packet{index},iface={LINKS[side][0]}{queues}"

    def start(self, namespace, *argv, **options):
        """Starts a program in a namespace; it is stopped when the lab ends."""
        process = namespace.popen(*argv, **options)
        self.stack.callback(stop_process, process)
        return process

    def join_taps(self):
        """Bridges the taps that a starting engine has just made; nothing to do for af_packet."""
        if self.kind != "tap":
            return
        for index, (_, _, tap, bridge) in enumerate(LINKS.values()):
            # A bridge keeps frames for its members' own addresses to itself, and the
            # kernel's side of a tap starts out with the engine's address.
            self.engine.ip("link", "set", tap, "address", f"02:00:00:00:01:0{index}")
            self.engine.ip("link", "set", tap, "master", bridge)
            self.engine.ip("link", "set", tap, "up")

    def _namespace(self, role):
        namespace = Namespace(f"te-{role}-{self.journal.suffix}")
        self.journal.note("namespaces", namespace.name)
        namespace.create()
        return namespace

    def _configure(self):
        for namespace in (self.clients, self.backends):
            namespace.sysctl(**QUIET_IPV6)
        # Taking one backend's address away must not take the others along.
        self.backends.sysctl(net__ipv4__conf__all__promote_secondaries=1)
        self.clients.sysctl(net__ipv4__ip_local_port_range="1024 65535")
        self.engine.sysctl(**NO_IPV6)
        for side, peer in (("front", self.clients), ("back", self.backends)):
            self._join(side, peer)
            if self.kind == "tap":
                self._bridge(side)
        for family in (4, 6):
            self._address(self.clients, "te-clients", CLIENT[family], family)
            for address in BACKENDS[family]:
                self._address(self.backends, "te-backends", address, family)

    def _join(self, side, peer):
        """Puts the link between the engine's namespace and a peer's."""
        near, far, _, _ = LINKS[side]
        self.engine.ip("link", "add", near, "type", "veth",
                       "peer", "name", far, "netns", peer.name)
        # A veth hands its peer frames without checksums and larger than the MTU,
        # since no wire will see them; whoever reads raw frames needs them finished.
        peer.run("ethtool", "-K", far, *UNFINISHED_OFF)
        self.engine.ip("link", "set", near, "up")
        peer.ip("link", "set", far, "up")

    def _bridge(self, side):
        near, _, _, bridge = LINKS[side]
        self.engine.sysctl(**PLAIN_BRIDGE)
        self.engine.ip("link", "add", bridge, "type", "bridge", "stp_state", "0",
                       "forward_delay", "0", "mcast_snooping", "0")
        self.engine.ip("link", "set", near, "master", bridge)
        self.engine.ip("link", "set", bridge, "up")

    @staticmethod
    def _address(namespace, interface, address, family):
        nodad = ["nodad"] if family == 6 else []
        namespace.ip("address", "add", f"{address}/{PREFIX[family]}", "dev", interface, *nodad)
