# SPDX-License-Identifier: BSD-3-Clause
"""Cases about data: order, overlap, SACK, ACKs, timestamps, windows, timers."""
from likelinux_cases import FAR, MSS, SACK_OK, TS, WSCALE, Case, opened
from likelinux_lab import ACTOR, DISCARD, ECHO, NARROW
from likelinux_talk import fill, heard, seg, wait

ALL = [MSS, SACK_OK, TS, "nop", WSCALE]
SHORT, LONG = wait(0.06), wait(0.12)


def sent(*segments):
    """Data segments one after the other, each (seq, bytes), with a wait behind each."""
    return [step for seq, data in segments for step in (seg("PA", seq, 1, data), SHORT)]


# What arrives, in this order; a byte in order ends each. Echoed, so that the text shows.
ORDER = {
    "in-order": [(1, 10), (11, 10)], "early": [(11, 10), (1, 10)],
    "early-twice": [(11, 10), (11, 10), (1, 10)], "duplicate": [(1, 10), (1, 10)],
    "three-holes": [(11, 5), (21, 5), (31, 5), (1, 10), (16, 5), (26, 5)],
    "five-holes": [(11, 5), (21, 5), (31, 5), (41, 5), (51, 5), (1, 50)],
    "reversed": [(31, 10), (21, 10), (11, 10), (1, 10)],
    "middle-filled": [(11, 5), (21, 5), (16, 5), (1, 10)],
    "covers-early": [(11, 5), (5, 20), (1, 4)], "partly-old": [(1, 10), (6, 10)],
    "old-and-new": [(1, 10), (1, 20)], "overlaps-early-front": [(11, 10), (6, 10), (1, 5)],
    "overlaps-early-back": [(11, 10), (16, 10), (1, 10)],
    "in-order-overlaps-early": [(11, 10), (1, 15)], "in-order-covers-early": [(11, 5), (1, 25)],
    "other-content": [(11, b"AAAAA"), (11, b"BBBBB"), (1, 10)],
    "other-content-overlap": [(11, b"AAAAA"), (13, b"BBBBB"), (1, 10)],
    "other-content-covering": [(13, b"AA"), (11, b"BBBBBB"), (1, 10)],
    "other-content-in-order": [(11, b"AAAAA"), (1, b"BBBBBBBBBBBBBBBBBBBB")],
    "old-behind-hole": [(1, 10), (21, 10), (1, 10), (11, 10)],
    "far-beyond-window": [(200000, 20), (1, 10)], "one-byte-each": [(3, 1), (2, 1), (1, 1)],
    "keepalive": [(1, 10), (10, 0), (10, 1)], "keepalive-first": [(0, 0), (0, 1), (1, 5)],
    "empty-early": [(11, 0), (1, 10)],
}

FLAGGED = {
    "urgent-in-order": [seg("UA", 1, 1, 10, urg=5), LONG, seg("PA", 11, 1, 5)],
    "urgent-0": [seg("UA", 1, 1, 10, urg=0), LONG, seg("PA", 11, 1, 5)],
    "urgent-beyond": [seg("UA", 1, 1, 10, urg=100), LONG, seg("PA", 11, 1, 5)],
    "urgent-65535": [seg("UA", 1, 1, 10, urg=65535), LONG, seg("PA", 11, 1, 5)],
    "urgent-empty": [seg("UA", 1, 1, urg=3), LONG, seg("PA", 1, 1, 5)],
    "urgent-pointer-without-flag": [seg("PA", 1, 1, 10, urg=5), LONG, seg("PA", 11, 1, 5)],
    "no-push": [seg("A", 1, 1, 10), LONG], "reserved": [seg("PA", 1, 1, 10, reserved=15), LONG],
    "ece": [seg("PAE", 1, 1, 10), LONG], "cwr": [seg("PAW", 1, 1, 10), LONG],
    "ack-zero": [seg("P", 1, 0, 10), LONG, seg("PA", 1, 1, 5)],
    "mss-option": [seg("PA", 1, 1, 10, opts=[("mss", 100)]), LONG],
    "wscale-option": [seg("PA", 1, 1, 10, opts=[WSCALE]), LONG],
    "unknown-option": [seg("PA", 1, 1, 10, opts=[bytes([253, 4, 1, 2])]), LONG],
    "bad-option": [seg("PA", 1, 1, 10, opts=bytes([77, 0, 0, 0])), LONG],
    "forty-bytes-of-options": [seg("PA", 1, 1, 10, opts=["nop"] * 40), LONG],
    "sack-not-agreed": [seg("PA", 1, 1, 10, opts=[("sack", 5, 10)]), LONG],
    "timestamp-not-agreed": [seg("PA", 1, 1, 10, opts=["nop", "nop", ("ts", 5, 6)]), LONG],
}

