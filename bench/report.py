#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""All benchmarks, and a page on where Terminus stands: figures, spread, plots.

Writes DATE.json, DATE.md and DATE-*.svg. Benchmarks take turns, so that what changes on the
machine meanwhile meets all of them. Those that need root are left out without it, and the page
says so. With --seconds and --repeat as they are it takes less than 20 minutes.
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

from kit import REPO, build, cpu, program, report, use_build

MICRO = ("handshake", "flood", "request", "proxy", "transfer", "memory", "scale", "shards", "handover",
         "table", "wheel", "parse", "tgen_core")
# They repeat and take turns by themselves.
LINKS = ("link", "kernel")
# Counts that are always the same.
COUNTS = ("where",)
ALL = (*MICRO, *COUNTS, *LINKS)


def arguments():
    parser = argparse.ArgumentParser(
        prog="report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=program.positive, default=3, help="of each run on a link (3)")
    parser.add_argument("--repeat", type=program.positive, default=5,
                        help="repetitions in memory (5)")
    parser.add_argument("--link-repeat", type=program.positive, default=3,
                        help="repetitions on links (3)")
    parser.add_argument("--only", metavar="NAME,...", default="", help="these benchmarks only")
    parser.add_argument("--out", metavar="DIR", default="bench/results", help="(bench/results)")
    parser.add_argument("--build", default="build", metavar="DIR", help="the built tree (build)")
    return parser.parse_args()


def wanted(only):
    names = program.chosen("report", only, ALL)
    return [name for name in ALL if name in names or not names]


class Run:
    """What has been measured so far, and what has failed."""

    def __init__(self, progress):
        self.rows, self.failed, self.background = [], {}, []
        self.progress = progress
        self.begun = time.monotonic()

    def take(self, name, text, *argv):
        """Runs one benchmark; its lines of JSON are added to the rows."""
        if name in self.failed:
            return
        minutes, seconds = divmod(int(time.monotonic() - self.begun), 60)
        self.progress(f"{minutes}:{seconds:02} {text}")
        self.background.append(cpu.background(cpu.allowed()))
        # Its own progress stays on the terminal.
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, cwd=REPO)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        self.rows += map(json.loads, lines)
        if done.returncode != 0:
            self.failed[name] = f"exit status {done.returncode}"


def measure(args, names, run):
    micro = [name for name in names if name in MICRO]
    for number in range(args.repeat):
        for name in micro:
            run.take(name, f"{number + 1}/{args.repeat} {name}",
                     build() / "bench" / f"bench_{name}", "--json")
    for name in names:
        if name in COUNTS:
            run.take(name, name, sys.executable, "-B", f"bench/{name}.py", "--json",
                     f"--build={build()}")
    for name in names:
        if name not in LINKS:
            continue
        if os.geteuid() != 0:
            run.failed[name] = "needs root: sudo ./dev bench report"
            continue
        run.take(name, name, sys.executable, "-B", f"bench/{name}.py", "--json",
                 f"--seconds={args.seconds}", f"--repeat={args.link_repeat}",
                 f"--build={build()}")


def write(args, run, date):
    from kit import figures, machine, markdown, plots

    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    collected = figures.collect(run.rows)
    noise = {"share of CPU time that others used, at most": max(run.background, default=0.0),
             "the same, median": report.median(run.background) if run.background else 0.0}
    whole = {"date": date, "machine": machine.facts(), "noise": noise, "failed": run.failed,
             "settings": {"seconds": args.seconds, "repeat": args.repeat,
                          "link_repeat": args.link_repeat},
             "figures": collected, "rows": run.rows}
    (out / f"{date}.json").write_text(json.dumps(whole, indent=1) + "\n")
    drawn = plots.draw(collected, out, date)
    page = out / f"{date}.md"
    page.write_text(markdown.page(whole, drawn))
    return page


def main():
    args = arguments()
    names = wanted(args.only)
    use_build(args.build)
    if not (build() / "bench").is_dir():
        sys.exit(f"report: there is no {build()}: run ./dev build, or say --build DIRECTORY")
    run = Run(lambda text: print(text, file=sys.stderr, flush=True))
    date = datetime.date.today().isoformat()
    try:
        measure(args, names, run)
    except KeyboardInterrupt:
        sys.exit(130)
    page = write(args, run, date)
    print(page)
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
