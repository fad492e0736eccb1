# SPDX-License-Identifier: BSD-3-Clause
"""What a report has to say of where it was made: the machine, its kernel, the versions of all that
took part."""
import os
import pathlib
import platform
import shutil
import subprocess

from kit import REPO

# Each prints its version on one of its lines, the first that has a digit.
PROGRAMS = {
    "gcc": ("gcc", "--version"),
    "dpdk": ("pkg-config", "--modversion", "libdpdk"),
    "nginx": ("nginx", "-v"),
    "haproxy": ("haproxy", "-v"),
    "valgrind": ("valgrind", "--version"),
}


def _first_line(path, prefix):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(prefix):
                return line.split(":", 1)[1].strip()
    return "unknown"


def _version(argv):
    if not shutil.which(argv[0]):
        return "missing"
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return next((line for line in lines if any(c.isdigit() for c in line)), "unknown")


def _commit():
    done = subprocess.run(("git", "-C", REPO, "describe", "--always", "--dirty", "--tags"),
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _huge_pages():
    root = pathlib.Path("/sys/kernel/mm/hugepages")
    return {path.name.removeprefix("hugepages-"): int((path / "nr_hugepages").read_text())
            for path in sorted(root.glob("hugepages-*"))}


def facts():
    """A dict of plain values."""
    return {
        "processor": _first_line("/proc/cpuinfo", "model name"),
        "cpus": len(os.sched_getaffinity(0)),
        "memory": _first_line("/proc/meminfo", "MemTotal"),
        "huge_pages": _huge_pages(),
        "kernel": platform.release(),
        "terminus": _commit(),
        **{name: _version(argv) for name, argv in PROGRAMS.items()},
    }