# The ACKs of ten times a hundred bytes that have been written; what then is sent again.
ACKED = {
    "none": [wait(0.9)], "all": [seg("A", 12, 1001), wait(0.5)],
    "half": [seg("A", 12, 501), wait(0.5)], "one-byte": [seg("A", 12, 2), wait(0.5)],
    "division": [step for n in range(100, 1100, 100) for step in (seg("A", 12, n + 1), wait(0.02))],
    "beyond": [seg("A", 12, 1002), SHORT, seg("A", 12, 1001), LONG],
    "far-beyond": [seg("A", 12, 100000), SHORT], "old": [seg("A", 12, 0), SHORT],
    "twice": [seg("A", 12, 501), wait(0.03), seg("A", 12, 501), wait(0.03)],
    "window-0": [seg("A", 12, 1001, win=0), wait(0.5)],
    "back": [seg("A", 12, 1001), SHORT, seg("A", 12, 501), SHORT],
    "with-data": [seg("PA", 12, 1001, 10), SHORT], "with-fin": [seg("FA", 12, 1001), SHORT],
    "behind-hole": [seg("A", 100, 1001), wait(0.4)],
    "beyond-window-with-ack": [seg("A", 100000, 1001), wait(0.5)],
    "sack-of-all": [seg("A", 12, 1, opts=["nop", "nop", ("sack", 1, 1001)]), wait(0.5)],
    "sack-of-unsent": [seg("A", 12, 1, opts=["nop", "nop", ("sack", 2001, 3001)]), wait(0.5)],
    "sack-backwards": [seg("A", 12, 1, opts=["nop", "nop", ("sack", 900, 500)]), wait(0.5)],
}

# Many segments written with a congestion window of ten: what loss recovery sends.
BULK = {
    "nothing-acked": [wait(0.8)], "first-acked": [seg("A", 15, 1461), wait(0.25)],
    "all-acked": [seg("A", 15, 14601), wait(0.1)],
    "three-duplicates": [step for _ in range(3) for step in (seg("A", 15, 1), wait(0.02))],
    "four-duplicates": [step for _ in range(4) for step in (seg("A", 15, 1), wait(0.02))],
    "one-lost": [seg("A", 15, 1, opts=["nop", "nop", ("sack", 1461, 14601)]), wait(0.1),
                 seg("A", 15, 14601), wait(0.1)],
    "first-and-third-lost": [seg("A", 15, 1, opts=[
        "nop", "nop", ("sack", 4381, 14601, 1461, 2921)]), wait(0.1)],
    "second-sacked": [seg("A", 15, 1, opts=["nop", "nop", ("sack", 1461, 2921)]), wait(0.1)],
    "last-lost": [seg("A", 15, 13141), wait(0.1)],
    "sack-last": [seg("A", 15, 1, opts=["nop", "nop", ("sack", 13141, 14601)]), wait(0.15)],
    "sacked-then-reneged": [seg("A", 15, 1, opts=["nop", "nop", ("sack", 1461, 14601)]), wait(0.05),
                            seg("A", 15, 1461), wait(0.3)],
    "window-shrunk": [seg("A", 15, 1461, win=2000), wait(0.3), seg("A", 15, 1461, win=100), LONG],
}

