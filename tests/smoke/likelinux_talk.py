# SPDX-License-Identifier: BSD-3-Clause
"""A talk: the steps of a case played to one listener, and what it answered.

Sequence and acknowledgement numbers of the steps, and of the answers' texts, count from the
initial numbers: the SYN is 0, the first byte 1. All talks of a run are played by one loop, so
that their waits overlap.
"""
import heapq
import itertools
import select
import time

from likelinux_wire import (ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, flag_bits, fragments,
                            icmp_error, ip_packet, options, packed, parse, read_options, receive,
                            segment)
from likelinux_lab import RELAYED
from netlab import FRONT

UNHEARD_ISN = 0x51e0f000  # taken for the listener's as long as it has not said its own
LETTERS = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (URG, "U"), (ECE, "E"), (CWR, "W"),
           (ACK, "."))
CLOCK, TICK = 5000, 10  # the client's timestamps: of the first segment, and from one to the next
IP_FIELDS = ("ttl", "tos", "version")
SEGMENT_FIELDS = ("win", "urg", "reserved", "offset", "bad_sum", "cut")


def seg(flags, seq=0, ack=0, data=b"", **more):
    """Sends a segment. data: bytes, or how many of a pattern that follows seq. more: the fields
    of likelinux_wire.segment(); opts: a list for options(); ts: None for no timestamp, or (value,
    echo), where the echo may be "last"; ttl, tos, words (IP options), extra (IP length), bad_ip,
    pieces (IP fragments), source, target, sport, ether ("broadcast", "multicast")."""
    return ("send", dict(flags=flags, seq=seq, ack=ack, data=data, **more))


def wait(seconds):
    """Collects answers for so long; what comes until the next wait is compared together."""
    return ("wait", seconds)


def heard(letters="", limit=1.0):
    """As wait(), but only until an answer with these flags has come."""
    return ("heard", (letters, limit))


def icmp(kind, seq, **more):
    """Sends an ICMP error about a segment of the listener's with this sequence number. more:
    mtu, parameter, size (of the quoted segment's payload), quote (bytes that are quoted)."""
    return ("icmp", dict(kind=kind, seq=seq, **more))


def renew(by):
    """The next SYN is of a new connection; its number is `by` beyond what has been sent."""
    return ("renew", by)


def fill(size=1000):
    """Sends data until the listener's window is closed, then counts its numbers anew: the next
    byte is 1."""
    return ("fill", size)


def pattern(start, count):
    return bytes((start + i) * 7 + 3 & 0xff for i in range(count))


def signed(difference):
    """The difference of two sequence numbers as the nearer one of the two ways around."""
    return (difference + 2**31 & 0xffffffff) - 2**31


