# SPDX-License-Identifier: BSD-3-Clause
"""A flood of SYNs, a stuck pool, full listeners: who gets in, and what is told of it."""
import json
import socket
import struct

import pytest
from scapy.all import IP, TCP, Ether

from engine import Engine
from netlab import BACK, BACKENDS, FRONT, host_port
from netns import wait_until

ECHO, OTHER, STUCK = 7, 17, 8000
HALF_OPEN = 64
BACKLOG = 4


def config(lab):
    return {
        "instance": lab.instance,
        "memory": {"connections": 256, "half_open": HALF_OPEN, "time_wait": 256, "buffers": 4096},
        "ports": [{"name": "front", "device": lab.device("front"),
                   "addresses": [f"{FRONT[4]}/24"]},
                  {"name": "back", "device": lab.device("back"), "addresses": [f"{BACK[4]}/24"]}],
        "tcp": {"synack_retries": 0},
        "listeners": [
            {"name": "echo", "address": host_port(FRONT[4], ECHO), "service": "echo"},
            {"name": "other", "address": host_port(FRONT[4], OTHER), "service": "echo",
             "max_connections": 64, "reserve": 64, "tcp": {"max_syn_backlog": 8}},
            {"name": "stuck", "address": host_port(FRONT[4], STUCK), "service": "proxy",
             "pool": "stuck", "backlog": BACKLOG}],
        "pools": [{"name": "stuck", "sources": [BACK[4]], "max_connections": 64,
                   "backends": [{"name": "b", "address": host_port(BACKENDS[4][0], STUCK)}]}],
    }


@pytest.fixture
def engine(bare_lab):
    with Engine(bare_lab, config(bare_lab)) as running:
        yield running


def flood(lab, count, port=ECHO):
    """SYNs from hosts that are not there, and never answer."""
    def mac(*where):
        return json.loads(lab.clients.run("ip", "-j", *where).stdout)[0]
    ours = mac("link", "show", "te-clients")["address"]
    theirs = mac("neighbour", "show", FRONT[4])["lladdr"]
    with lab.clients.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        with lab.clients.entered():
            raw.bind(("te-clients", 0))
        for number in range(count):
            raw.send(bytes(Ether(src=ours, dst=theirs)
                           / IP(src=f"192.0.2.{100 + number % 100}", dst=FRONT[4])
                           / TCP(sport=1024 + number, dport=port, flags="S", seq=number,
                                 options=[("MSS", 1460)])))


def echoes(client):
    client.sendall(b"hello")
    return client.recv(100) == b"hello"


def abort(client):
    """With a RST: the backend never closes, so it would keep a connection half-open for ever."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def listener(engine, name):
    return next(row for row in engine.rows("listeners") if row["name"] == name)


def test_flood_of_syns(bare_lab, engine):
    with bare_lab.clients.connect(FRONT[4], ECHO) as before:
        flood(bare_lab, 4 * HALF_OPEN)
        assert listener(engine, "echo")["cookies"] == 1
        assert listener(engine, "other")["cookies"] == 0
        with bare_lab.clients.connect(FRONT[4], ECHO) as client, \
             bare_lab.clients.connect(FRONT[4], OTHER) as other:
            assert echoes(client) and echoes(other) and echoes(before)
        row = listener(engine, "echo")
        assert row["cookies_sent"] > HALF_OPEN
        assert row["cookies_received"] == 1
        assert listener(engine, "other")["cookies_sent"] == 0
        assert f"TcpExtSyncookiesSent            {row['cookies_sent']} " in \
            engine.ctl("counters", "--linux")
        assert f"SyncookiesSent:{row['cookies_sent']} " in engine.ctl("listeners", "-i")
        wait_until(lambda: "left of the 64 of all listeners (memory.half_open): it sends SYN "
                   "cookies" in engine.output(), 5, "the beginning is told")
        wait_until(lambda: "half-open entries: no more SYN cookies after" in engine.output(), 30,
                   "the end is told")
        told = [line for line in engine.output().splitlines() if "SYN cookies" in line]
        assert len(told) == 2, told
        assert all('listener "echo" at 192.0.2.1:7' in line for line in told)
        assert listener(engine, "echo")["cookies"] == 0
        sent = row["cookies_sent"]
        assert f" s, {sent} were sent and 1 came back\n" in engine.output()

    # Another one, shorter: its figures are its own.
    flood(bare_lab, 2 * HALF_OPEN)
    again = listener(engine, "echo")["cookies_sent"] - sent
    wait_until(lambda: f" s, {again} were sent and 0 came back\n" in engine.output(), 30,
               "the end is told")


def test_flood_beyond_the_own_limit(bare_lab, engine):
    flood(bare_lab, HALF_OPEN, OTHER)
    wait_until(lambda: 'listener "other" at 192.0.2.1:17 had no half-open entry left of its 8 '
               "(max_syn_backlog): it sends SYN cookies" in engine.output(), 5,
               "the beginning is told")


def test_reserve_and_limit(bare_lab, engine):
    clients = []
    try:
        # 256 in all, of which "other" keeps 64.
        for _ in range(256 - 64):
            clients.append(bare_lab.clients.connect(FRONT[4], ECHO))
        wait_until(lambda: listener(engine, "echo")["connections"] == 192, 5, "all are there")
        late = bare_lab.clients.connect(FRONT[4], ECHO)
        late.settimeout(1)
        clients.append(late)
        with pytest.raises((TimeoutError, ConnectionError)):
            echoes(late)
        for _ in range(64):
            clients.append(bare_lab.clients.connect(FRONT[4], OTHER))
            assert echoes(clients[-1])
        row = listener(engine, "other")
        assert (row["connections"], row["max_connections"], row["reserve"]) == (64, 64, 64)
        with pytest.raises(TimeoutError):
            bare_lab.clients.connect(FRONT[4], OTHER, timeout=2)
        assert engine.counters()["drop_max_connections"] >= 1
        assert engine.counters()["drop_no_connection"] >= 1
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: engine.objects()["connections"] == 0, 10, "all are given back")
    with bare_lab.clients.connect(FRONT[4], ECHO) as client:
        assert echoes(client)


def test_stuck_pool_shows_in_the_accept_queue(bare_lab, engine):
    """Clients wait for a slot in the accept queue; then the queue refuses them."""
    clients = []
    with bare_lab.backends.listen(BACKENDS[4][0], STUCK):
        try:
            for _ in range(64 + BACKLOG):
                clients.append(bare_lab.clients.connect(FRONT[4], STUCK))
            wait_until(lambda: listener(engine, "stuck")["recv_q"] == BACKLOG, 5, "the queue fills")
            with pytest.raises(TimeoutError):
                bare_lab.clients.connect(FRONT[4], STUCK, timeout=2)
            row = listener(engine, "stuck")
            assert (row["recv_q"], row["send_q"]) == (BACKLOG, BACKLOG)
            assert row["overflows"] >= 1 and row["drops"] >= row["overflows"]
            # A slot is free again, so who waits longest gets it.
            abort(clients.pop(0))
            wait_until(lambda: listener(engine, "stuck")["recv_q"] == BACKLOG - 1, 10,
                       "the next one gets the slot")
        finally:
            for client in clients:
                abort(client)
