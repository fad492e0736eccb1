# SPDX-License-Identifier: BSD-3-Clause
"""bench/link.py for real, as short as it gets, on a link in shared memory: Terminus answered, the
forwarder forwarded, and the huge pages are as they were. Ends with 77, a skip, without root.

Usage: check_link.py BUILD
"""
import json
import os
import pathlib
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")


def run(build, *options):
    return subprocess.run(
        ["/usr/bin/python3", "-B", REPO / "bench" / "link.py", "--build", build, "--json",
         "--seconds=1", "--repeat=1", *options], capture_output=True, text=True, check=False)


def main():
    build = sys.argv[1]
    if os.geteuid() != 0:
        sys.exit(77)
    pages = PAGES.read_text() if PAGES.exists() else None
    refused = run(build, "--only=nonsense")
    if refused.returncode != 1 or "there is no nonsense" not in refused.stderr:
        sys.exit(f"--only=nonsense ended with {refused.returncode}: {refused.stderr}")
    done = run(build, "--only=memif,5tswap,syn,visit")
    if done.returncode != 0:
        sys.exit(f"ended with {done.returncode}: {done.stdout}{done.stderr}")
    *kinds, summary = map(json.loads, done.stdout.splitlines())
    rates = {row["what"]: row["per_s"] for row in kinds}
    if rates.keys() != {"5tswap", "syn", "visit"} or not all(rates.values()):
        sys.exit(f"measured was {rates}")
    if summary["port"] != "memif" or not summary["cps"] or not summary["syn_share_of_5tswap"]:
        sys.exit(f"the summary is {summary}")
    if pages is not None and PAGES.read_text() != pages:
        sys.exit(f"huge pages: {pages} before, {PAGES.read_text()} now")


if __name__ == "__main__":
    main()