class Talk:
    """One case at one side. answers: a list for each wait, of (seconds since the last segment
    sent, text)."""

    def __init__(self, side, family, sport, client, case, label):
        self.side, self.family, self.sport, self.port = side, family, sport, case.port
        self.steps, self.at = case.talks[label], 0
        self.ts, self.sent = case.ts, 0
        self.isn = (sport * 2654435761 + 0x9e37) & 0xffffffff
        if sport % 2:
            self.isn |= 0xffffff00  # wraps soon
        self.their_isn = None
        self.renewed = False  # the next SYN heard is of a new connection
        self.their_ack = self.their_tsval = None
        self.ours = 0  # where counting begins, after a fill()
        self.last_win = None
        self.filled = 0
        self.answers = [[]]
        self.last_send = 0.0
        self.collecting = False  # until the end of a wait
        self.waiting = None  # the flags of an answer that ends it
        self.due = 0
        self.client = packed(client)
        self.front = packed(FRONT[family])

    def key(self):
        return (self.side.name, self.family, self.sport, self.port)

    def isn_heard(self):
        return UNHEARD_ISN if self.their_isn is None else self.their_isn

    def _timestamp(self, fields):
        if "ts" in fields:
            ts = fields["ts"]
        else:
            ts = (CLOCK + TICK * self.sent, "last") if self.ts else None
        if ts is None:
            return []
        value, echo = ts
        return ["nop", "nop", ("ts", value, (self.their_tsval or 0) if echo == "last" else echo)]

    def _options(self, fields):
        words = []
        for word in fields.get("opts", []) if not isinstance(fields.get("opts"), bytes) else []:
            if word[0] == "sack":
                word = ("sack", *(self.isn_heard() + n for n in word[1:]))
            words.append(word)
        if isinstance(fields.get("opts"), bytes):
            return fields["opts"]
        if "opts" not in fields or "ts" in fields:
            words = self._timestamp(fields) + words
        elif self.ts and "S" not in fields["flags"]:
            words = self._timestamp(fields) + words
        return options(*words)

    def packets(self, fields):
        """The IP packets of a send step."""
        source = packed(fields["source"]) if "source" in fields else self.client
        target = packed(fields["target"]) if "target" in fields else self.front
        data = fields["data"]
        if isinstance(data, int):
            data = pattern(fields["seq"], data)
        flags = flag_bits(fields["flags"])
        body = segment(source, target, fields.get("sport", self.sport), self.port, flags,
                       self.isn + self.ours + fields["seq"],
                       self.isn_heard() + fields["ack"]
                       if flags & ACK or fields["ack"] else 0,
                       opts=self._options(fields), data=data,
                       **{key: fields[key] for key in SEGMENT_FIELDS if key in fields})
        rest = {key: fields[key] for key in IP_FIELDS if key in fields}
        if "pieces" in fields:
            return list(fragments(source, target, body, fields["pieces"], self.sport, **rest))
        for key in ("words", "extra", "fragment"):
            if key in fields:
                rest[key] = fields[key]
        if "bad_ip" in fields:
            rest["bad_sum"] = True
        return [ip_packet(source, target, 6, body, **rest)]

    def error(self, kind, seq, size=100, quote=None, mtu=0, parameter=0, ack=1):
        """The IP packet of an ICMP error."""
        inner = ip_packet(self.front, self.client, 6, segment(
            self.front, self.client, self.port, self.sport, ACK, self.isn_heard() + seq,
            self.isn + ack, data=bytes(size)))
        return icmp_error(self.client, self.front, kind, inner[:quote or 576], mtu, parameter)

    def note(self, answer):
        """An answer has come; true: it is what a heard() waits for."""
        text = self._text(answer)
        self.answers[-1].append([answer.at - self.last_send, text])
        return self.waiting is not None and answer.icmp is None and \
            self.waiting & answer.flags == self.waiting

    def _text(self, answer):
        if answer.icmp:
            return f"icmp {answer.icmp[0]}/{answer.icmp[1]}"
        if answer.flags & SYN and (self.renewed or self.their_isn is None):
            self.their_isn, self.renewed = answer.seq, False
        if answer.flags & ACK and not answer.flags & RST:
            self.their_ack = answer.ack
        base = self.isn_heard()
        size = len(answer.data)
        seq = signed(answer.seq - base)
        # Where a relayed stream has its marks depends on what has come from the backend.
        flags = answer.flags & ~PSH if self.port in RELAYED else answer.flags
        letters = "".join(letter for bit, letter in LETTERS if flags & bit)
        words = [letters, f"{seq}:{seq + size}({size})"]
        if answer.flags & SYN and answer.seq != self.their_isn:
            words[1] = "other ISN"
        elif answer.flags & RST and answer.seq == 0:
            words[1] = "zero"
        if answer.flags & ACK:
            words.append(f"ack {signed(answer.ack - self.isn - self.ours)}")
        self.last_win = answer.win
        if answer.win == 0 and not answer.flags & RST:
            words.append("win 0")
        if answer.flags & URG:
            words.append(f"urg {answer.urg}")
        words += self._option_texts(answer)
        words += [f"ttl {answer.ttl}"] if answer.ttl != 64 else []
        words += [f"tos {answer.tos}"] if answer.tos else []
        words += ["fragmentable"] if not answer.df else []
        return " ".join(words + ([answer.wrong] if answer.wrong else []))

    def _option_texts(self, answer):
        texts = []
        for kind, value in sorted(read_options(answer.opts)):
            number = int.from_bytes(value, "big")
            if kind == 2:
                texts.append(f"mss {number}" if self.port not in RELAYED else "mss")
            elif kind == 3:
                texts.append("wscale")
            elif kind == 4:
                texts.append("sackOK")
            elif kind == 8:
                tsval, echo = number >> 32, number & 0xffffffff
                back = self.their_tsval is not None and tsval - self.their_tsval & 0x80000000
                if not answer.flags & RST:
                    self.their_tsval = tsval
                texts.append(f"ts ecr {echo}" + (" backwards" if back else ""))
            elif kind == 5:
                edges = [signed(int.from_bytes(value[i:i + 4], "big") - self.isn - self.ours)
                         for i in range(0, len(value), 4)]
                texts.append("sack " + " ".join(f"{a}:{b}"
                                                for a, b in zip(edges[::2], edges[1::2])))
            else:
                texts.append(f"option {kind}")
        return [f"<{','.join(texts)}>"] if texts else []

    def farewell(self):
        """A reset that ends what is left of the connection; None: there is none."""
        if self.their_ack is None:
            return None
        self.ours = 0
        return seg("R", (self.their_ack - self.isn) & 0xffffffff, ts=None)[1]


