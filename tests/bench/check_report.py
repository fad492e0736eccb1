# SPDX-License-Identifier: BSD-3-Clause
"""bench/report.py with benchmarks that take no time, and its parts with figures made up.

Usage: check_report.py BUILD
"""
import json
import pathlib
import subprocess
import sys
import tempfile

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "bench"))

# pylint: disable=wrong-import-position
from kit import figures, markdown, plots, targets

ROWS = [
    *({"bench": "handshake", "csum_offload": "yes", "cycles_per_connection": cycles}
      for cycles in (990, 1000, 1100)),
    *({"bench": "scale", "connections": n, "cycles_per_segment": 100 + n % 7, "growth": 1.2}
      for n in (1000, 10000000)),
    {"bench": "memory", "syn_received": 58.0, "time_wait": 50.0, "established": 300.0},
    {"bench": "link", "port": "memif", "what": "syn", "failed": "no link"},
    {"bench": "link", "port": "memif", "cps": 2.6e6, "cps_spread": 0.25,
     "syn_share_of_5tswap": 0.8, "syn_share_of_io": 0.7},
    *({"bench": "link", "port": "memif", "what": what, "at": f"step {i}", "step": i,
       "offered_per_s": 1000.0 * i, "done_per_s": 1000.0 * i, "connection_us_p50": 2,
       "connection_us_p99": 4, "connection_us_p99_9": 8}
      for what in ("latency", "time") for i in (1, 2, 3)),
    *({"bench": "attack", "peer": "terminus", "rate": rate, "syns_per_s": 3e5,
       "answers_per_s": 2e5, "answers_per_cpu_s": 2e5, "started": 1200, "never": 1,
       "share": share, "visit_ratio": 1.5, "lost": 0, "stalled": 0, "rss_growth": 4e6}
      for rate, share in (("50k", 1.0), ("max", 0.9975))),
]


def check_parts():
    collected = figures.collect(ROWS)
    row = figures.find(collected, "handshake")
    assert row["cycles_per_connection"] == 1000 and row["spread"]["cycles_per_connection"] == 0.11
    assert len([r for r in collected if r["bench"] == "scale"]) == 2
    verdicts = {t.text: t.verdict(t.value(collected)[0]) for t in targets.TARGETS}
    assert verdicts["cycles per whole connection"] == targets.FLOOR
    assert verdicts["whole connections per second, one core, memif"] == targets.REACHED
    assert verdicts["bytes per idle established connection"] == targets.BELOW
    assert verdicts["two workers over one"] == targets.UNKNOWN
    attacked = {t.key: t.verdict(t.value(collected)[0]) for t in targets.TARGETS
                if t.bench == "attack"}
    assert attacked == {"share": targets.BELOW, "lost": targets.REACHED,
                        "stalled": targets.REACHED, "visit_ratio": targets.REACHED}, attacked
    with tempfile.TemporaryDirectory() as directory:
        drawn = plots.draw(collected, pathlib.Path(directory), "x")
        assert len(drawn) == len(plots.PLOTS), drawn
        for _, name in drawn:
            assert "</svg>" in pathlib.Path(directory, name).read_text(encoding="utf-8"), name
        page = markdown.page({"date": "x", "figures": collected, "failed": {"kernel": "root"},
                              "machine": {"cpus": 2}, "noise": {"others": 0.5}}, drawn)
    assert "| 1,000 | 11 % | floor reached |" in page and "2.6 M | 25 % | aim reached" in page
    assert "| terminus | 300,000 | 200,000 | 200,000 | 1,200 | 99.75 % | 1.5 | 0 | 0 | 4 |" in page


def check_program(build):
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            ["/usr/bin/python3", "-B", REPO / "bench" / "report.py", "--build", build,
             "--repeat=2", "--only=wheel,parse", "--out", directory],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"ended with {done.returncode}: {done.stdout}{done.stderr}")
        page = pathlib.Path(done.stdout.strip())
        report = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
        assert page.parent == pathlib.Path(directory) and "### wheel" in page.read_text()
        assert {row["bench"] for row in report["figures"]} == {"wheel", "parse"}
        assert not report["failed"] and report["machine"]["kernel"]


def main():
    check_parts()
    check_program(sys.argv[1])


if __name__ == "__main__":
    main()
