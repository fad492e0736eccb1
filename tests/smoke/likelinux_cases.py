# SPDX-License-Identifier: BSD-3-Clause
"""What a case is, and the beginnings that most of them have."""
from likelinux_lab import DISCARD
from likelinux_talk import heard, seg

FAR = (1 << 31) + (1 << 20)  # nearly half of the numbers away, on the old side
MSS = ("mss", 1460)
SACK_OK = "sackOK"
TS = ("ts", 5000, 0)
WSCALE = ("wscale", 7)


class Case:
    """steps: of the only talk, or a dict of several by name. ts: segments carry timestamps.
    slack: seconds by which answers may differ in time, besides a quarter of it. stranger:
    each talk has a client address of its own, about which nobody has learnt anything."""

    def __init__(self, name, steps, port=DISCARD, families=(4, 6), ts=False, slack=0.07,
                 stranger=False):
        self.name = name
        self.talks = steps if isinstance(steps, dict) else {"": steps}
        self.port = port
        self.families = families
        self.ts = ts
        self.slack = slack
        self.stranger = stranger


def opened(*opts, win=65535, **more):
    """A handshake whose SYN has these options."""
    return [seg("S", opts=list(opts) or [MSS], win=win), heard("S"),
            seg("A", 1, 1, win=win, **more)]
