# SPDX-License-Identifier: BSD-3-Clause
"""The network of a comparison: whoever serves has a namespace and a CPU of its own.

    bench-client-N                    bench-server-N                    bench-backend-N
    bench-gen, 198.18.0.2  <--veth-->  bench-front, 198.18.0.1
    generator, for 198.19.0.0/16      bench-back,  198.18.1.1  <--veth-->  bench-pool, 198.18.1.2
    CPU `client`                      CPU `server`                      CPU `client`

Every process runs on its namespace's CPU. A veth lets whoever sends a frame do the receiver's
work as well. On the server's interfaces that would be a gift, so they get a kernel thread each, on
the server's CPU, which takes frames in batches as a network card's driver does. (RPS moves the work
as well, with an interrupt for each frame: the epoll server then gets a third fewer connections
done.) What the server sends it carries up to the other end itself, whoever it is.
"""
import contextlib
import os
import pathlib
import tempfile

from journal import Journal, reap_stale
from netlab import NO_IPV6, QUIET_IPV6, UNFINISHED_OFF
from netns import Namespace, stop_process, wait_until

CLIENTS = "198.19.0.0/16"
FRONT, GENERATOR = "198.18.0.1", "198.18.0.2"
BACK, POOL = "198.18.1.1", "198.18.1.2"
PREFIX = 24
# Interface of the server's side, the other one's, addresses of the two.
LINKS = {"client": ("bench-front", "bench-gen", FRONT, GENERATOR),
         "backend": ("bench-back", "bench-pool", BACK, POOL)}


class Lab:
    """The namespaces, links and processes of one run. A context manager; leaving it gives back
    everything, and what a killed one left is removed when the next one starts.

    kernel: the server's side is the kernel's, so that its interfaces get their addresses.
    """

    def __init__(self, client_cpu, server_cpu, kernel, backend=False):
        self.cpus = {"client": client_cpu, "server": server_cpu, "backend": client_cpu}
        self.kernel = kernel
        self.roles = ("client", "server", "backend") if backend else ("client", "server")
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        reap_stale()
        with contextlib.ExitStack() as stack:
            self.journal = Journal()
            stack.callback(self.journal.close)
            self.dir = pathlib.Path(tempfile.mkdtemp(prefix="terminus-bench-"))
            self.journal.note("directories", self.dir)
            self.namespaces = {role: self._namespace(role) for role in self.roles}
            for role in self.roles:
                if role != "server":
                    self._join(role)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        self.stack.close()

    @property
    def instance(self):
        """A name for the engine's instance that no other lab uses."""
        return f"bench-{self.journal.suffix}"

    @property
    def server(self):
        return self.namespaces["server"]

    # What Engine asks a lab for.
    @property
    def engine(self):
        return self.server

    def join_taps(self):
        """There are none."""

    def start(self, namespace, *argv, **options):
        """Starts a program on its namespace's CPU; it is stopped when the lab ends."""
        role = next(role for role, known in self.namespaces.items() if known is namespace)
        process = namespace.popen("taskset", "-c", self.cpus[role], *argv, **options)
        self.stack.callback(stop_process, process)
        return process

    def settle(self, role, address, to, via):
        """Gives the far end of a link to the kernel of its side, with a route. What it receives it
        receives on its own CPU, before all else there."""
        interface = LINKS[role][1]
        namespace = self.namespaces[role]
        namespace.ip("address", "add", f"{address}/{PREFIX}", "dev", interface)
        namespace.ip("route", "add", to, "via", via)
        for thread in self._receive_on_own_cpu(role, namespace, interface):
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))

    def frames(self):
        """Frames that came to the server from the generator, and that it sent back, so far."""
        # /proc/net/dev and not /sys: that one shows the namespace it was mounted in.
        with self.server.entered(), open("/proc/thread-self/net/dev", encoding="ascii") as lines:
            row = next(line.split() for line in lines if "bench-front:" in line)
        return int(row[2]), int(row[10])

    def _namespace(self, role):
        namespace = Namespace(f"bench-{role}-{self.journal.suffix}")
        self.journal.note("namespaces", namespace.name)
        namespace.create()
        namespace.sysctl(**(QUIET_IPV6 if role == "server" and self.kernel else NO_IPV6))
        return namespace

    def _join(self, role):
        near, far, near_address, far_address = LINKS[role]
        peer = self.namespaces[role]
        self.server.ip("link", "add", near, "type", "veth",
                       "peer", "name", far, "netns", peer.name)
        for namespace, interface in ((self.server, near), (peer, far)):
            namespace.run("ethtool", "-K", interface, *UNFINISHED_OFF)
            namespace.ip("link", "set", interface, "up")
        self._receive_on_own_cpu("server", self.server, near)
        if self.kernel:
            self.server.ip("address", "add", f"{near_address}/{PREFIX}", "dev", near)
            if role == "client":
                self.server.ip("route", "add", CLIENTS, "via", far_address)

    def _receive_on_own_cpu(self, role, namespace, interface):
        """Gives an interface a thread for what it receives (threaded NAPI), on the CPU of its
        side; returns which."""
        before = _napi_threads(interface)
        # Without GRO a veth has no NAPI to begin with.
        namespace.run("ethtool", "-K", interface, "gro", "on")
        namespace.run("sh", "-c", f"echo 1 > /sys/class/net/{interface}/threaded")
        made = wait_until(lambda: _napi_threads(interface) - before, 5, f"NAPI of {interface}")
        for pid in made:
            os.sched_setaffinity(pid, {self.cpus[role]})
        return made


def _napi_threads(interface):
    """The kernel's threads for interfaces of this name, of any namespace. Names are cut off."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().startswith(f"napi/{interface}"[:15]):
                found.add(int(path.parent.name))
    return found
