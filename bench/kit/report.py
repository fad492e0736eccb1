# SPDX-License-Identifier: BSD-3-Clause
"""The lines a benchmark prints, in the form of bench/result.h: a name and key=value pairs, or
JSON, an object a line; and the progress beside them."""
import json
import statistics
import sys


def median(values):
    return statistics.median(values)


def spread(values):
    """How far apart repetitions are: highest less lowest, over the median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def _text(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    text = str(value)
    return f'"{text}"' if " " in text else text


class Report:
    """Prints for one benchmark."""

    def __init__(self, bench, as_json):
        self.bench = bench
        self.as_json = as_json
        self.width = 0

    def line(self, **fields):
        """One result. Floats are rounded to what repetitions bear out."""
        self._clear()
        if self.as_json:
            print(json.dumps({"bench": self.bench, **fields}), flush=True)
        else:
            print(" ".join([self.bench, *(f"{k}={_text(v)}" for k, v in fields.items())]),
                  flush=True)

    def progress(self, text):
        """What is being done, on a line of the terminal that the next one overwrites."""
        if not sys.stderr.isatty():
            return
        self._clear()
        print(f"\r{text}", end="", file=sys.stderr, flush=True)
        self.width = len(text)

    def _clear(self):
        if self.width:
            print(f"\r{' ' * self.width}\r", end="", file=sys.stderr, flush=True)
            self.width = 0
