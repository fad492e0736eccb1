# SPDX-License-Identifier: BSD-3-Clause
"""terminusctl shows what is really there, for people and as JSON."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from engine import STREAM, TERMINUS, TERMINUSCTL, Engine, lab_config
from netlab import BACKENDS, CLIENT, FRONT, host_port
from netns import call


@pytest.mark.parametrize("what", ["connections", "counters", "listeners", "pools", "objects",
                                  "ports", "workers"])
def test_text_and_json(lab, what):
    assert lab.terminus.ctl(what)
    assert lab.terminus.query(what) is not None


def test_connection_is_listed_with_both_legs(lab, family):
    with lab.backends.listen(BACKENDS[4][0], STREAM) as listener, \
         lab.clients.connect(FRONT[family], STREAM) as client:
        backend, peer = listener.accept()
        with backend:
            local = client.getsockname()
            front_leg = {host_port(FRONT[family], STREAM), host_port(CLIENT[family], local[1])}
            back_leg = {host_port(*peer[:2]), host_port(BACKENDS[4][0], STREAM)}
            listed = [{row["local"], row["remote"]}
                      for row in lab.terminus.rows("connections")
                      if row["state"] == "ESTABLISHED"]
            assert front_leg in listed
            assert back_leg in listed
            text = lab.terminus.ctl("connections")
            assert all(address in text for address in front_leg | back_leg)


def test_listeners_and_pools_are_those_of_the_file(lab):
    listeners = {row["name"] for row in lab.terminus.rows("listeners")}
    pools = {row["name"] for row in lab.terminus.rows("pools")}
    assert {"web", "redis", "stream", "echo", "hello"} <= listeners
    assert {"web", "redis", "stream"} <= pools


def test_counters_count(lab, family):
    before = lab.terminus.counters()
    with lab.clients.connect(FRONT[family], 7) as client:
        client.sendall(b"12345")
        client.shutdown(1)
        assert client.recv(10) == b"12345"
        assert client.recv(10) == b""
    time.sleep(0.05)  # workers publish their counters every millisecond
    after = lab.terminus.counters()
    grown = {name: after[name] - before[name] for name in after}
    assert grown["passive_opens"] == 1
    assert grown["rx_bytes"] == 5
    assert grown["tx_bytes"] == 5
    assert grown["rx_segments"] >= 4


def test_workers_tell_of_their_turns(lab, family):
    def turns():
        return sum(row["turns"] for row in lab.terminus.rows("workers"))

    rows, before = lab.terminus.rows("workers"), turns()
    assert [row["worker"] for row in rows] == list(range(lab.workers))
    with lab.clients.connect(FRONT[family], 7) as client:
        client.sendall(b"12345")
        assert client.recv(10) == b"12345"
    # The SYN, its ACK, the data: a turn for each at least, whoever's.
    assert turns() >= before + 2
    for row in lab.terminus.rows("workers"):
        assert row["idle_us"] > 0
        if row["turns"]:
            times = [row[f"turn_ns_{which}"] for which in ("p50", "p99", "p99_9", "max")]
            assert 0 < times[0] and times == sorted(times)
            assert row["busy_us"] * 1000 <= row["turns"] * times[-1]


def refused(lab, *argv):
    """The one line with which terminusctl refuses; it prints nothing else."""
    done = call(str(TERMINUSCTL), "-i", lab.terminus.instance, *argv, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_counters_are_selected_by_name(lab):
    asked = json.loads(lab.terminus.ctl("counters", "--json", "rx_*", "drop_land"))
    assert set(asked) == {"counters"}
    assert "drop_land" in asked["counters"]
    assert {name for name in lab.terminus.counters() if name.startswith("rx_")} \
        == set(asked["counters"]) - {"drop_land"}
    assert lab.terminus.ctl("counters", "drop_land").split() == ["Counter", "Value",
                                                                 "drop_land", "0"]


@pytest.mark.parametrize("options", [(), ("--json",), ("--all",), ("--explain",),
                                     ("--watch", "0.1", "--count", "1")], ids=" ".join)
def test_counter_that_does_not_exist(lab, options):
    assert '"nope*"' in refused(lab, "counters", *options, "rx_*", "nope*")


@pytest.mark.parametrize("options", [(), ("--json",)], ids=" ".join)
@pytest.mark.parametrize("words", ["pool nosuch", "listener nosuch",
                                   "state listening listener nosuch"])
def test_filter_with_an_unknown_name(lab, options, words):
    """No head of a table that is not there."""
    assert "nosuch" in refused(lab, "connections", *options, *words.split())


SHOWN = [("info",), ("info", "--json"), ("connections",), ("connections", "--json"),
         ("counters", "--all"), ("counters", "--json"), ("counters", "--explain"),
         ("counters", "--watch", "0.1"), ("listeners",), ("pools", "--json"), ("objects",),
         ("ports",), ("workers",), ("sources",), ("reload-lists",), ("--help",), ("--version",)]


@pytest.mark.parametrize("argv", SHOWN, ids=" ".join)
@pytest.mark.parametrize("out, why", [(">/dev/full", "No space left on device"),
                                      (">&-", "Bad file descriptor")], ids=["full", "closed"])
def test_what_is_not_written_is_said(lab, argv, out, why):
    done = call("sh", "-c", f'exec "$@" {out}', "sh", *lab.terminus.command(*argv), check=False)
    assert (done.returncode, done.stderr) \
        == (1, f"terminusctl: cannot write to standard output: {why}\n")


def test_check_that_is_not_written_is_said(lab):
    done = call("sh", "-c", 'exec "$@" >/dev/full', "sh", str(TERMINUS), "--check",
                str(lab.terminus.conf), check=False)
    assert done.returncode == 1
    assert "cannot write to standard output: No space left" in done.stderr


def test_more_clients_than_dpdk_serves(lab):
    """An eleventh client is told so, and not that the engine hangs."""
    path = f"/var/run/dpdk/{lab.terminus.instance}/dpdk_telemetry.v2"
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            client.connect(path)
            assert client.recv(1024)
        assert "eleventh client" in refused(lab, "info")
    assert lab.terminus.query("info")["pid"] == lab.terminus.process.pid


def test_stopped_engine_does_not_hold_its_clients(lab):
    """Once two calls wait the kernel takes no more."""
    pid = lab.terminus.query("info")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        calls = [subprocess.Popen(lab.terminus.command("info"), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) for _ in range(6)]
        for ctl in calls:
            assert "stopped or hangs" in ctl.communicate(timeout=20)[1]
    finally:
        os.kill(pid, signal.SIGCONT)
    lab.terminus.query("info")


def test_sleeping_workers_answer_at_once(bare_lab):
    """They sleep for as long as a configuration can say; each question wakes them."""
    config = lab_config(bare_lab)
    config["workers"] = {"count": 4, "idle_sleep_us": "1s"}
    with Engine(bare_lab, config, name="sleepy") as engine:
        begin = time.monotonic()
        for what in ("listeners", "pools", "objects", "connections", "sources", "reload-lists") * 3:
            engine.ctl(what)
        assert time.monotonic() - begin < 5
