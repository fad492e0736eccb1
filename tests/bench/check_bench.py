# SPDX-License-Identifier: BSD-3-Clause
"""Runs a benchmark with small numbers, as JSON and as text, and checks that both forms say the
same things: the keys that reports rely on, each with a value. What the values are is not
looked at: this machine may be any.

Usage: check_bench.py PROGRAM KEY[,KEY...] [OPTION...]
"""
import json
import re
import subprocess
import sys

NUMBER = re.compile(r"-?\d+(\.\d+)?$")
WORD = re.compile(r"[a-zA-Z0-9_-]+$")


def run(*command, **how):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def refused(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 2 or not done.stderr or done.stdout:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}, not with 2 and a message")


def check_json(line, name, keys):
    row = json.loads(line)
    if row.pop("bench") != name or not keys <= row.keys():
        sys.exit(f"{keys - row.keys()} are not in {line}")
    for key, value in row.items():
        if value is not None and not isinstance(value, (int, float, str)):
            sys.exit(f"{key} is {value!r}")
    return list(row)


def check_text(line, name):
    first, *pairs = line.split(" ")
    if first != name:
        sys.exit(f"not a line of {name}: {line}")
    keys = []
    for pair in pairs:
        key, value = pair.split("=")
        if not NUMBER.match(value) and not WORD.match(value):
            sys.exit(f"{key} is {value!r}")
        keys.append(key)
    return keys


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, keys, *options = sys.argv[1:]
    name = program.rsplit("bench_", 1)[1]
    objects = run(program, *options, "--json")
    # Valgrind, which counts instructions, is not to be found this time: a value is missing then,
    # not its key.
    lines = run(program, *options, env={"PATH": "/nonexistent"})
    if not objects or len(objects) != len(lines):
        sys.exit(f"{len(objects)} lines of JSON, {len(lines)} of text")
    for one, other in zip(objects, lines):
        if check_json(one, name, set(keys.split(","))) != check_text(other, name):
            sys.exit(f"not the same keys:\n{one}\n{other}")
    if not any("--json" in line for line in run(program, "--help")):
        sys.exit("--help does not tell of --json")
    refused(program, "--no-such-option=1")
    refused(program, *options, "--json=1")


if __name__ == "__main__":
    main()
