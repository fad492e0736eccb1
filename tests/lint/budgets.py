# SPDX-License-Identifier: BSD-3-Clause
"""No C file above 600 lines (900 in tests), no function above 70, no line beyond 100 columns.
A function reaches from its opening brace in column one to its closing one."""

import re

from tree import files, finish, read

FILE_LINES = 600
TEST_LINES = 900 # a test file is a list of cases: it is read a case at a time
FUNCTION_LINES = 70
COLUMNS = 100
TAB = 8

# Tables of one-line cases read better unbroken.
TABLE_OFF = "/* clang-format off */"
TABLE_ON = "/* clang-format on */"


def name_above(lines, at):
    """The function whose body opens in line `at`."""
    for line in reversed(lines[max(0, at - 8):at]):
        match = re.match(r"^[A-Za-z_][^;=]*?([A-Za-z_]\w*)\(", line)
        if match:
            return match.group(1)
    return "?"


def check(path, lines):
    wrong, start, table = [], None, False
    if len(lines) > (TEST_LINES if path.startswith("tests/") else FILE_LINES):
        wrong.append(f"{path}: {len(lines)} lines; split it by decision")
    for i, line in enumerate(lines):
        table = (table or TABLE_OFF in line) and TABLE_ON not in line
        if not table and len(line.expandtabs(TAB)) > COLUMNS:
            wrong.append(f"{path}:{i + 1}: {len(line.expandtabs(TAB))} columns")
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            if i - start + 1 > FUNCTION_LINES:
                wrong.append(f"{path}:{start + 1}: {name_above(lines, start)}() has "
                             f"{i - start + 1} lines")
            start = None
    return wrong


def main():
    paths = files(".c", ".h")
    finish([line for path in paths for line in check(path, read(path).rstrip("\n").split("\n"))],
           len(paths))


if __name__ == "__main__":
    main()
