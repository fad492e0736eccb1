# SPDX-License-Identifier: BSD-3-Clause
"""A crowd: connections that one Terminus worker keeps, all at once, from clients of any address.

They are opened, then each sends one request, in an order like chance; then others come and go
beside them until as many TIME_WAIT records end as begin. The generator keeps nothing of them, so
it is the memory of Terminus that decides how many there can be.
"""
import contextlib
import pathlib
import re
import time

from engine import TERMINUS, Engine
from kit import memory
from kit.carriers import Virtio
from kit.lab import CLIENTS, FRONT, GENERATOR, PREFIX, Lab
from kit.peers import BODY
from kit.tgen import Generator, program
from netns import CommandError, call

# Not memif: when its other side ends, DPDK's driver unmaps what the worker may be reading just
# then. Here three generators come and go, and vhost waits for the worker.
LINK = Virtio()
CROWD = "16.0.0.0/5"  # 134 million addresses with 64,512 ports each
REQUEST = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
VISITS_MAX = 1250000  # a second: more than one worker ends
LATE = 0.9  # from this share of the crowd on, a handshake is one beside the whole crowd
LOOK_S = 0.5
START_S, STOP_S = 300, 60  # at most, of an engine that has to find its pages
BEGIN_S, END_S = 2, 1  # of a generator, before its first connection and behind its last
PAGE = 2 << 20


def _configuration(lab, count, options):
    """Terminus with room for so many connections."""
    return {
        "instance": lab.instance,
        "workers": {"cpus": [lab.cpus["server"]], "idle_sleep_us": 0},
        "memory": {"huge_pages": "require", "connections": count + 2 * LINK.window,
                   "half_open": 65536, "time_wait": (options.time_wait + 1) * VISITS_MAX,
                   "transfers": 65536, "sessions": 64, "buffers": 32768},
        "ports": [{"name": "front", "device": LINK.server(lab),
                   "addresses": [f"{FRONT}/{PREFIX}"]}],
        "tcp": {"time_wait": f"{options.time_wait}s", "idle_timeout": options.idle_timeout},
        "routes": [{"to": network, "via": GENERATOR} for network in (CROWD, CLIENTS)],
        "listeners": [{"name": "http", "address": f"{FRONT}:80", "service": "http",
                       "backlog": 65535, "http": {"status": 200, "size": BODY}}],
    }


def _pages(path, conf):
    """2 MB pages that a program's --check says it takes."""
    said = call(str(path), "--check", str(conf)).stdout
    return int(re.search(r"^total .* (\d+)$", said, re.MULTILINE).group(1))


class Moment:
    """What the worker and its thread have done so far."""

    def __init__(self, engine):
        self.at = time.monotonic()
        self.cpu_us = self._worker_ns(engine.process.pid) / 1000
        (row,) = engine.rows("workers")
        self.wall_us = row["busy_us"] + row["idle_us"]
        self.busy_cycles = row["busy_cycles"]
        self.counters = engine.counters()
        self.time_wait = engine.objects()["time_wait"]

    @staticmethod
    def _worker_ns(pid):
        """Nanoseconds for which the worker's thread has had a CPU."""
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            if "worker" in (task / "comm").read_text():
                return int((task / "schedstat").read_text().split()[0])
        raise CommandError(f"terminus, process {pid}, has no worker any more")

    def counted(self, since, name):
        return self.counters[name] - since.counters[name]

    def cycles(self, since):
        """Cycles of turns with work, less those for which others had the CPU."""
        had = (self.cpu_us - since.cpu_us) / max(self.wall_us - since.wall_us, 1)
        return (self.busy_cycles - since.busy_cycles) * min(had, 1.0)


def _watch(engine, generator):
    """Moments from now until the generator's end; the last one is after it."""
    moments = [Moment(engine)]
    running = True
    while running:
        time.sleep(LOOK_S)
        running = generator.running()
        moments.append(Moment(engine))
    return moments


