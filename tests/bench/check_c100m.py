# SPDX-License-Identifier: BSD-3-Clause
"""bench/c100m.py for real, with connections in the thousands: all of them are there, each has
answered, TIME_WAIT records have come and gone, and the huge pages are as they were. Ends with 77, a
skip, without root or memory.

Usage: check_c100m.py BUILD
"""
import json
import os
import pathlib
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
MANY, FEW = 20000, 1000
CYCLES = {"open": "cycles_per_handshake", "wake": "cycles_per_request",
          "churn": "cycles_per_visit"}


def run(build, *options):
    return subprocess.run(
        ["/usr/bin/python3", "-B", REPO / "bench" / "c100m.py", "--build", build, "--json",
         "--seconds=1", "--repeat=1", "--time-wait=1", *options], capture_output=True, text=True,
        check=False)


def check_population(rows, count):
    of = {row["what"]: row for row in rows if row.get("beside") == f"{count} connections"}
    if of["open"]["connections"] != count:
        sys.exit(f"opened: {of['open']}")
    if (of["wake"]["requests"], of["wake"]["answered"], of["wake"]["lost"]) != (count, count, 0):
        sys.exit(f"of {count} requests: {of['wake']}")
    churn = of["churn"]
    if churn["connections"] != count or churn["overflows"] or not churn["began_per_s"]:
        sys.exit(f"beside {count} connections: {churn}")
    for step, key in CYCLES.items():
        if of[step][key] <= 0:
            sys.exit(f"{key} of {of[step]}")
    if not 0 < of["turns"]["turn_us_p50"] <= of["turns"]["turn_us_max"]:
        sys.exit(f"turns: {of['turns']}")
    return churn


def check_figures(text):
    rows = [json.loads(line) for line in text.splitlines()]
    check_population(rows, FEW)
    churn = check_population(rows, MANY)
    # A second of TIME_WAIT is over before this is measured.
    if not churn["ended_per_s"] > 0 or not churn["time_wait"] > 0:
        sys.exit(f"TIME_WAIT: {churn}")
    memory, growth = rows[-2:]
    if memory["what"] != "memory" or not 100 < memory["bytes_per_connection_planned"] < 400:
        sys.exit(f"memory: {memory}")
    if growth["what"] != "growth" or not all(growth[step] > 0 for step in CYCLES):
        sys.exit(f"growth: {growth}")


def main():
    build = sys.argv[1]
    if os.geteuid() != 0:
        sys.exit(77)
    pages = PAGES.read_text() if PAGES.exists() else None
    refused = run(build, "--connections=1000", "--few=1000")
    if refused.returncode != 2 or "--few is not less" not in refused.stderr:
        sys.exit(f"--few=1000 ended with {refused.returncode}: {refused.stderr}")
    # More than any machine has: nothing is started, and nothing is kept.
    refused = run(build, "--connections=1000000000", f"--few={FEW}")
    if refused.returncode != 1 or not refused.stderr.startswith("c100m: "):
        sys.exit(f"a billion ended with {refused.returncode}: {refused.stderr}")
    done = run(build, f"--connections={MANY}", f"--few={FEW}")
    if done.returncode == 1 and "huge pages of 2 MB are needed" in done.stderr:
        print(done.stderr)
        sys.exit(77)
    if done.returncode != 0:
        sys.exit(f"ended with {done.returncode}: {done.stdout}{done.stderr}")
    check_figures(done.stdout)
    if pages is not None and PAGES.read_text() != pages:
        sys.exit(f"huge pages: {pages} before, {PAGES.read_text()} now")


if __name__ == "__main__":
    main()
