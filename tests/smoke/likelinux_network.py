# SPDX-License-Identifier: BSD-3-Clause
"""Cases below TCP: checksums, lengths, IP options, fragments, ICMP errors, odd addresses."""
from likelinux_cases import FAR, MSS, SACK_OK, Case, opened
from likelinux_lab import ACTOR, CLOSED, DISCARD, ECHO
from likelinux_talk import heard, icmp, seg, wait
from netlab import FRONT

SHORT, LONG = wait(0.06), wait(0.12)
ALIVE = [seg("PA", 1, 1, 5), SHORT]  # the next byte, had what came before it not counted

# What a data segment suffers on its way.
HARMED = {
    "tcp-sum": dict(bad_sum=True), "offset-0": dict(offset=0), "offset-4": dict(offset=4),
    "offset-6": dict(offset=6), "offset-15": dict(offset=15), "cut-1": dict(cut=1),
    "cut-to-header": dict(cut=20), "header-cut": dict(cut=25), "ip-longer": dict(extra=10),
    "ip-shorter": dict(extra=-10), "ip-shorter-than-header": dict(extra=-35),
    "ip-much-longer": dict(extra=5000), "version-5": dict(version=5), "version-0": dict(version=0),
    "ttl-1": dict(ttl=1), "ttl-0": dict(ttl=0), "ttl-255": dict(ttl=255), "tos-b8": dict(tos=0xb8),
    "tos-ect": dict(tos=2), "tos-ce": dict(tos=3),
}
HARMED_4 = {
    "ip-sum": dict(bad_ip=True), "may-fragment": dict(fragment=0),
    "reserved": dict(fragment=0x8000),
    "options-nop": dict(words=b"\1\1\1\1"), "options-end": dict(words=b"\0\0\0\0"),
    "options-router-alert": dict(words=b"\x94\4\0\0"),
    "options-record-route": dict(words=b"\7\7\4\0\0\0\0\0"),
    "options-timestamp": dict(words=b"\x44\x0c\5\0" + bytes(8)),
    "options-loose-route": dict(words=b"\x83\7\4\xc0\0\2\x63\0"),
    "options-strict-route-done": dict(words=b"\x89\7\x08\xc0\0\2\x63\0"),
    "options-bad-length": dict(words=b"\x94\x30\0\0"), "options-forty": dict(words=b"\1" * 40),
    "options-length-0": dict(words=b"\x94\0\0\0"), "options-length-1": dict(words=b"\x94\1\0\0"),
    "options-security": dict(words=b"\x82\x0b" + bytes(9) + b"\0"),
    "options-unknown": dict(words=b"\x5e\4\0\0"),
}
PIECES = {
    "in-order": [(0, 64), (64, 128), (128, None)], "reversed": [(128, None), (64, 128), (0, 64)],
    "first-last": [(64, 128), (128, None), (0, 64)], "alone": [(0, None)],
    "twice": [(0, 64), (0, 64), (64, None)], "overlapping": [(0, 64), (56, 128), (128, None)],
    "overlapping-header": [(0, 64), (0, 128), (128, None)], "never-last": [(0, 64), (64, 128)],
    "never-first": [(64, 128), (128, None)], "hole": [(0, 64), (128, None)],
    "tiny": [(0, 8), (8, 16), (16, 24), (24, None)], "header-split": [(0, 16), (16, None)],
    "odd-length": [(0, 60), (64, None)], "two-ends": [(0, 64), (64, None), (0, None)],
}
SOURCES = {
    4: {"broadcast": "192.0.2.255", "limited-broadcast": "255.255.255.255",
        "multicast": "224.0.0.1", "zero": "0.0.0.0", "loopback": "127.0.0.1", "own": FRONT[4],
        "class-e": "240.0.0.1"},
    6: {"multicast": "ff02::1", "zero": "::", "loopback": "::1", "own": FRONT[6],
        "mapped": "::ffff:192.0.2.2"}}
TARGETS = {
    4: {"broadcast": "192.0.2.255", "limited-broadcast": "255.255.255.255",
        "multicast": "224.0.0.1", "network": "192.0.2.0", "elsewhere": "203.0.113.9",
        "loopback": "127.0.0.1", "neighbour": "192.0.2.77"},
    6: {"multicast": "ff02::1", "elsewhere": "2001:db8:9::9", "loopback": "::1"}}

CLOSED_PORT = {
    "syn": ("S", {}), "syn-data": ("S", dict(data=10)), "syn-fin": ("SF", {}),
    "ack": ("A", dict(ack=77)), "ack-data": ("A", dict(ack=77, data=10)),
    "fin": ("F", {}), "fin-data": ("F", dict(data=10)), "fin-ack": ("FA", dict(ack=77)),
    "rst": ("R", {}), "rst-ack": ("RA", dict(ack=77)), "data": ("P", dict(data=10)),
    "none": ("-", {}), "urgent": ("U", dict(urg=3)), "syn-ack": ("SA", dict(ack=77)),
    "syn-fin-data": ("SF", dict(data=10)), "xmas": ("FPU", {}), "all": ("FSRPAUEW", {}),
    "ack-0": ("A", dict(ack=-0x51e0f000)), "syn-timestamps": ("S", dict(opts=[MSS, ("ts", 9, 0)])),
    "bad-options": ("S", dict(opts=bytes([2, 0, 0, 0]))), "ttl-1": ("S", dict(ttl=1)),
    "tos": ("S", dict(tos=0xb8)), "ect": ("S", dict(tos=2)), "bad-sum": ("S", dict(bad_sum=True)),
    "ecn": ("SEW", {}), "window-0": ("S", dict(win=0)), "sequence-last": ("S", dict(seq=-1)),
}

