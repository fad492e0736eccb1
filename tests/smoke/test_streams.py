# SPDX-License-Identifier: BSD-3-Clause
"""Plain sockets on both sides: every way of opening, closing and aborting a connection.

Both ends live in this process, one socket in each namespace, so a test sees what
each of them sees.
"""
import contextlib
import hashlib
import os
import socket
import struct
import threading
import time

import pytest

from engine import ECHO, STREAM, STREAM6
from netlab import BACKENDS, FRONT

pytestmark = pytest.mark.paired


def drain(sock):
    """Everything until the peer's FIN."""
    parts = []
    while True:
        part = sock.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def abort(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@contextlib.contextmanager
def sending(sock, data):
    """Sends data and then FIN from a thread of its own while the body of the with runs."""
    failed = []

    def send():
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)
    assert not failed and not thread.is_alive(), failed


@pytest.fixture
def listener(lab):
    with lab.backends.listen(BACKENDS[4][0], STREAM) as sock:
        yield sock


@pytest.fixture
def pair(lab, family, listener):
    """A client's connection and the backend's end of it."""
    with lab.clients.connect(FRONT[family], STREAM) as client:
        backend, _ = listener.accept()
        with backend:
            backend.settimeout(10)
            yield client, backend


def test_client_closes_its_half_first(pair):
    client, backend = pair
    client.sendall(b"question")
    client.shutdown(socket.SHUT_WR)
    assert drain(backend) == b"question"
    for i in range(5):
        backend.sendall(b"answer %d." % i)
        time.sleep(0.02)
    backend.close()
    assert drain(client) == b"".join(b"answer %d." % i for i in range(5))


def test_backend_closes_its_half_first(pair):
    client, backend = pair
    backend.sendall(b"banner")
    backend.shutdown(socket.SHUT_WR)
    assert drain(client) == b"banner"
    for i in range(5):
        client.sendall(b"late %d." % i)
        time.sleep(0.02)
    client.close()
    assert drain(backend) == b"".join(b"late %d." % i for i in range(5))


def test_both_close_at_once(pair):
    client, backend = pair
    client.sendall(b"c")
    backend.sendall(b"b")
    client.shutdown(socket.SHUT_WR)
    backend.shutdown(socket.SHUT_WR)
    assert drain(client) == b"b"
    assert drain(backend) == b"c"


def test_client_aborts(pair):
    client, backend = pair
    client.sendall(b"x")
    assert backend.recv(1) == b"x"
    abort(client)
    with pytest.raises(ConnectionResetError):
        backend.recv(1)


def test_backend_aborts(pair):
    client, backend = pair
    client.sendall(b"x")
    assert backend.recv(1) == b"x"
    abort(backend)
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_client_aborts_half_closed_connection(pair):
    client, backend = pair
    client.shutdown(socket.SHUT_WR)
    assert backend.recv(1) == b""
    abort(client)

    def write_until_reset():
        for _ in range(100):
            backend.sendall(b"unwanted")
            time.sleep(0.02)

    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        write_until_reset()


def test_backend_speaks_first(pair):
    client, backend = pair
    backend.sendall(b"220 ready\r\n")
    assert client.recv(100) == b"220 ready\r\n"


def test_closed_without_a_byte(lab, family, listener):
    for _ in range(20):
        lab.clients.connect(FRONT[family], STREAM).close()
        backend, _ = listener.accept()
        with backend:
            backend.settimeout(10)
            assert drain(backend) == b""


def test_byte_by_byte(pair):
    client, backend = pair
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    text = os.urandom(500)
    for byte in text:
        client.send(bytes([byte]))
    client.shutdown(socket.SHUT_WR)
    assert drain(backend) == text


@pytest.mark.parametrize("reader_is_client", [True, False], ids=["client", "backend"])
def test_slow_reader_gets_everything(pair, reader_is_client):
    reader, writer = pair if reader_is_client else reversed(pair)
    data = os.urandom(16 << 20)
    with sending(writer, data):
        time.sleep(1)  # long enough for every window and buffer on the way to fill up
        received = drain(reader)
    assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()


def test_both_directions_at_once(pair):
    client, backend = pair
    up, down = os.urandom(8 << 20), os.urandom(8 << 20)
    received = []
    with sending(client, up), sending(backend, down):
        thread = threading.Thread(target=lambda: received.append(drain(backend)))
        thread.start()
        assert drain(client) == down
        thread.join(60)
    assert received == [up]


def test_many_at_once(lab, family, listener):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(lab.clients.connect(FRONT[family], STREAM))
                   for _ in range(300)]
        for number, client in enumerate(clients):
            client.sendall(b"%d\n" % number)
        for _ in clients:
            backend = stack.enter_context(listener.accept()[0])
            backend.settimeout(10)
            backend.sendall(b"echo " + backend.makefile("rb").readline())
        for number, client in enumerate(clients):
            assert client.recv(100) == b"echo %d\n" % number


def test_ipv6_backend(lab, family):
    with lab.backends.listen(BACKENDS[6][0], STREAM) as listener, \
         lab.clients.connect(FRONT[family], STREAM6) as client:
        backend, _ = listener.accept()
        with backend, sending(client, b"over to version 6"):
            backend.settimeout(10)
            assert drain(backend) == b"over to version 6"


def test_echo_service(lab, family):
    data = os.urandom(1 << 20)
    with lab.clients.connect(FRONT[family], ECHO) as client, sending(client, data):
        assert drain(client) == data


def test_closed_port_refuses(lab, family):
    with pytest.raises(ConnectionRefusedError):
        lab.clients.connect(FRONT[family], 9)


def test_no_backend_means_reset(lab, family):
    """The RST may come before or after connect() has looked."""
    with pytest.raises(ConnectionResetError), lab.clients.connect(FRONT[family], STREAM) as client:
        client.recv(1)
