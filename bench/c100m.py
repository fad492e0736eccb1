#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A hundred million connections on one worker: memory and CPU time of each.

The load generator opens them, over memory that both share, from clients of any IPv4 address and
port, and keeps nothing of them. Then each sends one request, in an order like chance, and none may
go without its answer. Then connections of others come and go beside them, until as many TIME_WAIT
records end as begin. The same with few connections shows what their number costs. Everything is on
huge pages of 2 MB, which are reserved for the run and given back: 100,000,000 connections and the
TIME_WAIT records take 16 GB.

  what=open    handshakes; cycles are those of the last tenth of the connections
  what=wake    requests, each on a connection that has been silent since its handshake: a probe
               that asks where it stands, the request, the ACK of the response
  what=churn   whole connections beside them; measured are the last --seconds
  what=memory  bytes of a connection: what --check has planned, and what the machine has less
               than before the start, both as differences between many connections and few
  what=growth  cycles with many connections over cycles with few

Cycles are of the time-stamp counter, in turns of the worker that found something to do, less
those for which others had the CPU. When others have more than a few percent of the CPUs
(background), caches are not what they should be either: repeat.
"""
import sys

from kit import cpu, program, report

PATIENCE_S = 20
STEPS = ("open", "wake", "churn")
CYCLES = {"open": "cycles_per_handshake", "wake": "cycles_per_request",
          "churn": "cycles_per_visit"}


def options():
    parser = program.parser("c100m", __doc__)
    parser.set_defaults(seconds=10)
    parser.add_argument("--connections", type=program.positive, default=100000000, metavar="N",
                        help="in the crowd (100000000)")
    parser.add_argument("--few", type=program.positive, default=10000, metavar="N",
                        help="to compare with (10000)")
    parser.add_argument("--repeat", type=program.positive, default=3,
                        help="repetitions with few, of which the median counts (3)")
    parser.add_argument("--time-wait", type=program.positive, default=60, metavar="SECONDS",
                        help="of TIME_WAIT (60)")
    parser.add_argument("--idle-timeout", default="2h", metavar="DURATION",
                        help="a timer armed on each connection, 0: none (2h)")
    args = parser.parse_args()
    if args.few >= args.connections:
        parser.error("--few is not less than --connections")
    return args


def measure(out, cpus, count, args, fill):
    """The figures of one population by step, its memory and its turns."""
    from kit.crowd import Crowd

    background = cpu.background(cpus)
    out.progress(f"{count} connections: starting")
    with Crowd(cpus, count, args) as crowd:
        figures = {}
        for step in STEPS:
            out.progress(f"{count} connections: {step}")
            figures[step] = (crowd.churn(fill, args.seconds) if step == "churn"
                             else getattr(crowd, step)())
        figures["memory"] = crowd.bytes()
        figures["turns"] = crowd.turns()
    return {**figures, "background": background}


def medians(runs):
    """One run's figures made of several."""
    merged = {step: {key: report.median([run[step][key] for run in runs])
                     for key in runs[0][step]} for step in (*STEPS, "memory", "turns")}
    return {**merged, "background": max(run["background"] for run in runs)}


def print_population(out, count, figures):
    for step in STEPS:
        # A word, so that lines are told apart by it.
        out.line(what=step, beside=f"{count} connections", **figures[step])
    out.line(what="turns", beside=f"{count} connections", **figures["turns"],
             background=figures["background"])


def print_comparison(out, args, few, many):
    between = args.connections - args.few
    out.line(what="memory", connections=args.connections,
             **{f"bytes_per_connection_{kind}":
                (many["memory"][kind] - few["memory"][kind]) / between
                for kind in ("planned", "real")},
             gigabytes_planned=many["memory"]["planned"] / 1e9,
             gigabytes_real=many["memory"]["real"] / 1e9)
    out.line(what="growth", **{step: many[step][key] / few[step][key]
                               for step, key in CYCLES.items()})


def main():
    args = options()
    cpus = program.prepare("c100m", args)
    from netns import CommandError

    out = report.Report("c100m", args.json)
    try:
        cpu.quiet(cpus, PATIENCE_S)
        # First what may not fit.
        many = measure(out, cpus, args.connections, args, True)
        print_population(out, args.connections, many)
        few = medians([measure(out, cpus, args.few, args, False) for _ in range(args.repeat)])
        print_population(out, args.few, few)
        print_comparison(out, args, few, many)
    except KeyboardInterrupt:
        sys.exit(130)
    except (CommandError, RuntimeError, TimeoutError, OSError) as error:
        sys.exit(f"c100m: {' '.join(str(error).split())}")
    if many["wake"]["lost"]:
        sys.exit(f"c100m: {many['wake']['lost']} requests were not answered")


if __name__ == "__main__":
    main()
