# SPDX-License-Identifier: BSD-3-Clause
"""Frames that pass from worker to worker and back: fragments belong to one, the connection they
carry to another."""
import socket
import time

from scapy.all import TCP, Ether, IPv6, IPv6ExtHdrFragment, Raw

from engine import HTTP, Engine, lab_config
from netlab import CLIENT, FRONT
from test_garbage import mac_of

COUNT = 40


def fragmented_syns(ether):
    """SYNs of different ports in two fragments each."""
    for number in range(COUNT):
        ip = IPv6(src=CLIENT[6], dst=FRONT[6])
        segment = bytes(ip / TCP(sport=5000 + number, dport=HTTP, seq=1, flags="S",
                                 options=[("MSS", 1440), ("NOP", None), ("NOP", None)]))[40:]
        for start, end in ((0, 24), (24, len(segment))):
            yield bytes(ether / ip / IPv6ExtHdrFragment(nh=6, offset=start // 8, id=1000 + number,
                                                        m=int(end < len(segment)))
                        / Raw(segment[start:end]))


def test_fragments_for_a_third_worker_arrive(bare_lab):
    """Worker 0 has the only queue; what worker 1 puts together goes back to it at once."""
    config = lab_config(bare_lab)
    config["workers"]["count"] = 2
    with Engine(bare_lab, config, name="handover") as engine:
        bare_lab.clients.run("ping", "-c", "1", FRONT[6])
        ether = Ether(src=mac_of(bare_lab.clients, "te-clients"),
                      dst=bare_lab.clients.neighbour_mac(FRONT[6]))
        before = engine.counters()
        with bare_lab.clients.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            with bare_lab.clients.entered():
                raw.bind(("te-clients", 0))
            for frame in fragmented_syns(ether):
                raw.send(frame)
        time.sleep(0.5)
        after = engine.counters()
    assert after["reassembled"] - before["reassembled"] == COUNT
    assert after["syn_received"] - before["syn_received"] == COUNT
    assert after["taken_over"] - before["taken_over"] > 0
