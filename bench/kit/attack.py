# SPDX-License-Identifier: BSD-3-Clause
"""A flood of SYNs against one server, rate after rate, while others have their answers from it.

    bench-client-N                    bench-server-N                    bench-backend-N
    bench-gen  <--veth-->  bench-front, 198.18.0.1:80
    the flood, from 198.19.0.0/16     bench-back  <--veth-->  bench-pool, 198.18.1.2
                                                                        visitors, talks

Both links lead to the same address and port of the server's; what the flood does to the queue of
its own link meets nobody else. Visitors and the receive work of their end run at real-time
priority, so that the generator on the same CPU is not in what they measure.
"""
import dataclasses
import itertools
import json
import math
import pathlib
import subprocess
import sys
import time

from kit import cpu, memory, peers
from kit.compare import MARGIN_S, PATIENCE_S, WARMUP_S, Watch
from kit.lab import BACK, FRONT, LINKS, POOL, PREFIX, Lab
from kit.tgen import SHARED_SLEEP_US, Generator, ring
from netns import CommandError

VISITORS = pathlib.Path(__file__).with_name("visitors.py")
VISITS_PER_S = 400
TALKS, PAUSE_S = 20, 0.005
SYN_RETRY_S = 2.9  # Linux sends its SYN again after 1 s, and a second time after 3 s
STALL_S = 1.0
UNLOADED = "unloaded"


class TwoLinks:
    """Terminus on both links."""

    def second(self):
        """The device on the visitors' link."""
        return ring(LINKS["backend"][0], 1)

    def configuration(self, lab, idle):
        conf = super().configuration(lab, idle)
        conf["ports"].append({"name": "visitors", "device": self.second(),
                              "addresses": [f"{BACK}/{PREFIX}"]})
        return conf


class Terminus(TwoLinks, peers.Terminus):
    """syncookies: auto."""


class TerminusCookies(TwoLinks, peers.TerminusCookies):
    """syncookies: always."""


class TerminusXdp(TwoLinks, peers.TerminusXdp):
    """syncookies: auto, through AF_XDP."""

    def second(self):
        return f"net_af_xdp1,iface={LINKS['backend'][0]}"


class TerminusXdpCookies(TerminusXdp):
    """syncookies: always, through AF_XDP."""
    name = "terminus-xdp-syncookies"

    def configuration(self, lab, idle):
        return {**super().configuration(lab, idle), "tcp": {"syncookies": "always"}}


class TerminusMemif(TwoLinks, peers.TerminusMemif):
    """syncookies: auto; the flood comes over shared memory, the visitors over their veth."""


# The kernel's server has tcp_syncookies=1, its default, but where another is in its name.
PEERS = (Terminus, TerminusCookies, TerminusXdp, TerminusXdpCookies, TerminusMemif, peers.Epoll,
         peers.EpollCookies, peers.SynProxy)


class Visitors:
    """The process of kit/visitors.py."""

    def __init__(self, lab):
        namespace = lab.namespaces["backend"]
        self.process = lab.start(
            namespace, "chrt", "-f", 1, sys.executable, "-B", VISITORS, FRONT, 80, VISITS_PER_S,
            TALKS, PAUSE_S, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self):
        """What became of all of them, as visitors.py has it."""
        out, err = self.process.communicate(timeout=60)
        if self.process.returncode:
            raise CommandError(f"the visitors ended: {err.decode(errors='replace')}")
        return json.loads(out)


@dataclasses.dataclass
class Phase:
    """One rate, or none. It lasts from `start` until the next one starts, so that nobody is left
    out who comes as a flood begins or ends; times and rates are those from `begin` to `end`."""
    rate: str
    start: float
    begin: float
    end: float
    flood: dict
    until: float = math.inf

    def whole(self, rows):
        """Who began in it: how long they took, None: they had no answer."""
        return [took for began, took in rows if self.start <= began < self.until]

    def times(self, rows):
        """Of those who began while it was measured, and had their answer."""
        return [took for began, took in rows
                if self.begin <= began < self.end and took is not None]


