# SPDX-License-Identifier: BSD-3-Clause
"""The matrix: every state, every combination of flags, numbers in and out of place.

A case is one state and one combination; its talks differ in the sequence number and, where the
segment has one, the acknowledgement. After the segment, a byte from before RCV.NXT asks what has
become of the connection: an ACK tells that it lives and what it expects, a reset that it is gone.
"""
from likelinux_cases import FAR, Case, opened
from likelinux_lab import ACTOR, CLOSED, DISCARD, ECHO
from likelinux_talk import heard, seg, wait

# Flags, and how many bytes of data.
SEGMENTS = {"syn": ("S", 0), "syn-ack": ("SA", 0), "ack": ("A", 0), "rst": ("R", 0),
            "rst-ack": ("RA", 0), "fin": ("F", 0), "fin-ack": ("FA", 0), "data": ("PA", 5),
            "data-without-ack": ("P", 5), "none": ("-", 0), "urgent": ("UA", 5),
            "syn-fin": ("SF", 0), "syn-rst": ("SR", 0), "xmas": ("FPU", 0),
            "everything": ("SFRPAU", 0)}
SEQUENCES = {"exact": 0, "inside": 100, "left": -10, "right": 1 << 20, "far": FAR}
ACKS = {"exact": 0, "old": None, "too-old": -(1 << 24), "unsent": 1000}


class State:
    """port, the steps that lead there, and where the numbers then stand: the next of ours, the
    oldest and the next of the listener's. probe: what the question afterwards acknowledges."""

    def __init__(self, port, steps, nxt, una, snd, probe=None):
        self.port, self.steps, self.nxt, self.una, self.snd = port, steps, nxt, una, snd
        self.probe = snd if probe is None else probe


# The others differ in nothing that a family could change.
BOTH_FAMILIES = ("closed", "listen", "syn-received", "established")
SHUT = [*opened(), seg("PA", 1, 1, b"shut\n"), heard("F")]
SHUT_ACKED = SHUT + [seg("A", 6, 2), wait(0.03)]
STATES = {
    "closed": State(CLOSED, [], 1, 1, 1),
    "listen": State(DISCARD, [], 1, 1, 1),
    "syn-received": State(DISCARD, [seg("S"), heard("S")], 1, 0, 1),
    "established": State(DISCARD, opened(), 1, 1, 1),
    "established-in-flight": State(ACTOR, [*opened(), seg("PA", 1, 1, b"write:100\n"),
                                           heard("P")], 11, 1, 101),
    "fin-wait-1": State(ACTOR, SHUT, 6, 1, 2),
    "fin-wait-2": State(ACTOR, SHUT_ACKED, 6, 2, 2),
    "close-wait": State(ACTOR, [*opened(), seg("PA", 1, 1, b"stay\n"), heard(),
                                seg("FA", 6, 1), heard()], 7, 1, 1),
    "closing": State(ACTOR, SHUT + [seg("FA", 6, 1), heard()], 7, 1, 2, 1),
    "last-ack": State(ECHO, [*opened(), seg("FA", 1, 1), heard("F")], 2, 1, 2, 1),
    "time-wait": State(ACTOR, SHUT_ACKED + [seg("FA", 6, 2), heard()], 7, 2, 2),
}


def stimulus(state, flags, size, sequence, ack):
    seq = state.nxt + SEQUENCES[sequence]
    if "A" not in flags:
        return seg(flags, seq, 0, size)
    number = state.una - 1 if ACKS[ack] is None else state.snd + ACKS[ack]
    return seg(flags, seq, number, size)


def case(name, segment):
    state = STATES[name]
    flags, size = SEGMENTS[segment]
    talks = {}
    for sequence in SEQUENCES:
        for ack in ACKS if "A" in flags else ("",):
            talks[f"{sequence} {ack}".strip()] = [
                *state.steps, stimulus(state, flags, size, sequence, ack), wait(0.08),
                seg("PA", state.nxt - 1, state.probe, 1), wait(0.06)]
    return Case(f"{name}/{segment}", talks, state.port, (4, 6) if name in BOTH_FAMILIES else (4,))


CASES = [case(name, segment) for name in STATES for segment in SEGMENTS]
