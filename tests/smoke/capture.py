# SPDX-License-Identifier: BSD-3-Clause
"""tcpdump on a link of the lab, and tshark's judgement of what it saw."""
import contextlib
import signal
import subprocess

from netns import call, stop_process, wait_until

FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10}

# tshark's own analysis; any of these in a loss-free capture is a fault of an end.
TROUBLE = ("_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0"
           " || tcp.analysis.retransmission || tcp.analysis.fast_retransmission"
           " || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order"
           " || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment"
           " || tcp.analysis.duplicate_ack || tcp.flags.reset == 1")
CHECKSUMS = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]


def tshark(file, *argv):
    return call("tshark", "-n", "-r", str(file), *CHECKSUMS, *argv, timeout=60).stdout


class Capture:
    """A finished capture file."""

    def __init__(self, file):
        self.file = file

    def segments(self):
        """The TCP segments in order: dicts of source, destination, flags, seq, ack, len."""
        names = ["_ws.col.Source", "_ws.col.Destination", "tcp.flags", "tcp.seq", "tcp.ack",
                 "tcp.len"]
        fields = [word for name in names for word in ("-e", name)]
        rows = []
        for line in tshark(self.file, "-Y", "tcp", "-T", "fields", *fields).splitlines():
            source, destination, *numbers = line.split("\t")
            flags, seq, ack, length = (int(n, 0) for n in numbers)
            rows.append({"source": source, "destination": destination, "flags": flags,
                         "seq": seq, "ack": ack, "len": length})
        return rows

    def options(self, flags):
        """The option kinds of the first segment with exactly these flags."""
        kinds = tshark(self.file, "-Y", f"tcp.flags == {flags:#x}", "-T", "fields",
                       "-e", "tcp.option_kind").splitlines()
        return {int(kind) for kind in kinds[0].split(",")}

    def trouble(self):
        """A line for each packet that is malformed, has a bad sum or was not needed."""
        return tshark(self.file, "-Y", TROUBLE)

    def unverified(self):
        """A line for each TCP segment whose checksum tshark could not call good."""
        return tshark(self.file, "-Y", "tcp && tcp.checksum.status != 1")


@contextlib.contextmanager
def capturing(lab, namespace, interface, only="tcp"):
    """Captures on an interface while the body of the with runs; yields a Capture."""
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