class Player:
    """Plays talks at both sides at once. sockets: by the side's name."""

    def __init__(self, sides, sockets):
        self.sides, self.sockets = sides, sockets
        self.talks = {}
        self.heap = []
        self.order = itertools.count()

    def play(self, talks, per_second):
        """Plays them all, starting so many a second at each side."""
        begin = time.monotonic() + 0.02
        for number, talk in enumerate(talks):
            self._due(begin + number / len(self.sides) / per_second, talk)
        live = len(talks)
        while live:
            self._drain()
            now = time.monotonic()
            while self.heap and self.heap[0][0] <= now:
                _, number, talk = heapq.heappop(self.heap)
                if number == talk.due:  # else it has heard what it waited for
                    live -= self._go_on(talk)
            pause = max(0.0, min(0.05, self.heap[0][0] - time.monotonic())) if self.heap else 0
            select.select(list(self.sockets.values()), [], [], pause)

    def _due(self, when, talk):
        talk.due = next(self.order)
        heapq.heappush(self.heap, (when, talk.due, talk))

    def _drain(self):
        for name, sock in self.sockets.items():
            for _ in range(64):
                frame, at = receive(sock)
                if frame is None:
                    break
                answer = parse(frame, at)
                talk = answer and self.talks.get((name, *answer.key))
                if talk and talk.note(answer):
                    self._due(0, talk)

    def _go_on(self, talk):
        """Does steps until one takes time. 1: the talk has ended."""
        self.talks[talk.key()] = talk
        if talk.collecting:
            talk.collecting, talk.waiting = False, None
            talk.answers.append([])
        while talk.at < len(talk.steps):
            kind, what = talk.steps[talk.at]
            talk.at += 1
            if kind == "send":
                self._send(talk, what)
            elif kind == "icmp":
                talk.last_send = time.time()
                self._frame(talk, talk.error(**what), {})
            elif kind == "renew":
                talk.isn = (talk.isn + what) & 0xffffffff
                talk.renewed = True
            elif kind == "fill" and self._fill(talk, what):
                return 0
            elif kind in ("wait", "heard"):
                letters, limit = (None, what) if kind == "wait" else what
                talk.collecting = True
                talk.waiting = None if letters is None else flag_bits(letters)
                self._due(time.monotonic() + limit, talk)
                return 0
        last = talk.farewell()
        if last:
            self._send(talk, last)
        return 1

    def _fill(self, talk, size):
        """One round of a fill(); False: the window is closed, or nothing is taken any more."""
        room = talk.last_win or 0
        if talk.filled > 400 or room == 0:
            talk.ours = (talk.their_ack - talk.isn - 1) & 0xffffffff
            talk.answers[-1] = []
            return False
        start = (talk.their_ack - talk.isn) & 0xffffffff
        self._send(talk, seg("PA", start, 1, min(size, room), win=0)[1])
        talk.filled += 1
        talk.at -= 1
        talk.waiting = ACK
        self._due(time.monotonic() + 0.3, talk)
        return True

    def _send(self, talk, fields):
        if "sport" in fields:
            self.talks[talk.side.name, talk.family, fields["sport"], talk.port] = talk
        for packet in talk.packets(fields):
            talk.last_send = time.time()
            self._frame(talk, packet, fields)
        talk.sent += 1

    def _frame(self, talk, packet, fields):
        target = {"broadcast": b"\xff" * 6, "multicast": b"\1\0\x5e\0\0\1"}.get(
            fields.get("ether"), talk.side.mac)
        frame = target + talk.side.client_mac + (
            b"\x08\x00" if talk.family == 4 else b"\x86\xdd") + packet
        while True:
            try:
                self.sockets[talk.side.name].send(frame)
                return
            except BlockingIOError:
                select.select([], [self.sockets[talk.side.name]], [], 0.1)
