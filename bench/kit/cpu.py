# SPDX-License-Identifier: BSD-3-Clause
"""What CPUs did in an interval, from /proc/stat, and which of them to use.

The kernel charges a whole tick to what it finds running, so that parts of an interval are good
only as shares of many ticks; the sum of a CPU that was never idle is exact.
"""
import dataclasses
import os
import time

TICKS = os.sysconf("SC_CLK_TCK")
# Columns of a line of /proc/stat. Time of guests is in user's already.
COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")

QUIET = 0.05  # a share of a CPU that nobody minds


@dataclasses.dataclass(frozen=True)
class Use:
    """Shares of a CPU's time, each from 0 to 1. Interrupts count as softirq."""
    user: float
    system: float
    softirq: float
    steal: float

    @property
    def busy(self):
        return self.user + self.system + self.softirq


class Clock:
    """The CPUs' times at one moment."""

    def __init__(self):
        self.ticks = {}
        with open("/proc/stat", encoding="ascii") as lines:
            for line in lines:
                name, *values = line.split()
                if name.startswith("cpu") and name != "cpu":
                    self.ticks[int(name[3:])] = dict(zip(COLUMNS, map(int, values)))

    def use(self, cpu, since):
        """What a CPU did between an earlier Clock and this one."""
        spent = {key: self.ticks[cpu][key] - since.ticks[cpu][key] for key in COLUMNS}
        total = sum(spent.values()) or 1
        return Use((spent["user"] + spent["nice"]) / total, spent["system"] / total,
                   (spent["irq"] + spent["softirq"]) / total, spent["steal"] / total)


def background(cpus, seconds=0.5):
    """The share of these CPUs that others use while the benchmark does nothing."""
    before = Clock()
    time.sleep(seconds)
    after = Clock()
    return max(after.use(cpu, before).busy for cpu in cpus)


def quiet(cpus, patience_s):
    """Waits for others to leave these CPUs alone, but not forever; returns what they use still."""
    deadline = time.monotonic() + patience_s
    while True:
        used = background(cpus)
        if used <= QUIET or time.monotonic() > deadline:
            return used


def allowed():
    """The CPUs this process may use, in order."""
    return sorted(os.sched_getaffinity(0))
