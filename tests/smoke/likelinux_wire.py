# SPDX-License-Identifier: BSD-3-Clause
"""Frames of the comparison with Linux: built with every mistake a case asks for, and taken apart.

A packet is described by keyword arguments that the cases use as well; see tcp_frames().
"""
import ipaddress
import socket
import struct

FLAGS = "FSRPAUEW"  # from the lowest bit
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
TCP, ICMP, ICMP6 = 6, 1, 58
FRAGMENT = 44
# ICMP errors by name: type and code, for IPv4 and IPv6.
ERRORS = {
    "net": {4: (3, 0), 6: (1, 0)}, "host": {4: (3, 1), 6: (1, 3)}, "proto": {4: (3, 2), 6: (4, 1)},
    "port": {4: (3, 3), 6: (1, 4)}, "admin": {4: (3, 13), 6: (1, 1)}, "mtu": {4: (3, 4), 6: (2, 0)},
    "ttl": {4: (11, 0), 6: (3, 0)}, "parameter": {4: (12, 0), 6: (4, 0)}, "quench": {4: (4, 0)},
}


def packed(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(source, target, protocol, length):
    if len(source) == 4:
        return source + target + struct.pack("!BBH", 0, protocol, length)
    return source + target + struct.pack("!II", length, protocol)


def options(*words):
    """Options as bytes, padded with zeros to whole words. Each is ("mss", 1460), ("wscale", 7),
    "sackOK", ("ts", value, echo), ("sack", start, end, ...), "nop", "eol" or bytes as they are."""
    out = b""
    for word in words:
        name, *args = (word,) if isinstance(word, (str, bytes)) else word
        if isinstance(name, bytes):
            out += name
        elif name == "sack":
            out += struct.pack(f"!BB{len(args)}I", 5, 2 + 4 * len(args),
                               *(arg & 0xffffffff for arg in args))
        else:
            out += {"mss": lambda: struct.pack("!BBH", 2, 4, *args),
                    "wscale": lambda: struct.pack("!BBB", 3, 3, *args),
                    "sackOK": lambda: b"\4\2", "nop": lambda: b"\1", "eol": lambda: b"\0",
                    "ts": lambda: struct.pack("!BBII", 8, 10, *(a & 0xffffffff for a in args)),
                    }[name]()
    return out + bytes(-len(out) % 4)


def flag_bits(letters):
    return sum(1 << FLAGS.index(letter) for letter in letters if letter != "-")


def segment(source, target, sport, dport, flags, seq, ack, *, win=65535, opts=b"", data=b"",
            urg=0, reserved=0, offset=None, bad_sum=False, cut=0):
    """A TCP header with payload. `offset` in words and `cut` in bytes from the end may lie."""
    words = 5 + len(opts) // 4 if offset is None else offset
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                       words << 4 | reserved, flags, win, 0, urg)
    whole = (head + opts + data)[:len(head + opts + data) - cut]
    if len(whole) < 18:
        return whole
    value = checksum(pseudo(source, target, TCP, len(whole)) + whole)
    value ^= 0x5555 if bad_sum else 0
    return whole[:16] + struct.pack("!H", value) + whole[18:]


def ip4(source, target, protocol, body, *, ttl=64, tos=0, ident=0, fragment=0x4000, words=b"",
        extra=0, bad_sum=False, version=4):
    """`words`: IP options; `extra` is added to the total length; `fragment`: flags and offset."""
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | (5 + len(words) // 4), tos,
                       max(0, 20 + len(words) + len(body) + extra), ident, fragment, ttl,
                       protocol, 0, source, target) + words
    value = checksum(head) ^ (0x5555 if bad_sum else 0)
    return head[:10] + struct.pack("!H", value) + head[12:] + body


def ip6(source, target, protocol, body, *, ttl=64, tos=0, extra=0, version=6):
    return struct.pack("!IHBB", version << 28 | tos << 20, max(0, len(body) + extra), protocol,
                       ttl) + source + target + body


def ip_packet(source, target, protocol, body, **fields):
    return (ip4 if len(source) == 4 else ip6)(source, target, protocol, body, **fields)


