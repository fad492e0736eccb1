# SPDX-License-Identifier: BSD-3-Clause
"""Attacks on a front end that serves meanwhile.

While each lasts, clients come and go, connections that were there before go on, and
terminusctl answers. At least 99.9 % of the clients have their answer with at most one SYN
retry, no connection loses a byte, the counters that docs/operations.md names for it rise,
and no memory is taken. The last test sees everything given back.

TERMINUS_SMOKE_LONG makes each attack last for 20 s.
"""
import contextlib
import os
import re
import time

import pytest

from attack import (EchoServer, RawFlood, Visitors, conversations, neighbour_mac, rss_kb,
                    tgen_flood)
from attack_frames import Forger
from backends import Nginx
from conftest import TIME_WAIT_OBJECTS
from engine import HTTP, STREAM, WEB, Engine, lab_config
from netlab import BACK, BACKENDS, FRONT
from netns import wait_until
from sockstress import Sockstress

LONG = bool(os.environ.get("TERMINUS_SMOKE_LONG"))
SECONDS = 20 if LONG else 1.5
RATE = 10000  # packets a second of a flood: it is about what happens, not about how much
HOARDED = 2000
RSS_KB = 16384  # tables are touched for the first time as they fill

# Floods of the load generator one after the other, and what counts them: one of each group rises.
FLOODS = {
    "syn": (["syn"], [{"syncookies_sent"}]),
    "answers": (["ack", "synack", "rst"],
                [{"rst_sent"}, {"drop_closed", "drop_not_synchronized"}]),
    "scans": (["fin", "xmas", "null"], [{"drop_closed", "drop_not_synchronized"}]),
    "garbage": (["garbage", "data"], [{"drop_bad_ip_version"}, {"drop_bad_tcp_offset"},
                                      {"rst_sent", "drop_closed", "syncookies_failed"}]),
}

# Frames made by hand, and what counts them, likewise.
RAW = {
    "syn_with_data": [{"syn_received", "syncookies_sent"}],
    "syn_with_all_options": [{"syn_received", "syncookies_sent"}],
    "syn_from_the_client": [{"syn_received", "syncookies_sent"}],
    "bad_checksum": [{"drop_bad_tcp_csum"}],
    "udp": [{"drop_unknown_protocol"}],
    "echo": [{"icmp_echo"}],
    "fragment": [{"fragments"}, {"drop_fragment_evicted", "drop_fragment_timeout"},
                 {"drop_fragment_too_big"}],
    "too_big": [{"drop_icmp_stale"}],
    "unreachable": [{"drop_icmp_stale"}, {"drop_unused_icmp"}],
    "questions": [{"arp_replies", "nd_replies"}],
}


# What hping3 sends, of anybody's address, and what counts each.
SYNS = {"syn_received", "syncookies_sent"}
HPING3 = {
    "syn": (("-S", "--tcp-timestamp"), SYNS),
    "syn_with_data": (("-S", "--data", 1400), SYNS),
    "syn_in_pieces": (("-S", "--frag", "--mtu", 64, "--data", 600), SYNS),
    "record_route": (("-S", "--rroute"), SYNS),
    "source_route": (("-S", "--lsrr", "192.0.2.77/192.0.2.78"), {"drop_source_route"}),
    "short_ttl": (("-S", "--ttl", 1), SYNS),
    "all_flags": (("-SAFRPU", "--xmas", "--ymas"), {"drop_not_synchronized", "drop_closed"}),
    "fin": (("-F",), {"drop_not_synchronized", "drop_closed"}),
    "bad_sums": (("-S", "--badcksum"), {"drop_bad_tcp_csum", "drop_bad_ip_csum"}),
    "bad_offset": (("-A", "--tcpoff", 15), {"drop_bad_tcp_offset"}),
    "protocols": (("--rawip", "--ipproto", 99, "--data", 64), {"drop_unknown_protocol"}),
    "timestamp_requests": (("--icmp", "--icmptype", 13), {"drop_unused_icmp"}),
}


