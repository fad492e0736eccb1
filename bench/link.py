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
import argparse
import os
import sys

from kit import cpu, report, use_build
from kit.options import cpu_pair, positive

KINDS = ("io", "5tswap", "syn", "visit", "answer")
CURVES = ("latency", "time")
CURVE_PORT = "memif"


def arguments():
    parser = argparse.ArgumentParser(
        prog="link", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=positive, default=3, help="measured of each run (3)")
    parser.add_argument("--repeat", type=positive, default=5, help="repetitions (5)")
    parser.add_argument("--json", action="store_true", help="prints JSON, an object a line")
    parser.add_argument("--only", metavar="NAME,...", default="", help="these ports or kinds only")
    parser.add_argument("--cpus", metavar="CLIENT,SERVER", type=cpu_pair,
                        help="which CPUs (the first two)")
    parser.add_argument("--build", default="build", metavar="DIR", help="the built tree (build)")
    return parser.parse_args()


def chosen(carriers, only):
    """Ports and kinds to measure; exits when a name in `only` is neither."""
    names = {name for name in only.split(",") if name}
    ports = {carrier.name for carrier in carriers}
    unknown = names - ports - {*KINDS, *CURVES}
    if unknown:
        sys.exit(f"link: --only: there is no {sorted(unknown)[0]}: give some of "
                 f"{', '.join((*sorted(ports), *KINDS, *CURVES))}")
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
    args = arguments()
    if os.geteuid() != 0:
        sys.exit("link: network namespaces and huge pages need root: sudo ./dev bench link")
    if not args.cpus and len(cpu.allowed()) < 2:
        sys.exit("link: two CPUs are needed, one for the generator and one that serves; "
                 f"this process may use CPU {cpu.allowed()[0]} only")
    use_build(args.build)
    # What they import knows the build from then on.
    from kit import carriers, contest, huge, tgen
    from netns import CommandError, interrupt_on_signals

    interrupt_on_signals()
    cpus = args.cpus or tuple(cpu.allowed()[:2])
    ports, kinds = chosen(carriers.CARRIERS, args.only)
    try:
        tgen.program()
    except CommandError as error:
        sys.exit(f"link: {error}")
    out = report.Report("link", args.json)
    with huge.reserved(contest.HUGE_PAGES):
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
