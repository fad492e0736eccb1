# SPDX-License-Identifier: BSD-3-Clause
"""The transitions that the code allows, that docs/states.md lists, and that the model takes
are the same.

Usage: transitions.py SPIN CC PRINTER STATES_MD FLAG...

PRINTER prints what tcp_set_state() allows; Spin, with the model as FLAGs say, what is taken
in some order of events. A table of docs/states.md may except what is allowed and yet never
taken.
"""

import os
import re
import shutil
import subprocess
import sys

from explore import HERE, SKIPPED, Exploration

ALLOWED_TABLE = "| from | may become | when |"
UNUSED_TABLE = "| allowed, never taken | why |"


def code_transitions(printer):
    out = subprocess.run([printer], check=True, capture_output=True, text=True).stdout
    return {tuple(line.split()) for line in out.splitlines()}


def table_rows(text, head):
    """The cells of a table's rows; none when there is no such table."""
    lines = text.split("\n")
    rows = []
    if head in lines:
        for line in lines[lines.index(head) + 2:]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def documented_transitions(path):
    """Those of the table, and those excepted."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    allowed = {(row[0], to.strip()) for row in table_rows(text, ALLOWED_TABLE)
               for to in row[1].split(",")}
    unused = {tuple(re.split(r"\s*→\s*", row[0])) for row in table_rows(text, UNUSED_TABLE)}
    return allowed, unused


def state_names():
    """By number: Spin counts the names of an mtype from the last one on, from 1."""
    with open(os.path.join(HERE, "state.pml"), encoding="utf-8") as f:
        names = re.search(r"mtype = \{(.*?)\};", f.read(), re.S).group(1).replace(",", " ").split()
    return dict(enumerate(reversed(names), start=1))


def model_transitions(spin, compiler, flags):
    names = state_names()
    with Exploration(spin, compiler, ["-DRECORD", *flags]) as e:
        e.run("-O1")
        if not e.is_complete():
            sys.exit(f"the search was not complete:\n{e.output}")
        pairs = re.findall(r"^taken (\d+) (\d+)$", e.output, re.M)
    return {(names[int(a)], names[int(b)]) for a, b in pairs}


def differences(one, other, text):
    return [f"{a} -> {b} {text}" for a, b in sorted(one - other)]


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    spin, compiler, printer, states_md, *flags = sys.argv[1:]
    code = code_transitions(printer)
    documented, unused = documented_transitions(states_md)
    wrong = differences(code, documented, "is allowed by engine/tcp/state.c, not in docs/states.md")
    wrong += differences(documented, code, "is in docs/states.md, not allowed by engine/tcp/state.c")
    wrong += differences(unused, documented, "is excepted in docs/states.md and not allowed anyway")
    if wrong or not code:
        sys.exit("\n".join(wrong or ["the code allows no transition at all"]))
    if not shutil.which(spin):
        print("skipped: spin is not installed, ./dev setup does it")
        sys.exit(SKIPPED)
    model = model_transitions(spin, compiler, flags)
    wrong = differences(model, code, "is taken by the model, not allowed by engine/tcp/state.c")
    wrong += differences(code - unused, model, "is allowed by engine/tcp/state.c, never taken by the model")
    wrong += differences(unused & model, set(), "is taken by the model, docs/states.md says never")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(code)} transitions allowed, {len(model)} of them taken")


if __name__ == "__main__":
    main()