def quantile(values, share):
    """In microseconds; None: there are no values."""
    ordered = sorted(values)
    return 1e6 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


def judge(phase, seen):
    """What the visitors of a phase had of it."""
    visits, talks = phase.whole(seen["visits"]), phase.whole(seen["talks"])
    served = [took for took in visits if took is not None]
    in_time = [took for took in served if took <= SYN_RETRY_S]
    visit_times, talk_times = phase.times(seen["visits"]), phase.times(seen["talks"])
    return {"started": len(visits), "in_time": len(in_time),
            "late": len(served) - len(in_time), "never": len(visits) - len(served),
            "share": len(in_time) / len(visits) if visits else 0.0,
            "visit_us_p50": quantile(visit_times, 0.5), "visit_us_p99": quantile(visit_times, 0.99),
            "talks": len(talks), "talk_us_p50": quantile(talk_times, 0.5),
            "talk_us_p99": quantile(talk_times, 0.99),
            "lost": sum(phase.start <= at < phase.until for at in seen["lost"]),
            "stalled": sum(took is None or took > STALL_S for took in talks)}


def _room(lab, pids):
    """Bytes of the server's process, and of the kernel."""
    parts = memory.take(lab.server, pids)
    process, _ = parts.pop("process"), parts.pop("queues")
    return process, sum(parts.values())


def _unloaded(seconds):
    begin = time.monotonic()
    time.sleep(seconds)
    return Phase(UNLOADED, begin, begin, time.monotonic(), {})


def _flood(lab, peer, rate, seconds):
    pids = peer.pids(lab)
    before, start = _room(lab, pids), time.monotonic()
    device = peer.device(lab)
    generator = Generator(lab, device, peer.huge_pages, mode="syn", rate=rate,
                          warmup=f"{WARMUP_S}s", duration=f"{seconds + MARGIN_S}s",
                          idle_sleep_us=0 if rate == "max" else SHARED_SLEEP_US)
    watch = Watch(lab, generator, seconds)
    sent = generator.results()[-1]
    offered, answers = float(sent["offered_per_s"]), watch.went
    if device:  # of a link in shared memory the kernel counts nothing, and it loses nothing
        answers = float(sent["replies_per_s"])
    after = _room(lab, pids)
    return Phase(rate, start, watch.begin, watch.begin + watch.seconds, {
        "offered_per_s": offered, "syns_per_s": offered if device else watch.came,
        "answers_per_s": answers,
        "answers_per_cpu_s": answers / max(watch.server.busy, 0.01),
        "busy": watch.server.busy, "softirq": watch.server.softirq,
        "rss_growth": after[0] - before[0], "kernel_growth": after[1] - before[1]})


def run(peer, cpus, rates, seconds):
    """Lets one peer serve once; returns {rate: figures}, the one without a flood first.
    CommandError, RuntimeError or TimeoutError when the peer, the generator or the visitors fail."""
    background = cpu.quiet(cpus, PATIENCE_S)
    with Lab(*cpus, peer.kernel, backend=True) as lab:
        lab.settle("backend", POOL, f"{FRONT}/32", BACK)
        peer.start(lab)
        visitors = Visitors(lab)
        time.sleep(WARMUP_S)
        phases = [_unloaded(seconds)]
        for rate in rates:
            phases.append(_flood(lab, peer, rate, seconds))
        time.sleep(WARMUP_S)
        seen = visitors.end()
    for phase, following in itertools.pairwise(phases):
        phase.until = following.start
    figures = {phase.rate: {**phase.flood, **judge(phase, seen), "background": background}
               for phase in phases}
    for row in figures.values():
        for what in ("visit", "talk"):
            now, before = (at[f"{what}_us_p50"] for at in (row, figures[UNLOADED]))
            row[f"{what}_ratio"] = now / before if now and before else None
    return figures