@pytest.fixture(scope="module")
def front_end(bare_lab):
    """An engine with a proxy and an http listener that all attacks of this file are made on."""
    servers = [Nginx(bare_lab, f"b{i + 1}", [BACKENDS[4][i], BACKENDS[6][i]]).start()
               for i in range(2)]
    echo = EchoServer(bare_lab, BACKENDS[4][0], STREAM)
    conf = lab_config(bare_lab)
    conf["tcp"]["synack_retries"] = 1
    conf["memory"]["half_open"] = 2048
    with Engine(bare_lab, conf) as engine:
        bare_lab.terminus = engine
        engine.idle = engine.objects()
        yield bare_lab
    echo.close()
    for server in servers:
        server.stop()


@contextlib.contextmanager
def under_attack(lab, expected, least=50):
    """What must hold while, and when, something happens to the front end."""
    before, rss = lab.terminus.counters(), rss_kb(lab.terminus.process.pid)
    with conversations(lab), Visitors(lab) as visitors:
        yield
        during = lab.terminus.counters()
        # Slow machines let fewer come in the time; the share needs some to be one.
        deadline = time.monotonic() + 20
        while len(visitors.times) < least and time.monotonic() < deadline:
            time.sleep(0.05)
    assert lab.terminus.running(), lab.terminus.output()
    visitors.verify(least)
    grown = {name for name in during if during[name] > before[name]}
    for group in expected:
        assert group & grown, f"none of {group} rose, but {sorted(grown)}"
    assert during["gave_up"] == before["gave_up"]
    assert rss_kb(lab.terminus.process.pid) <= rss + RSS_KB


def test_forged_frames(front_end, family):
    """One kind after the other, so that what each is counted as is seen."""
    lab = front_end
    forger = Forger(family, "02:00:5e:66:66:67", neighbour_mac(lab, FRONT[family]))
    with under_attack(lab, []):
        for kind, expected in RAW.items():
            # An AF_PACKET socket gets IPv4 fragments from the kernel when they are whole.
            if kind == "fragment" and family == 4:
                expected = []
            before = lab.terminus.counters()
            with RawFlood(lab.clients, "te-clients", forger.frames(kind)):
                time.sleep(SECONDS / 6)
            time.sleep(0.05)  # workers publish their counters every millisecond
            after = lab.terminus.counters()
            grown = {name for name in after if after[name] > before[name]}
            for group in expected:
                assert group & grown, f"{kind}: none of {group} rose, but {sorted(grown)}"


def test_poisoned_neighbours(front_end):
    """Somebody beside the backends, and beside the client, says that he is they."""
    lab = front_end
    floods = []
    for family in (4, 6):
        front_mac = neighbour_mac(lab, FRONT[family])
        lab.backends.run("ping", "-c", 1, BACK[family])
        back_mac = lab.backends.neighbour_mac(BACK[family])
        floods.append((lab.clients, "te-clients", Forger(family, front_mac, front_mac)))
        floods.append((lab.backends, "te-backends", Forger(family, back_mac, back_mac)))
    before = lab.terminus.counters()
    with under_attack(lab, [{"neighbour_contested"}, {"neighbour_requests"}]), \
            contextlib.ExitStack() as stack:
        for namespace, interface, forger in floods:
            stack.enter_context(RawFlood(namespace, interface, forger.frames("claims"), rate=500))
        time.sleep(SECONDS)
    assert lab.terminus.counters()["neighbour_moved"] == before["neighbour_moved"]


def test_sockstress(front_end):
    """Thousands complete the handshake, ask, and offer no window: for the answers memory must last."""
    lab = front_end
    with Sockstress(lab.clients, "te-clients", FRONT[4], HTTP,
                    neighbour_mac(lab, FRONT[4])) as attacker:
        with under_attack(lab, [{"passive_opens"}, {"window_probes"}]):
            attacker.open(HOARDED)
            time.sleep(SECONDS)
            assert len(attacker.opened) >= HOARDED * 0.95
            assert lab.terminus.objects()["connections"] >= HOARDED * 0.95
        attacker.reset()


