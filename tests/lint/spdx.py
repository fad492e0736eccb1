# SPDX-License-Identifier: BSD-3-Clause
"""Every source file and script names its licence in its first two lines."""

from tree import files, finish, read

MARK = "SPDX-License-Identifier: BSD-3-Clause"


def is_source(path):
    return path.endswith((".c", ".h", ".py", ".sh")) or read(path).startswith("#!")


def main():
    sources = [path for path in files() if is_source(path)]
    finish([f"{path}: no '{MARK}' in its first two lines" for path in sources
            if not any(MARK in line for line in read(path).split("\n")[:2])], len(sources))


if __name__ == "__main__":
    main()
