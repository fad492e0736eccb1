# SPDX-License-Identifier: BSD-3-Clause
"""bench/where.py: its stages add up to what the benchmarks themselves print, every source file has
one, and the page in docs has the rows and columns that it prints. Ends with 77, a skip, without
valgrind.

Usage: check_where.py BUILD
"""
import json
import pathlib
import shutil
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "bench"))

# pylint: disable=wrong-import-position
import where
from kit import callgrind, stages

PROFILE = """\
positions: instr line
ob=(1) /bin/one
fl=(1) a.c
fn=(1) f
0x1000 10 5
+4 +1 7
fi=(2) b.h
* * 1
cob=(2) /lib/two
cfn=(2) memcpy
calls=3 0x9000 1
+3 10 90
-7 -1 2
ob=(2)
0x9000 1 30
"""


def check_profile():
    """An instruction counts where it stands; what a call costs counts in the callee alone."""
    costs = callgrind.read_costs(PROFILE.splitlines(keepends=True))
    expected = {("/bin/one", 0x1000): 7, ("/bin/one", 0x1004): 8, ("/lib/two", 0x9000): 30}
    assert costs == expected, costs


def check_stages():
    files = [str(path.relative_to(REPO)) for folder in ("engine", "drivers", "bench")
             for path in (REPO / folder).rglob("*.[ch]")]
    assert len(files) > 100
    for file in files:
        stages.of_file(file)
    for _, _, patterns in stages.STAGES:
        for pattern in patterns.split():
            assert list(REPO.glob(pattern)), f"{pattern}: there is no such file any more"
    assert stages.SHARED <= set(files), stages.SHARED - set(files)
    try:
        stages.of_file("engine/tcp/nonsense.c")
        sys.exit("a file without a stage was taken")
    except stages.NoStage as error:
        assert "engine/tcp/nonsense.c is in no stage" in str(error), error
    helper, user = ("engine/tcp/seq.h", "seq_lt"), ("engine/tcp/ack.c", "take_ack")
    assert stages.owner([helper, user]) == user and stages.owner([helper]) == helper
    assert stages.owner([user, ("engine/tcp/input.c", "tcp_input")]) == user


def check_page():
    page = (REPO / "docs" / "performance.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in page.split("## Where the instructions go")[1].split("\n## ")[0].splitlines()
            if line.startswith("|")]
    shown = [name for name in stages.NAMES if name in rows[0]]
    assert rows[0] == where.head(shown), f"not as ./dev bench where --markdown has it: {rows[0]}"
    assert [row[0] for row in rows[2:]] == [row.text for row in where.ROWS], rows


def run(build, *options):
    return subprocess.run(
        ["/usr/bin/python3", "-B", REPO / "bench" / "where.py", "--build", build, *options],
        capture_output=True, text=True, check=False)


def printed(build, bench, key, *options):
    """What a benchmark itself says."""
    done = subprocess.run([pathlib.Path(build) / "bench" / f"bench_{bench}", "--json", *options],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)[key]


def near(one, other):
    """The benches print whole numbers."""
    return abs(one - other) <= 1


def check_program(build):
    refused = run(build, "--only=nonsense")
    assert refused.returncode == 1 and "there is no nonsense" in refused.stderr, refused
    done = run(build, "--json", "--functions", "--only=syn,first,fin,connection,cookie")
    if done.returncode != 0:
        sys.exit(f"ended with {done.returncode}: {done.stdout}{done.stderr}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    rows = {line["what"]: line for line in lines if "segments" in line}
    for row in rows.values():
        total, functions = row["instructions"], [
            line for line in lines if line["what"] == row["what"] and "function" in line]
        assert near(sum(row[name] for name in stages.NAMES), total), row
        assert abs(sum(line["instructions"] for line in functions) - total) < total / 100, row
    parts = [rows[name] for name in ("syn", "first", "fin")]
    for key in ("instructions", "segments", *stages.NAMES):
        assert near(sum(part[key] for part in parts), rows["connection"][key]), key
    assert near(rows["connection"]["instructions"],
                printed(build, "handshake", "instructions_per_connection", "--connections=32"))
    assert near(rows["cookie"]["instructions"],
                printed(build, "flood", "instructions_per_syn", "--syns=32"))
    assert [row["segments"] for row in rows.values()] == [2, 2, 2, 6, 2]
    # Each does what its name says, and nothing that it should not have to.
    assert rows["first"]["service"] > 50 and not rows["syn"]["service"]
    assert rows["fin"]["time_wait"] > 50 and rows["cookie"]["memory"] < 50
    # Whether there is a flood is asked once a burst.
    assert rows["cookie"]["flood"] > 50 and rows["syn"]["flood"] < 1
    assert all(row["hash"] > 20 for row in rows.values())
    assert all(rows[name][stage] > 20 for name in ("syn", "first", "fin")
               for stage in ("parse", "emit"))


def main():
    check_profile()
    check_stages()
    check_page()
    if not shutil.which("valgrind"):
        sys.exit(77)
    check_program(sys.argv[1])


if __name__ == "__main__":
    main()
