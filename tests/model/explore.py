# SPDX-License-Identifier: BSD-3-Clause
"""Lets Spin try every order of events of the model and says whether the property holds.

Usage: explore.py SPIN CC holds|fails FLAG...     FLAG: -D for the model, see tcp.pml

fails: the model is broken on purpose, so the property must not hold. A way to the first
violation is printed as what the two ends see; the shortest one where Spin can tell.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "tcp.pml")
DEPTH = 100000 # longest run of events that is followed; deepest so far: 150
HASH_BITS = 22
MEMORY_MB = 3500
LIVENESS = "-DCHECK_END"
SKIPPED = 77


def call(command, directory):
    return subprocess.run(command, cwd=directory, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)


class Exploration:
    """One run of Spin over the model, in a directory of its own; use with `with`."""

    def __init__(self, spin, compiler, flags):
        self.spin, self.compiler, self.flags = spin, compiler, flags
        self.live = LIVENESS in flags
        self.output = ""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="terminus-model.")
        done = call([self.spin, *self.flags, "-a", MODEL], self.directory.name)
        if done.returncode != 0 or not os.path.exists(self.path("pan.c")):
            sys.exit(f"spin does not understand the model:\n{done.stdout}")
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def run(self, *options):
        """Compiles with these options and explores."""
        kind = [] if self.live else ["-DSAFETY"]
        done = call([self.compiler, "-w", "-DNOREDUCE", f"-DMEMLIM={MEMORY_MB}", *kind, *options,
                     "-o", "pan", "pan.c"], self.directory.name)
        if done.returncode != 0:
            sys.exit(f"the model's verifier does not compile:\n{done.stdout}")
        search = ["-a"] if self.live else []
        done = call([self.path("pan"), f"-m{DEPTH}", f"-w{HASH_BITS}", *search], self.directory.name)
        self.output = done.stdout

    def error(self):
        """What is wrong, as pan puts it; None: nothing."""
        found = re.search(r"^pan:\d+: (.*?)(?: \(at depth \d+\))?$", self.output, re.M)
        return found.group(1) if found else None

    def is_complete(self):
        return bool(re.search(r"errors: 0$", self.output, re.M)) and \
            "max search depth too small" not in self.output

    def states(self):
        found = re.search(r"^ *(\S+) states, stored", self.output, re.M)
        return found.group(1) if found else "?"

    def trail(self):
        """The events up to the violation, and the line of the model that was violated."""
        done = call([self.spin, *self.flags, "-k", "tcp.pml.trail", "-T", "-B", MODEL],
                    self.directory.name)
        events, violated = [], None
        for line in done.stdout.splitlines():
            place = re.match(r"spin: (.*\.pml):(\d+), Error: assertion violated", line)
            if place:
                violated = source_line(place.group(1), int(place.group(2)))
            elif line.startswith("<<<<<START OF CYCLE"):
                events.append("from here on for ever:")
            elif re.match(r"[AB]: ", line) and not violated:
                events.append(line)
        return events, violated


def source_line(path, number):
    with open(os.path.join(HERE, os.path.basename(path)), encoding="utf-8") as f:
        text = f.read().split("\n")[number - 1].strip()
    return f"{os.path.basename(path)}:{number}: {text}"


def describe(error, events, violated):
    lines = [f"    {event}" for event in events]
    lines.append(f"=== {'assertion violated' if violated else error}")
    if violated:
        lines.append(f"    {violated}")
    return "\n".join(lines)


def holds(spin, compiler, flags):
    with Exploration(spin, compiler, flags) as e:
        e.run("-O1")
        error = e.error()
        if not error:
            if not e.is_complete():
                sys.exit(f"the search was not complete:\n{e.output}")
            print(f"holds in all {e.states()} states")
            return
        events, violated = e.trail()
        if not e.live:
            e.run("-O1", "-DBFS")
            if e.error():
                events, violated = e.trail()
        sys.exit(describe(error, events, violated))


def fails(spin, compiler, flags):
    with Exploration(spin, compiler, flags) as e:
        e.run("-O0") # found soon, so compiling is what takes the time
        error = e.error()
        if not error:
            sys.exit(f"the broken model passes: the property sees nothing\n{e.output}")
        events, violated = e.trail()
        print(describe(error, events, violated))
        if violated and not re.search(r"^properties|\bcheck_(?!room)", violated):
            sys.exit("that is not the property: the model contradicts itself")


def main():
    if len(sys.argv) < 4 or sys.argv[3] not in ("holds", "fails"):
        sys.exit(__doc__)
    spin, compiler, mode, *flags = sys.argv[1:]
    if not shutil.which(spin):
        print("skipped: spin is not installed, ./dev setup does it")
        sys.exit(SKIPPED)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM")) # cleans up
    (holds if mode == "holds" else fails)(spin, compiler, flags)


if __name__ == "__main__":
    main()
