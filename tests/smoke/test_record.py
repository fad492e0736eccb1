# SPDX-License-Identifier: BSD-3-Clause
"""What a port records goes to a file; when the disk is full it is said once, and traffic goes on."""
import contextlib
import subprocess

from capture import tshark
from engine import ECHO, Engine, lab_config
from netlab import FRONT
from netns import call, wait_until

SIZE = 64 << 10


@contextlib.contextmanager
def small_disk(directory):
    directory.mkdir()
    call("mount", "-t", "tmpfs", "-o", f"size={4 * SIZE}", "small", str(directory))
    try:
        yield directory
    finally:
        call("umount", "-l", str(directory))


def echo(lab, size=SIZE):
    """Bytes there and back, in pieces."""
    with lab.clients.connect(FRONT[4], ECHO) as client:
        for _ in range(size // 4096):
            client.sendall(bytes(4096))
            left = 4096
            while left:
                left -= len(client.recv(left))


def recording(lab, path):
    config = lab_config(lab)
    config["ports"][0]["record"] = str(path)
    return Engine(lab, config, name="record")


def port_row(engine):
    return engine.rows("ports")[0]


def test_full_disk_is_told_once_and_counted(bare_lab):
    with small_disk(bare_lab.dir / "small") as disk:
        with recording(bare_lab, disk / "x.pcapng") as engine:
            while not port_row(engine)["record_error"]:
                echo(bare_lab)
            echo(bare_lab)
            row = port_row(engine)
            assert row["record_missed"] > 0
            assert "has stopped: No space left on device" in engine.ctl("ports")
            wait_until(lambda: "has stopped" in engine.output(), 5, "it is told")
            assert engine.stop() == 0
            assert engine.output().count("has stopped: No space left on device") == 1
        frames = tshark(disk / "x.pcapng").count("\n")
        assert frames == row["recorded"]


def test_full_disk_at_the_end_is_told(bare_lab):
    """What was in memory until then does not fit."""
    with small_disk(bare_lab.dir / "small2") as disk:
        with recording(bare_lab, disk / "x.pcapng") as engine:
            subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filler", "bs=4096"], check=False,
                           stderr=subprocess.DEVNULL)
            echo(bare_lab, 16384)
            assert engine.stop() == 0
            assert engine.output().count("has stopped: No space left on device") == 1


def test_recording_is_complete(bare_lab):
    path = bare_lab.dir / "whole.pcapng"
    with recording(bare_lab, path) as engine:
        echo(bare_lab)
        row = port_row(engine)
        assert (row["record_missed"], row["record_error"]) == (0, "")
        assert engine.stop() == 0
    assert tshark(path).count("\n") >= row["recorded"] > 0