ERRORS_4 = ("net", "host", "proto", "port", "admin", "ttl", "parameter", "quench")
ERRORS_6 = ("net", "host", "proto", "port", "admin", "ttl", "parameter")


def errors():
    """ICMP errors about data in flight, about nothing in flight, about the SYN-ACK."""
    flying = [*opened(MSS, SACK_OK), seg("PA", 1, 1, b"write:1000\n"), heard("P")]
    for family, kinds in ((4, ERRORS_4), (6, ERRORS_6)):
        for kind in kinds:
            yield Case(f"icmp/{kind}", [*flying, icmp(kind, 1), wait(0.3), seg("A", 12, 1001),
                                        SHORT, seg("PA", 11, 1001, 1), SHORT], ACTOR, (family,),
                       stranger=True)
            yield Case(f"icmp-syn-ack/{kind}", [seg("S", opts=[MSS]), heard("S"), icmp(kind, 0),
                                                SHORT, seg("A", 1, 1), seg("PA", 1, 1, 5), SHORT],
                       ECHO, (family,), stranger=True)
            yield Case(f"icmp-idle/{kind}", [*opened(), icmp(kind, 1), SHORT, *ALIVE], DISCARD,
                       (family,))
    for name, step in {
            "wrong-number": icmp("mtu", 50000, mtu=1280), "old-number": icmp("mtu", -500, mtu=1280),
            "mtu-1280": icmp("mtu", 1, mtu=1280), "mtu-0": icmp("mtu", 1, mtu=0, size=1460),
            "mtu-68": icmp("mtu", 1, mtu=68), "mtu-larger": icmp("mtu", 1, mtu=9000),
            "mtu-same": icmp("mtu", 1, mtu=1500), "quote-28": icmp("mtu", 1, mtu=1280, quote=28),
            "quote-short": icmp("mtu", 1, mtu=1280, quote=24),
            "quote-nothing": icmp("mtu", 1, mtu=1280, quote=1)}.items():
        for family in (4, 6):
            yield Case(f"path-mtu/{name}", [*opened(), seg("PA", 1, 1, b"write:3000\n"), heard("P"),
                                            wait(0.02), step, wait(0.1)], ACTOR, (family,),
                       stranger=True)


def addresses():
    for family, sources in SOURCES.items():
        for name, source in sources.items():
            yield Case(f"source/{name}", [seg("S", opts=[MSS], source=source), LONG, seg("S"),
                                          SHORT], ECHO, (family,))
    for family, targets in TARGETS.items():
        for name, target in targets.items():
            for port in (ECHO, CLOSED):
                yield Case(f"target-{port}/{name}", [seg("S", opts=[MSS], target=target), LONG],
                           port, (family,))
    for family in (4, 6):
        yield Case("source/land", [seg("S", source=FRONT[family], sport=ECHO), LONG, *opened(),
                                   *ALIVE], ECHO, (family,))
        yield Case("source/port-0", [seg("S", opts=[MSS], sport=0), LONG, seg("R", 1, sport=0)],
                   ECHO, (family,))
        yield Case("source/port-0-closed", [seg("S", sport=0), LONG], CLOSED, (family,))
    for name in ("broadcast", "multicast"):
        yield Case(f"ether/{name}", [seg("S", opts=[MSS], ether=name), LONG], ECHO)
        yield Case(f"ether-closed/{name}", [seg("S", opts=[MSS], ether=name), LONG], CLOSED)


def cases():
    for name, harm in {**HARMED, **HARMED_4}.items():
        steps = [*opened(), seg("PA", 1, 1, 40, **harm), LONG, *ALIVE]
        yield Case(f"harmed/{name}", steps, DISCARD, (4,) if name in HARMED_4 else (4, 6))
        yield Case(f"harmed-syn/{name}", [seg("S", opts=[MSS], **harm), LONG], DISCARD,
                   (4,) if name in HARMED_4 else (4, 6))
    for name, pieces in PIECES.items():
        yield Case(f"fragments/{name}", [*opened(), seg("PA", 1, 1, 150, pieces=pieces), LONG,
                                         seg("PA", 0, 1, 1), SHORT], DISCARD)
    yield Case("fragments/syn", [seg("S", opts=[MSS], pieces=[(0, 16), (16, None)]), LONG], DISCARD)
    for name, (flags, more) in CLOSED_PORT.items():
        yield Case(f"closed-port/{name}", [seg(flags, **more), LONG], CLOSED)
        yield Case(f"listening-port/{name}", [seg(flags, **more), LONG], DISCARD)
    yield from errors()
    yield from addresses()
    yield Case("source/far-number", [seg("S", FAR, opts=[MSS]), heard("S")], DISCARD)


CASES = list(cases())
