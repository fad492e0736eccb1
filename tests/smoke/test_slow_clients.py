# SPDX-License-Identifier: BSD-3-Clause
"""Clients that get nowhere: silent, slow loris, slow POST, slow read, half closed, hoarding; and
slowhttptest, which is what others try the same with.

Each time the limits of docs/under-attack.md end them, and what others do goes on: wrk sees no
error meanwhile.
"""
import contextlib
import csv
import re
import select
import socket
import struct
import subprocess
import time

import pytest

from backends import Nginx
from engine import HTTP, STREAM, WEB, Engine, lab_config
from netlab import BACKENDS, FRONT, Lab, url
from netns import wait_until

pytestmark = pytest.mark.one_family

MIN_RATE = {"bytes": 240, "per": "1s", "grace": "1s"}
SLOW = 20  # clients of a kind
ENDED_WITHIN = 12  # seconds, of which the limits take 4 at most


def limited(lab, **memory):
    """The configuration of the lab with limits of a second or two."""
    config = lab_config(lab)
    config["memory"].update(memory)
    config["tcp"].update(half_close_timeout="2s")
    for listener in config["listeners"]:
        if listener["name"] == "web":
            listener.update(defer="data", first_byte_timeout="2s", min_rate=MIN_RATE)
        if listener["name"] == "stream":
            listener.update(min_rate=MIN_RATE)
        if listener["name"] == "hello":
            listener.update(min_rate=MIN_RATE, http={"size": "64K", "request_timeout": "2s"})
    return config


@pytest.fixture(scope="module")
def slow_lab(machine):
    with Lab() as lab:
        for i in range(2):
            Nginx(lab, f"b{i + 1}", [BACKENDS[4][i], BACKENDS[6][i]]).start()
        yield lab


@pytest.fixture(scope="module")
def engine(slow_lab):
    with Engine(slow_lab, limited(slow_lab)) as running:
        yield running


@contextlib.contextmanager
def wrk_goes_on(lab, family, seconds):
    """wrk runs during the with and, when it is over, has had no error."""
    process = lab.start(lab.clients, "wrk", "-t", "1", "-c", "20", "-d", f"{seconds}s", "--timeout",
                        "8s", url(FRONT[family]), stdout=-1, text=True)
    yield
    output, _ = process.communicate(timeout=seconds + 30)
    assert int(re.search(r"(\d+) requests in", output).group(1)) > 200, output
    assert "Socket errors" not in output, output
    assert "Non-2xx" not in output, output


@contextlib.contextmanager
def clients(lab, family, port, count=SLOW, rcvbuf=None):
    """So many connections to the engine."""
    with contextlib.ExitStack() as stack:
        socks = []
        for _ in range(count):
            sock = lab.clients.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
            stack.enter_context(sock)
            if rcvbuf:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            sock.settimeout(10)
            sock.connect((FRONT[family], port))
            socks.append(sock)
        yield socks


def is_reset(sock):
    """True once the connection was reset, read or not."""
    poll = select.poll()
    poll.register(sock, select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def trickle_until_reset(socks, every=0.4):
    """Each sends a byte now and then; returns when all have been reset."""
    deadline = time.monotonic() + ENDED_WITHIN
    left = set(socks)
    while left:
        assert time.monotonic() < deadline, f"{len(left)} of {len(socks)} are still there"
        for sock in list(left):
            try:
                sock.send(b"x")
            except ConnectionResetError:
                left.remove(sock)
            except BrokenPipeError: # a reset that another call has reported
                left.remove(sock)
        time.sleep(every)


class Counted:
    """What counters have come to since the last look."""

    def __init__(self, engine):
        self.engine = engine
        self.before = engine.counters()

    def __getitem__(self, name):
        return self.engine.counters()[name] - self.before[name]


def test_silent_clients(slow_lab, engine, family):
    counted = Counted(engine)
    with clients(slow_lab, family, WEB) as socks:
        assert counted["proxy_sessions"] == 0 # deferred: no backend hears of them
        wait_until(lambda: all(map(is_reset, socks)), ENDED_WITHIN, "silent clients are reset")
    assert counted["first_byte_expired"] == SLOW
    assert counted["proxy_sessions"] == 0
    assert counted["active_opens"] == 0


def trickle_heads(slow_lab, family, port):
    with clients(slow_lab, family, port) as socks:
        for sock in socks:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        trickle_until_reset(socks)


def test_trickled_heads_towards_a_backend(slow_lab, engine, family):
    counted = Counted(engine)
    with wrk_goes_on(slow_lab, family, 7):
        trickle_heads(slow_lab, family, WEB)
    assert counted["slow_write_reaped"] == SLOW
    assert counted["first_byte_expired"] == 0


def test_trickled_heads(slow_lab, engine, family):
    counted = Counted(engine)
    with wrk_goes_on(slow_lab, family, 5):
        trickle_heads(slow_lab, family, HTTP)
    assert counted["request_expired"] == SLOW


@pytest.mark.parametrize("silent", [False, True], ids=["trickled", "silent"])
def test_slow_post(slow_lab, engine, family, silent):
    counted = Counted(engine)
    with clients(slow_lab, family, HTTP) as socks:
        for sock in socks:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx")
            while sock.recv(65536)[-1:] != b"x" or select.select([sock], [], [], 0.1)[0]:
                pass
        if silent:
            wait_until(lambda: all(map(is_reset, socks)), ENDED_WITHIN, "slow posts are reset")
        else:
            trickle_until_reset(socks)
    assert counted["slow_write_reaped"] == SLOW


def test_slow_readers(slow_lab, engine, family):
    """They ask for 64 KiB, have a small window and never read."""
    counted = Counted(engine)
    with wrk_goes_on(slow_lab, family, 6), \
         clients(slow_lab, family, HTTP, rcvbuf=2048) as socks:
        for sock in socks:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: counted["slow_read_reaped"] == SLOW, ENDED_WITHIN, "all are reset")
        assert all(map(is_reset, socks))


