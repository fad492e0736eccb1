# SPDX-License-Identifier: BSD-3-Clause
"""One measurement on a link: somebody serves, the load generator loads, once."""
import contextlib

from kit import carriers, cpu
from kit.lab import Lab
from kit.tgen import Generator
from netns import CommandError

HUGE_PAGES = 3072  # of 2 MB: two processes with their buffers, one with tables
WARMUP_S = 1
PATIENCE_S = 20  # with others on the CPUs, before each run
NOBODY = "02:00:00:00:00:99"  # a forwarder sends back whatever it gets
CURVE_STEPS = {"latency": 10, "time": 20}


def _swap(mode):
    return lambda lab, carrier: carriers.start_testpmd(lab, carrier, mode)


# Who serves, and what the generator does.
KINDS = {
    "io": (_swap("io"), {"mode": "syn", "mac": NOBODY}),
    "5tswap": (_swap("5tswap"), {"mode": "syn", "mac": NOBODY}),
    "syn": (lambda lab, carrier: carriers.start_engine(lab, carrier, "always"), {"mode": "syn"}),
    "visit": (lambda lab, carrier: carriers.start_engine(lab, carrier, "auto"),
              {"mode": "visit"}),
    "answer": (carriers.start_answerer, {"mode": "visit"}),
}


def _rate(row, mode):
    """Connections done, or frames that came back, per second."""
    return row["done_per_s"] if mode == "visit" else row["rx_frames"] / row["seconds"]


class Contest:
    """The CPUs and the length of all measurements of a run."""
    CURVE_KEYS = ("step", "offered_per_s", "done_per_s", "loss", "busy", "connection_us_p50",
                  "connection_us_p99", "connection_us_p99_9", "connection_us_p99_99",
                  "connection_us_max")

    def __init__(self, cpus, seconds):
        self.cpus, self.seconds = cpus, seconds

    def run(self, carrier, kind):
        """The figures of one; CommandError, RuntimeError or TimeoutError when somebody fails."""
        start, load = KINDS[kind]
        background = cpu.quiet(self.cpus, PATIENCE_S)
        with self._lab(carrier) as lab:
            start(lab, carrier)
            rows = self._load(lab, carrier, **load, **self._pace(carrier, load["mode"]))
        best = max(rows, key=lambda row: _rate(row, load["mode"]))
        if not _rate(best, load["mode"]):
            raise CommandError(f"nothing came back over {carrier.name}")
        return {"per_s": _rate(best, load["mode"]),
                "loss": best["loss"] if load["mode"] == "visit" else 0.0,
                "generator_busy": best["busy"], "background": background}

    def _pace(self, carrier, mode):
        if mode == "syn" and carrier.floods:
            return {"warmup": f"{WARMUP_S}s", "ramp": carrier.floods}
        window = {"concurrency": carrier.window} if mode == "visit" else {}
        return {"warmup": f"{WARMUP_S}s", "duration": f"{self.seconds}s", "rate": "max", **window}

    def curve(self, kind, rate):
        """The rows of a ramp over memif: latency, up to `rate`; time, at eight tenths of it."""
        carrier = carriers.Memif()
        steps = CURVE_STEPS[kind]
        low, high, hold = ((rate / steps, rate, "1s") if kind == "latency"
                           else (0.8 * rate, 0.8 * rate, "500ms"))
        with self._lab(carrier) as lab:
            carriers.start_engine(lab, carrier, "auto")
            return self._load(lab, carrier, mode="visit",
                              ramp={"from": str(round(low)), "to": str(round(high)),
                                    "steps": steps, "hold": hold})

    @contextlib.contextmanager
    def _lab(self, carrier):
        with Lab(*self.cpus, kernel=False) as lab:
            if carrier.huge:
                lab.journal.reserve_huge_pages(HUGE_PAGES)
            yield lab

    def _load(self, lab, carrier, **load):
        generator = Generator(lab, carrier.client(lab), "auto" if carrier.huge else "never",
                              **load)
        return generator.results(timeout=120)
