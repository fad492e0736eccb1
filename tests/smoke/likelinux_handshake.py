# SPDX-License-Identifier: BSD-3-Clause
"""Cases about the handshake: options, odd SYNs, retries, the third segment."""
from likelinux_cases import FAR, MSS, SACK_OK, TS, WSCALE, Case, opened
from likelinux_lab import ACTOR, CLOSED, ECHO
from likelinux_talk import heard, renew, seg, wait

CLOCKED = 6000  # a timestamp that is newer than the SYN's
ALL = [MSS, SACK_OK, TS, "nop", WSCALE]


def syn_with(*opts):
    """What a SYN with these options is answered, and whether the connection then works."""
    stamped = any(word[0] == "ts" for word in opts)
    return [seg("S", opts=list(opts)), wait(0.1),
            seg("A", 1, 1, ts=(CLOCKED, "last") if stamped else None), wait(0.05),
            seg("PA", 1, 1, 20, ts=(CLOCKED + 1, "last") if stamped else None), wait(0.1)]


OPTIONS = {
    "none": (), "all": ALL, "mss-0": [("mss", 0)], "mss-1": [("mss", 1)], "mss-88": [("mss", 88)],
    "mss-536": [("mss", 536)], "mss-1460": [MSS], "mss-65495": [("mss", 65495)],
    "wscale-0": [("wscale", 0)], "wscale-7": [WSCALE], "wscale-14": [("wscale", 14)],
    "wscale-15": [("wscale", 15)], "wscale-255": [("wscale", 255)], "sack-permitted": [SACK_OK],
    "timestamps": [TS], "timestamps-sack": [TS, SACK_OK], "timestamps-echo-set": [("ts", 5000, 77)],
    "timestamps-zero": [("ts", 0, 0)],
    "mss-twice": [("mss", 1000), ("mss", 500)], "wscale-twice": [("wscale", 3), WSCALE],
    "timestamps-twice": [("ts", 1, 0), ("ts", 9, 0)], "sack-permitted-twice": [SACK_OK, SACK_OK],
    "any-order": [WSCALE, TS, SACK_OK, MSS], "reversed": ["nop", WSCALE, "nop", SACK_OK, TS, MSS],
    "unaligned": ["nop", MSS, WSCALE, "nop", "nop", TS], "nops": ["nop"] * 40,
    "end-first": ["eol", "nop", "nop", "nop", MSS],
    "end-in-the-middle": [MSS, "eol", WSCALE, SACK_OK],
    "sack-blocks-in-syn": [MSS, SACK_OK, ("sack", 5, 10)],
    "md5": [MSS, bytes([19, 18]) + bytes(16)], "fast-open-asked": [MSS, bytes([34, 2])],
    "fast-open-cookie": [MSS, bytes([34, 10]) + bytes(8)],
    "unknown": [MSS, bytes([253, 4, 1, 2]), WSCALE], "unknown-2": [bytes([77, 2]), MSS],
    "mptcp": [MSS, bytes([30, 4, 1, 0])],
    "length-0": [bytes([77, 0]), MSS], "length-1": [bytes([77, 1]), MSS],
    "length-beyond": [MSS, bytes([77, 9, 0, 0])], "length-missing": [MSS, "nop", "nop", "nop",
                                                                    bytes([77])],
    "known-length-0": [bytes([2, 0, 5, 180])], "mss-length-3": [bytes([2, 3, 5, 1])],
    "mss-length-5": [bytes([2, 5, 5, 180, 0])], "wscale-length-4": [bytes([3, 4, 7, 7]), MSS],
    "sack-permitted-length-3": [bytes([4, 3, 0]), MSS],
    "timestamps-length-9": [bytes([8, 9]) + bytes(7), MSS],
    "good-before-length-0": [MSS, WSCALE, bytes([77, 0])],
}

# Flags and fields of a SYN that is not a plain one.
ODD_SYNS = {
    "data": ("S", dict(data=100)), "push": ("SP", {}), "fin": ("SF", {}),
    "urgent": ("SU", dict(urg=1)), "rst": ("SR", {}), "ack": ("SA", {}),
    "ece": ("SE", {}), "cwr": ("SW", {}), "ece-cwr": ("SEW", {}),
    "reserved": ("S", dict(reserved=15)), "nonce": ("S", dict(reserved=1)),
    "reserved-ece-cwr": ("SEW", dict(reserved=14)), "urgent-pointer": ("S", dict(urg=100)),
    "ack-number-set": ("S", dict(ack=12345)), "window-0": ("S", dict(win=0)),
    "window-1": ("S", dict(win=1)), "fin-data": ("SF", dict(data=10)),
    "everything": ("FSRPAUEW", dict(urg=1)), "ecn-and-fin": ("SFEW", {}),
}


def third(*steps):
    """After SYN and SYN-ACK; then a byte is echoed if there is a connection."""
    return [seg("S", opts=[MSS]), heard("S"), *steps, wait(0.1)]


