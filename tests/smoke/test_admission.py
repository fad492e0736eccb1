# SPDX-License-Identifier: BSD-3-Clause
"""Who may connect: prefix lists that change while clients come and go, and limits for each
source of clients."""
import os
import socket
import struct
import threading
import time

import pytest

from engine import ECHO, HTTP, Engine, lab_config
from netlab import CLIENT, FRONT, PREFIX, url
from netns import call, wait_until

OTHERS = {4: [f"192.0.2.{n}" for n in range(100, 104)],
          6: [f"2001:db8:1::{n}" for n in range(100, 104)]}
ONLY_CLIENT = "192.0.2.2\n2001:db8:1::2\n"


@pytest.fixture(scope="module")
def many_sources(bare_lab):
    """A lab whose clients have more than one address."""
    for family, addresses in OTHERS.items():
        for address in addresses:
            bare_lab.clients.ip("address", "add", f"{address}/{PREFIX[family]}", "dev",
                                "te-clients", *(["nodad"] if family == 6 else []))
    return bare_lab


def listener(config, name):
    return next(row for row in config["listeners"] if row["name"] == name)


@pytest.fixture(params=[1, 2], ids=["1-worker", "2-workers"])
def config(many_sources, request):
    """Every listener open to all; the file of the list `bad` is empty."""
    config = lab_config(many_sources)
    config["workers"]["count"] = request.param
    config["memory"]["huge_pages"] = "never"
    (many_sources.dir / "bad.txt").write_text("# nobody\n")
    config["prefix_lists"] = [{"name": "bad", "file": str(many_sources.dir / "bad.txt")},
                              {"name": "others", "prefixes": OTHERS[4] + OTHERS[6]}]
    listener(config, "hello").update(deny=["bad"])
    listener(config, "echo").update(allow=["others"], deny=["bad"])
    return config


def curl(lab, family, source, port=HTTP):
    """Its exit status: 0, or 7 for a refused connection, 28 for a timeout."""
    return lab.clients.run("curl", "-sS", "-m", 3, "--interface", source,
                           url(FRONT[family], port=port), check=False).returncode


def write_list(lab, text):
    (lab.dir / "bad.txt").write_text(text)


def test_deny_and_allow(many_sources, config, family):
    lab = many_sources
    with Engine(lab, config) as engine:
        assert curl(lab, family, CLIENT[family]) == 0
        assert curl(lab, family, CLIENT[family], ECHO) == 7
        write_list(lab, f"{OTHERS[family][0]}\n{CLIENT[family]}\n")
        assert engine.ctl("reload-lists") == "2 prefix lists, 10 prefixes in force\n"
        assert curl(lab, family, CLIENT[family]) == 7
        assert curl(lab, family, OTHERS[family][0]) == 7
        assert curl(lab, family, OTHERS[family][1]) == 0
        assert engine.query("reload-lists") == {"lists": 2, "prefixes": 10}
        rows = {row["name"]: row for row in engine.rows("listeners")
                if (":" in row["local"].rsplit(":", 1)[0]) == (family == 6)}
        assert rows["hello"]["prefix_refused"] == 2
        assert rows["echo"]["prefix_refused"] == 1
        assert rows["web"]["prefix_refused"] == 0
        assert engine.counters()["prefix_refused"] == 3


