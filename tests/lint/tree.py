# SPDX-License-Identifier: BSD-3-Clause
"""What the lint checks share: the files of the project, and how to complain."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("engine", "drivers", "conf", "bench", "tests", "docs", ".ci")

# The core: what is linked into libterminus-core and the headers beside it.
CORE_FOLDERS = ("base", "net", "service", "table", "tcp", "wire")


def files(*endings, folders=FOLDERS, top=True):
    """Paths relative to the root, of files that end in one of `endings`; without
    any: all files. `top`: those of the root itself as well."""
    found = []
    if top:
        found += [n for n in os.listdir(ROOT) if os.path.isfile(os.path.join(ROOT, n))]
    for folder in folders:
        for at, dirs, names in os.walk(os.path.join(ROOT, folder)):
            dirs[:] = [d for d in dirs if not d.startswith(".") and d != "__pycache__"]
            found += [os.path.relpath(os.path.join(at, n), ROOT) for n in names]
    return sorted(f for f in found if not endings or f.endswith(endings))


def is_core(path):
    """True for the files of engine/ that know no DPDK, no clock and no malloc."""
    parts = path.split(os.sep)
    if parts[0] != "engine" or not path.endswith((".c", ".h")):
        return False
    return len(parts) == 2 or parts[1] in CORE_FOLDERS


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def strip_comments(text):
    """C without comments and string contents, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)

    def blank(match):
        token = match.group(0)
        return '""' if token[0] == '"' else "\n" * token.count("\n") or " "

    return pattern.sub(blank, text)


def finish(complaints, checked):
    """Ends the program: prints the complaints, or how much was found good."""
    if not checked:
        complaints = list(complaints) + ["nothing was checked: has the tree moved?"]
    for line in complaints:
        print(line)
    if complaints:
        print(f"{len(complaints)} complaints")
        sys.exit(1)
    print(f"{checked} checked")
    sys.exit(0)