AFTER_SYN = {
    "syn-again": third(seg("S", opts=[MSS])),
    "syn-again-twice": third(seg("S", opts=[MSS]), wait(0.05), seg("S", opts=[MSS])),
    "syn-again-other-options": third(seg("S", opts=[("mss", 600), SACK_OK, TS])),
    "syn-again-other-number": third(seg("S", 5000000, opts=[MSS])),
    "syn-again-other-number-then-reset": third(seg("S", 5000000, opts=[MSS]), wait(0.05),
                                               seg("R", 1), wait(0.05),
                                               seg("S", 5000000, opts=[MSS])),
    "syn-again-with-data": third(seg("S", 0, 0, 10, opts=[MSS])),
    "syn-again-after-ack": third(seg("A", 1, 1), wait(0.05), seg("S", opts=[MSS])),
    "ack-twice": third(seg("A", 1, 1), seg("A", 1, 1), wait(0.05), seg("PA", 1, 1, 5)),
    "ack-lost-data-comes": third(seg("PA", 1, 1, 50)),
    "ack-with-fin": third(seg("FA", 1, 1)),
    "ack-with-data-and-fin": third(seg("FPA", 1, 1, 50)),
    "ack-lost-fin-comes": third(seg("FA", 51, 1), wait(0.05), seg("PA", 1, 1, 50)),
    "ack-lost-later-data-comes": third(seg("PA", 51, 1, 50), wait(0.05), seg("PA", 1, 1, 50)),
    "ack-of-nothing": third(seg("A", 1, 0)),
    "ack-of-more": third(seg("A", 1, 2)),
    "ack-far-off": third(seg("A", 1, FAR)),
    "ack-of-nothing-then-right": third(seg("A", 1, 0), wait(0.05), seg("A", 1, 1),
                                       seg("PA", 1, 1, 5)),
    "ack-with-window-0": third(seg("A", 1, 1, win=0), seg("PA", 1, 1, 5, win=0)),
    "ack-with-urgent": third(seg("UA", 1, 1, 5, urg=2)),
    "ack-with-push": third(seg("PA", 1, 1)),
    "data-beyond-window": third(seg("PA", 70000, 1, 10)),
    "reset": third(seg("R", 1), wait(0.05), seg("A", 1, 1)),
    "reset-in-window": third(seg("R", 100), wait(0.05), seg("A", 1, 1), wait(0.05),
                             seg("PA", 1, 1, 5)),
    "reset-of-syn-number": third(seg("R", 0), wait(0.05), seg("A", 1, 1), wait(0.05),
                                 seg("PA", 1, 1, 5)),
    "reset-far": third(seg("R", FAR), wait(0.05), seg("A", 1, 1), wait(0.05),
                       seg("PA", 1, 1, 5)),
    "reset-with-ack": third(seg("RA", 1, 1), wait(0.05), seg("A", 1, 1)),
    "reset-then-syn": third(seg("R", 1), renew(70000), seg("S", opts=[MSS]), heard("S"),
                            seg("PA", 1, 1, 5)),
    "data-before-ack-without-ack": third(seg("P", 1, 0, 5), wait(0.05), seg("PA", 1, 1, 5)),
    "fin-without-ack": third(seg("F", 1), wait(0.05), seg("A", 1, 1)),
    "other-source-port": third(seg("A", 1, 1, sport=5), wait(0.05), seg("PA", 1, 1, 5)),
}

TIMED = {
    "syn-ack-retries": [seg("S", opts=[MSS]), wait(3.5), seg("R", 1)],
    "syn-ack-retries-after-syn-again": [seg("S", opts=[MSS]), wait(0.5), seg("S", opts=[MSS]),
                                        wait(2.0)],
    "ack-after-retry": [seg("S", opts=[MSS]), wait(1.3), seg("PA", 1, 1, 5), wait(0.2)],
    "ack-lost-retry-answered-with-data": [seg("S", opts=[MSS]), wait(1.2), seg("PA", 1, 1, 10),
                                          wait(0.3)],
    "syn-ack-with-options-again": [seg("S", opts=ALL), wait(1.3), seg("R", 1, ts=None)],
    "wrong-ack-keeps-retrying": [seg("S", opts=[MSS]), heard("S"), seg("A", 1, 7), wait(1.3)],
}

# In SYN_RECEIVED with timestamps.
TIMESTAMPED = {
    "ack": seg("A", 1, 1, ts=(6000, "last")), "ack-echo-0": seg("A", 1, 1, ts=(6000, 0)),
    "ack-echo-wrong": seg("A", 1, 1, ts=(6000, 99)), "ack-without": seg("A", 1, 1, ts=None),
    "ack-older": seg("A", 1, 1, ts=(4000, "last")), "ack-far-older": seg("A", 1, 1,
                                                                         ts=(5000 + FAR, "last")),
    "data-without": seg("PA", 1, 1, 5, ts=None),
    "reset-older": seg("R", 1, ts=(4000, "last")),
    "syn-older": seg("S", opts=[MSS, ("ts", 4000, 0)]),
    "fin-without": seg("FA", 1, 1, ts=None),
}


def cases():
    for name, opts in OPTIONS.items():
        yield Case(f"options/{name}", syn_with(*opts), ECHO)
    for name, (flags, more) in ODD_SYNS.items():
        yield Case(f"odd-syn/{name}", [seg(flags, **{"opts": [MSS], **more}), wait(0.1),
                                       seg("PA", 1, 1, 20), wait(0.1)], ECHO)
        yield Case(f"odd-syn-closed/{name}", [seg(flags, **more), wait(0.1)], CLOSED)
    for name, steps in AFTER_SYN.items():
        yield Case(f"after-syn/{name}", steps + [seg("PA", 0, 1, 1), wait(0.06)], ECHO)
    for name, steps in TIMED.items():
        yield Case(f"retries/{name}", steps, ECHO, slack=0.1)
    for name, step in TIMESTAMPED.items():
        yield Case(f"after-syn-timestamps/{name}", [
            seg("S", opts=ALL), heard("S"), step, wait(0.1), seg("A", 1, 1, ts=(6100, "last")),
            wait(0.05), seg("PA", 1, 1, 5, ts=(6101, "last")), wait(0.06)], ECHO)
    for name, opts in {"all": ALL, "none": []}.items():
        yield Case(f"relayed/{name}", opened(*opts, ts=(6000, "last") if opts else None) +
                   [seg("PA", 1, 1, b"write:10\n", ts=(6001, "last") if opts else None),
                    wait(0.15)], ACTOR)


CASES = list(cases())
