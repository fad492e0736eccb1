# SPDX-License-Identifier: BSD-3-Clause
"""Result lines of repetitions, made into one of each kind: the median of every number, and how far
apart the repetitions were."""
import statistics

# Numbers that say what was measured, not how it went.
INPUTS = {"connections", "requests", "syns", "count", "entries", "timers", "workers", "step",
          "rate", "client_cpu", "server_cpu", "bytes", "repeat"}


def identity(row):
    """What rows of different repetitions have in common when they are of the same kind."""
    return tuple((key, value) for key, value in row.items()
                 if isinstance(value, str) or (key in INPUTS and row["bench"] == "scale"))


def collect(rows):
    """Groups rows by what they measure, in the order in which they came: a list of dicts with
    medians, and under "spread" highest less lowest over the median of each number."""
    groups = {}
    for row in rows:
        groups.setdefault(identity(row), []).append(row)
    return [_median(group) for group in groups.values()]


def _median(group):
    out, spreads = {}, {}
    for key, value in group[-1].items():
        values = [row[key] for row in group if isinstance(row.get(key), (int, float))]
        if isinstance(value, str) or not values:
            out[key] = value
            continue
        middle = statistics.median(values)
        out[key] = middle
        if len(values) > 1 and key not in INPUTS:
            spreads[key] = (max(values) - min(values)) / middle if middle else 0.0
    # A program that repeats by itself says how far apart its repetitions were.
    for key in [key for key in out if key.endswith("_spread")]:
        spreads[key.removesuffix("_spread")] = out.pop(key)
    return {**out, "spread": spreads}


def find(figures, bench, having=None, **fields):
    """The figures of a bench with these fields and a number called `having`; None: there are
    none, or it failed."""
    for row in figures:
        if (row["bench"] == bench and "failed" not in row and (not having or having in row) and
                all(row.get(k) == v for k, v in fields.items())):
            return row
    return None
