# SPDX-License-Identifier: BSD-3-Clause
"""A worker on a CPU that a busy program runs on as well: what it does about it, says of it, and
that it serves."""
import os
import sys
from pathlib import Path

import pytest

from backends import Nginx
from engine import Engine, lab_config
from netlab import BACKENDS, FRONT, url
from netns import stop_process, wait_until

CPU = max(os.sched_getaffinity(0))
# Not for ever, should nobody end it.
BUSY = ["taskset", "-c", str(CPU), "timeout", "60", sys.executable, "-c", "while True: pass"]
ONE_CPU = ["taskset", "-c", str(CPU)]
LESS = ["setpriv", "--bounding-set", "-sys_nice"]


@pytest.fixture(scope="module")
def busy_lab(bare_lab):
    for number, address in enumerate(BACKENDS[4], 1):
        Nginx(bare_lab, f"b{number}", [address]).start()
    busy = bare_lab.start(bare_lab.engine, *BUSY)
    yield bare_lab
    stop_process(busy, 5)


def policy(engine):
    """The scheduling policy of a worker."""
    for task in Path(f"/proc/{engine.process.pid}/task").iterdir():
        if (task / "comm").read_text().startswith("rte-worker"):
            return os.sched_getscheduler(int(task.name))
    return None


@pytest.mark.parametrize("use, workers, prefix, expected, said", [
    ("shared", {}, [], os.SCHED_FIFO, "has real-time priority"),
    ("refused", {}, LESS, os.SCHED_OTHER, "CAP_SYS_NICE"),
    ("refused", {"count": 2}, ONE_CPU, os.SCHED_OTHER, "name a CPU for each worker"),
    ("off", {"share_cpu": False}, [], os.SCHED_OTHER, None),
], ids=["shared", "refused", "together", "off"])
def test_busy_program_beside_it(busy_lab, use, workers, prefix, expected, said):
    config = lab_config(busy_lab)
    # One that sleeps when there is nothing to do would hardly have to wait.
    config["workers"] = {"idle_sleep_us": 0, **({"cpus": [CPU]} if "count" not in workers else {}),
                         **workers}
    with Engine(busy_lab, config, prefix=prefix) as engine:
        # At once, as it tries without now and then.
        wait_until(lambda: engine.rows("workers")[0]["cpu_use"] == use
                   and policy(engine) == expected, 20,
                   f"the CPU's use is {use}, by a thread of policy {expected}")
        for _ in range(20):
            answer = busy_lab.clients.run("curl", "-sS", "-m", "5", url(FRONT[4])).stdout
            assert answer.startswith("hello from b")
        if said:
            wait_until(lambda: said in engine.output(), 5, f"it says: {said}")
        assert engine.stop() == 0
        assert engine.output().count("others need its CPU") == bool(said), engine.output()
