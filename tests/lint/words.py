# SPDX-License-Identifier: BSD-3-Clause
"""Nothing unfinished is kept: no marks of it in sources, scripts or documents."""

import re

from tree import files, finish, read

# Written so that this file does not find itself.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|NOT IMPLE" r"MENTED)\b")
ENDINGS = (".c", ".h", ".py", ".sh", ".md", ".yaml", ".build", ".txt", ".pkt", ".inc")


def main():
    paths = [p for p in files() if p.endswith(ENDINGS) or "." not in p.rsplit("/", 1)[-1]]
    paths = [p for p in paths if "/corpus/" not in p]
    wrong = []
    for path in paths:
        for i, line in enumerate(read(path).split("\n")):
            match = MARKS.search(line)
            if match:
                wrong.append(f"{path}:{i + 1}: {match.group(0)}")
    finish(wrong, len(paths))


if __name__ == "__main__":
    main()
