# SPDX-License-Identifier: BSD-3-Clause
"""What of the comparisons' helpers needs neither root nor a network: the arithmetic, the lines
that are printed, and how bench/kernel.py answers to wrong arguments."""
import contextlib
import io
import json
import pathlib
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "bench"))

import kernel
from kit import cpu, memory, report


def check_cpu():
    before, after = cpu.Clock(), cpu.Clock()
    one = min(before.ticks)
    before.ticks[one] = dict.fromkeys(cpu.COLUMNS, 0)
    after.ticks[one] = dict(zip(cpu.COLUMNS, (10, 5, 20, 40, 5, 1, 9, 10)))
    use = after.use(one, before)
    assert (use.user, use.system, use.softirq, use.steal) == (0.15, 0.2, 0.1, 0.1), use
    assert abs(use.busy - 0.45) < 1e-9, use


def check_memory():
    before = {"slab": 1000, "process": 0, "queues": 7}
    after = {"slab": 3000, "process": 400, "queues": 77}
    total, parts = memory.per_connection(before, after, 10)
    # What is in queues is in Slab as well.
    assert total == 240 and parts == {"slab": 200, "process": 40, "queues": 7}, (total, parts)


def printed(as_json, **fields):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        report.Report("kernel", as_json).line(**fields)
    return out.getvalue()


def check_report():
    assert report.median([3, 1, 2]) == 2 and report.spread([3, 1, 2]) == 1
    assert report.spread([0, 0]) == 0
    fields = {"peer": "epoll", "cps": 20481.5, "busy": 0.98765, "count": 3, "why": "no such thing"}
    assert printed(False, **fields) == \
        'kernel peer=epoll cps=20482 busy=0.9877 count=3 why="no such thing"\n', fields
    assert json.loads(printed(True, **fields)) == {"bench": "kernel", **fields}


def run(cps, cost):
    return {"cps": cps, "cpu_us_per_connection": cost, "busy": 0.99, "steal": 0.01, "loss": 0.0,
            "background": 0.02}


def check_ratios():
    measured = kernel.Measured()
    measured.runs = {
        ("epoll", "connections"): [run(10.0, 50.0), run(20.0, 40.0), run(10.0, 45.0)],
        ("terminus", "connections"): [run(40.0, 10.0), run(60.0, 10.0), run(50.0, 9.0)],
        ("epoll", "memory"): [{"bytes_per_connection": 3000.0}],
        ("terminus", "memory"): [{"bytes_per_connection": 150.0}],
    }
    measured.missing["nginx", "connections"] = "it is not installed"
    measured.failed["haproxy", "proxy"] = "it ended with 1"
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        lines = report.Report("kernel", True)
        for key in (("epoll", "connections"), ("nginx", "connections"), ("haproxy", "proxy")):
            kernel.print_peer(lines, measured, key, (0, 1))
        kernel.print_ratios(lines, measured)
    epoll, nginx, haproxy, ratios = map(json.loads, out.getvalue().splitlines())
    assert epoll["cps"] == 10 and epoll["cps_spread"] == 1 and epoll["saturated"] == "yes", epoll
    assert epoll["repeat"] == 3 and epoll["server_cpu"] == 1, epoll
    assert nginx == {"bench": "kernel", "peer": "nginx", "what": "connections",
                     "missing": "it is not installed"}, nginx
    assert haproxy["failed"] == "it ended with 1" and "missing" not in haproxy, haproxy
    assert (ratios["cps_ratio"], ratios["cpu_us_per_connection_ratio"],
            ratios["memory_ratio"]) == (4, 0.2, 0.05), ratios
    assert "best_link_cpu_ratio" not in ratios, ratios


def check_jobs():
    class Peer:
        def __init__(self, name, *what):
            self.name, self.what = name, what

    peers = [Peer("a", "connections", "flood"), Peer("b", "connections")]

    def names(only):
        return [(peer.name, what) for peer, what in kernel.jobs(peers, only)]

    assert len(names("")) == 3
    assert names("a") == [("a", "connections"), ("a", "flood")]
    assert names("connections") == [("a", "connections"), ("b", "connections")]
    assert names("a,flood") == [("a", "flood")]


def check_misuse():
    for option in ("--only=nobody", "--seconds=0", "--repeat=x", "--cpus=0", "--cpus=0,0",
                   "--cpus=a,b", "--what"):
        done = subprocess.run(["/usr/bin/python3", "-B", REPO / "bench" / "kernel.py", option],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode and done.stderr and "Traceback" not in done.stderr, (option, done)
        assert not done.stdout, (option, done)


def main():
    check_cpu()
    check_memory()
    check_report()
    check_ratios()
    check_jobs()
    check_misuse()


if __name__ == "__main__":
    main()
