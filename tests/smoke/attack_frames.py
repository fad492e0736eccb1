# SPDX-License-Identifier: BSD-3-Clause
"""Frames of attacks, a few hundred of each kind, to be sent over and over."""
import random

from scapy.all import (ARP, ICMP, IP, TCP, UDP, Ether, ICMPv6DestUnreach, ICMPv6EchoRequest,
                       ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
                       ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment, Raw)

from engine import ECHO, STREAM, WEB
from netlab import BACK, BACKENDS, CLIENT, FRONT

COUNT = 100
LIAR = "02:00:5e:66:66:66"
SPOOFED = {4: "198.18.{}.{}", 6: "2001:db8:ff::{:x}:{:x}"}
ALL = "ff:ff:ff:ff:ff:ff"
OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (12345, 0)), ("NOP", None),
           ("WScale", 14), ("MD5", b"x" * 16)]


class Forger:
    """Makes frames for one family, from the attacker's MAC to the engine's; the same each time."""

    def __init__(self, family, source_mac, engine_mac):
        self.family, self.v6 = family, family == 6
        self.link = Ether(src=source_mac, dst=engine_mac)
        self.rng = random.Random(family)

    def frames(self, kind):
        return [bytes(getattr(self, kind)()) for _ in range(COUNT)]

    def ip(self, source=None, **fields):
        source = source or SPOOFED[self.family].format(self.rng.randrange(256),
                                                       self.rng.randrange(1, 255))
        if self.v6:
            return self.link / IPv6(src=source, dst=FRONT[6], **fields)
        return self.link / IP(src=source, dst=FRONT[4], id=self.rng.getrandbits(16), **fields)

    def segment(self, flags, **fields):
        fields.setdefault("dport", self.rng.choice([WEB, STREAM, ECHO]))
        return TCP(sport=self.rng.randrange(1024, 65536), flags=flags,
                   seq=self.rng.getrandbits(32), ack=self.rng.getrandbits(32), **fields)

    def syn_with_data(self):
        return self.ip() / self.segment("S") / Raw(b"x" * 500)

    def syn_with_all_options(self):
        return self.ip() / self.segment("SEC", options=OPTIONS)

    def syn_from_the_client(self):
        """The tuples of connections that may be there: each SYN asks for a challenge ACK."""
        return self.ip(CLIENT[self.family]) / self.segment("S", window=65535)

    def bad_checksum(self):
        return self.ip() / self.segment("S", chksum=self.rng.getrandbits(16))

    def udp(self):
        return self.ip() / UDP(sport=53, dport=self.rng.getrandbits(16)) / Raw(b"x" * 100)

    def echo(self):
        return self.ip() / (ICMPv6EchoRequest(data=b"x" * 56) if self.v6
                            else ICMP() / Raw(b"x" * 56))

    def fragment(self):
        """First, middle and last pieces of datagrams that never become whole, or overlap."""
        offset, more = self.rng.choice([(0, 1), (1, 1), (37, 1), (64, 0), (8100, 0)])
        piece = Raw(self.rng.randbytes(8 * self.rng.randrange(1, 100)))
        if self.v6:
            return self.ip() / IPv6ExtHdrFragment(nh=6, offset=offset, m=more,
                                                  id=self.rng.randrange(1000)) / piece
        return self.ip(flags=more, frag=offset, proto=6) / piece

    def too_big(self):
        """Errors about segments to the client, with a guessed sequence number and a tiny MTU."""
        quoted = TCP(sport=self.rng.choice([WEB, STREAM, ECHO]), flags="A",
                     dport=self.rng.randrange(1024, 65536), seq=self.rng.getrandbits(32))
        if self.v6:
            return self.ip() / ICMPv6PacketTooBig(mtu=self.rng.choice([0, 68, 1280])) / \
                IPv6(src=FRONT[6], dst=CLIENT[6]) / quoted
        return self.ip() / ICMP(type=3, code=4, nexthopmtu=self.rng.choice([0, 1, 68])) / \
            IP(src=FRONT[4], dst=CLIENT[4]) / quoted

    def unreachable(self):
        """The same to say that nobody is there, or that another router is nearer."""
        quoted = TCP(sport=self.rng.choice([WEB, STREAM, ECHO]), flags="A",
                     dport=self.rng.randrange(1024, 65536), seq=self.rng.getrandbits(32))
        redirect = self.rng.randrange(3) == 0
        if not self.v6:
            error = ICMP(type=5, code=1, gw="192.0.2.66") if redirect else \
                ICMP(type=3, code=self.rng.randrange(4))
            return self.ip(CLIENT[4]) / error / IP(src=FRONT[4], dst=CLIENT[4]) / quoted
        if redirect:
            return self.ip("fe80::66", hlim=255) / \
                ICMPv6ND_Redirect(tgt="fe80::66", dst=CLIENT[6])
        return self.ip(CLIENT[6]) / ICMPv6DestUnreach(code=self.rng.randrange(5)) / \
            IPv6(src=FRONT[6], dst=CLIENT[6]) / quoted

    def questions(self):
        """Who has the engine's address? asked by everybody."""
        asker = SPOOFED[self.family].format(self.rng.randrange(256), self.rng.randrange(1, 255))
        if self.v6:
            return self.ip(asker, hlim=255) / ICMPv6ND_NS(tgt=FRONT[6]) / \
                ICMPv6NDOptSrcLLAddr(lladdr=LIAR)
        return Ether(src=LIAR, dst=ALL) / ARP(op=1, hwsrc=LIAR, psrc=asker, pdst=FRONT[4])

    def claims(self):
        """False claims to the addresses of the client and of the backends."""
        owner = self.rng.choice([CLIENT[self.family], *BACKENDS[self.family]])
        near = FRONT if owner == CLIENT[self.family] else BACK
        link = Ether(src=LIAR, dst=self.link.dst)
        if self.v6:
            return link / IPv6(src=owner, dst=near[6], hlim=255) / \
                ICMPv6ND_NA(tgt=owner, R=0, S=self.rng.randrange(2), O=1) / \
                ICMPv6NDOptDstLLAddr(lladdr=LIAR)
        if self.rng.randrange(2):
            return Ether(src=LIAR, dst=ALL) / ARP(op=self.rng.randrange(1, 3), hwsrc=LIAR,
                                                  psrc=owner, pdst=owner)
        return link / ARP(op=2, hwsrc=LIAR, psrc=owner, pdst=near[4])
