# SPDX-License-Identifier: BSD-3-Clause
"""Which files may include what: the core nothing but itself and the freestanding
headers, DPDK only where it belongs, nothing in the engine from tests."""

import os
import re

from tree import files, finish, is_core, read

# Freestanding, or without functions of their own (compiler.h needs assert.h for
# static_assert and string.h for the mem* family; immintrin.h is instructions).
CORE_SYSTEM = {"assert.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "limits.h",
               "stdatomic.h", "immintrin.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def complaint(path, kind, name):
    """What is wrong with this include, None: nothing."""
    folder = path.split(os.sep)[0]
    if is_core(path):
        if kind == "<" and name not in CORE_SYSTEM:
            return "the core uses no library"
        if kind == '"' and (not name.startswith("engine/") or name.startswith("engine/run/")):
            return "the core stands on nothing but itself"
    if name.startswith("rte_") and folder == "engine" and not path.startswith("engine/run/"):
        return "DPDK is for drivers/ and engine/run/"
    if name.startswith("tests/") and folder in ("engine", "drivers"):
        return "tests stand on the engine, not the other way round"
    if kind == '"' and name.startswith("../"):
        return "paths begin at the root of the project"
    return None


def main():
    wrong, checked = [], 0
    for path in files(".c", ".h"):
        for match in INCLUDE.finditer(read(path)):
            checked += 1
            why = complaint(path, match.group(1), match.group(2))
            if why:
                line = read(path)[: match.start()].count("\n") + 1
                wrong.append(f"{path}:{line}: includes {match.group(2)}: {why}")
    finish(wrong, checked)


if __name__ == "__main__":
    main()