def scan(lab, *how, ports="1-100,6379,7000,8080"):
    return lab.clients.run("nmap", "-n", "-Pn", "-T5", "--max-retries", "1", "-p", ports, *how,
                           FRONT[4], timeout=60).stdout


def test_port_scans(front_end):
    """What is open is found, what is not is not, and nobody else notices."""
    lab = front_end
    with under_attack(lab, [{"rst_sent"}]):
        assert "80/tcp   open" in scan(lab, "-sS")
        assert "80/tcp   open" in scan(lab, "-sT")
        for how in ("-sF", "-sN", "-sX"):
            assert "80/tcp   open|filtered" in scan(lab, how)
        assert "unfiltered tcp ports (reset)" in scan(lab, "-sA")
        if LONG:
            scan(lab, "-O", "--max-os-tries", "1", ports="80,81")


def hping3(lab, *how):
    """Sends for a moment; returns how many packets it says it has sent. On a busy machine it may be
    interrupted before it has begun, and says nothing."""
    for _ in range(5):
        done = lab.clients.run("timeout", "--signal=INT", SECONDS / 5, "hping3", "--quiet",
                               "-i", "u100", "--rand-source", "-p", WEB, *how, FRONT[4],
                               check=False)
        sent = re.search(r"(\d+) packets transmitted", done.stderr)
        if sent:
            return int(sent.group(1))
    raise AssertionError(f"hping3 has ended with {done.returncode}: {done.stderr}")


def test_hping3(front_end):
    """Nearly every packet is counted as what it is; some sources cannot be anybody's."""
    lab = front_end
    with under_attack(lab, [{"drop_bad_source"}]):
        for kind, (how, expected) in HPING3.items():
            before = lab.terminus.counters()
            sent = hping3(lab, *how)
            time.sleep(0.05)  # workers publish their counters every millisecond
            after = lab.terminus.counters()
            grown = {name: after[name] - before[name] for name in after}
            counted = sum(grown[name] for name in expected)
            if expected is SYNS:
                counted -= grown["passive_opens"]  # those of the clients who come meanwhile
            assert sent >= 100 and counted >= sent // 2, f"{kind}: of {sent} counted {counted}"


@pytest.mark.alternating
@pytest.mark.parametrize("flood", FLOODS)
def test_flood(front_end, family, flood):
    modes, expected = FLOODS[flood]
    with under_attack(front_end, expected):
        for mode in modes:
            before = front_end.terminus.counters()["rx_frames"]
            sent = tgen_flood(front_end, mode, family, RATE, SECONDS / len(modes))
            assert sent >= 1000
            assert front_end.terminus.counters()["rx_frames"] >= before + sent // 2


def test_syn_flood_from_one_source(front_end):
    with under_attack(front_end, [{"syncookies_sent"}]):
        assert tgen_flood(front_end, "syn", 4, RATE, SECONDS, clients=["192.0.2.99/32"]) >= 1000


def test_quiet_afterwards(front_end):
    """Every object is given back, and SYNs get entries again instead of cookies."""
    engine = front_end.terminus
    engine.settled(engine.idle, leaving_out=TIME_WAIT_OBJECTS)

    def gets_an_entry():
        before = engine.counters()
        front_end.clients.connect(FRONT[4], WEB).close()
        time.sleep(0.2)
        after = engine.counters()
        return after["syn_received"] == before["syn_received"] + 1 \
            and after["syncookies_sent"] == before["syncookies_sent"]

    assert engine.counters()["syncookies_begun"]
    wait_until(gets_an_entry, 30, "no cookies any more")
    engine.settled(engine.idle, leaving_out=TIME_WAIT_OBJECTS)
