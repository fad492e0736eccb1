# SPDX-License-Identifier: BSD-3-Clause
"""bench/attack.py: how visits are counted, and the program for real, as short as it gets. Linux and
Terminus answer a flood, all visitors have their answers meanwhile, and nothing is left behind. Ends
with 77, a skip, without root or a second CPU.

Usage: check_attack.py BUILD
"""
import json
import os
import pathlib
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "bench"))
NAMESPACES = pathlib.Path("/run/netns")
SHORT = ("--seconds=1", "--rates=20k", "--only=terminus,terminus-memif,epoll")


def check_judge():
    """A visit belongs to the phase that it began in, whenever it ended, and nobody to none."""
    # pylint: disable=import-outside-toplevel
    from kit.attack import Phase, judge

    seen = {"visits": [[0.9, 0.001], [1.0, 0.002], [1.1, 0.004], [1.2, 1.003], [1.3, 3.1],
                       [1.4, None], [2.0, None], [2.5, None]],
            "talks": [[0.4, None], [1.5, 0.001], [1.6, 1.5], [1.7, None], [2.4, None]],
            "lost": [0.2, 0.6, 1.9, 2.1, 2.6]}
    row = judge(Phase("1k", 0.5, 1.0, 2.0, {}, until=2.5), seen)
    want = {"started": 7, "in_time": 4, "late": 1, "never": 2, "share": 4 / 7, "talks": 4,
            "lost": 3, "stalled": 3}
    assert {key: row[key] for key in want} == want, row
    assert abs(row["visit_us_p50"] - 1003000) < 1 and abs(row["talk_us_p99"] - 1.5e6) < 1, row
    nobody = judge(Phase("1k", 3.0, 3.0, 4.0, {}), seen)
    assert nobody["started"] == 0 and nobody["visit_us_p50"] is None, nobody


def run(build, *options):
    process = subprocess.Popen(
        ["/usr/bin/python3", "-B", REPO / "bench" / "attack.py", "--build", build, "--json",
         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=200)
    left = [path for path in NAMESPACES.glob("bench-*") if str(process.pid) in path.name.split("-")]
    assert not left, left
    return process.returncode, out, err


def check_program(build):
    status, out, err = run(build, "--only=nonsense")
    assert status == 1 and "there is no nonsense" in err, (status, err)
    status, out, err = run(build, *SHORT)
    assert status == 0, (status, out, err)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["peer"], row["rate"]) for row in rows] == [
        (peer, rate) for peer in ("terminus", "terminus-memif", "epoll") for rate in ("unloaded", "20k")], rows
    for row in rows:
        assert row["started"] >= 100 and row["talks"] >= 100, row
        assert row["never"] == row["lost"] == 0, row
        assert row["visit_us_p50"] > 0 and row["visit_ratio"] > 0, row
    for row in rows[1::2]:
        assert row["syns_per_s"] > 1000 and row["answers_per_s"] > 1000, row
        assert row["answers_per_cpu_s"] > 0 and "rss_growth" in row, row


def main():
    check_judge()
    if os.geteuid() != 0 or len(os.sched_getaffinity(0)) < 2:
        print("network namespaces need root, and the benchmark two CPUs")
        sys.exit(77)
    check_program(sys.argv[1])


if __name__ == "__main__":
    main()
