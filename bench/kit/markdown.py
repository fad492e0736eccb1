# SPDX-License-Identifier: BSD-3-Clause
"""A report as a Markdown page."""
from kit.targets import TARGETS


def number(value):
    """Short, with as many digits as mean something."""
    if value is None:
        return "-"
    if not isinstance(value, (int, float)):
        return str(value)
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _targets(figures):
    rows = []
    for target in TARGETS:
        value, spread = target.value(figures)
        sign = "≥" if target.at_least else "≤"
        rows.append([target.text, f"{sign} {number(target.floor)}",
                     f"{sign} {number(target.aim)}", number(value),
                     "-" if spread is None else f"{100 * spread:.0f} %", target.verdict(value)])
    return table(["what", "floor", "aim", "here", "spread", ""], rows)


def _attack(figures):
    """Who gets in under the same flood, at the highest rate, and what it costs."""
    rows = [row for row in figures if row["bench"] == "attack" and row.get("rate") == "max"]
    return rows and table(
        ["server", "SYNs/s", "answered/s", "for each CPU second", "visits", "answered in time",
         "median, over that without", "connections lost", "stalled", "process grew, MB"],
        [[row["peer"], *(number(row[key]) for key in (
            "syns_per_s", "answers_per_s", "answers_per_cpu_s", "started")),
          f"{100 * row['share']:.2f} %", number(row["visit_ratio"]), number(row["lost"]),
          number(row["stalled"]), number(row["rss_growth"] / 1e6)] for row in rows])


def _bench(rows):
    """Tables of a bench's rows; those with the same keys share one."""
    tables = []
    for keys in dict.fromkeys(tuple(k for k in row if k not in ("bench", "spread"))
                              for row in rows):
        same = [row for row in rows
                if tuple(k for k in row if k not in ("bench", "spread")) == keys]
        tables.append(table(keys, [[number(row[key]) for key in keys] for row in same]))
    return "\n\n".join(tables)


def page(report, plots):
    """report: what is in the JSON file; plots: [(title, file name)]."""
    figures = report["figures"]
    parts = [f"# Terminus, measured on {report['date']}",
             "Medians of repetitions that took turns; spread is highest less lowest over the "
             "median. What each figure means, and how to repeat it, is in "
             "[docs/performance.md](../../docs/performance.md).",
             "## Where it stands", _targets(figures)]
    attacked = _attack(figures)
    if attacked:
        parts += ["## Under the same flood of SYNs", attacked]
    parts += [f"![{title}]({name})" for title, name in plots]
    parts += ["## All figures"]
    for bench in dict.fromkeys(row["bench"] for row in figures):
        parts += [f"### {bench}", _bench([row for row in figures if row["bench"] == bench])]
    if report["failed"]:
        parts += ["## What failed",
                  table(["bench", "why"], [[k, v] for k, v in report["failed"].items()])]
    parts += ["## Where and with what",
              table(["", ""], [[k, v] for k, v in report["machine"].items()]),
              table(["noise", ""], [[k, number(v)] for k, v in report["noise"].items()])]
    return "\n\n".join(parts) + "\n"
