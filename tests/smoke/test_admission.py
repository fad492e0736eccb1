# SPDX-License-Identifier: BSD-3-Clause
"""Who may connect: prefix lists that change while clients come and go."""
import threading

import pytest

from engine import ECHO, HTTP, Engine, lab_config
from netlab import CLIENT, FRONT, PREFIX, url
from netns import call

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
