#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Terminus beside the kernel's TCP: the same clients, the same veth link, the same core.

Who serves has one CPU to itself, on which its interfaces' receive work is done as well; the load
generator has another. Each repetition goes through all peers, so that what changes on the machine
meanwhile meets them all. What is printed of each are medians; _spread is how far apart the
repetitions were, highest less lowest over the median.

  what=connections  whole connections with one request and a 64-byte response: epoll, nginx,
                    terminus (AF_PACKET), terminus-xdp (AF_XDP), terminus-memif (not on the veth)
  what=proxy        the same, through a proxy in TCP mode: haproxy, nginx-stream, terminus-proxy
  what=flood        SYNs that are never followed up: epoll, terminus, terminus-xdp, with SYN
                    cookies for all of them epoll-syncookies, terminus-syncookies, and synproxy
  what=memory       bytes of memory for each idle connection, with its parts: epoll, terminus
                    (process: what became resident; reserved: what was taken at the start; the
                    larger one counts)

cpu_us_per_connection is busy time of the serving CPU (user, system, softirq) for each
connection; saturated=no means that something else was the limit, so that cps is too low.
The last line has ratios, medians of each repetition's own: Terminus over the minimal epoll server
(xdp_: through AF_XDP; flood_: both with SYN cookies for every SYN; proxy_: over HAProxy), and
best_link_cpu_ratio, the epoll server's cost on the veth over Terminus' on memif.
background and steal are shares of CPU time that others had; with more than a few percent, repeat.
missing says why a peer can't be had here, failed what went wrong with it.
"""
import os
import sys

from kit import program, report

SATURATED = 0.95
IDLE = 100000
# Printed with their spread, and in this order; shares behind them.
FIGURES = ("cps", "cpu_us_per_connection", "syns_per_s", "answers_per_s", "cpu_us_per_answer",
           "bytes_per_connection")
COST = "cpu_us_per_connection"
# What the last line has: a figure of a comparison, one peer's over another's.
RATIOS = {
    "cps_ratio": ("cps", "connections", "terminus", "epoll"),
    "cpu_us_per_connection_ratio": (COST, "connections", "terminus", "epoll"),
    "memory_ratio": ("bytes_per_connection", "memory", "terminus", "epoll"),
    "xdp_cps_ratio": ("cps", "connections", "terminus-xdp", "epoll"),
    "xdp_cpu_us_per_connection_ratio": (COST, "connections", "terminus-xdp", "epoll"),
    "flood_ratio": ("answers_per_s", "flood", "terminus-syncookies", "epoll-syncookies"),
    "xdp_flood_ratio": ("answers_per_s", "flood", "terminus-xdp", "epoll-syncookies"),
    "proxy_cps_ratio": ("cps", "proxy", "terminus-proxy", "haproxy"),
    "proxy_cpu_us_per_connection_ratio": (COST, "proxy", "terminus-proxy", "haproxy"),
    "best_link_cpu_ratio": (COST, "connections", "epoll", "terminus-memif"),
}
WORST = ("steal", "background", "loss")


def arguments():
    parser = program.choosy_parser("kernel", __doc__, "these peers or comparisons only")
    parser.add_argument("--connections", type=program.positive, default=IDLE,
                        help=f"idle ones, for memory ({IDLE})")
    return parser.parse_args()


def jobs(peers, only):
    """The (peer, comparison) pairs to do."""
    pairs = [(peer, what) for peer in peers for what in peer.what]
    names = program.chosen("kernel", only, {peer.name for peer in peers} |
                           {what for _, what in pairs})
    if not names & {what for _, what in pairs}:
        names |= {what for _, what in pairs}
    if not names & {peer.name for peer in peers}:
        names |= {peer.name for peer in peers}
    return [(peer, what) for peer, what in pairs if peer.name in names and what in names]


class Measured:
    """The repetitions of each peer and comparison, and why some have none: what they need is
    missing here, or they failed."""

    def __init__(self):
        self.runs = {}
        self.missing = {}
        self.failed = {}

    def take(self, job, once):
        """once: the function that measures it one time."""
        from netns import CommandError

        peer, what = job
        key = (peer.name, what)
        if key in self.failed:
            return
        why = peer.missing()
        if why:
            self.missing[key] = why
            return
        try:
            self.runs.setdefault(key, []).append(once())
        except (CommandError, RuntimeError, TimeoutError, OSError) as error:
            self.failed[key] = " ".join(str(error).split())
            self.runs.pop(key, None)

    def values(self, peer, what, figure):
        return [run[figure] for run in self.runs.get((peer, what), [])]

    def ratios(self, figure, what, upper, lower):
        """Each repetition's figure of one peer over that of another."""
        pairs = zip(self.values(upper, what, figure), self.values(lower, what, figure))
        return [a / b for a, b in pairs]


def print_peer(out, measured, key, cpus):
    peer, what = key
    line = {"peer": peer, "what": what}
    if key not in measured.runs:
        out.line(**line, **({"missing": measured.missing[key]} if key in measured.missing
                            else {"failed": measured.failed[key]}))
        return
    runs = measured.runs[key]
    for figure in runs[0]:
        values = [run[figure] for run in runs]
        line[figure] = max(values) if figure in WORST else report.median(values)
        if figure in FIGURES:
            line[f"{figure}_spread"] = report.spread(values)
    if "busy" in line:
        line["saturated"] = "yes" if line["busy"] >= SATURATED else "no"
    out.line(**line, repeat=len(runs), client_cpu=cpus[0], server_cpu=cpus[1])


def print_ratios(out, measured):
    """The summary; a key whose parts have not both been measured is left out."""
    line = {}
    for key, parts in RATIOS.items():
        values = measured.ratios(*parts)
        if values:
            line[key] = report.median(values)
            line[f"{key}_spread"] = report.spread(values)
    if line:
        out.line(**line)


def measure(out, args, todo, cpus):
    from kit import compare

    measured = Measured()
    for number in range(args.repeat):
        for peer, what in todo:
            # Bytes hardly vary, and opening so many connections takes its time.
            if what == "memory" and number:
                continue
            out.progress(f"{number + 1}/{args.repeat} {what}: {peer.name}")
            measured.take((peer, what), lambda peer=peer, what=what: compare.run(
                peer, what, cpus, args.seconds, args.connections))
    return measured


def main():
    args = arguments()
    cpus = program.prepare("kernel", args)
    from kit import peers

    todo = jobs([peer() for peer in peers.PEERS], args.only)
    os.sched_setaffinity(0, {cpus[0]})
    out = report.Report("kernel", args.json)
    try:
        measured = measure(out, args, todo, cpus)
    except KeyboardInterrupt:
        sys.exit(130)
    for peer, what in todo:
        print_peer(out, measured, (peer.name, what), cpus)
    print_ratios(out, measured)
    if measured.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
