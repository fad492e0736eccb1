#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where the instructions go: those of a segment of each kind, by stage of its way.

Runs the microbenches under valgrind, each twice, the second time twice as long, and takes the
difference, as their own instructions_per_* do: a row's stages add up to that. Debug information says
in which file an instruction was written; bench/kit/stages.py says which stage that is. Code that
is inlined belongs to its own file, small helpers of all to where they are used. Less than a minute.

Rows:

{rows}

Stages:

{stages}

segments: frames in and out, of which per_segment is the average. Figures change with the engine and
the compiler, hardly with the machine.
"""
import argparse
import shutil
import sys

from kit import build, callgrind, markdown, program, report, stages, use_build


class Row:
    """One kind of segment: --option=units of a bench, in turns of a phase."""

    def __init__(self, name, text, bench, option, units, phase=callgrind.ALL, arguments=()):
        self.name, self.text, self.bench, self.phase = name, text, bench, phase
        self.option, self.units, self.arguments = option, units, arguments


ROWS = (
    Row("syn", "SYN, answered with a SYN-ACK", "handshake", "connections", 2048, "syn"),
    Row("first", "ACK that completes a handshake, with a request; answered with response and FIN",
        "handshake", "connections", 2048, "request"),
    Row("fin", "FIN with the ACK of ours; answered with the last ACK, TIME_WAIT begins",
        "handshake", "connections", 2048, "fin"),
    Row("connection", "the whole connection: these three", "handshake", "connections", 2048),
    Row("expiry", "TIME_WAIT ends", "handshake", "connections", 2048, "expiry"),
    Row("cookie", "SYN, answered with a cookie", "flood", "syns", 2048),
    Row("closed", "SYN for a port where nobody listens, answered with a reset", "flood", "syns",
        2048, arguments=("--closed=1",)),
    Row("request", "request on a kept connection, with the ACK of the response before; answered",
        "request", "requests", 4000),
    Row("receive", "1,448 bytes received", "transfer", "segments", 3200, "receive"),
    Row("send", "1,448 bytes sent, half an ACK received", "transfer", "segments", 3200, "send"),
    Row("carry", "1,448 bytes carried on to a backend, ACKs on both sides", "transfer", "segments",
        3200, "proxy"),
    Row("proxy", "a whole connection carried to a backend", "proxy", "connections", 1280),
)


def listed(pairs):
    return "\n".join(f"  {name:<11}{text}" for name, text in pairs)


def arguments():
    text = __doc__.format(rows=listed((row.name, row.text) for row in ROWS),
                          stages=listed((name, text) for name, text, _ in stages.STAGES))
    parser = argparse.ArgumentParser(prog="where", description=text,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="prints JSON, an object a line")
    parser.add_argument("--functions", action="store_true",
                        help="each function's as well, the dearest first: its own, wherever it is "
                        "inlined, and the small helpers' that are inlined into it")
    parser.add_argument("--markdown", action="store_true", help="prints just the table")
    parser.add_argument("--only", metavar="NAME,...", default="",
                        help="these rows only")
    parser.add_argument("--build", default="build", metavar="DIR", help="the built tree (build)")
    return parser.parse_args()


def measure(row, programs):
    """The fields of a row's line, and of those of its functions, the dearest first."""
    if row.bench not in programs:
        programs[row.bench] = callgrind.Program(build(), row.bench)
    each, frames = programs[row.bench].per_unit(row.phase, row.option, row.units, *row.arguments)
    sums, total = dict.fromkeys(stages.NAMES, 0.0), sum(each.values())
    for (file, _), count in each.items():
        sums[stages.of_file(file)] += count
    functions = [{"what": row.name, "stage": stages.of_file(file), "file": file,
                  "function": function or "-", "instructions": count}
                 for (file, function), count in sorted(each.items(), key=lambda item: -item[1])
                 if round(count, 1)]
    return {"what": row.name, "instructions": total, "segments": frames,
            "per_segment": total / frames if frames else None,
            # No -0.0 of turns in which nothing happened.
            **{name: round(count, 2) + 0.0 for name, count in sums.items()}}, functions


def shown(measured):
    """Stages that have a column: those where something was spent."""
    return [name for name in stages.NAMES if any(round(line[name]) for line in measured)]


def head(columns):
    return ["", *columns, "all", "segments", "per segment"]


def table(measured):
    """The measured lines as a Markdown table, what they are in words."""
    texts = {row.name: row.text for row in ROWS}
    columns = shown(measured)
    lines = [[texts[line["what"]], *(f"{line[name]:,.0f}" for name in columns),
              f"{line['instructions']:,.0f}", f"{line['segments']:.3g}",
              f"{line['per_segment']:,.0f}" if line["segments"] else "-"] for line in measured]
    return markdown.table(head(columns), lines)


def main():
    args = arguments()
    names = program.chosen("where", args.only, {row.name for row in ROWS})
    use_build(args.build)
    for tool in ("valgrind", "addr2line"):
        if not shutil.which(tool):
            sys.exit(f"where: {tool} is not installed: run ./dev setup")
    out, programs, measured = report.Report("where", args.json), {}, []
    try:
        for row in ROWS:
            if names and row.name not in names:
                continue
            out.progress(row.text)
            line, functions = measure(row, programs)
            measured.append(line)
            for fields in () if args.markdown else (line, *(functions if args.functions else ())):
                out.line(**fields)
    except (callgrind.CountError, stages.NoStage, OSError) as error:
        sys.exit(f"where: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    if args.markdown:
        out.progress("")
        print(table(measured))


if __name__ == "__main__":
    main()
