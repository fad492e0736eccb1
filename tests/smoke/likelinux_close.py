# SPDX-License-Identifier: BSD-3-Clause
"""Cases about the end of a connection: FINs, half-closed connections, resets, TIME_WAIT."""
from likelinux_cases import FAR, MSS, SACK_OK, TS, Case, opened
from likelinux_lab import ACTOR, DISCARD, ECHO, HTTP
from likelinux_talk import heard, renew, seg, wait

SHORT, LONG = wait(0.06), wait(0.12)
GET = b"GET / HTTP/1.0\r\n\r\n"
SHUT = [*opened(), seg("PA", 1, 1, b"shut\n"), heard("F")]
IN_TIME_WAIT = [*SHUT, seg("A", 6, 2), SHORT, seg("FA", 6, 2), heard()]
STAMPED_TIME_WAIT = [*opened(MSS, TS), seg("PA", 1, 1, b"shut\n"), heard("F"),
                     seg("FA", 6, 2), heard()]

PEER_FIRST = {
    "fin": [seg("FA", 1, 1), LONG, seg("A", 2, 2), SHORT],
    "data-and-fin": [seg("FPA", 1, 1, 20), LONG, seg("A", 22, 22), SHORT],
    "fin-early": [seg("FA", 11, 1), SHORT, seg("PA", 1, 1, 10), LONG],
    "data-and-fin-early": [seg("FPA", 11, 1, 10), SHORT, seg("PA", 1, 1, 10), LONG],
    "fin-twice": [seg("FA", 1, 1), SHORT, seg("FA", 1, 1), LONG],
    "fin-again-with-data": [seg("FA", 1, 1), SHORT, seg("FPA", 1, 1, 10), LONG],
    "data-after-fin": [seg("FA", 1, 1), SHORT, seg("PA", 2, 1, 10), LONG],
    "data-under-fin": [seg("FA", 11, 1), SHORT, seg("PA", 1, 1, 20), LONG],
    "fin-below-data": [seg("PA", 11, 1, 10), SHORT, seg("FPA", 1, 1, 5), LONG],
    "two-fins": [seg("FA", 11, 1), SHORT, seg("FA", 21, 1), SHORT, seg("PA", 1, 1, 30), LONG],
    "fin-beyond-window": [seg("FA", 100000, 1), LONG],
    "fin-without-ack": [seg("F", 1), LONG], "fin-and-urgent": [seg("FUA", 1, 1, 10, urg=3), LONG],
    "syn-fin": [seg("SFA", 1, 1), LONG], "fin-rst": [seg("FRA", 1, 1), SHORT, seg("A", 1, 1)],
    "never-acked": [seg("FA", 1, 1), wait(0.9)],
    "acked-late": [seg("FA", 1, 1), wait(0.35), seg("A", 2, 2), LONG, seg("A", 2, 2), SHORT],
    "echo-unacked": [seg("FPA", 1, 1, 20), wait(0.9)],
    "reset-after-fin": [seg("FA", 1, 1), SHORT, seg("R", 2), SHORT, seg("A", 2, 2), SHORT],
}

WE_FIRST = {
    "acked": [seg("A", 6, 2), SHORT, seg("FA", 6, 2), LONG],
    "three-segments": [seg("FA", 6, 2), LONG],
    "simultaneous": [seg("FA", 6, 1), SHORT, seg("A", 7, 2), SHORT, seg("A", 7, 2), SHORT],
    "simultaneous-with-data": [seg("FPA", 6, 1, 10), SHORT, seg("A", 17, 2), SHORT],
    "unacked": [wait(1.0)],
    "data-in-fin-wait-1": [seg("PA", 6, 1, 10), LONG],
    "data-acking-fin": [seg("PA", 6, 2, 10), LONG],
    "data-in-fin-wait-2": [seg("A", 6, 2), SHORT, seg("PA", 6, 2, 10), LONG],
    "data-and-fin-in-fin-wait-2": [seg("A", 6, 2), SHORT, seg("FPA", 6, 2, 10), LONG],
    "early-in-fin-wait-2": [seg("A", 6, 2), SHORT, seg("PA", 16, 2, 10), SHORT,
                            seg("PA", 6, 2, 10), LONG],
    "fin-early-in-fin-wait-2": [seg("A", 6, 2), SHORT, seg("FA", 16, 2), SHORT,
                                seg("PA", 6, 2, 10), LONG],
    "closing-unacked": [seg("FA", 6, 1), wait(0.8)],
    "closing-reset": [seg("FA", 6, 1), SHORT, seg("R", 7), SHORT, seg("A", 7, 2), SHORT],
}

