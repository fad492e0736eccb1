# SPDX-License-Identifier: BSD-3-Clause
"""Frames that no sane host sends, reproducible by seed."""
import random

from scapy.all import (ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6DestUnreach, ICMPv6EchoRequest,
                       ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, fuzz)


def _addresses(rng, client, front):
    """Sources and destinations: honest, forged, and impossible ones."""
    v6 = ":" in front
    odd = ["::", "::1", "ff02::1", "fe80::1", front] if v6 else \
          ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.255", front]
    source = rng.choice([client, client, rng.choice(odd)])
    destination = rng.choice([front, front, front, rng.choice(odd)])
    return source, destination


def _network(rng, client, front):
    source, destination = _addresses(rng, client, front)
    if ":" in front:
        return IPv6(src=source, dst=destination, hlim=rng.choice([0, 1, 64, 255]))
    return IP(src=source, dst=destination, ttl=rng.choice([0, 1, 64]), id=rng.getrandbits(16))


def _options(rng):
    kinds = [("MSS", rng.getrandbits(16)), ("WScale", rng.getrandbits(8)), ("SAckOK", b""),
             ("Timestamp", (rng.getrandbits(32), 0)), ("NOP", None), ("EOL", None),
             (rng.choice([5, 19, 28, 34, 253, 255]), rng.randbytes(rng.randrange(8)))]
    return rng.choices(kinds, k=rng.randrange(5))


def _segment(rng, port):
    return TCP(sport=rng.getrandbits(16), dport=rng.choice([port, port, 0, rng.getrandbits(16)]),
               seq=rng.getrandbits(32), ack=rng.getrandbits(32), flags=rng.getrandbits(9),
               window=rng.getrandbits(16), urgptr=rng.getrandbits(16), options=_options(rng))


def _broken_tcp(rng, client, front, port, _):
    segment = _segment(rng, port)
    broken = rng.choice([{"dataofs": rng.randrange(16)}, {"chksum": rng.getrandbits(16)}, {}])
    for key, value in broken.items():
        setattr(segment, key, value)
    return _network(rng, client, front) / segment / Raw(rng.randbytes(rng.randrange(64)))


def _broken_ip(rng, client, front, port, _):
    packet = _network(rng, client, front)
    if ":" in front:
        packet.plen = rng.choice([0, 1, 19, 65535])
        packet.version = rng.choice([4, 6, 15])
        return packet / _segment(rng, port)
    packet.version = rng.choice([0, 4, 6])
    packet.ihl = rng.randrange(16)
    packet.len = rng.choice([0, 19, 20, 39, 65535])
    packet.flags = rng.randrange(8)
    packet.frag = rng.choice([0, 1, 8191])
    return packet / _segment(rng, port)


def _extensions(rng, client, front, port, _):
    if ":" not in front:
        return _network(rng, client, front) / fuzz(UDP()) / Raw(rng.randbytes(20))
    packet = _network(rng, client, front)
    chain = [IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), IPv6ExtHdrRouting(segleft=1),
             IPv6ExtHdrFragment(offset=rng.getrandbits(13), m=1, id=rng.getrandbits(32))]
    for header in rng.choices(chain, k=rng.randrange(1, 12)):
        packet = packet / header.copy()
    return packet / _segment(rng, port)


def _control(rng, client, front, port, client_mac):
    """ICMP, ARP and neighbour discovery, with and without sense.

    ARP senders are honest about their hardware address: believing a forged one is
    how ARP works, and would only cut the test's own client off.
    """
    inner = bytes(_network(rng, front, client) / _segment(rng, port))[:rng.randrange(64)]
    if ":" in front:
        message = rng.choice([ICMPv6EchoRequest(data=rng.randbytes(30)), ICMPv6DestUnreach(),
                              ICMPv6PacketTooBig(mtu=rng.getrandbits(16)),
                              ICMPv6ND_NS(tgt=front), ICMPv6ND_NA(tgt=client, R=1, S=1, O=1)])
        return _network(rng, client, front) / message / Raw(inner)
    if rng.random() < 0.3:
        return ARP(hwsrc=client_mac, op=rng.getrandbits(16),
                   hwlen=rng.choice([0, 6, 255]), plen=rng.choice([0, 4]),
                   psrc=rng.choice([client, front, "0.0.0.0"]), pdst=front)
    return _network(rng, client, front) / ICMP(type=rng.choice([0, 3, 5, 8, 11, 13]),
                                               code=rng.randrange(16)) / Raw(inner)


def frames(seed, count, client, client_mac, front, front_mac, port):
    """`count` frames as bytes, each at most 1,514 long; the same for the same arguments."""
    rng = random.Random(seed)
    random.seed(seed)  # scapy's fuzz() draws from the shared generator
    makers = [_broken_tcp, _broken_tcp, _broken_ip, _extensions, _control]
    for number in range(count):
        if number % 10 == 0:
            yield rng.randbytes(rng.randrange(14, 1514))
            continue
        layers = Ether(src=client_mac, dst=rng.choice([front_mac] * 8 + ["ff:ff:ff:ff:ff:ff"]))
        if rng.random() < 0.1:
            for _ in range(rng.randrange(1, 4)):
                layers = layers / Dot1Q(vlan=rng.getrandbits(12))
        frame = bytes(layers / rng.choice(makers)(rng, client, front, port, client_mac))
        if rng.random() < 0.3:
            frame = frame[:rng.randrange(14, len(frame) + 1)]
        yield frame[:1514]
