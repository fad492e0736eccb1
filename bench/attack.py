#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Terminus and Linux under the same flood of SYNs: who gets in meanwhile, and what it costs.

Each peer serves on the same two veth links, with one CPU for it and for what its interfaces
receive. On one the load generator floods it with SYNs from everywhere, rate after rate. On the
other, all the time, visitors on the kernel's TCP come 400 times a second, ask once and go, and 20
connections that were there before ask every 5 ms (talks).

  terminus, terminus-syncookies          syncookies auto and always, AF_PACKET
  terminus-xdp, terminus-xdp-syncookies  the same through AF_XDP
  terminus-memif                         syncookies auto; the flood comes over shared memory, in a
                                         ring of its own as from a network card, many times larger
  epoll, epoll-syncookies                a minimal epoll server, tcp_syncookies 1 and 2
  synproxy                               the first of these behind netfilter's SYNPROXY

A line for each peer and rate:
  offered_per_s, syns_per_s, answers_per_s  SYNs that were sent, that reached the server's side of
                    the link, and frames that it sent back
  answers_per_cpu_s the same for each second that the server's CPU was busy
  started, in_time, late, never  visits, from the moment that the generator starts until it does
                    so again, by how they ended: with the answer within one SYN retry (2.9 s),
                    later, never; share: in_time of started
  visit_us_p50, _p99  from a visitor's SYN to the end of the answer; visit_ratio: the median over
                    that without a flood, talk_ratio likewise
  talks, lost, stalled  questions on connections that were there; connections that ended; questions
                    without an answer for a second
  rss_growth, kernel_growth  bytes that the server's process and the kernel took
  busy, softirq     shares of the server's CPU

Figures are medians over the repetitions, counts are their sums, memory and background (the share
of the CPUs that others had) the most. A rate of max is as much as the generator sends. The last
line has ratios at the highest rate, of answers for each CPU second: Terminus with a cookie for
every SYN over epoll-syncookies, epoll and synproxy. missing says why a peer can't be had here,
failed what went wrong.
"""
import os
import sys

from kit import program, report

UNLOADED = "unloaded"
RATES = "20k,50k,100k,max"
COUNTS = ("started", "in_time", "late", "never", "talks", "lost", "stalled")
WORST = ("rss_growth", "kernel_growth", "background")
UPPER = "terminus-syncookies"
LOWER = {"cookies_ratio": "epoll-syncookies", "auto_ratio": "epoll", "synproxy_ratio": "synproxy"}


def arguments():
    parser = program.choosy_parser("attack", __doc__, "these peers only")
    parser.set_defaults(repeat=1)
    parser.add_argument("--rates", metavar="RATE,...", default=RATES,
                        help=f"SYNs per second, ascending ({RATES})")
    return parser.parse_args()


class Measured:
    """The repetitions of each peer, {rate: figures} each."""

    def __init__(self):
        self.runs, self.missing, self.failed = {}, {}, {}

    def take(self, peer, once):
        from netns import CommandError

        why = peer.missing()
        if why:
            self.missing[peer.name] = why
        if why or peer.name in self.failed:
            return
        try:
            self.runs.setdefault(peer.name, []).append(once())
        except (CommandError, RuntimeError, TimeoutError, OSError) as error:
            self.failed[peer.name] = " ".join(str(error).split())
            self.runs.pop(peer.name, None)

    def line(self, name, rate):
        """What all repetitions of a peer came to at a rate."""
        runs = [run[rate] for run in self.runs[name]]
        line = {}
        for key in runs[0]:
            values = [run[key] for run in runs if run[key] is not None]
            middle = report.median(values) if values else None
            line[key] = sum(values) if key in COUNTS else max(values) if key in WORST else middle
        line["share"] = line["in_time"] / line["started"] if line["started"] else 0.0
        return line


def print_peer(out, measured, name, rates):
    if name not in measured.runs:
        out.line(peer=name, **({"missing": measured.missing[name]} if name in measured.missing
                               else {"failed": measured.failed[name]}))
        return
    for rate in (UNLOADED, *rates):
        out.line(peer=name, rate=rate, **measured.line(name, rate),
                 repeat=len(measured.runs[name]))


def print_ratios(out, measured, rate):
    line = {}
    for key, lower in LOWER.items():
        if UPPER in measured.runs and lower in measured.runs:
            upper, below = (measured.line(name, rate)["answers_per_cpu_s"]
                            for name in (UPPER, lower))
            if below:
                line[key] = upper / below
    if line:
        out.line(what=f"{UPPER} at {rate}", **line)


def main():
    args = arguments()
    rates = args.rates.split(",")
    cpus = program.prepare("attack", args)
    from kit import attack

    names = program.chosen("attack", args.only, {peer.name for peer in attack.PEERS})
    peers = [peer() for peer in attack.PEERS if not names or peer.name in names]
    os.sched_setaffinity(0, {cpus[0]})
    out = report.Report("attack", args.json)
    measured = Measured()
    try:
        for number in range(args.repeat):
            for peer in peers:
                out.progress(f"{number + 1}/{args.repeat} {peer.name}")
                measured.take(peer, lambda p=peer: attack.run(p, cpus, rates, args.seconds))
    except KeyboardInterrupt:
        sys.exit(130)
    for peer in peers:
        print_peer(out, measured, peer.name, rates)
    print_ratios(out, measured, rates[-1])
    if measured.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