TIME_WAIT = {
    "fin-again": [seg("FA", 6, 2)], "fin-again-twice": [seg("FA", 6, 2), wait(0.6),
                                                         seg("FA", 6, 2)],
    "fin-old-ack": [seg("FA", 6, 1)], "ack": [seg("A", 7, 2)], "old-ack": [seg("A", 5, 2)],
    "data": [seg("PA", 7, 2, 10)], "old-data": [seg("PA", 1, 2, 5)],
    "reset": [seg("R", 7), SHORT, seg("FA", 6, 2)], "reset-ack": [seg("RA", 7, 2), SHORT,
                                                                 seg("FA", 6, 2)],
    "reset-wrong": [seg("R", 100), SHORT, seg("FA", 6, 2)],
    "syn-newer": [renew(70000), seg("S", opts=[MSS]), heard("S"), seg("PA", 1, 1, 5)],
    "syn-just-newer": [renew(8), seg("S", opts=[MSS]), heard("S")],
    "syn-older": [renew(-70000), seg("S", opts=[MSS])],
    "syn-same": [seg("S", opts=[MSS])], "syn-at-next": [renew(7), seg("S", opts=[MSS])],
    "syn-far": [renew(FAR), seg("S", opts=[MSS])],
    "syn-older-with-timestamp": [renew(-70000), seg("S", opts=[MSS, ("ts", 9000, 0)])],
    "syn-ack": [seg("SA", 7, 2)], "syn-fin": [renew(70000), seg("SF")],
    "syn-data": [renew(70000), seg("S", 0, 0, 10, opts=[MSS])],
}

STAMPED = {
    "syn-newer": [renew(70000), seg("S", opts=[MSS, ("ts", 9000, 0)]), heard("S")],
    "syn-newer-number-lower": [renew(-70000), seg("S", opts=[MSS, ("ts", 9000, 0)])],
    "syn-older": [renew(-70000), seg("S", opts=[MSS, ("ts", 4000, 0)])],
    "syn-older-number-higher": [renew(70000), seg("S", opts=[MSS, ("ts", 4000, 0)])],
    "syn-same-number-higher": [renew(70000), seg("S", opts=[MSS, ("ts", 5030, 0)])],
    "syn-same-number-lower": [renew(-70000), seg("S", opts=[MSS, ("ts", 5030, 0)])],
    "syn-without-number-higher": [renew(70000), seg("S", opts=[MSS])],
    "syn-without-number-lower": [renew(-70000), seg("S", opts=[MSS])],
    "fin-again": [seg("FA", 6, 2)], "fin-again-older": [seg("FA", 6, 2, ts=(4000, "last"))],
    "fin-again-without": [seg("FA", 6, 2, ts=None)],
    "data-older": [seg("PA", 7, 2, 5, ts=(4000, "last"))], "ack": [seg("A", 7, 2)],
    "reset-older": [seg("R", 7, ts=(4000, 0)), SHORT, seg("FA", 6, 2)],
}

RESETS = {
    "exact": [seg("R", 1)], "exact-with-ack": [seg("RA", 1, 1)],
    "exact-with-wrong-ack": [seg("RA", 1, 50000)], "in-window": [seg("R", 2)],
    "window-end": [seg("R", 60000)], "beyond-window": [seg("R", 70000)], "old": [seg("R", 0)],
    "far": [seg("R", FAR)], "exact-with-data": [seg("R", 1, 0, b"because")],
    "in-window-with-data": [seg("R", 100, 0, b"because")],
    "exact-with-urgent": [seg("RU", 1, urg=5)], "push": [seg("RP", 1)], "with-syn": [seg("SR", 1)],
    "with-syn-ack": [seg("SRA", 1, 1)], "in-window-thrice": [
        step for n in (2, 3, 4) for step in (seg("R", n), wait(0.02))],
    "behind-hole": [seg("PA", 11, 1, 10), SHORT, seg("R", 21)],
    "at-hole": [seg("PA", 11, 1, 10), SHORT, seg("R", 1)],
}

