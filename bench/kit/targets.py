# SPDX-License-Identifier: BSD-3-Clause
"""What Terminus is to reach, beside what it has reached: cycles, ratios and counts, none of which
is about this machine's speed alone."""
from kit.figures import find

REACHED, FLOOR, BELOW, UNKNOWN = "aim reached", "floor reached", "below the floor", "not measured"


class Target:
    """One figure. floor, aim: at most so much, or at least with at_least."""

    def __init__(self, text, bench, key, floor, aim, at_least=False, **fields):
        self.text, self.bench, self.key, self.fields = text, bench, key, fields
        self.floor, self.aim, self.at_least = floor, aim, at_least

    def value(self, figures):
        """(value, spread), or (None, None)."""
        row = find(figures, self.bench, self.key, **self.fields)
        value = row.get(self.key) if row else None
        if not isinstance(value, (int, float)):
            return None, None
        return value, row["spread"].get(self.key)

    def meets(self, value, limit):
        return value >= limit if self.at_least else value <= limit

    def verdict(self, value):
        if value is None:
            return UNKNOWN
        if self.meets(value, self.aim):
            return REACHED
        return FLOOR if self.meets(value, self.floor) else BELOW


TARGETS = (
    Target("cycles per whole connection", "handshake", "cycles_per_connection", 1000, 400,
           csum_offload="yes"),
    Target("cycles per SYN answered with a cookie", "flood", "cycles_per_syn", 250, 100),
    Target("whole connections per second, one core, memif", "link", "cps", 1.0e6, 2.5e6,
           at_least=True, port="memif"),
    *(Target(f"SYNs answered, as a share of what 5tswap forwards: {port}", "link",
             "syn_share_of_5tswap", 0.7, 0.9, at_least=True, port=port)
      for port in ("memif", "virtio", "af_packet", "af_xdp")),
    Target("CPU per connection, a Linux epoll server's over ours, each on its best link",
           "kernel", "best_link_cpu_ratio", 20, 45, at_least=True),
    Target("connections per second over a Linux epoll server's, same veth", "kernel", "cps_ratio",
           1, 1, at_least=True),
    Target("objects left by a flood answered with cookies", "flood", "objects", 0, 0),
    Target("visits answered within one SYN retry under a flood of all the link carries", "attack",
           "share", 0.999, 0.999, at_least=True, peer="terminus", rate="max"),
    Target("connections lost under it", "attack", "lost", 0, 0, peer="terminus", rate="max"),
    Target("questions unanswered for a second on connections that were there", "attack",
           "stalled", 0, 0, peer="terminus", rate="max"),
    *(Target(f"median time of a visit under a flood of {text}, over that without", "attack",
             "visit_ratio", 2, 2, peer=peer, rate=rate)
      for text, peer, rate in (
          ("50,000 SYNs a second", "terminus", "50k"),
          ("all that memif carries", "terminus-memif", "max"),
          ("all that a veth carries, whose kernel threads share the CPU", "terminus", "max"))),
    Target("bytes per half-open connection", "memory", "syn_received", 64, 48),
    Target("bytes per connection in TIME_WAIT", "memory", "time_wait", 64, 32),
    Target("bytes per idle established connection", "memory", "established", 256, 128),
    Target("cost of a segment with 10 million connections, over that with 1,000", "scale",
           "growth", 3, 1.5, connections=10000000),
    Target("two workers over one", "shards", "speedup", 1.8, 1.95, at_least=True),
    Target("proxied connections, as a share of terminated ones", "proxy", "share_of_terminated",
           0.3, 0.45, at_least=True),
    Target("Gbit/s of received bulk data in 1,448-byte segments", "transfer", "gbit_per_s", 40,
           40, at_least=True, direction="receive"),
    Target("cycles per request on a kept connection", "request", "cycles_per_request", 250, 150),
)
