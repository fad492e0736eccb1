# SPDX-License-Identifier: BSD-3-Clause
"""The configurations that come with the project are right. Argument: the program
that checks configurations."""

import os
import subprocess
import sys

from tree import ROOT, files, finish


def main():
    program = sys.argv[1]
    if not os.path.exists(program):
        print(f"{program} is not built")
        sys.exit(77)
    paths = files(".yaml", folders=("conf",), top=False)
    wrong = []
    for path in paths:
        out = subprocess.run([program, "--check", os.path.join(ROOT, path)],
                             capture_output=True, text=True, timeout=60)
        if out.returncode:
            wrong.append(f"{path}: {(out.stderr or out.stdout).strip()}")
    finish(wrong, len(paths))


if __name__ == "__main__":
    main()