def test_half_closed_at_a_standstill(slow_lab, engine, family):
    counted = Counted(engine)
    with slow_lab.backends.listen(BACKENDS[4][0], STREAM) as listener, \
         clients(slow_lab, family, STREAM, count=1) as (client,):
        backend, _ = listener.accept()
        with backend:
            client.shutdown(socket.SHUT_WR)
            backend.settimeout(10)
            assert backend.recv(1) == b""
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                for _ in range(100):
                    backend.send(b"x")
                    time.sleep(0.01)
    assert counted["half_close_expired"] >= 1


def test_who_waits_or_rests_is_left_alone(slow_lab, engine, family):
    """A long poll, a rest, and a conversation in single bytes."""
    counted = Counted(engine)
    with slow_lab.backends.listen(BACKENDS[4][0], STREAM) as listener, \
         clients(slow_lab, family, STREAM, count=1) as (client,):
        backend, _ = listener.accept()
        backend.settimeout(10)
        with backend:
            client.sendall(b"request")
            assert backend.recv(100) == b"request"
            time.sleep(6)
            backend.sendall(b"answer")
            assert client.recv(100) == b"answer"
            time.sleep(4)
            for _ in range(20):
                client.sendall(b"k")
                assert backend.recv(1) == b"k"
                backend.sendall(b"k")
                assert client.recv(1) == b"k"
                time.sleep(0.2)
    assert counted["slow_write_reaped"] == 0
    assert counted["slow_read_reaped"] == 0


# What slowhttptest does, of which paths of the proxy and of the http service, and what ends it:
# nginx answers before there is a body, and closes.
SLOWHTTPTEST = {
    "headers": (("-H", "-i", "1"), "/", "/", "slow_write_reaped", "request_expired"),
    "body": (("-B", "-i", "1", "-s", "8192"), "/", "/", None, "slow_write_reaped"),
    "read": (("-X", "-w", "10", "-y", "20", "-n", "1", "-z", "1"), "/files/slow", "/",
             "slow_read_reaped", "slow_read_reaped"),
}
CROWD = 100  # connections of each


class SlowHTTPTest:
    """One run of it. What it says of the service comes from a connection of its own."""

    def __init__(self, lab, name, *how):
        self.name, self.base = name, lab.dir / name
        self.process = lab.start(lab.clients, "slowhttptest", *how, "-g", "-o", self.base,
                                 "-c", CROWD, "-r", 50, "-l", 8, "-p", 3,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def verify(self):
        """All that it opened was ended before its time was over, and the service was there in
        each of its seconds. (What a reset connection has received stays readable, so who reads
        a byte a second has not heard of it by then.)"""
        said, _ = self.process.communicate(timeout=40)
        assert self.name.startswith("read") or "No open connections left" in said, said
        with open(f"{self.base}.csv", encoding="ascii") as table:
            rows = list(csv.DictReader(table))
        assert len(rows) >= 2 and all(int(row["Service Available"]) for row in rows), rows


def test_slowhttptest(slow_lab, engine):
    """All its modes at once, against both services."""
    counted, ends = Counted(engine), {}
    (slow_lab.dir / "files" / "slow").write_bytes(bytes(1 << 20))
    attackers = []
    for mode, (how, proxied, own, *counters) in SLOWHTTPTEST.items():
        places = url(FRONT[4], proxied), url(FRONT[4], own, HTTP)
        for place, port, counter in zip(places, (WEB, HTTP), counters):
            attackers.append(SlowHTTPTest(slow_lab, f"{mode}-{port}", *how, "-u", place))
            if counter:
                ends[counter] = ends.get(counter, 0) + CROWD
    for attacker in attackers:
        attacker.verify()
    for counter, number in ends.items():
        assert counted[counter] >= number, f"{counter}: {counted[counter]} of {number}"
    assert engine.objects()["connections"] == 0


def test_hoarders_of_buffers(slow_lab, engine):
    """Without min_rate: clients that ask for much, take nothing and keep their windows shut may
    not keep the buffers that others need."""
    engine.stop()
    config = limited(slow_lab, buffers=8192)
    for port in config["ports"]:
        port.update(rx_ring=256, tx_ring=256)
    for listener in config["listeners"]:
        listener.pop("min_rate", None)
    big = slow_lab.dir / "files" / "big"
    big.write_bytes(bytes(4 << 20))
    with Engine(slow_lab, config, name="hoarded") as running:
        counted = Counted(running)
        with clients(slow_lab, 4, WEB, count=200, rcvbuf=2048) as socks:
            for sock in socks:
                sock.sendall(b"GET /files/big HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: counted["memory_pressure"], 20, "buffers run short")
            wait_until(lambda: counted["stalled_reset"], 20, "who stands still longest is reset")
            for _ in range(20):
                done = slow_lab.clients.run("curl", "-sS", "-m", 20, url(FRONT[4]), timeout=30)
                assert done.stdout.startswith("hello from b")
            time.sleep(3)
            objects = running.query("objects")["objects"]["buffers"]
            assert objects["used"] < objects["limit"], objects
            for sock in socks: # an end that leaves nothing to wait for
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
