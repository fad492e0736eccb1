# SPDX-License-Identifier: BSD-3-Clause
"""Start, end, and start again: by signal, twice at once, and after a crash."""
import contextlib
import os
import re
import signal
import socket
import time

import pytest

from backends import Nginx
from engine import TERMINUS, WEB, Engine, lab_config
from netlab import BACKENDS, FRONT, url
from netns import wait_until
from test_under_attack import flood

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def served_lab(bare_lab):
    for number, address in enumerate(BACKENDS[4], 1):
        Nginx(bare_lab, f"b{number}", [address]).start()
    return bare_lab


@pytest.fixture
def config(served_lab):
    return lab_config(served_lab)


def hello(lab):
    return lab.clients.run("curl", "-sS", "-m", 5, url(FRONT[4])).stdout.startswith("hello from b")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_signal_ends_it_cleanly(served_lab, config, how):
    with Engine(served_lab, config) as engine, served_lab.clients.connect(FRONT[4], WEB) as client:
        client.sendall(REQUEST)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert os.path.exists(f"/var/run/dpdk/{engine.instance}")
        assert engine.stop(how) == 0
        assert engine.stderr.read_text() == ""
        assert not os.path.exists(f"/var/run/dpdk/{engine.instance}")


def test_signal_resets_what_is_open(served_lab, config):
    """Clients learn at once that nobody is there any more, whether they send or wait."""
    with Engine(served_lab, config) as engine:
        clients = [served_lab.clients.connect(FRONT[family], WEB) for family in (4, 6) * 20]
        for client in clients[::2]:
            client.sendall(REQUEST)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert engine.stop() == 0
        for client in clients:
            client.settimeout(5)
            with pytest.raises(ConnectionResetError):
                while client.recv(1000):
                    pass
            client.close()


def test_second_instance_is_refused(served_lab, config):
    with Engine(served_lab, config) as engine:
        done = served_lab.engine.run(TERMINUS, engine.conf, check=False)
        assert done.returncode > 0
        assert done.stderr.count("\n") == 1
        assert re.search("already|in use", done.stderr)
        assert hello(served_lab)


def test_starts_again_after_a_crash(served_lab, config):
    with Engine(served_lab, config) as engine:
        assert hello(served_lab)
        assert engine.stop(signal.SIGKILL) == -signal.SIGKILL
        engine.start()
        assert hello(served_lab)
        assert engine.stop() == 0


def test_connection_of_a_crashed_engine_is_reset(served_lab, config):
    """The restarted engine knows nothing of the connection and says so (RFC 9293 3.5.1)."""
    with Engine(served_lab, config) as engine, served_lab.clients.connect(FRONT[4], WEB) as client:
        client.sendall(REQUEST)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        engine.stop(signal.SIGKILL)
        engine.start()
        client.sendall(REQUEST)
        with pytest.raises(ConnectionResetError):
            client.recv(1000)


def test_end_does_not_wait_for_a_name(served_lab, config):
    """A capture's filter names a host, and the name server takes the question and is silent."""
    resolv = served_lab.dir / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\n")
    prefix = ["sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh"]
    with served_lab.engine.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
         socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control, \
         Engine(served_lab, config, prefix=prefix) as engine:
        server.bind(("127.0.0.1", 53))
        server.settimeout(5)
        control.connect(f"/var/run/dpdk/{engine.instance}/dpdk_telemetry.v2")
        control.recv(1024)
        control.send(b"/terminus/capture/start,filter=host www.example.com,"
                     + f"file={served_lab.dir}/x.pcapng".encode())
        assert b"example" in server.recv(512)
        begin = time.monotonic()
        assert engine.stop() == 0
        assert time.monotonic() - begin < 3


def test_signal_during_the_start(served_lab, config):
    """It is heard between two steps: nothing is left, and it never serves."""
    engine = Engine(served_lab, config)
    lock = f"/var/run/dpdk/{engine.instance}/terminus.lock"
    process = served_lab.start(served_lab.engine, TERMINUS, engine.conf, stdout=-1, stderr=-1)
    wait_until(lambda: os.path.exists(lock), 10, "the start has begun")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, b"", b"")
    assert not os.path.exists(os.path.dirname(lock))


@contextlib.contextmanager
def full_pipe():
    """The end of a pipe to write to, which takes one page more; and what fills it up."""
    reader, writer = os.pipe()
    more = os.open(f"/proc/self/fd/{writer}", os.O_WRONLY | os.O_NONBLOCK)

    def fill():
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(more, b"x")

    try:
        fill()
        os.read(reader, 4096)
        yield writer, fill
    finally:
        for fd in (reader, writer, more):
            os.close(fd)


def test_news_that_nobody_reads(served_lab, config):
    """Standard output is a pipe that has become full: the engine serves, and hears signals."""
    config["tcp"]["max_syn_backlog"] = 8
    with full_pipe() as (out, fill):
        engine = Engine(served_lab, config, name="unread")
        process = served_lab.start(served_lab.engine, TERMINUS, engine.conf, stdout=out)
        engine.process = process
        wait_until(lambda: hello(served_lab), 10, "it serves")
        fill()
        flood(served_lab, 100)
        wait_until(lambda: engine.counters()["syncookies_begun"] > 0, 5, "there is news")
        time.sleep(1.5)  # it is told once a second
        assert hello(served_lab)
        assert engine.stop() == 0
