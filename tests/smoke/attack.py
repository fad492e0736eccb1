# SPDX-License-Identifier: BSD-3-Clause
"""Both sides of an attack: who attacks, and the clients who have to come through meanwhile."""
import contextlib
import itertools
import json
import socket
import threading
import time

from engine import BUILD, ECHO, HTTP, STREAM, WEB
from netlab import FRONT

TGEN = BUILD / "bench" / "bench_tgen"
SYN_RETRY = 2.9  # s: Linux sends its SYN again after 1 s, and a second time after 3 s
PATIENCE = 20  # s: a legitimate client gives up
SPOOFED = {4: "198.18.0.0/15", 6: "2001:db8:ff::/112"}
ATTACKER = {4: "192.0.2.66", 6: "2001:db8:1::66"}


class Visitors:
    """Clients who come, ask, read the answer and go, until the with ends.

    Each goes to another listener and family in turn. verify() says what became of them.
    """

    def __init__(self, lab, threads=2):
        self.lab = lab
        self.places = itertools.cycle([(FRONT[family], port, body)
                                       for port, body in ((WEB, b"hello from"), (HTTP, b"hello\n"))
                                       for family in (4, 6)])
        self.times, self.failures = [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._come) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE)

    def verify(self, least=50):
        """At least 99.9 % have had their answer, and needed at most one SYN retry for it."""
        count = len(self.times) + len(self.failures)
        slow = [took for took in self.times if took > SYN_RETRY]
        assert count >= least, f"only {count} clients came"
        assert len(self.failures) + len(slow) <= count // 1000, \
            f"of {count} clients failed: {self.failures[:5]}; took long: {slow[:5]}"

    def _come(self):
        while not self.over.is_set():
            self._visit(*next(self.places))

    def _visit(self, address, port, body):
        begin = time.monotonic()
        try:
            with self.lab.clients.connect(address, port, timeout=PATIENCE) as sock:
                up = time.monotonic()
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: sock.recv(65536), b""))
        except OSError as error:
            self.failures.append(f"{address}:{port} {error}")
            return
        if not answer.startswith(b"HTTP/1.1 200") or body not in answer:
            self.failures.append(f"{address}:{port} {answer[:80]}")
        else:
            self.times.append(up - begin)


class Conversation:
    """A connection that was there before: what it sends comes back, in order and whole."""

    def __init__(self, lab, family, port):
        self.sock = lab.clients.connect(FRONT[family], port, timeout=PATIENCE)
        self.over = threading.Event()
        self.rounds, self.wrong = 0, None
        self.thread = threading.Thread(target=self._talk)
        self.thread.start()

    def end(self):
        self.over.set()
        self.thread.join(2 * PATIENCE)
        self.sock.close()

    def _talk(self):
        try:
            while not self.over.is_set():
                said = self.rounds.to_bytes(8, "big") * 512
                self.sock.sendall(said)
                heard = b""
                while len(heard) < len(said):
                    piece = self.sock.recv(len(said) - len(heard))
                    if not piece:
                        raise ConnectionError("the peer has closed")
                    heard += piece
                if heard != said:
                    raise ConnectionError("other bytes came back")
                self.rounds += 1
                time.sleep(0.005)
        except OSError as error:
            self.wrong = f"after {self.rounds} rounds: {error!r}"


@contextlib.contextmanager
def conversations(lab):
    """Connections to the echo service and through the proxy that outlive what happens inside."""
    talks = [Conversation(lab, family, port) for port in (ECHO, STREAM) for family in (4, 6)]
    try:
        yield
        before = [talk.rounds for talk in talks]
        time.sleep(0.3)
        after = [talk.rounds for talk in talks]
    finally:
        for talk in talks:
            talk.end()
    assert all(talk.wrong is None for talk in talks), [talk.wrong for talk in talks]
    assert all(a > b for a, b in zip(after, before)), f"stuck: {before} rounds, then {after}"


class EchoServer:
    """A backend that sends back what it gets."""

    def __init__(self, lab, address, port):
        self.listener = lab.backends.listen(address, port, timeout=None)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    @staticmethod
    def _serve(sock):
        with sock, contextlib.suppress(OSError):
            for data in iter(lambda: sock.recv(65536), b""):
                sock.sendall(data)


def tgen_flood(lab, mode, family, rate, seconds, **load):
    """A flood of the load generator from spoofed addresses; returns how many packets it sent."""
    prefix, target = (64, f"[{FRONT[6]}]:{WEB}") if family == 6 else (24, f"{FRONT[4]}:{WEB}")
    instance = f"{lab.instance}-tgen"
    lab.journal.note("directories", f"/var/run/dpdk/{instance}")
    conf = lab.dir / "tgen.yaml"
    conf.write_text(json.dumps({
        "instance": instance, "workers": {"count": 1, "idle_sleep_us": 100},
        "memory": {"buffers": 2048, "huge_pages": "never"},
        "ports": [{"name": "link", "device": "net_af_packet0,iface=te-clients",
                   "addresses": [f"{ATTACKER[family]}/{prefix}"]}],
        "load": {"mode": mode, "target": target, "mac": neighbour_mac(lab, FRONT[family]),
                 "rate": rate, "duration": f"{int(seconds * 1000)}ms",
                 "clients": [SPOOFED[family]], **load}}))
    done = lab.clients.run(TGEN, "--json", conf, timeout=seconds + 20)
    return json.loads(done.stdout.splitlines()[-1])["tx_frames"]


class RawFlood:
    """Sends frames over and over from a namespace, about `rate` a second, while the with lasts."""

    def __init__(self, namespace, interface, frames, rate=4000):
        self.frames, self.rate, self.sent = itertools.cycle(frames), rate, 0
        self.sock = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with namespace.entered():
            self.sock.bind((interface, 0))
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._send)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join(PATIENCE)
        self.sock.close()

    def _send(self):
        batch = max(1, self.rate // 100)
        while not self.over.is_set():
            for frame in itertools.islice(self.frames, batch):
                with contextlib.suppress(OSError):  # no room: a flood loses frames
                    self.sock.send(frame)
                    self.sent += 1
            time.sleep(0.01)


def neighbour_mac(lab, address):
    """The MAC at which the clients know an address of the engine's."""
    lab.clients.connect(address, HTTP).close()
    return lab.clients.neighbour_mac(address)


def rss_kb(pid):
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