def fragments(source, target, body, pieces, ident, **fields):
    """IP fragments that carry the ranges `pieces` of the body, in this order; an end of None is
    the body's and says that no more follow."""
    for start, end in pieces:
        more, part = end is not None, body[start:end]
        if len(source) == 4:
            yield ip4(source, target, TCP, part, ident=ident,
                      fragment=(0x2000 if more else 0) | start // 8, **fields)
        else:
            head = struct.pack("!BBHI", TCP, 0, start | more, ident)
            yield ip6(source, target, FRAGMENT, head + part, **fields)


def icmp_error(router, target, kind, quote, mtu=0, parameter=0):
    """The IP packet of an error about the packet `quote`, sent to its source `target`."""
    family = 4 if len(router) == 4 else 6
    number, code = ERRORS[kind][family]
    rest = struct.pack("!I", mtu) if kind == "mtu" else struct.pack("!I", parameter)
    if family == 4:
        body = struct.pack("!BBH", number, code, 0) + rest + quote
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        return ip4(router, target, ICMP, body)
    body = struct.pack("!BBH", number, code, 0) + rest + quote
    value = checksum(pseudo(router, target, ICMP6, len(body)) + body)
    return ip6(router, target, ICMP6, body[:2] + struct.pack("!H", value) + body[4:])


class Answer:
    """A TCP segment or an ICMP message that came back. key: (family, our port, its port)."""

    def __init__(self, family, at):
        self.family = family
        self.at = at
        self.key = None
        self.icmp = None
        self.wrong = ""


def parse(frame, at):
    """An Answer, or None for what is neither TCP nor an ICMP error about TCP."""
    ethertype = frame[12] << 8 | frame[13]
    if ethertype == 0x0800:
        answer, packet = Answer(4, at), frame[14:14 + int.from_bytes(frame[16:18], "big")]
        answer.tos, answer.ttl, protocol = packet[1], packet[8], packet[9]
        answer.df = bool(packet[6] & 0x40)
        source, target, body = packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4:]
        if checksum(packet[:(packet[0] & 15) * 4]) != 0:
            answer.wrong = "bad IP sum"
    elif ethertype == 0x86dd:
        answer, packet = Answer(6, at), frame[14:54 + int.from_bytes(frame[18:20], "big")]
        answer.tos = int.from_bytes(packet[:2], "big") >> 4 & 0xff
        answer.ttl, protocol, answer.df = packet[7], packet[6], True
        source, target, body = packet[8:24], packet[24:40], packet[40:]
    else:
        return None
    if protocol == TCP:
        return _parse_tcp(answer, source, target, body)
    if protocol in (ICMP, ICMP6):
        return _parse_icmp(answer, body)
    return None


def _parse_tcp(answer, source, target, body):
    sport, dport, answer.seq, answer.ack, words, answer.flags, answer.win, _, answer.urg = \
        struct.unpack("!HHIIBBHHH", body[:20])
    answer.key = (answer.family, dport, sport)
    answer.opts = body[20:(words >> 4) * 4]
    answer.data = body[(words >> 4) * 4:]
    if checksum(pseudo(source, target, TCP, len(body)) + body) != 0:
        answer.wrong = "bad TCP sum"
    return answer


def _parse_icmp(answer, body):
    error = body[0] in (3, 4, 11, 12) if answer.family == 4 else body[0] in (1, 2, 3, 4)
    inner = body[8:]
    hlen = (inner[0] & 15) * 4 if inner and answer.family == 4 else 40
    if not error or len(inner) < hlen + 4:
        return None
    sport, dport = struct.unpack("!HH", inner[hlen:hlen + 4])
    answer.key = (answer.family, sport, dport)
    answer.icmp = (body[0], body[1])
    return answer


def read_options(raw):
    """The options of an answer as a list of (kind, bytes); malformed ones as (-1, rest)."""
    out, at = [], 0
    while at < len(raw):
        kind = raw[at]
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        length = raw[at + 1] if at + 1 < len(raw) else 0
        if length < 2 or at + length > len(raw):
            return out + [(-1, raw[at:])]
        out.append((kind, raw[at + 2:at + length]))
        at += length
    return out


def raw_socket(namespace, interface):
    """Frames as they are on an interface, those sent by itself left out, stamped by the kernel."""
    sock = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with namespace.entered():
        sock.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        sock.bind((interface, 3))  # ETH_P_ALL
    sock.setblocking(False)
    return sock


def receive(sock):
    """One frame with its time in seconds of the epoch; None: nothing there."""
    try:
        frame, controls, _, _ = sock.recvmsg(65536, 64)
    except BlockingIOError:
        return None, 0
    seconds, nanoseconds = struct.unpack("qq", controls[0][2])
    return frame, seconds + nanoseconds * 1e-9
