# SPDX-License-Identifier: BSD-3-Clause
"""tcpdump on a link of the lab, and tshark's judgement of what it saw."""
import contextlib
import functools
import signal
import subprocess

from netns import call, stop_process, wait_until

FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10}

# tshark's own analysis; any of these in a loss-free capture is a fault of an end.
TROUBLE = ("_ws.malformed || ip.checksum.status == 0 || (tcp.checksum.status == 0 && tcp.checksum != 0xffff)"
           " || tcp.analysis.retransmission || tcp.analysis.fast_retransmission"
           " || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order"
           " || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment"
           " || tcp.analysis.duplicate_ack || tcp.flags.reset == 1")
FIELDS = {"source": "_ws.col.Source", "destination": "_ws.col.Destination", "flags": "tcp.flags",
          "seq": "tcp.seq", "ack": "tcp.ack", "len": "tcp.len", "options": "tcp.option_kind",
          "checksum": "tcp.checksum.status", "sum": "tcp.checksum"}
CHECKSUMS = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]


def tshark(file, *argv):
    return call("tshark", "-n", "-r", str(file), *CHECKSUMS, *argv, timeout=60).stdout


class Capture:
    """A capture file: of a capture still running, or finished."""

    def __init__(self, file):
        self.file = file

    def count(self, expression):
        """How many frames match an expression of tcpdump's so far."""
        return call("tcpdump", "-n", "-t", "-r", str(self.file), expression,
                    check=False).stdout.count("\n")

    @functools.cached_property
    def segments(self):
        """The TCP segments in order: dicts of numbers and addresses; `options` is a set of kinds.

        For use when the capture has ended.
        """
        words = [word for name in FIELDS.values() for word in ("-e", name)]
        rows = []
        for line in tshark(self.file, "-Y", "tcp", "-T", "fields", *words).splitlines():
            row = dict(zip(FIELDS, line.split("\t")))
            row["options"] = {int(kind) for kind in row["options"].split(",") if kind}
            for name in ("flags", "seq", "ack", "len"):
                row[name] = int(row[name], 0)
            rows.append(row)
        return rows

    def options(self, flags):
        """The option kinds of the first segment with exactly these flags."""
        return next(s["options"] for s in self.segments if s["flags"] == flags)

    def trouble(self):
        """A line for each packet that is malformed, has a bad sum or was not needed."""
        return tshark(self.file, "-Y", TROUBLE)

    def unverified(self):
        """The segments whose checksum tshark could not call good.

        Linux may write 0xffff for 0x0000, which is as good but reported.
        """
        return [s for s in self.segments if s["checksum"] != "1" and s["sum"] != "0xffff"]


@contextlib.contextmanager
def capturing(lab, namespace, interface, only="tcp"):
    """Captures on an interface while the body of the with runs; yields a Capture.

    tcpdump drops what it has not read when it is stopped: the body waits until
    count() has seen what it needs.
    """
    file = lab.dir / f"{namespace.name}-{interface}.pcap"
    log = file.with_suffix(".log")
    with open(log, "wb") as output:
        process = lab.start(namespace, "tcpdump", "-i", interface, "-U", "--immediate-mode", "-n",
                            "-Z", "root", "-w", file, only,
                            stdout=subprocess.DEVNULL, stderr=output)
    wait_until(lambda: "listening on" in log.read_text(), 10, "tcpdump listens")
    try:
        yield Capture(file)
    finally:
        stop_process(process, how=signal.SIGINT)
