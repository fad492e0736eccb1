# SPDX-License-Identifier: BSD-3-Clause
"""Things that go away: backends, backend hosts, clients, links. The engine outlives them."""
import contextlib
import hashlib
import os
import signal
import threading
import time

import pytest

from engine import STREAM
from netlab import BACKENDS, FRONT, LINKS, url
from netns import wait_until

pytestmark = pytest.mark.paired


def get(lab, family=4):
    return lab.clients.run("curl", "-sS", "-m", 8, url(FRONT[family])).stdout


def both_serve(lab):
    wait_until(lambda: {get(lab) for _ in range(10)} == {"hello from b1\n", "hello from b2\n"},
               30, "both backends serve again")


@pytest.mark.parametrize("down", [0, 1], ids=["b1", "b2"])
def test_killed_backend_is_passed_over(lab, family, down):
    lab.nginx[down].stop()
    try:
        assert {get(lab, family) for _ in range(20)} == {f"hello from b{2 - down}\n"}
    finally:
        lab.nginx[down].start()
    both_serve(lab)


def test_silent_backend_host_is_passed_over(lab, family):
    """The host swallows everything, as one that lost its power does: only a timeout tells."""
    address = BACKENDS[4][0]
    lab.backends.run("nft", "add table ip gone; add chain ip gone in "
                     "{ type filter hook input priority 0; };"
                     f"add rule ip gone in ip daddr {address} drop")
    try:
        assert {get(lab, family) for _ in range(4)} == {"hello from b2\n"}
    finally:
        lab.backends.run("nft", "delete table ip gone")
    both_serve(lab)


def test_backend_host_without_arp(lab, family):
    """Nobody answers for the address at all."""
    address = f"{BACKENDS[4][0]}/24"
    lab.backends.ip("address", "del", address, "dev", "te-backends")
    lab.backends.ip("neighbour", "flush", "all")
    try:
        assert {get(lab, family) for _ in range(4)} == {"hello from b2\n"}
    finally:
        lab.backends.ip("address", "add", address, "dev", "te-backends")
    both_serve(lab)


def test_killed_client(lab, family):
    """A client killed in the middle of a download: its kernel resets the connection."""
    with open(lab.dir / "files" / "endless", "wb") as file:
        file.truncate(1 << 30)
    before = lab.terminus.objects()
    clients = [lab.clients.popen("curl", "-s", "--limit-rate", "100k", "-o", "/dev/null",
                                 url(FRONT[family], "/files/endless")) for _ in range(10)]
    try:
        wait_until(lambda: lab.terminus.objects() != before, 5, "the downloads show")
        time.sleep(0.5)
    finally:
        for client in clients:
            client.send_signal(signal.SIGKILL)
            client.wait()
    assert get(lab, family).startswith("hello")


def test_killed_backend_ends_its_connections(lab, family):
    """nginx dies while a client keeps its connection for later: the client learns of it at once."""
    with lab.clients.connect(FRONT[family], 80, timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        try:
            for nginx in lab.nginx:
                nginx.stop()
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
        finally:
            for nginx in lab.nginx:
                nginx.start()
    both_serve(lab)


@pytest.mark.parametrize("end", ["engine", "peer"])
@pytest.mark.parametrize("side", ["front", "back"])
def test_link_flap_during_a_transfer(lab, family, side, end):
    near, far, _, _ = LINKS[side]
    peer = lab.clients if side == "front" else lab.backends
    namespace, interface = (lab.engine, near) if end == "engine" else (peer, far)
    data = os.urandom(8 << 20)

    def feed(backend):
        for start in range(0, len(data), 1 << 20):
            backend.sendall(data[start:start + (1 << 20)])
            time.sleep(0.15)
        backend.close()

    with lab.backends.listen(BACKENDS[4][0], STREAM) as listener, \
         lab.clients.connect(FRONT[family], STREAM, timeout=30) as client:
        backend, _ = listener.accept()
        backend.settimeout(30)
        feeder = threading.Thread(target=feed, args=(backend,))
        feeder.start()
        digest = hashlib.sha256(client.recv(100_000))
        flapper = threading.Timer(0.3, flap, args=(namespace, interface))
        flapper.start()
        while piece := client.recv(1 << 20):
            digest.update(piece)
        flapper.join()
        feeder.join(30)
    assert digest.digest() == hashlib.sha256(data).digest()
    assert get(lab, family).startswith("hello")


def flap(namespace, interface):
    namespace.ip("link", "set", interface, "down")
    time.sleep(1)
    namespace.ip("link", "set", interface, "up")