class Crowd:
    """One population in a lab of its own. A context manager: Terminus serves inside the with."""

    def __init__(self, cpus, count, options):
        self.cpus, self.count, self.options = cpus, count, options
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.lab = stack.enter_context(Lab(*self.cpus, kernel=False))
            conf = _configuration(self.lab, self.count, self.options)
            self.engine = Engine(self.lab, conf)
            self.pages = _pages(TERMINUS, self.engine.conf)
            self._reserve(self.pages + self._generator_pages())
            self.before = memory.take(self.lab.server, [])
            self.engine.start(START_S)
            stack.callback(self.engine.stop, timeout=STOP_S)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def open(self):
        """Opens all of them; returns the figures."""
        _, moments, row = self._load("open", clients=[CROWD], connections=self.count)
        established = self.engine.objects()["connections"]
        if established != self.count or row["done"] != self.count:
            raise CommandError(f"{established} of {self.count} connections are established: "
                               f"{self._trouble()}")
        since = self._late(moments)
        return {"connections": established, "seconds": row["seconds"],
                "handshakes_per_s": row["done_per_s"],
                "cycles_per_handshake": self._each(since, moments[-1], "passive_opens"),
                "connect_us_p99": row["connect_us_p99"]}

    def _late(self, moments):
        """The moment from which on a handshake is one beside nearly all; the first one when it
        went too fast for that."""
        for moment in moments:
            if moment.counted(moments[0], "passive_opens") >= LATE * self.count:
                left = moments[-1].counted(moment, "passive_opens")
                return moment if left >= (1 - LATE) / 2 * self.count else moments[0]
        return moments[0]

    def wake(self):
        """A request on each of them, once."""
        first, moments, row = self._load("wake", clients=[CROWD], connections=self.count,
                                         request=REQUEST)
        answered = moments[-1].counted(first, "http_requests")
        return {"requests": row["started"], "answered": row["done"],
                "lost": self.count - min(row["done"], answered), "resets": row["resets"],
                "seconds": row["seconds"], "requests_per_s": row["done_per_s"],
                "cycles_per_request": self._each(first, moments[-1], "http_requests"),
                "request_us_p50": row["request_us_p50"], "request_us_p99": row["request_us_p99"]}

    def churn(self, fill, seconds):
        """Connections of others that come, ask and go; measured are the last seconds, once
        TIME_WAIT records have been let go for a while when `fill` says so."""
        wait = BEGIN_S + (self.options.time_wait * 1.02 if fill else 0)
        since, moments, row = self._load("visit", clients=[CLIENTS], drain="1s",
                                         duration=f"{round(1000 * (wait + seconds + END_S))}ms")
        since = next(m for m in moments if m.at - since.at >= wait)
        until = [m for m in moments if m.at <= moments[-1].at - END_S or m is since][-1]
        span = until.at - since.at
        entered = until.counted(since, "time_wait")
        ended = max(entered - until.time_wait + since.time_wait, 0)
        return {"visits_per_s": row["done_per_s"], "loss": row["loss"],
                "cycles_per_visit": self._each(since, until, "time_wait"),
                "time_wait": until.time_wait, "began_per_s": entered / span,
                "ended_per_s": ended / span,
                "overflows": moments[-1].counters["time_wait_overflow"],
                "connections": self.engine.objects()["connections"]}

    def bytes(self):
        """What --check says that all of it takes, and what the machine has less than before."""
        now = memory.take(self.lab.server, [self.engine.process.pid])
        return {"planned": self.pages * PAGE,
                "real": sum(now[key] - self.before[key] for key in now if key != "queues")}

    def turns(self):
        (row,) = self.engine.rows("workers")
        return {f"turn_us_{which}": row[f"turn_ns_{which}"] / 1000
                for which in ("p50", "p99", "p99_9", "max")}

    def _load(self, mode, **load):
        generator = Generator(self.lab, LINK.client(self.lab), "require", mode=mode,
                              rate="max", concurrency=LINK.window, **{"duration": "0", **load})
        moments = _watch(self.engine, generator)
        return moments[0], moments, generator.results()[-1]

    @staticmethod
    def _each(since, until, counter):
        return until.cycles(since) / max(until.counted(since, counter), 1)

    def _trouble(self):
        return {name: n for name, n in self.engine.counters().items()
                if n and name.startswith("drop_")}

    def _generator_pages(self):
        conf = self.lab.dir / "sizing.yaml"
        Generator.write(conf, Generator.plan(
            self.lab, "client", LINK.client(self.lab), GENERATOR,
            {"target": f"{FRONT}:80", "clients": [CLIENTS], "mode": "visit"}, "require"))
        return _pages(program(), conf)

    def _reserve(self, pages):
        missing, got = self.lab.journal.reserve_huge_pages(pages)
        if got < missing:
            raise CommandError(f"{pages} huge pages of 2 MB are needed, {missing} more than are "
                               f"free, and the machine gave {got}: lower --connections")
