# SPDX-License-Identifier: BSD-3-Clause
"""Instructions of a benchmark's counted turns (bench/instructions.h), by file and function."""
import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile

from kit import stages

MARK = "TERMINUS_BENCH_COUNTED"  # as in bench/instructions.c
ALL = "all"
UNKNOWN = "??"
UNKNOWN_MOST = 0.03  # of all instructions, in the program itself: calls into the C library

_POSITION = re.compile(r"(0x[0-9a-f]+|[+-]\d+|\*) (?:\d+|[+-]\d+|\*)(?: (\d+))?$")
_OBJECT = re.compile(r"(c?)ob=\((\d+)\)(?: (.*))?$")


class CountError(Exception):
    """A run that could not be counted."""


def read_costs(lines):
    """Counter of instructions by (object, address) from a file that has addresses."""
    costs, objects = collections.Counter(), {}
    obj, address, of_callee = None, 0, False
    for line in lines:
        line = line.rstrip("\n")
        named = _OBJECT.match(line)
        if named:
            # A name is given once, maybe where a function of the object is called.
            callee, number, name = named.groups()
            name = objects.setdefault(number, name)
            obj = obj if callee else name
        elif line.startswith("calls="):
            of_callee = True
        elif position := _POSITION.match(line):
            text, cost = position.groups()
            if text[0] in "+-":
                address += int(text)
            elif text != "*":
                address = int(text, 16)
            if not of_callee:
                costs[obj, address] += int(cost or 0)
            of_callee = False
    return costs


class Program:
    """A benchmark's program, and where its instructions come from."""

    def __init__(self, build, bench):
        self.path = pathlib.Path(build).resolve() / "bench" / f"bench_{bench}"
        info = pathlib.Path(build) / "meson-info" / "meson-info.json"
        directories = json.loads(info.read_text(encoding="utf-8"))["directories"]
        self.root = os.path.realpath(directories["source"])
        self.frames = {}

    def _inside(self, path):
        """A path as debug information has it, relative to the tree; None: outside."""
        path = os.path.realpath(path)
        return os.path.relpath(path, self.root) if path.startswith(self.root + os.sep) else None

    def _defines(self, function):
        """The files where a function is defined."""
        body = re.compile(rf"^[a-z_].*\b{re.escape(function.split('.')[0])}\([^;]*\n{{", re.M)
        return [str(path.relative_to(self.root)) for folder in ("engine", "drivers", "bench")
                for path in pathlib.Path(self.root, folder).rglob("*.[ch]")
                if body.search(path.read_text(encoding="utf-8"))]

    def _look_up(self, addresses):
        """Fills self.frames in: (file, function) pairs in the tree, the innermost first."""
        new = sorted(set(addresses) - self.frames.keys())
        text = subprocess.run(["addr2line", "-a", "-f", "-i", "-e", self.path], text=True,
                              check=True, input="\n".join(map(hex, new)),
                              stdout=subprocess.PIPE).stdout
        inside, defined = {UNKNOWN: UNKNOWN}, {}
        for block in re.split(r"^0x", text, flags=re.M)[1:]:
            address, *lines = block.splitlines()
            frames = []
            for function, line in zip(lines[::2], lines[1::2]):
                path = line.rsplit(":", 1)[0]
                if path not in inside:
                    inside[path] = self._inside(path)
                if inside[path]:
                    frames.append((inside[path], function))
            if not frames and function not in defined:
                # The compiler has lost the file of some functions, not their names.
                defined[function] = [(path, function) for path in self._defines(function)]
            self.frames[int(address, 16)] = frames or defined[function]

    def by_function(self, costs):
        """Counter of instructions by (file, function)."""
        own = str(self.path)
        self._look_up(address for obj, address in costs if obj == own)
        sums, unknown = collections.Counter(), 0
        for (obj, address), cost in costs.items():
            frames = self.frames[address] if obj == own else [(UNKNOWN, UNKNOWN)]
            if not frames:
                raise CountError(f"{own}: {address:#x} is of no file of the tree")
            if frames[0][0] == UNKNOWN:
                sums[stages.LIBC, ""] += cost
                unknown += cost if obj == own else 0
            else:
                sums[stages.owner(frames)] += cost
        total = sum(sums.values())
        if unknown > UNKNOWN_MOST * total:
            raise CountError(f"{own} has no debug information for {unknown / total:.0%} of its "
                             "instructions")
        return sums

    def run(self, phase, *arguments):
        """One counted run: (instructions by function, frames in and out)."""
        with tempfile.TemporaryDirectory() as directory:
            out = pathlib.Path(directory) / "callgrind.out"
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--dump-instr=yes",
                 "--collect-atstart=no", "--toggle-collect=counted_turn*", self.path, *arguments],
                env={**os.environ, MARK: phase}, capture_output=True, text=True, check=False)
            collected = re.search(r"Collected : (\d+)", done.stderr)
            frames = re.search(r"^Frames : (\d+)$", done.stderr, re.M)
            if done.returncode != 0 or not collected or not frames:
                raise CountError(f"{self.path}: valgrind cannot run it: {done.stderr[-400:]}")
            with open(out, encoding="utf-8") as file:
                sums = self.by_function(read_costs(file))
        if sum(sums.values()) != int(collected[1]):
            raise CountError(f"{sum(sums.values())} of {collected[1]} instructions were read")
        return sums, int(frames[1])

    def per_unit(self, phase, option, units, *arguments):
        """Instructions by function and frames for each unit of --option, from a run of `units` and
        one of twice as many: what both have in common is no unit's."""
        once, frames = self.run(phase, f"--{option}={units}", *arguments)
        twice, more = self.run(phase, f"--{option}={2 * units}", *arguments)
        each = {key: (twice[key] - once[key]) / units for key in twice | once}
        return each, (more - frames) / units
