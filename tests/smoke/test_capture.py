# SPDX-License-Identifier: BSD-3-Clause
"""What one connection looks like on the wire, on both sides of the proxy, to tshark."""
import time

import pytest

from capture import FLAGS, capturing
from engine import STREAM
from netlab import BACK, BACKENDS, CLIENT, FRONT, url
from netns import wait_until

FIN_FILTER = "tcp[13] & 1 != 0 or (ip6[6] = 6 and ip6[53] & 1 != 0)"
PADDING = {0, 1}
MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS = 2, 3, 4, 8
SYN, ACK, FIN, PSH = (FLAGS[flag] for flag in "SAFP")


def check_connection(capture, opener, answerer):
    """One complete connection from SYN to the ACK of the last FIN, and nothing else."""
    assert capture.trouble() == ""
    assert capture.unverified() == []
    segments = capture.segments
    assert {s["source"] for s in segments} == {opener, answerer}
    assert [(s["source"], s["flags"] & ~PSH) for s in segments[:3]] == [
        (opener, SYN), (answerer, SYN | ACK), (opener, ACK)]
    for flags in (SYN, SYN | ACK):
        assert capture.options(flags) - PADDING == {MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS}
    for side in (opener, answerer):
        fins = [s for s in segments if s["source"] == side and s["flags"] & FIN]
        assert len(fins) == 1, f"{side} sent {len(fins)} FINs"
        after_fin = fins[0]["seq"] + fins[0]["len"] + 1
        acks = [s["ack"] for s in segments if s["source"] != side and s["flags"] & ACK]
        assert max(acks) == after_fin, f"the FIN of {side} was not acknowledged"
    assert segments[-1]["flags"] == ACK and segments[-1]["len"] == 0


def payload_bytes(capture, source):
    return sum(s["len"] for s in capture.segments if s["source"] == source)


def wait_for_both_fins(*captures):
    for capture in captures:
        wait_until(lambda c=capture: c.count(FIN_FILTER) >= 2, 10, "both FINs captured")
    time.sleep(0.3)  # the ACK of the last FIN may be a delayed one


@pytest.mark.in_order
@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_one_request_on_both_sides(lab, family, connection):
    """close: the server's FIN is first; keep-alive: curl's is."""
    with capturing(lab, lab.clients, "te-clients") as front, \
         capturing(lab, lab.backends, "te-backends") as back:
        lab.clients.run("curl", "-sS", "-m", 5, "-H", f"Connection: {connection}",
                        url(FRONT[family]))
        wait_for_both_fins(front, back)
    check_connection(front, CLIENT[family], FRONT[family])
    backend = back.segments[0]["destination"]
    assert backend in BACKENDS[4]
    check_connection(back, BACK[4], backend)
    assert payload_bytes(front, CLIENT[family]) == payload_bytes(back, BACK[4])
    assert payload_bytes(front, FRONT[family]) == payload_bytes(back, backend)


def test_full_segments_fill_the_mtu(lab, family):
    """The engine sends segments of its MSS: 1,500 bytes less the headers and timestamps."""
    with capturing(lab, lab.clients, "te-clients") as front:
        with lab.backends.listen(BACKENDS[4][0], STREAM) as listener, \
             lab.clients.connect(FRONT[family], STREAM) as client:
            backend, _ = listener.accept()
            with backend:
                backend.sendall(b"x" * 100_000)
            while client.recv(65536):
                pass
        wait_for_both_fins(front)
    assert front.unverified() == []
    largest = max(s["len"] for s in front.segments if s["source"] == FRONT[family])
    assert largest == 1500 - {4: 20, 6: 40}[family] - 20 - 12
