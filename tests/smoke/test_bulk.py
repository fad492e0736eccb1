# SPDX-License-Identifier: BSD-3-Clause
"""Large transfers in each direction, compared by SHA-256."""
import hashlib
import os
import threading

import pytest

from engine import STREAM
from netlab import BACKENDS, FRONT, url

SIZE = (1 << 30) if os.environ.get("TERMINUS_SMOKE_LONG") else (64 << 20)
TIMEOUT = 60 + SIZE / (8 << 20)
PIECE = 1 << 20


@pytest.fixture(scope="module")
def big_file(running_lab):
    """A file of random bytes that nginx serves, with its digest."""
    path = running_lab.dir / "files" / "big"
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(SIZE // PIECE):
            piece = os.urandom(PIECE)
            digest.update(piece)
            file.write(piece)
    yield path, digest.hexdigest()
    path.unlink()


def digest_of_stream(sock):
    digest = hashlib.sha256()
    while piece := sock.recv(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def test_download(lab, family, big_file):
    _, digest = big_file
    target = lab.dir / "downloaded"
    lab.clients.run("curl", "-sS", "-f", "-m", TIMEOUT, "-o", target,
                    url(FRONT[family], "/files/big"), timeout=TIMEOUT + 10)
    with open(target, "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest
    target.unlink()


def test_upload(lab, family, big_file):
    path, digest = big_file
    received = []

    def sink():
        backend, _ = listener.accept()
        with backend:
            backend.settimeout(TIMEOUT)
            received.append(digest_of_stream(backend))
            backend.sendall(received[0].encode())

    with lab.backends.listen(BACKENDS[4][0], STREAM) as listener:
        thread = threading.Thread(target=sink)
        thread.start()
        with lab.clients.connect(FRONT[family], STREAM, timeout=TIMEOUT) as client, \
             open(path, "rb") as file:
            client.sendfile(file)
            client.shutdown(1)
            answer = client.recv(100)
        thread.join(TIMEOUT)
    assert received == [digest]
    assert answer.decode() == digest
