# SPDX-License-Identifier: BSD-3-Clause
"""What goes over a proxied connection in the interoperation tests, byte by byte.

A Pair is one connection of a Linux client's and the Linux backend's end of it. Each
workload carries bytes in its own way and fails if one of them is missing or wrong.
"""
import concurrent.futures
import contextlib
import hashlib
import os
import random
import socket

from engine import STREAM
from netlab import FRONT

PIECE = 1 << 18
ENOUGH = os.urandom(32 << 20)  # what is sent is the beginning of this


def at_once(*functions):
    """Runs the functions at the same time, each in a thread; returns what they return."""
    with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
        return [job.result() for job in [pool.submit(function) for function in functions]]


def digest(data):
    return hashlib.sha256(data).digest()


def send_and_end(sock, data):
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def digest_until_end(sock):
    """SHA-256 of all bytes up to the peer's FIN."""
    sha = hashlib.sha256()
    while piece := sock.recv(PIECE):
        sha.update(piece)
    return sha.digest()


def receive(sock, size):
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(min(size - len(parts), PIECE))
        assert part, f"the connection ended after {len(parts)} of {size} bytes"
        parts += part
    return bytes(parts)


class Pair:
    """client and backend: the two sockets, connected through the engine."""

    def __init__(self, lab, client, backend):
        self.lab = lab
        self.client = client
        self.backend = backend

    def half_close(self, sender, receiver, size):
        """`size` bytes one way, then FIN; the answer comes over the half that is still open."""
        data = memoryview(ENOUGH)[:size]

        def answer():
            found = digest_until_end(receiver)
            send_and_end(receiver, found)
            return found

        _, found = at_once(lambda: send_and_end(sender, data), answer)
        assert found == digest(data)
        assert receive(sender, len(found)) == found
        assert sender.recv(1) == b""

    def upload(self, size):
        self.half_close(self.client, self.backend, size)

    def download(self, size):
        self.half_close(self.backend, self.client, size)

    def exchange(self, size):
        """`size` bytes from each end at the same time, different ones; nobody ends."""
        up, down = memoryview(ENOUGH)[:size], memoryview(ENOUGH)[-size:]
        found = at_once(lambda: self.client.sendall(up), lambda: self.backend.sendall(down),
                        lambda: receive(self.backend, size), lambda: receive(self.client, size))
        assert [digest(data) for data in found[2:]] == [digest(up), digest(down)]

    def both_ways(self, size):
        """exchange(), and both ends end at once."""
        self.exchange(size)
        at_once(*(lambda sock=sock: send_and_end(sock, b"") for sock in (self.client,
                                                                         self.backend)))
        assert self.client.recv(1) == self.backend.recv(1) == b""

    def requests(self, count, seed=1):
        """Questions and answers of 1 to 3000 bytes, one after the other."""
        sizes = random.Random(seed)
        for _ in range(count):
            for source, target in ((self.client, self.backend), (self.backend, self.client)):
                size, start = sizes.randint(1, 3000), sizes.randrange(1 << 20)
                data = ENOUGH[start:start + size]
                source.sendall(data)
                assert receive(target, size) == data

    def linux(self):
        """What ss says of the client's and of the backend's end: a set of words for each."""
        views = []
        for namespace, sock in ((self.lab.clients, self.client), (self.lab.backends,
                                                                  self.backend)):
            local, remote = sock.getsockname()[1], sock.getpeername()[1]
            views.append(set(namespace.run(
                "ss", "-tinoHO", f"sport = :{local} and dport = :{remote}").stdout.split()))
        return views

    def engine(self):
        """terminusctl's rows for the leg to the client and for that to the backend."""
        ports = (self.client.getsockname()[1], self.backend.getpeername()[1])
        rows = self.lab.terminus.rows("connections")
        return [next(row for row in rows if row["state"] not in ("LISTEN", "TIME_WAIT")
                     and row[end].endswith(f":{port}"))
                for end, port in zip(("remote", "local"), ports)]


def control(sock, congestion):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())


@contextlib.contextmanager
def connected(lab, family, congestion="cubic", timeout=60):
    """A Pair over this family, both legs; every operation of its sockets has the timeout.

    The congestion control is set on the sockets: a namespace may not choose its default.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(lab.backends.listen(lab.backend[family], STREAM, timeout))
        control(listener, congestion)  # those it accepts inherit it
        client = stack.enter_context(lab.clients.connect(FRONT[family], STREAM, timeout))
        control(client, congestion)
        backend, _ = listener.accept()
        with backend:
            backend.settimeout(timeout)
            yield Pair(lab, client, backend)


def carry(lab, family, size, requests=50, congestion="cubic"):
    """Every workload, each over a connection of its own."""
    for work in (lambda pair: pair.upload(size), lambda pair: pair.download(size),
                 lambda pair: pair.both_ways(size), lambda pair: pair.requests(requests)):
        with connected(lab, family, congestion) as pair:
            work(pair)