# In a connection with timestamps, whose TS.Recent is 5020 at first.
STAMPED = {
    "missing": [seg("PA", 1, 1, 5, ts=None), SHORT, seg("PA", 1, 1, 10)],
    "missing-on-ack": [seg("A", 1, 1, ts=None), SHORT, seg("PA", 1, 1, 10)],
    "older": [seg("PA", 1, 1, 5, ts=(4000, "last")), SHORT, seg("PA", 1, 1, 10)],
    "one-older": [seg("PA", 1, 1, 5, ts=(5009, "last")), SHORT, seg("PA", 1, 1, 10)],
    "older-ack": [seg("A", 1, 1, ts=(4000, "last")), SHORT, seg("PA", 1, 1, 10)],
    "older-reset": [seg("R", 1, 0, ts=(4000, 0)), SHORT, seg("PA", 1, 1, 10)],
    "older-fin": [seg("FA", 1, 1, ts=(4000, "last")), SHORT, seg("PA", 1, 1, 10)],
    "older-syn": [seg("S", 1, 1, ts=(4000, 0)), SHORT, seg("PA", 1, 1, 10)],
    "far-older": [seg("PA", 1, 1, 5, ts=(5000 + FAR, "last")), SHORT, seg("PA", 1, 1, 10)],
    "much-newer": [seg("PA", 1, 1, 5, ts=(5000 + (1 << 30), "last")), SHORT,
                   seg("PA", 6, 1, 10, ts=(5001 + (1 << 30), "last"))],
    "same": [seg("PA", 1, 1, 5, ts=(5010, "last")), SHORT, seg("PA", 6, 1, 5, ts=(5010, "last"))],
    "echo-0": [seg("PA", 1, 1, 5, ts=(5020, 0))],
    "echo-wrong": [seg("PA", 1, 1, 5, ts=(5020, 12345))],
    "early-not-echoed": [seg("PA", 6, 1, 5, ts=(6000, "last")), SHORT,
                         seg("PA", 1, 1, 5, ts=(6100, "last"))],
    "early-then-older-in-order": [seg("PA", 6, 1, 5, ts=(6100, "last")), SHORT,
                                  seg("PA", 1, 1, 5, ts=(6000, "last"))],
    "duplicate-newer": [seg("PA", 1, 1, 5), LONG, 
                        seg("PA", 1, 1, 5, ts=(7000, "last")), SHORT,
                        seg("PA", 6, 1, 5, ts=(7100, "last"))],
    "beyond-window-not-echoed": [seg("PA", 900000, 1, 5, ts=(6000, "last")), SHORT,
                                 seg("PA", 1, 1, 5, ts=(5500, "last"))],
    "bad-ack-not-echoed": [seg("A", 1, 50000, ts=(6000, "last")), SHORT,
                           seg("PA", 1, 1, 5, ts=(5500, "last"))],
    "ack-newer-echoed": [seg("A", 1, 1, ts=(6000, "last")), SHORT,
                         seg("PA", 0, 1, 1, ts=(6000, "last"))],
    "twice-in-a-segment": [seg("PA", 1, 1, 5, opts=[("ts", 5100, 0), ("ts", 5200, 0)], ts=None)],
    "odd-place": [seg("PA", 1, 1, 5, opts=["nop", ("ts", 5100, 0), "nop"], ts=None)],
    "length-9": [seg("PA", 1, 1, 5, opts=[bytes([8, 9]) + bytes(7)], ts=None), SHORT,
                 seg("PA", 1, 1, 10)],
    "sack-with": [seg("PA", 11, 1, 5), SHORT, seg("PA", 21, 1, 5), SHORT, seg("PA", 31, 1, 5),
                  SHORT, seg("PA", 41, 1, 5), SHORT, seg("PA", 1, 1, 40)],
}


