# SPDX-License-Identifier: BSD-3-Clause
"""The epoll server on loopback: what it answers, in one piece and in many, when it closes, and
what it makes of clients that send too much or nothing.

Usage: check_peer_epoll.py PROGRAM
"""
import contextlib
import socket
import subprocess
import sys
import threading

TIMEOUT_S = 10
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def response(body, last):
    header = b"Connection: close\r\n" if last else b""
    return (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (body, header)) + b"x" * body


class Server:
    """The program on a free port of loopback."""

    def __init__(self, program, body, family=socket.AF_INET):
        self.host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        with socket.socket(family) as probe:
            probe.bind((self.host, 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [program, f"--address={self.host}", f"--port={self.port}", f"--body={body}"],
            stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"epoll_server: ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}"
        self.process.terminate()
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()

    def connect(self):
        return contextlib.closing(socket.create_connection((self.host, self.port), TIMEOUT_S))


def receive(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(65536)
        assert piece, f"closed after {len(data)} of {size} bytes"
        data += piece
    return data


def until_end(sock):
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def refused(program, *options):
    done = subprocess.run([program, *options], capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2 and done.stderr and not done.stdout, f"{options}: {done}"


def check_one(server, body):
    with server.connect() as sock:
        sock.sendall(LAST)
        assert until_end(sock) == response(body, True)
    with server.connect() as sock:
        for _ in range(3):
            sock.sendall(REQUEST)
            assert receive(sock, len(response(body, False))) == response(body, False)
        sock.sendall(LAST)
        assert until_end(sock) == response(body, True)


def check_pieces(server, body):
    """Byte by byte, and several at once with the beginning of a further one."""
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(LAST)):
            sock.sendall(LAST[i:i + 1])
        assert until_end(sock) == response(body, True)
    with server.connect() as sock:
        sock.sendall(REQUEST * 2 + LAST[:9])
        assert receive(sock, 2 * len(response(body, False))) == response(body, False) * 2
        sock.sendall(LAST[9:])
        assert until_end(sock) == response(body, True)


def check_bad(server):
    with server.connect() as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"x" * 100000)
            assert until_end(sock) == b""
    with server.connect() as sock:
        sock.shutdown(socket.SHUT_WR)
        assert until_end(sock) == b""
    with server.connect() as sock:
        sock.sendall(REQUEST[:5])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def check_slow(server, body):
    """A client whose window is full for a while, which has asked for more meanwhile."""
    asked = 8
    with server.connect() as sock:
        sock.sendall(REQUEST * (asked - 1) + LAST)
        data = until_end(sock)
    assert data == response(body, False) * (asked - 1) + response(body, True)


def check_crowd(server, body):
    failures = []

    def visit():
        try:
            for _ in range(50):
                check_one(server, body)
        except (AssertionError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=visit) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def main():
    program = sys.argv[1]
    for option in ("--port=80000", "--port=x", "--body=-1", "--address=here", "--cpu=99999",
                   "--nothing=1", "stray"):
        refused(program, option)
    with Server(program, 64) as server:
        check_one(server, 64)
        check_pieces(server, 64)
        check_bad(server)
        check_crowd(server, 64)
        check_one(server, 64)
    with Server(program, 0, socket.AF_INET6) as server:
        check_one(server, 0)
    with Server(program, 1 << 20) as server:
        check_slow(server, 1 << 20)
        check_bad(server)


if __name__ == "__main__":
    main()
