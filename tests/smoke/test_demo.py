# SPDX-License-Identifier: BSD-3-Clause
"""The demo that newcomers run first: it works, cleans up, and survives being killed."""
import os
import re
import signal
import subprocess
import sys

import pytest

from engine import REPO
from netns import call, wait_until

DEMO = [sys.executable, "-B", str(REPO / "tests" / "smoke" / "demo.py")]


def our_namespaces(pid):
    return {name for name in os.listdir("/run/netns") if name.endswith(f"-{pid}")}


def start_and_wait(log):
    with open(log, "wb") as output:
        demo = subprocess.Popen([*DEMO, "--stay"], stdout=output, stderr=output,
                                start_new_session=True)

    def staying():
        assert demo.poll() is None, log.read_text()
        return "Ctrl-C" in log.read_text()

    wait_until(staying, 60, "the demo stays")
    return demo


def test_demo_shows_both_backends(machine):
    done = call(*DEMO, timeout=90)
    assert "hello from b1" in done.stdout and "hello from b2" in done.stdout
    legs = [line.split()[-1] for line in re.findall(r"(?m)^ +ESTAB .*(?:listener|backend):\S+",
                                                    done.stdout)]
    assert legs.count("listener:web") == 2
    assert {"backend:web/b1", "backend:web/b2"} <= set(legs)
    used = re.search(r"ip netns exec te-clients-(\d+) ", done.stdout)
    assert not our_namespaces(used.group(1))


@pytest.mark.parametrize("workers", [2, 5])
def test_demo_with_more_workers(machine, workers):
    """Five need more buffers than the file has."""
    assert f"{workers} workers" in call(*DEMO, "--workers", str(workers), timeout=90).stdout


@pytest.mark.parametrize("workers", ["0", "-1", "65", "two", "1.5", ""])
def test_impossible_number_of_workers(workers):
    done = call(*DEMO, f"--workers={workers}", check=False)
    assert done.returncode == 2
    assert "give a number from 1 to 64" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
                         ids=["INT", "TERM", "HUP"])
def test_signal_cleans_up(machine, tmp_path, how):
    demo = start_and_wait(tmp_path / "log")
    assert len(our_namespaces(demo.pid)) == 3
    demo.send_signal(how)
    demo.wait(30)
    assert not our_namespaces(demo.pid)


def test_next_run_cleans_up_after_a_killed_one(machine, tmp_path):
    demo = start_and_wait(tmp_path / "log")
    demo.kill()
    demo.wait()
    assert len(our_namespaces(demo.pid)) == 3
    done = call(*DEMO, timeout=90)
    assert f"left behind: {demo.pid}\n" in done.stdout
    assert not our_namespaces(demo.pid)