def windows():
    """The listener's window is closed, or the client's."""
    closed = [*opened(), seg("PA", 1, 1, b"hold\n"), wait(0.15), fill(), wait(0.3)]
    for name, steps in {
            "probe-1": [seg("A", 1, 1, 1)], "probe-0": [seg("A", 0, 1)],
            "probe-old-byte": [seg("A", 0, 1, 1)], "data": [seg("PA", 1, 1, 1000)],
            "fin": [seg("FA", 1, 1)], "beyond": [seg("PA", 100, 1, 10)],
            "reset": [seg("R", 1), SHORT, seg("A", 1, 1)],
            "reset-beyond": [seg("R", 2), SHORT, seg("A", 1, 1, 1)],
            "syn": [seg("S", 1)], "ack-beyond": [seg("A", 2, 1)],
            "urgent": [seg("UA", 1, 1, 1, urg=1)],
            "probe-twice": [seg("A", 1, 1, 1), wait(0.3), seg("A", 1, 1, 1)]}.items():
        yield Case(f"closed-window/{name}", [*closed, *steps, LONG], NARROW)
    write = seg("PA", 1, 1, b"write:3000\n")
    for name, steps in {
            "in-handshake": [*opened(win=0), seg("PA", 1, 1, b"write:3000\n", win=0), wait(0.9)],
            "later": [*opened(), write, heard("P"), seg("A", 12, 1461, win=0), wait(0.9)],
            "opens": [*opened(win=0), seg("PA", 1, 1, b"write:3000\n", win=0), wait(0.15),
                      seg("A", 12, 1, win=5000), LONG],
            "one-byte": [*opened(win=0), seg("PA", 1, 1, b"write:3000\n", win=0), wait(0.15),
                         seg("A", 12, 1, win=1), wait(0.5)],
            "of-1-in-syn": [*opened(win=1), seg("PA", 1, 1, b"write:3000\n", win=1), wait(0.5)],
            "half-segment": [*opened(win=0), seg("PA", 1, 1, b"write:3000\n", win=0), wait(0.15),
                             seg("A", 12, 1, win=700), wait(0.5)],
            "small": [*opened(win=2000), seg("PA", 1, 1, b"write:5000\n", win=2000), wait(0.15),
                      seg("A", 12, 1461, win=2000), wait(0.15)],
            "update-old": [*opened(win=0), seg("PA", 1, 1, b"write:3000\n", win=0), wait(0.15),
                           seg("A", 1, 1, win=5000), LONG],
            "probe-answered": [*opened(win=0), seg("PA", 1, 1, b"write:3000\n", win=0), wait(0.3),
                               seg("A", 12, 1, win=0), wait(0.6)],
            "fin-waits": [*opened(win=0), seg("PA", 1, 1, b"write:10 shut\n", win=0), wait(0.15),
                          seg("A", 16, 1, win=5000), LONG],
            "fin-alone": [*opened(win=0), seg("PA", 1, 1, b"shut\n", win=0), wait(0.15)]}.items():
        yield Case(f"zero-window/{name}", steps, ACTOR, slack=0.12)


def writes():
    command = seg("PA", 1, 1, b"write:1000\n")
    for name, steps in ACKED.items():
        yield Case(f"acks/{name}", [*opened(MSS, SACK_OK), command, heard("P"), *steps], ACTOR)
    for size in (536, 1000, 1460):
        yield Case(f"segments/mss-{size}", [*opened(("mss", size)), seg(
            "PA", 1, 1, b"write:4000\n"), LONG, seg("A", 12, 4001), SHORT], ACTOR)
    for name, steps in BULK.items():
        opts = () if "duplicates" in name else (SACK_OK,)
        yield Case(f"bulk/{name}", [*opened(MSS, *opts), seg("PA", 1, 1, b"write:60000\n\0\0"),
                                    wait(0.06), *steps], ACTOR, (4,), slack=0.1)
    for name, opts in {"plain": [], "timestamps": [TS], "sack": [SACK_OK, TS]}.items():
        yield Case(f"retransmission/{name}", [*opened(MSS, *opts), seg(
            "PA", 1, 1, b"write:100\n"), wait(1.8), seg("A", 11, 101), SHORT], ACTOR,
            ts=TS in opts, slack=0.1)


def cases():
    for name, segments in ORDER.items():
        steps = sent(*segments) + [seg("PA", 0, 1, 1), SHORT]
        yield Case(f"order/{name}", [*opened(), *steps], DISCARD)
        yield Case(f"order-sack/{name}", [*opened(MSS, SACK_OK), *steps], DISCARD)
        yield Case(f"order-echo/{name}", [*opened(MSS, SACK_OK, WSCALE), *steps], ECHO, (4,))
    for name, steps in FLAGGED.items():
        yield Case(f"flagged/{name}", [*opened(), *steps, SHORT], DISCARD)
    for name, steps in STAMPED.items():
        yield Case(f"timestamps/{name}", [*opened(*ALL), *steps, LONG], DISCARD, ts=True)
    yield Case("acknowledgement/delayed", [*opened(), seg("A", 1, 1, 10), wait(0.1)], DISCARD)
    yield Case("acknowledgement/of-each-second", [
        *opened(), *(step for n in range(4) for step in (
            seg("A", 1 + 1400 * n, 1, 1400), wait(0.02))), LONG], DISCARD)
    small = [seg("PA", 1, 1, 5), LONG, seg("PA", 6, 1, 5), LONG]
    yield Case("nagle/held", [*opened(), *small, seg("A", 11, 6), LONG], ECHO)
    yield Case("nagle/held-and-joined", [*opened(), *small, seg("PA", 11, 1, 5), SHORT,
                                         seg("A", 16, 6), LONG], ECHO)
    yield Case("nagle/fin-goes", [*opened(), *small, seg("FA", 11, 1), SHORT], ECHO)
    yield from writes()
    yield from windows()


CASES = list(cases())
