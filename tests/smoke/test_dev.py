# SPDX-License-Identifier: BSD-3-Clause
"""The entry script: what it is told is checked before anything is installed or compiled."""
import os
import signal
import subprocess

import pytest

from engine import REPO
from netns import call, wait_until

DEV = str(REPO / "dev")


@pytest.mark.parametrize("words, expected", [
    ("demo --workers 0", "--workers 0: give a number from 1 to 64"),
    ("demo --workers -1", "--workers -1: give a number from 1 to 64"),
    ("demo --workers 65", "--workers 65: give a number from 1 to 64"),
    ("demo --workers=two", "--workers two: give a number from 1 to 64"),
    ("demo --workers", "give a number from 1 to 64"),
    ("demo --nonsense", "unknown option --nonsense"),
    ("demo nonsense", "unknown option nonsense"),
    ("build --nonsense", "unknown option --nonsense"),
    ("run", "configuration file"),
    ("run --nonsense", "unknown option --nonsense"),
    ("run nosuch.yaml", "there is no file nosuch.yaml"),
    ("bench nonsense", "no benchmark nonsense"),
    ("bench --nonsense", "unknown option --nonsense"),
    ("test nonsense", "no suite nonsense"),
    ("nonsense", "unknown command nonsense"),
])
def test_refusals(words, expected):
    done = call(DEV, *words.split(), check=False)
    assert done.returncode in (1, 2)
    assert expected in done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", ["help", "--help", "setup --help", "build -h", "demo --help",
                                   "run --help", "bench --help", "test unit --help"])
def test_help_does_nothing_else(words):
    assert call(DEV, *words.split()).stdout.startswith("usage: ./dev COMMAND\n")


def test_list_of_benchmarks_needs_no_build():
    listed = dict(line.split(None, 1) for line in call(DEV, "bench").stdout.splitlines())
    assert listed["handshake"] == "cycles and instructions of whole connections"
    assert {"tgen", "tgen_core", "kernel", "link", "report"} <= listed.keys()


def test_interrupted_build_leaves_no_file(tmp_path):
    """Neither does one that a polite signal ends."""
    if REPO.stat().st_uid != os.geteuid():
        pytest.skip("the build would run as the owner of the checkout")
    programs, temporary, began = (tmp_path / name for name in ("programs", "temporary", "began"))
    programs.mkdir()
    temporary.mkdir()
    for name, script in (("dpkg-query", "printf installed"),
                         ("meson", f"touch {began}; exec sleep 60")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}",
                   "TMPDIR": str(temporary)}
    for how in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([DEV, "bench", "handshake"], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True) as dev:
            wait_until(began.exists, 10, "the build has begun")
            os.killpg(dev.pid, how)
            assert dev.wait(10) != 0
        began.unlink()
        assert not list(temporary.iterdir())
