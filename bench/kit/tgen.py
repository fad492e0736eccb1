# SPDX-License-Identifier: BSD-3-Clause
"""The load generator, bench_tgen, as a client or a backend in a lab."""
import json
import subprocess

from kit import build
from kit.lab import CLIENTS, FRONT, GENERATOR, LINKS, POOL, PREFIX
from netns import CommandError

PROGRAM = ("bench", "bench_tgen")
# A request that is answered and then closed, of which every peer is told the same way.
REQUEST = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
BUFFERS = 32768
SHARED_SLEEP_US = 10  # of a generator that shares its CPU with another one


def program():
    """Where the generator is; CommandError when it has not been built."""
    path = build().joinpath(*PROGRAM)
    if not path.exists():
        raise CommandError(f"there is no {path}: run ./dev build, or say --build DIRECTORY")
    return path


def ring(interface, number=0):
    """The DPDK device on an interface; the same for the generator and for Terminus."""
    return f"net_af_packet{number},iface={interface},framecnt=2048,blocksz=4096,framesz=2048"


def memif(role, socket):
    """The DPDK device of one end of a link in shared memory."""
    return (f"net_memif0,role={role},id=0,socket={socket},socket-abstract=no,rsize=11,"
            f"bsize=2048")


class Generator:
    """One run of the generator against the server of a lab. idle_sleep_us: how long it sleeps when
    there is nothing to do, for whoever else is on its CPU; load: keys of its section `load`."""

    def __init__(self, lab, device=None, huge_pages="never", idle_sleep_us=0, **load):
        device = device or ring(LINKS["client"][1])
        plan = self.plan(lab, "client", device, GENERATOR,
                         {"target": f"{FRONT}:80", "clients": [CLIENTS], **load}, huge_pages,
                         idle_sleep_us)
        self._start(lab, "client", plan)

    @staticmethod
    def plan(lab, role, device, address, load, huge_pages="never", idle_sleep_us=0):
        """The generator's configuration, with one worker on the role's CPU."""
        return {
            "instance": f"{lab.instance}-{role}",
            "workers": {"cpus": [lab.cpus[role]], "idle_sleep_us": idle_sleep_us},
            "memory": {"buffers": BUFFERS, "huge_pages": huge_pages},
            "ports": [{"name": "link", "device": device, "addresses": [f"{address}/{PREFIX}"]}],
            "load": load,
        }

    @staticmethod
    def write(path, plan):
        path.write_text(json.dumps(plan, indent=1))

    def _start(self, lab, role, plan):
        lab.journal.note("directories", f"/var/run/dpdk/{plan['instance']}")
        conf = lab.dir / f"tgen-{role}.yaml"
        self.write(conf, plan)
        self.process = lab.start(lab.namespaces[role], program(), "--json", conf,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def running(self):
        return self.process.poll() is None

    def results(self, timeout=60):
        """Waits for its end and returns its result lines as dicts; CommandError with what it
        said when it failed."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise CommandError(f"the generator has not ended after {timeout} s: "
                               f"{err.decode(errors='replace')}") from None
        if self.process.returncode != 0:
            raise CommandError(f"the generator ended with {self.process.returncode}: "
                               f"{err.decode(errors='replace')}")
        return [json.loads(line) for line in out.decode().splitlines()]


class Backend(Generator):
    """The generator as a server without state, which is the cheapest one that answers."""

    def __init__(self, lab, response):
        plan = self.plan(lab, "backend", ring(LINKS["backend"][1]), POOL,
                         {"mode": "answer", "target": f"{POOL}:80", "duration": 0,
                          "response": response}, idle_sleep_us=SHARED_SLEEP_US)
        self._start(lab, "backend", plan)