def test_a_mistake_leaves_the_lists(many_sources, config):
    lab = many_sources
    with Engine(lab, config) as engine:
        write_list(lab, "192.0.2.2\n")
        engine.ctl("reload-lists")
        write_list(lab, "# two lines\n192.0.2.5/24\n")
        done = call(*engine.command("reload-lists"), check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"prefix_lists[0].file: {lab.dir}/bad.txt:2: \"192.0.2.5/24\" has bits set " \
               "behind its prefix: write 192.0.2.0/24" in done.stderr
        assert done.stderr.count("\n") == 1
        assert curl(lab, 4, CLIENT[4]) == 7
        assert curl(lab, 4, OTHERS[4][0]) == 0


def test_any_bytes_are_a_mistake_with_a_message(many_sources, config):
    lab = many_sources
    with Engine(lab, config) as engine:
        for line, shown in ((b"\xff\xfe\x80\x01", "????"), ("\u00e4".encode(), "??"),
                            (b"\"\\", "\"\\")):
            (lab.dir / "bad.txt").write_bytes(line + b"\n")
            done = call(*engine.command("reload-lists"), check=False)
            assert (done.returncode, done.stdout) == (1, "")
            assert f"bad.txt:1: \"{shown}\" is not a prefix" in done.stderr


def test_silence(many_sources, config):
    """`refuse: drop` of an address and of a listener: clients hear nothing at all."""
    lab = many_sources
    config["ports"][0]["addresses"][0] = {"address": config["ports"][0]["addresses"][0],
                                          "refuse": "drop"}
    listener(config, "hello").update(refuse="unreachable")
    with Engine(lab, config) as engine:
        write_list(lab, ONLY_CLIENT)
        engine.ctl("reload-lists")
        for family, refused in ((4, TimeoutError), (6, ConnectionRefusedError)):
            with pytest.raises(refused):
                lab.clients.connect(FRONT[family], 4444, timeout=1.5)
            # Linux takes the first port unreachable for an answer.
            assert curl(lab, family, CLIENT[family]) == 7
        assert engine.counters()["drop_refused"] >= 1
        assert engine.counters()["icmp_unreachable_sent"] == 2


class Load(threading.Thread):
    """One client after the other from a source, and how each of them ended."""

    def __init__(self, lab, source):
        super().__init__()
        self.lab, self.source, self.done, self.ends = lab, source, threading.Event(), []

    def run(self):
        while not self.done.is_set():
            self.ends.append(curl(self.lab, 4, self.source))

    def __exit__(self, *exc):
        self.done.set()
        self.join()

    def __enter__(self):
        self.start()
        return self


def test_reload_under_load(many_sources, config):
    """Lists of a hundred thousand come and go: who is in none of them never notices, nor does
    a connection that is there."""
    lab = many_sources
    rest = "".join(f"10.{n >> 8 & 255}.{n & 255}.{(n >> 16) * 2}/31\n" for n in range(100000))
    with Engine(lab, config) as engine, Load(lab, OTHERS[4][0]) as good, \
         Load(lab, CLIENT[4]) as bad, lab.clients.connect(FRONT[4], HTTP) as kept:
        for turn in range(10):
            write_list(lab, rest + (ONLY_CLIENT if turn % 2 == 0 else ""))
            engine.ctl("reload-lists")
            assert curl(lab, 4, CLIENT[4]) == (7 if turn % 2 == 0 else 0)
            kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert kept.recv(1000).startswith(b"HTTP/1.1 200")
        assert engine.running()
    assert good.ends and set(good.ends) == {0}
    assert set(bad.ends) == {0, 7}


# ---- limits for each source ----

def limited(config, **limits):
    """The configuration with limits for the listener of the http service."""
    listener(config, "hello").update(limits)
    return config


def open_all(lab, family, count, port=HTTP):
    """So many connections at once; those that were let in, each of which has been answered."""
    opened = []
    for _ in range(count):
        try:
            client = lab.clients.connect(FRONT[family], port)
        except ConnectionRefusedError:
            continue
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        opened.append(client)
    return opened


def close_all(clients):
    for client in clients:
        client.close()


def test_connections_at_once(many_sources, config, family):
    """Exactly as many as the limit says, whichever workers have them; room comes back."""
    lab = many_sources
    with Engine(lab, limited(config, max_connections_per_source=25)) as engine:
        clients = open_all(lab, family, 60)
        assert len(clients) == 25
        rows = engine.rows("sources")
        assert len(rows) == 1
        assert (rows[0]["listener"], rows[0]["connections"], rows[0]["refused"]) \
            == ("hello", 25, 35)
        assert rows[0]["source"] == ("192.0.2.2" if family == 4 else "2001:db8:1::/64")
        assert "192.0.2.2" in engine.ctl("sources") or family == 6
        assert engine.counters()["source_limit_refused"] == 35
        close_all(clients[:10])
        wait_until(lambda: engine.rows("sources")[0]["connections"] == 15, 10, "closed")
        more = open_all(lab, family, 20)
        assert len(more) == 10
        for client in clients[10:]:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        close_all(clients[10:] + more)
        wait_until(lambda: engine.objects()["sources"] == 0, 10, "every source is gone")


def test_others_have_their_own(many_sources, config):
    lab = many_sources
    with Engine(lab, limited(config, max_connections_per_source=3)) as engine:
        clients = open_all(lab, 4, 5)
        assert len(clients) == 3
        assert curl(lab, 4, OTHERS[4][0]) == 0
        assert curl(lab, 4, CLIENT[4]) == 7
        assert curl(lab, 4, CLIENT[4], ECHO) == 7  # which lets only the others in
        assert engine.counters()["prefix_refused"] == 1
        close_all(clients)


def test_rate(many_sources, config):
    """However short they are: as many as the limit at once, and in the long run a second."""
    lab = many_sources
    with Engine(lab, limited(config, max_rate_per_source=20)) as engine:
        # A second has just begun.
        while time.clock_gettime(time.CLOCK_BOOTTIME) % 1 > 0.05:
            time.sleep(0.005)
        begun = time.monotonic()
        clients = open_all(lab, 4, 100)
        took = time.monotonic() - begun
        assert 20 <= len(clients) <= 20 + 20 * took
        while time.monotonic() < begun + 5:
            clients += open_all(lab, 4, 5)
            time.sleep(0.01)
        assert 80 <= len(clients) <= 120
        assert engine.counters()["source_rate_refused"] > 80
        close_all(clients)


def test_forged_syns_use_up_nothing(many_sources, config):
    """A flood from addresses that are not there: cookies, no entries, no memory; who is there
    connects as before."""
    lab = many_sources
    config["memory"].update(half_open=256, buffers=8192)
    with Engine(lab, limited(config, max_connections_per_source=5)) as engine:
        flood(lab, 20000)  # every packet buffer has been used once
        before = resident(engine)
        flood(lab, 20000)
        assert engine.objects()["sources"] == 0
        assert engine.counters()["syncookies_sent"] > 30000
        assert resident(engine) - before < 256 << 10
        clients = open_all(lab, 4, 8)
        assert len(clients) == 5
        close_all(clients)


def resident(engine):
    """Bytes of memory that the engine has in use."""
    with open(f"/proc/{engine.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def flood(lab, count):
    """SYNs from the whole of 192.0.2.128/25 and all ports: none of them is anybody's."""
    with lab.clients.entered(), \
         socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        target = socket.inet_aton(FRONT[4])
        for n in range(count):
            source = bytes([192, 0, 2, 128 + n % 120])
            tcp = struct.pack("!HHIIBBHHH", 1024 + n // 120, HTTP, n, 0, 0x50, 2, 1024, 0, 0)
            pseudo = source + target + struct.pack("!HH", 6, len(tcp))
            tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
            raw.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 6, 0, source, target)
                       + tcp, (FRONT[4], 0))
            if n % 200 == 0:
                time.sleep(0.002)
