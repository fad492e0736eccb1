# SPDX-License-Identifier: BSD-3-Clause
"""The comparisons: each lets one peer serve in a lab of its own, once, and returns its figures.

A lab is new each time, so that nobody inherits connections, neighbours or caches.
"""
import time

from kit import cpu, memory
from kit.lab import Lab
from kit.tgen import REQUEST, SHARED_SLEEP_US, Backend, Generator
from netns import CommandError

WARMUP_S = 1
# The generator goes on before and behind what is measured for this long in all, ...
MARGIN_S = 1
# ... of which so much lies behind, its own end included.
END_S = 0.7
STEP_S = 0.1
PATIENCE_S = 20  # with others on the CPUs, before each run
RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 64\r\nConnection: close\r\n\r\n" + "x" * 64


class Watch:
    """What the CPUs and the server's link did in the last seconds of a generator's run."""

    def __init__(self, lab, generator, seconds):
        moments = [self._moment(lab)]
        while generator.running():
            time.sleep(STEP_S)
            moments.append(self._moment(lab))
        end = moments[-1][0] - END_S
        last = max((m for m in moments if m[0] <= end), default=moments[0], key=lambda m: m[0])
        first = max((m for m in moments if m[0] <= last[0] - seconds), default=moments[0],
                    key=lambda m: m[0])
        self.begin = first[0]
        self.seconds = max(last[0] - first[0], STEP_S)
        self.server = last[1].use(lab.cpus["server"], first[1])
        self.client = last[1].use(lab.cpus["client"], first[1])
        self.came, self.went = ((b - a) / self.seconds for a, b in zip(first[2], last[2]))

    @staticmethod
    def _moment(lab):
        return time.monotonic(), cpu.Clock(), lab.frames()

    def figures(self):
        return {"busy": self.server.busy, "user": self.server.user,
                "system": self.server.system, "softirq": self.server.softirq,
                "client_busy": self.client.busy,
                "steal": max(self.server.steal, self.client.steal)}


def _visits(lab, peer, seconds, idle_sleep_us=0):
    generator = Generator(lab, peer.device(lab), peer.huge_pages, idle_sleep_us, mode="visit",
                          rate="max", concurrency=peer.window, request=REQUEST,
                          warmup=f"{WARMUP_S}s", duration=f"{seconds + MARGIN_S}s")
    watch = Watch(lab, generator, seconds)
    row = generator.results()[-1]
    rate = float(row["done_per_s"])
    if not rate:
        raise CommandError(f"{peer.name} completed no connection")
    return {"cps": rate, "cpu_us_per_connection": watch.server.busy * 1e6 / rate,
            "loss": float(row.get("loss") or 0), **watch.figures()}


def connections(lab, peer, seconds, _):
    """Whole connections, each with a request, the next one as soon as one has ended."""
    peer.start(lab)
    return _visits(lab, peer, seconds)


def proxy(lab, peer, seconds, _):
    """The same, carried on to a backend that costs next to nothing."""
    Backend(lab, RESPONSE)
    time.sleep(WARMUP_S)
    peer.start(lab)
    return _visits(lab, peer, seconds, SHARED_SLEEP_US)


def flood(lab, peer, seconds, _):
    """SYNs from everywhere, as many as the link takes; answers are counted on the link."""
    peer.start(lab)
    generator = Generator(lab, peer.device(lab), peer.huge_pages, mode="syn", rate="max",
                          warmup=f"{WARMUP_S}s", duration=f"{seconds + MARGIN_S}s")
    watch = Watch(lab, generator, seconds)
    generator.results()
    if not watch.went:
        raise CommandError(f"{peer.name} answered no SYN")
    return {"syns_per_s": watch.came, "answers_per_s": watch.went,
            "cpu_us_per_answer": watch.server.busy * 1e6 / watch.went, **watch.figures()}


def idle(lab, peer, _, count):
    """Connections that are opened, and of which nothing more is heard."""
    peer.start(lab, count)
    pids = peer.pids(lab)
    before = memory.take(lab.server, pids)
    generator = Generator(lab, peer.device(lab), peer.huge_pages, mode="open", rate="max",
                          concurrency=peer.window, connections=count, duration=0)
    done = int(generator.results(timeout=300)[-1]["done"])
    if done < count:
        raise CommandError(f"{peer.name} took {done} of {count} connections")
    time.sleep(WARMUP_S)
    total, parts = memory.per_connection(before, memory.take(lab.server, pids), count)
    parts["reserved"] = peer.reserved(lab, count)
    total += max(parts["reserved"] - parts["process"], 0)
    return {"bytes_per_connection": total, "connections": count, **parts}


COMPARISONS = {"connections": connections, "memory": idle, "flood": flood, "proxy": proxy}


def run(peer, what, cpus, seconds, count):
    """One comparison of one peer; returns its figures. CommandError, RuntimeError or TimeoutError
    when the peer or the generator fails."""
    client, server = cpus
    background = cpu.quiet(cpus, PATIENCE_S)
    with Lab(client, server, peer.kernel, backend=what == "proxy") as lab:
        figures = COMPARISONS[what](lab, peer, seconds, count)
    return {**figures, "background": background}
