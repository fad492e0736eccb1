# SPDX-License-Identifier: BSD-3-Clause
"""The plots of a report, drawn by gnuplot."""
import shutil
import subprocess

from kit.figures import find

HEAD = """\
set terminal svg noenhanced size 720,400 font "sans,12" background "white"
set output "{path}"
set title "{title}"
set grid ytics
set key outside below
"""
BARS = """\
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set boxwidth 0.9
set yrange [0:*]
"""


def _block(name, rows):
    """Data for a script: a row a line, texts in quotes."""
    lines = [" ".join(f'"{cell}"' if isinstance(cell, str) else str(cell) for cell in row)
             for row in rows]
    return f"${name} << END\n" + "\n".join(lines) + "\nEND\n"


def _rate_against_time(figures):
    rows = sorted((row["step"], row["offered_per_s"] / 1e6, row["done_per_s"] / 1e6)
                  for row in figures if row["bench"] == "link" and row.get("what") == "time")
    return rows and (_block("data", rows) + 'set xlabel "step of half a second"\n'
                     'set ylabel "million connections per second"\nset yrange [0:*]\n'
                     'plot $data using 1:2 with lines lw 2 title "offered", '
                     '$data using 1:3 with linespoints title "done"\n')


def _latency(figures):
    rows = sorted((row["offered_per_s"] / 1e6, row["connection_us_p50"], row["connection_us_p99"],
                   row["connection_us_p99_9"])
                  for row in figures if row["bench"] == "link" and row.get("what") == "latency")
    return rows and (_block("data", rows) + 'set xlabel "million connections offered per second"\n'
                     'set ylabel "µs from SYN to last ACK"\nset logscale y\n'
                     'plot $data using 1:2 with linespoints title "median", '
                     '$data using 1:3 with linespoints title "99 %", '
                     '$data using 1:4 with linespoints title "99.9 %"\n')


def _scale(figures):
    rows = sorted((row["connections"], row["cycles_per_segment"])
                  for row in figures if row["bench"] == "scale")
    return rows and (_block("data", rows) + 'set logscale x\nset yrange [0:*]\n'
                     'set xlabel "live connections"\nset ylabel "cycles per segment"\n'
                     'plot $data using 1:2 with linespoints lw 2 notitle\n')


def _memory(figures):
    row = find(figures, "memory")
    if not row:
        return None
    rows = [("SYN cookie", 0), *((text, row[key]) for text, key in (
        ("half-open", "syn_received"), ("TIME_WAIT", "time_wait"),
        ("established, idle", "established")))]
    return (_block("data", rows) + BARS + 'set ylabel "bytes, table and timer included"\n'
            'plot $data using 2:xtic(1) notitle, '
            '$data using 0:2:2 with labels offset 0,0.6 notitle\n')


def _links(figures):
    rows = [(row["port"], row["syn_share_of_5tswap"], row["syn_share_of_io"])
            for row in figures if row["bench"] == "link" and "syn_share_of_io" in row]
    return rows and (_block("data", rows) + BARS + 'set ylabel "SYNs answered, as a share"\n'
                     'plot $data using 2:xtic(1) title "of what testpmd 5tswap forwards", '
                     '$data using 3 title "of what testpmd io forwards"\n')


PLOTS = (
    ("rate", "Connections over memif, against time", _rate_against_time),
    ("latency", "Latency of whole connections over memif", _latency),
    ("scale", "Cost of a segment, against live connections", _scale),
    ("memory", "Memory of a connection", _memory),
    ("links", "SYNs answered with cookies, and what the link forwards", _links),
)


def draw(figures, directory, prefix):
    """Draws what there are figures for; returns [(title, file name)]."""
    if not shutil.which("gnuplot"):
        return []
    drawn = []
    for name, title, script in PLOTS:
        body = script(figures)
        if not body:
            continue
        path = directory / f"{prefix}-{name}.svg"
        subprocess.run(("gnuplot",), input=HEAD.format(path=path, title=title) + body, text=True,
                       check=True)
        drawn.append((title, path.name))
    return drawn