CHALLENGES = {
    "syn-exact": [seg("S", 1)], "syn-in-window": [seg("S", 100)], "syn-old": [seg("S", 0)],
    "syn-far": [seg("S", FAR)], "syn-ack": [seg("SA", 0, 1)],
    "syn-ack-in-window": [seg("SA", 1, 1)],
    "syn-with-data": [seg("S", 1, 0, 10)], "syn-thrice": [
        step for n in (100, 200, 300) for step in (seg("S", n), wait(0.02))],
    "syn-then-reset": [seg("S", 100), SHORT, seg("R", 1), SHORT, seg("S", opts=[MSS])],
    "ack-too-old-thrice": [step for n in (1, 2, 3) for step in (
        seg("A", 1, -(n << 24)), wait(0.02))],
    "out-of-window-thrice": [step for n in (1, 2, 3) for step in (
        seg("A", n << 20, 1), wait(0.02))],
    "out-of-window-data-thrice": [step for n in (1, 2, 3) for step in (
        seg("PA", n << 20, 1, 5), wait(0.02))],
    "unsent-thrice": [step for n in (1, 2, 3) for step in (seg("A", 1, 1000 + n), wait(0.02))],
}


def closed_for_good():
    """The service has closed; nobody reads any more."""
    answered = [*opened(), seg("PA", 1, 1, GET), heard("F")]
    nxt, end = 1 + len(GET), 90
    for name, steps in {
            "data": [seg("PA", nxt, 1, 10)], "data-acking": [seg("PA", nxt, end, 10)],
            "fin": [seg("FA", nxt, end)], "acked": [seg("A", nxt, end)],
            "data-in-fin-wait-2": [seg("A", nxt, end), SHORT, seg("PA", nxt, end, 10), SHORT,
                                   seg("PA", nxt, end, 10)],
            "fin-with-data": [seg("A", nxt, end), SHORT, seg("FPA", nxt, end, 10)],
            "old-data": [seg("A", nxt, end), SHORT, seg("PA", 1, end, 5)],
            "reset": [seg("R", nxt), SHORT, seg("A", nxt, end)],
            "gone-after-fin-timeout": [seg("A", nxt, end), wait(3.6), seg("A", nxt, end)],
            "keeps-fin-wait-2": [seg("A", nxt, end), wait(1.0), seg("FA", nxt, end)]}.items():
        yield Case(f"closed-by-service/{name}", [*answered, *steps, LONG], HTTP)
    for name, command in {"abort": b"abort\n", "close": b"close\n",
                          "write-close": b"write:500 close\n"}.items():
        yield Case(f"application/{name}", [*opened(), seg("PA", 1, 1, command), wait(0.15)], ACTOR)


def cases():
    last = [seg("PA", 0, 1, 1), SHORT]
    for name, steps in PEER_FIRST.items():
        yield Case(f"peer-closes/{name}", [*opened(MSS, SACK_OK), *steps], ECHO, slack=0.1)
    for name, steps in WE_FIRST.items():
        yield Case(f"listener-closes/{name}", [*SHUT, *steps], ACTOR, slack=0.1)
    for name, steps in TIME_WAIT.items():
        yield Case(f"time-wait-cases/{name}", [*IN_TIME_WAIT, *steps, LONG], ACTOR)
    for name, steps in STAMPED.items():
        yield Case(f"time-wait-timestamps/{name}", [*STAMPED_TIME_WAIT, *steps, LONG], ACTOR,
                   ts=True)
    for name, steps in RESETS.items():
        yield Case(f"resets/{name}", [*opened(), *steps, LONG, *last], DISCARD)
    for name, steps in CHALLENGES.items():
        yield Case(f"challenges/{name}", [*opened(), *steps, LONG, *last], DISCARD)
    yield from closed_for_good()


CASES = list(cases())
