#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Terminus on links that need no network card, and how much of that is the link.

Two processes on a CPU each: the load generator, and whoever serves. In the same run DPDK's own
forwarder takes the engine's place, which no program that answers every frame can beat.

  what=io, 5tswap   frames per second that dpdk-testpmd sends back, as they are or with addresses
                    and ports swapped
  what=syn          SYNs per second that Terminus answers, each with a cookie
  what=visit        whole connections per second with Terminus: three segments in, three out
  what=answer       the same with the generator's answering side, which has no TCP
  what=latency      memif: connections begun at a tenth, two tenths, ... of what `visit` reached
  what=time         memif: half a second each at eight tenths of it

Ports: memif, virtio (vhost-user), af_packet and af_xdp (on a veth). Figures are medians of
repetitions that go through everything in turn; _spread is highest less lowest over the median, and
shares are of each repetition's own. When others had more than a few percent of the CPUs
(background), repeat.
"""
import sys

from kit import program, report

KINDS = ("io", "5tswap", "syn", "visit", "answer")
CURVES = ("latency", "time")
CURVE_PORT = "memif"


def chosen(carriers, only):
    """Ports and kinds to measure."""
    ports = {carrier.name for carrier in carriers}
    names = program.chosen("link", only, {*ports, *KINDS, *CURVES})
    kinds = [kind for kind in (*KINDS, *CURVES) if kind in names] or [*KINDS, *CURVES]
    return [c for c in carriers if c.name in names or not names & ports], kinds


class Measured:
    """Repetitions by port and kind."""

    def __init__(self):
        self.runs = {}
        self.failed = {}

    def take(self, port, kind, once):
        from netns import CommandError

        key = (port, kind)
        if key in self.failed:
            return
        try:
            self.runs.setdefault(key, []).append(once())
        except (CommandError, RuntimeError, TimeoutError, OSError) as error:
            self.failed[key] = " ".join(str(error).split())
            self.runs.pop(key, None)

    def values(self, port, kind):
        return [run["per_s"] for run in self.runs.get((port, kind), [])]

    def shares(self, port, upper, lower):
        """Each repetition's figure over another one's."""
        pairs = list(zip(self.values(port, upper), self.values(port, lower)))
        return [a / b for a, b in pairs if b]


def print_port(out, measured, port, kinds):
    for kind in kinds:
        if (port, kind) in measured.failed:
            out.line(port=port, what=kind, failed=measured.failed[port, kind])
        runs = measured.runs.get((port, kind))
        if not runs:
            continue
        rates = measured.values(port, kind)
        out.line(port=port, what=kind, per_s=report.median(rates),
                 per_s_spread=report.spread(rates),
                 loss=max(run["loss"] for run in runs),
                 generator_busy=report.median([run["generator_busy"] for run in runs]),
                 background=max(run["background"] for run in runs), repeat=len(runs))
    summary = {}
    for key, values in (("syn_share_of_5tswap", measured.shares(port, "syn", "5tswap")),
                        ("syn_share_of_io", measured.shares(port, "syn", "io")),
                        ("cps", measured.values(port, "visit")),
                        ("cps_share_of_answer", measured.shares(port, "visit", "answer"))):
        if values:
            summary[key] = report.median(values)
            summary[f"{key}_spread"] = report.spread(values)
    if summary:
        out.line(port=port, **summary)


def print_curves(out, measured, contest, kinds):
    """Rates below what was reached, one after the other."""
    from netns import CommandError

    rates = measured.values(CURVE_PORT, "visit")
    for kind in kinds:
        if kind not in CURVES or not rates:
            continue
        out.progress(f"{CURVE_PORT} {kind}")
        try:
            rows = contest.curve(kind, report.median(rates))
        except (CommandError, RuntimeError, TimeoutError, OSError) as error:
            measured.failed[CURVE_PORT, kind] = " ".join(str(error).split())
            out.line(port=CURVE_PORT, what=kind, failed=measured.failed[CURVE_PORT, kind])
            continue
        for row in rows:
            # A step is what tells the lines apart, so it is a word.
            out.line(port=CURVE_PORT, what=kind, at=f"step {row['step']}",
                     **{key: row[key] for key in row if key in contest.CURVE_KEYS})


def measure(out, args, carriers, kinds, contest):
    measured = Measured()
    for number in range(args.repeat):
        for carrier in carriers:
            for kind in kinds:
                if kind in CURVES:
                    continue
                out.progress(f"{number + 1}/{args.repeat} {carrier.name}: {kind}")
                measured.take(carrier.name, kind, lambda c=carrier, k=kind: contest.run(c, k))
    return measured


def main():
    args = program.choosy_parser("link", __doc__, "these ports or kinds only").parse_args()
    cpus = program.prepare("link", args)
    from kit import carriers, contest

    ports, kinds = chosen(carriers.CARRIERS, args.only)
    out = report.Report("link", args.json)
    at = contest.Contest(cpus, args.seconds)
    try:
        measured = measure(out, args, ports, kinds, at)
        for carrier in ports:
            print_port(out, measured, carrier.name, kinds)
        print_curves(out, measured, at, kinds)
    except KeyboardInterrupt:
        sys.exit(130)
    if measured.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
