# SPDX-License-Identifier: BSD-3-Clause
"""A counter that nothing raises is a lie: each one of stat.h is raised somewhere
in the engine, and each is explained in the operator's documentation."""

import re

from tree import files, finish, read, strip_comments

LIST = "engine/base/stat.h"
DOCUMENT = "docs/operations.md"


def main():
    names = re.findall(r"^\s*X\((\w+),", read(LIST), re.M)
    code = "".join(strip_comments(read(p)) for p in files(".c", ".h", folders=("engine",), top=False)
                   if p != LIST)
    document = read(DOCUMENT)
    wrong = [f"{LIST}: {name} is raised nowhere in engine/" for name in names
             if not re.search(rf"\bSTAT_{name}\b", code)]
    wrong += [f"{LIST}: {name} is there twice" for name in set(names) if names.count(name) > 1]
    wrong += [f"{DOCUMENT}: {name} is not explained" for name in names
              if not re.search(rf"\b{name}\b", document)]
    finish(wrong, len(names))


if __name__ == "__main__":
    main()
