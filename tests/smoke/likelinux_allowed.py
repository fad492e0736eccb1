# SPDX-License-Identifier: BSD-3-Clause
"""Where Terminus answers differently from Linux, and why that is right.

Each row: which talks (a pattern of "CASE" or "CASE LABEL"), what Linux answers, what Terminus
answers (patterns of the texts), the reason. A difference that no row allows fails its case, and a
row that allows nothing any more fails test_every_listed_difference_is_there, except those that
depend on how fast the machine is (SOMETIMES).
"""
import fnmatch

ALWAYS, SOMETIMES = True, False

TABLE = [
    # Order of the checks.
    ("syn-received/*", "R*", ". 1:1(0) ack 1", ALWAYS,
     "the sequence number is checked before the ACK, as RFC 9293 §3.10.7.4 has it; a SYN in the "
     "window is challenged as in the states behind (RFC 5961 §4)"),
    ("time-wait/syn *", "R 2:2(0)", ". * ack *", ALWAYS,
     "the same: the question afterwards meets a half-open connection"),
    ("after-syn/syn-again-other-number-then-reset", "R 1:1(0)", ". * ack 5000001", ALWAYS,
     "the same"),
    ("challenges/syn-then-reset", "R 1:1(0)", ". * ack 1", ALWAYS, "the same"),
    ("*/fin *", "silence", ". * ack *", ALWAYS,
     "a segment without ACK is dropped as Linux does, but only after its sequence number has been "
     "found good; a bad one is answered first (RFC 9293 §3.10.7.4)"),
    ("*/data-without-ack *", "silence", ". * ack *", ALWAYS, "the same"),
    ("*/none *", "silence", ". * ack *", ALWAYS, "the same"),
    ("*/xmas *", "silence", ". * ack *", ALWAYS, "the same"),
    ("*in-flight/data exact too-old", ". 101:101(0) ack 16", ". 101:101(0) ack 11", ALWAYS,
     "Linux's shortest path takes data whose ACK is too old; RFC 5961 §5.2 does not"),
    # ACKs that are too old.
    ("*/* exact old", ". * ack *", "*", ALWAYS,
     "Linux counts an ACK of bytes that were never sent as too old; RFC 5961 §5.2 allows as much "
     "as the largest window the peer has offered"),
    ("*/* inside old", ". * ack *", "silence", ALWAYS, "the same"),
    ("acks/old", ". 1001:1001(0) ack 12", "silence", ALWAYS, "the same"),
    # Limits of answers.
    ("after-syn/syn-again-twice", "silence", "S. 0:0(0) ack 1 <*>", ALWAYS,
     "Linux answers a repeated SYN once in half a second"),
    ("retries/syn-ack-retries-after-syn-again", "* | +1.0 S.*", "* | +0.5 S.*", ALWAYS,
     "a repeated SYN is answered besides the retries, not instead of one"),
    # Handshake.
    ("options/md5", "silence", "S. *", ALWAYS, "an option that is not known is ignored (MUST-6)"),
    ("after-syn/ack-with-urgent", "P. 1:2(1) ack 6", "P. 1:6(5) ack 6", ALWAYS,
     "urgent data stays in the stream (RFC 6093 §3.4); Linux's sockets take its last byte out"),
    ("peer-closes/fin-and-urgent", "P. 1:3(2) ack 12 | *", "FP. 1:11(10) ack 12", ALWAYS,
     "the same"),
    ("after-syn-timestamps/ack-echo-wrong", ". 1:1(0) ack 1 <ts ecr 5000>", "silence", ALWAYS,
     "RFC 7323 has no check of the echo; the number acknowledged proves the handshake"),
    ("after-syn-timestamps/*-without", "*<ts ecr 5000>", "silence", ALWAYS,
     "a segment without the timestamp that was agreed on is dropped (RFC 7323 §3.2, SHOULD)"),
    ("after-syn-timestamps/reset-older", "silence", "R 1:1(0)", ALWAYS,
     "a reset needs no timestamp (RFC 7323 §5.2), so the half-open connection was gone"),
    ("after-syn-timestamps/syn-older", ". 1:1(0) ack 1 <*>", "S. 0:0(0) ack 1 <*>", ALWAYS,
     "the same SYN again is answered with the same SYN-ACK"),
    # Data.
    ("timestamps/missing", ". 1:1(0) ack 6 <*>", "silence", ALWAYS, "RFC 7323 §3.2, SHOULD"),
    ("timestamps/length-9", ". 1:1(0) ack 6 <*>", "silence", ALWAYS, "the same"),
    ("timestamps/one-older", ". 1:1(0) ack 6 <*>", ". 1:1(0) ack 1 <*>", ALWAYS,
     "Linux forgives a timestamp one tick too old; RFC 7323 §5.3 does not"),
    ("timestamps/duplicate-newer", "*ts ecr 7000>", "*ts ecr 5020>", ALWAYS,
     "what is rejected as old does not change TS.Recent (RFC 7323 §5.3, R2 before R3)"),
    ("order-echo/*", "*<sack *> | P. *", "P. * | *<sack *>", ALWAYS,
     "SACK blocks leave on bare ACKs, which takes no room from data"),
    ("path-mtu/*", "*(1240)* | *", "*(220) ack 12*", ALWAYS,
     "what is in flight is cut where it lies, not joined anew"),
    ("path-mtu/mtu-1280", "*(1220)* | *", "*(220) ack 12*", ALWAYS, "the same"),
    ("path-mtu/mtu-68", "*(512)* | *", "*(436) ack 12 fragmentable*", ALWAYS, "the same"),
    ("path-mtu/mtu-0", "*fragmentable", ". 1:1453(1452) ack 12 | *", ALWAYS,
     "a router that names no MTU: the next plateau (RFC 1191 §7.1), not the least"),
    ("nagle/fin-goes", ". 6:6(0) ack 12", "FP. 6:11(5) ack 12", ALWAYS,
     "after a timeout the FIN takes the data along that Nagle's algorithm held back"),
    # Windows.
    ("zero-window/*", "*. 0:0(0) ack 12", "*. 1:2(1) ack 12", ALWAYS,
     "a probe is the next byte (RFC 9293 §3.8.6.1), Linux's is an old number"),
    ("zero-window/later", "*(14?0) ack 12", "*. 1461:1462(1) ack 12", ALWAYS,
     "beyond a window that shrank nothing is repeated (RFC 9293 §3.8.6, MAY-7)"),
    ("zero-window/*", "+0.2 . 1:2(1) ack 12 | +0.* . 1:2(1) ack 12",
     ". 1:2(1) ack 12 | +0.2 . 1:2(1) ack 12", ALWAYS,
     "half of the largest window is sent at once, be it one byte (RFC 9293 §3.8.6.2.1)"),
    ("zero-window/half-segment", ". 1:351(350) ack 12 | *", ". 1:701(700) ack 12 | *", ALWAYS,
     "Linux sends no more than half of the largest window in a segment"),
    ("zero-window/small", ". 1:1001(1000) ack 12 | *", ". 1:14?1(14?0) ack 12", ALWAYS, "the same"),
    ("zero-window/fin-alone", ". 1:1(0) ack 6", "F. 1:1(0) ack 6", ALWAYS,
     "a FIN without data does not wait for a window: Linux for one takes it"),
    # Retransmission.
    ("bulk/*-duplicates", "silence", ". 14601:16061(1460) ack 15", ALWAYS,
     "limited transmit (RFC 3042)"),
    ("bulk/*", "*. 42341:43801(1460) ack 15", "*. 39421:40881(1460) ack 15", ALWAYS,
     "an ACK counts for eight segments at most in slow start (RFC 9406 §4.3)"),
    ("bulk/*", "*. 39421:40881(1460) ack 15", "*. 37961:39421(1460) ack 15", ALWAYS, "the same"),
    ("bulk/*", ". 1:1461(1460) ack 15 | . 16061:17521(1460) ack 15 | *",
     ". 1:1461(1460) ack 15 | *", SOMETIMES,
     "proportional rate reduction sends fewer new segments (RFC 6937 §3.1)"),
    ("bulk/*", ". 16061:17521(1460) ack 15*", ". 1:1461(1460) ack 15*", SOMETIMES,
     "no new data before what counts as lost soon"),
    ("bulk/sack-last", ". 1:1461(1460) ack 15 | *", ". 1:1461(1460) ack 15*", SOMETIMES,
     "rate reduction holds back another part of what the timer has found lost"),
    ("peer-closes/never-acked", "*+0.2 F.* | +0.4 F.*", "*+0.2 F.* | +0.6 F.*", ALWAYS,
     "a lone FIN is no tail to probe: its first retransmission is the timer's"),
    ("peer-closes/echo-unacked", "FP.* | F.*", "FP.* | +0.2 FP.* | +0.4 FP.*", ALWAYS,
     "data and FIN left together; what Linux probes first is a FIN of its own"),
    ("peer-closes/*fin*", "FP.* | F.*", "FP. *", ALWAYS, "the same"),
    # Closing.
    ("peer-closes/fin-twice", ". 2:2(0) ack 2 <sack 1:2>", ". 2:2(0) ack 2", ALWAYS,
     "DSACK reports data only (RFC 2883 §4)"),
    ("peer-closes/data-under-fin", "* <sack 11:12> | P. *", "P. *", ALWAYS, "the same"),
    ("peer-closes/two-fins", "* <sack 11:12> | P. *", "P. *", ALWAYS, "the same"),
    ("peer-closes/fin-again-with-data", "R 1:1(0)", ". 2:2(0) ack 2 *", ALWAYS,
     "text behind a FIN is ignored (RFC 9293 §3.10.7.4, seventh check)"),
    ("time-wait-timestamps/*", "* ack 7 <ts ecr 5030>", "* ack 7 <ts ecr 50?0>", ALWAYS,
     "the ACK of a FIN that came again echoes its timestamp (RFC 7323 §4.3)"),
    ("time-wait/syn-fin *", "R 2:2(0)", ". 2:2(0) ack 7", ALWAYS,
     "a SYN with a FIN, which no listener takes, ends TIME_WAIT with Linux; the wait goes on"),
    ("time-wait-cases/syn-older-with-timestamp", ". 2:2(0) ack 70007", "S. *", ALWAYS,
     "nothing old can bear a timestamp when the old connection had none (RFC 6191 §2)"),
    ("closed-by-service/*", "R *", ". 90:90(0) ack *", ALWAYS,
     "the http service reads on after its answer, or a reset might overtake the answer"),
    # Network.
    ("harmed*/options-*", "icmp 12/0", "*", ALWAYS, "what is in IP options is not looked at"),
    ("fragments/two-ends", ". 1:1(0) ack 151 | . 1:1(0) ack 151", ". 1:1(0) ack 151", SOMETIMES,
     "what comes in one burst is acknowledged once"),
    ("closed-port/tos", "R. zero ack 1 tos 184", "R. zero ack 1", ALWAYS,
     "a reset has no class of service of its peer's choice"),
    ("icmp-syn-ack/*", "R 1:1(0) | R 1:1(0)", "P. 1:6(5) ack 6", ALWAYS,
     "a half-open connection is ended by its peer or its timer, not by ICMP (RFC 5927)"),
    ("source/broadcast", "S. *", "silence", ALWAYS, "a broadcast address is no peer (MUST-63)"),
    ("target-*/elsewhere", "icmp 1/0", "silence", ALWAYS,
     "no router: what is for others is dropped"),
]


class Allowed:
    """The table, and which of its rows have been needed."""

    def __init__(self):
        self.used = set()

    def row(self, talk, linux, terminus):
        """True when a row allows this difference; it then counts as needed."""
        for index, (talks, one, other, _, _) in enumerate(TABLE):
            if fnmatch.fnmatchcase(talk, talks) and fnmatch.fnmatchcase(linux, one) and \
                    fnmatch.fnmatchcase(terminus, other):
                self.used.add(index)
                return True
        return False

    def unused(self):
        """The rows that all cases together must have needed and have not."""
        return [row for index, row in enumerate(TABLE) if index not in self.used and row[3]]
