# SPDX-License-Identifier: BSD-3-Clause
"""Every header compiles alone, with every compiler there is. Headers that need a
library are compiled with its flags; the core's are not, so they cannot need one."""

import concurrent.futures
import os
import shutil
import subprocess

from tree import ROOT, files, finish, is_core

WARNINGS = ["-Wall", "-Wextra", "-Wmissing-prototypes", "-Wstrict-prototypes", "-Wshadow",
            "-Wno-address-of-packed-member", "-Werror"]
LIBRARIES = ["libdpdk", "yaml-0.1", "jansson", "numa", "cmocka"]


def library_flags():
    flags = []
    for name in LIBRARIES:
        out = subprocess.run(["pkg-config", "--cflags", name], capture_output=True, text=True)
        flags += out.stdout.split() if out.returncode == 0 else []
    return flags


def compile_alone(compiler, path, flags):
    command = [compiler, "-std=gnu11", "-D_GNU_SOURCE", "-I", ROOT, *WARNINGS, *flags,
               "-fsyntax-only", "-x", "c", "-include", path, os.devnull]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return [f"{path} does not compile alone with {compiler}:\n{out.stderr}"] if out.returncode else []


def main():
    compilers = [c for c in ("gcc", "clang") if shutil.which(c)]
    flags = library_flags()
    jobs = [(c, h, [] if is_core(h) else flags)
            for c in compilers for h in files(".h", top=False)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: compile_alone(*job), jobs))
    finish([line for result in results for line in result], len(jobs))


if __name__ == "__main__":
    main()
