# SPDX-License-Identifier: BSD-3-Clause
"""bench/kernel.py for real, as short as it gets: its lines have what reports read, the kernel and
Terminus both did something, and nothing is left behind. Ends with 77, a skip, without root.

Usage: check_peer_kernel.py BUILD
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
KEYS = {
    ("epoll", "connections"): {"cps", "cpu_us_per_connection", "busy", "softirq", "saturated"},
    ("terminus", "connections"): {"cps", "cpu_us_per_connection", "busy", "saturated"},
    ("epoll", "memory"): {"bytes_per_connection", "slab", "process"},
    ("terminus", "memory"): {"bytes_per_connection", "slab", "process"},
}
RATIOS = {"cps_ratio", "cpu_us_per_connection_ratio", "memory_ratio"}
NAMESPACES = pathlib.Path("/run/netns")


def start(build):
    return subprocess.Popen(
        ["/usr/bin/python3", "-B", REPO / "bench" / "kernel.py", "--build", build, "--json",
         "--seconds=1", "--repeat=1", "--connections=5000",
         "--only=epoll,terminus,connections,memory"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ours(pid):
    return [path for path in NAMESPACES.glob("bench-*") if str(pid) in path.name.split("-")]


def check_lines(text):
    rows = [json.loads(line) for line in text.splitlines()]
    *peers, ratios = rows
    for row in peers:
        keys = KEYS.pop((row["peer"], row["what"]))
        if not keys <= row.keys():
            sys.exit(f"{keys - row.keys()} are not in {row}")
        if not (row.get("cps") or row.get("bytes_per_connection") or 0) > 0:
            sys.exit(f"nothing was measured: {row}")
    if KEYS or not RATIOS <= ratios.keys():
        sys.exit(f"missing: {KEYS}, {RATIOS - ratios.keys()}")


def main():
    if os.geteuid() != 0:
        print("network namespaces need root")
        sys.exit(77)
    if len(os.sched_getaffinity(0)) < 2:
        print("two CPUs are needed")
        sys.exit(77)
    run = start(sys.argv[1])
    out, err = run.communicate(timeout=200)
    if run.returncode or ours(run.pid):
        sys.exit(f"it ended with {run.returncode}, left {ours(run.pid)}:\n{out.decode()}"
                 f"{err.decode()}")
    check_lines(out.decode())

    run = start(sys.argv[1])
    deadline = time.monotonic() + 60
    while not ours(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    if run.returncode != 130 or ours(run.pid) or b"Traceback" in err:
        sys.exit(f"interrupted, it ended with {run.returncode}, left {ours(run.pid)}:\n"
                 f"{err.decode()}")


if __name__ == "__main__":
    main()
