# SPDX-License-Identifier: BSD-3-Clause
"""Garbage on the wire: the engine goes on serving and keeps nothing of it."""
import json
import os
import socket
import time

import pytest

from engine import WEB
from garbage import frames
from netlab import CLIENT, FRONT, url

COUNT = 1500


def mac_of(namespace, interface):
    listed = json.loads(namespace.run("ip", "-j", "link", "show", interface).stdout)
    return listed[0]["address"]


@pytest.mark.parametrize("seed", [1, 2] if os.environ.get("TERMINUS_SMOKE_LONG") else [1])
def test_engine_survives_garbage(lab, family, seed):
    lab.clients.run("curl", "-sS", "-m", 5, url(FRONT[family]))
    received = lab.terminus.counters()["rx_frames"]
    client_mac, front_mac = mac_of(lab.clients, "te-clients"), lab.clients.neighbour_mac(FRONT[family])
    with lab.clients.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        with lab.clients.entered():
            raw.bind(("te-clients", 0))
        garbage = frames(seed, COUNT, CLIENT[family], client_mac, FRONT[family], front_mac, WEB)
        for number, frame in enumerate(garbage):
            raw.send(frame)
            if number % 50 == 0:
                time.sleep(0.002)  # or a tap's queue overflows before the engine has seen it
    for _ in range(5):
        assert lab.clients.run("curl", "-sS", "-m", 8,
                               url(FRONT[family])).stdout.startswith("hello")
    assert lab.terminus.counters()["rx_frames"] >= received + COUNT * 0.8
