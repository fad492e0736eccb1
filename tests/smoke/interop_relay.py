# SPDX-License-Identifier: BSD-3-Clause
"""Joins two interfaces as a long line does: every frame comes out of the other one later, or,
drawn from a seed, never. Runs until it is stopped; prints a line once it relays.

A stand-in for netem, which not every kernel has; good for some 10,000 frames a second.
"""
import argparse
import collections
import contextlib
import random
import select
import socket
import time

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
SO_RCVBUFFORCE = 33
FRAME_MAX = 65536
AT_ONCE = 32


def opened(interface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
    sock.bind((interface, 0))
    sock.setblocking(False)
    return sock


class Direction:
    """One way through the line."""

    def __init__(self, source, target, delay, loss, seed):
        self.source = source
        self.target = target
        self.delay = delay
        self.loss = loss
        self.draw = random.Random(seed)
        self.under_way = collections.deque()  # (time it comes out, frame)

    def take_in(self):
        with contextlib.suppress(BlockingIOError):
            for _ in range(AT_ONCE):
                frame = self.source.recv(FRAME_MAX)
                if self.draw.random() >= self.loss:
                    self.under_way.append((time.monotonic() + self.delay, frame))

    def let_out(self):
        while self.under_way and self.under_way[0][0] <= time.monotonic():
            with contextlib.suppress(OSError):  # a full queue loses it, as a wire's would
                self.target.send(self.under_way.popleft()[1])


def relay(directions):
    by_source = {direction.source: direction for direction in directions}
    while True:
        due = min((d.under_way[0][0] for d in directions if d.under_way), default=None)
        wait = None if due is None else max(0, due - time.monotonic())
        for source in select.select(list(by_source), [], [], wait)[0]:
            by_source[source].take_in()
        for direction in directions:
            direction.let_out()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("interface", nargs=2)
    parser.add_argument("--delay-ms", type=float, default=0, help="in each direction")
    parser.add_argument("--loss", type=float, default=0, help="share of all frames")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    ends = [opened(interface) for interface in args.interface]
    delay = args.delay_ms / 1000
    directions = [Direction(*pair, delay, args.loss, f"{args.seed} {number}")
                  for number, pair in enumerate((ends, ends[::-1]))]
    print("relaying", flush=True)
    relay(directions)


if __name__ == "__main__":
    main()
