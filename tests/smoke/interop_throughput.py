# SPDX-License-Identifier: BSD-3-Clause
"""How fast is Terminus over a line that loses frames, compared with Linux's own TCP there?

    client ---- line with loss and delay ---- Terminus ---- backend
    client ---- line with loss and delay ---- HAProxy, Linux's TCP, CUBIC ---- backend
    client ---- line with loss and delay ---- Linux's TCP, CUBIC

download: what is in the middle sends, upload: it receives; the client is Linux. What
counts are bytes that the receiving application got within the time. All take turns and
meet the same losses. The last has less to do than a proxy has, which is of no account
where a line has some delay but is where the machine is the limit. The median of the runs
is printed:

    interop_throughput direction=... loss_pct=... rtt_ms=... ... ratio_linux=TERMINUS/LINUX

Run as root: /usr/bin/python3 tests/smoke/interop_throughput.py [--help]
"""
import argparse
import contextlib
import ipaddress
import os
import re
import socket
import statistics
import struct
import sys
import threading
import time

from engine import STREAM
from interop_lab import BRIDGES, ENDS, WireLab
from interop_load import PIECE, control
from netlab import BACK, FRONT, LINKS, PREFIX, UNFINISHED_OFF, host_port
from netns import stop_process, wait_until

RELAY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "interop_relay.py")
DATA = os.urandom(PIECE)
WHO = ("terminus", "haproxy", "linux")
PATIENCE = 30  # seconds for whatever should take an instant
WATCHED = ("retransmitted", "fast_retransmits", "rto_expired", "tail_loss_probes", "tail_losses",
           "spurious_recoveries", "dsack_received", "out_of_order", "delayed_acks", "drop_tx_full")


HAPROXY = """\
global
    maxconn 100
defaults
    mode tcp
    timeout connect 30s
    timeout client 600s
    timeout server 600s
listen stream
    bind {front}
    server b1 {back}
"""


def abort(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def send_until_broken(sock):
    with contextlib.suppress(OSError):
        while True:
            sock.sendall(DATA)


def receive_for(sock, seconds):
    """Bytes per second, from the first byte on."""
    buffer = bytearray(PIECE)
    sock.recv_into(buffer)
    begin, got = time.monotonic(), 0
    while (now := time.monotonic()) < begin + seconds:
        got += sock.recv_into(buffer)
    return got / (now - begin)


def ss_values(text):
    """Round trip in ms and congestion window in segments, as ss says them."""
    return [float(re.search(rf"\b{name}:([0-9.]+)", text)[1]) for name in ("rtt", "cwnd")]


class Bench:
    def __init__(self, lab, args):
        self.lab = lab
        self.args = args
        self.samples = {}

    @contextlib.contextmanager
    def line(self, loss, rtt_ms, seed):
        """The front link as a line with this loss, and with this delay if it has any."""
        if not rtt_ms:
            with self.lab.losing(loss, "front"):
                yield
            return
        for end in ENDS["front"]:
            self.lab.wire.ip("link", "set", end, "nomaster")
        log = self.lab.dir / "relay.log"
        with open(log, "wb") as output:
            process = self.lab.start(self.lab.wire, sys.executable, "-B", RELAY, *ENDS["front"],
                                     "--delay-ms", rtt_ms / 2, "--loss", loss, "--seed", seed,
                                     stdout=output, stderr=output)
        try:
            wait_until(lambda: process.poll() is not None or "relaying" in log.read_text(),
                       PATIENCE, "the relay relays")
            if process.poll() is not None:
                raise RuntimeError(f"the relay ended: {log.read_text()}")
            yield
        finally:
            stop_process(process)
            for end in ENDS["front"]:
                self.lab.wire.ip("link", "set", end, "master", BRIDGES["front"])

    @contextlib.contextmanager
    def connection(self, who, family):
        """The client's end, and the other end: the backend's, or in the engine's place."""
        lab = self.lab
        there, address = (lab.engine, FRONT[family]) if who == "linux" \
            else (lab.backends, lab.backend[family])
        with there.listen(address, STREAM, PATIENCE) as listener:
            control(listener, "cubic")
            near = lab.clients.connect(FRONT[family], STREAM, PATIENCE)
            control(near, "cubic")
            far, _ = listener.accept()
            far.settimeout(PATIENCE)
            try:
                yield near, far
            finally:
                abort(near)
                abort(far)

    def measure(self, who, direction, family):
        with self.connection(who, family) as (near, far):
            sender, receiver = (far, near) if direction == "download" else (near, far)
            thread = threading.Thread(target=send_until_broken, args=(sender,))
            thread.start()
            try:
                rates = []
                for _ in range(2):
                    rates.append(receive_for(receiver, self.args.seconds / 2))
                    seen = self.sender(who, direction)
                return statistics.mean(rates), seen
            finally:
                for sock in (sender, receiver):
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
                thread.join(PATIENCE)

    def sender(self, who, direction):
        """Round trip in ms and congestion window in segments of what sends over the line."""
        lab = self.lab
        if who == "terminus" and direction == "download":
            row = next(row for row in lab.terminus.rows("connections")
                       if row["state"] == "ESTABLISHED" and not row["active"])
            return row["srtt_us"] / 1000, row["cwnd"] / row["mss"]
        namespace, port = (lab.clients, "dport") if direction == "upload" else (lab.engine, "sport")
        return ss_values(namespace.run("ss", "-tinHO", "state", "established",
                                       f"{port} = :{STREAM}").stdout)

    def round(self, who, seed):
        """One measurement of everything by one of the two."""
        for rtt_ms in self.args.rtt_ms:
            for loss in self.args.loss_pct:
                for direction in self.args.direction:
                    with self.line(loss / 100, rtt_ms, seed):
                        before = self.counters(who)
                        rate, (rtt, cwnd) = self.measure(who, direction, self.args.family)
                        after = self.counters(who)
                    self.samples.setdefault((direction, loss, rtt_ms, who), []).append(rate)
                    grown = " ".join(f"{name}={after[name] - before[name]}" for name in after)
                    say(f"sample who={who} direction={direction} loss_pct={loss} "
                        f"rtt_ms={rtt_ms} seed={seed} mbps={mbps(rate):.1f} sender_rtt_ms={rtt:.2f} "
                        f"sender_cwnd={cwnd:.0f} {grown}")

    def counters(self, who):
        if who != "terminus":
            return {}
        time.sleep(0.05)  # workers publish their counters every millisecond
        counters = self.lab.terminus.counters()
        return {name: counters[name] for name in WATCHED}

    @contextlib.contextmanager
    def in_place(self, who):
        """Terminus, or the kernel with its addresses, at the engine's end of the line."""
        if who == "terminus":
            self.lab.serve()
            yield
            self.lab.terminus.stop()
            return
        with contextlib.ExitStack() as stack:
            for side, local in (("front", FRONT), ("back", BACK)):
                stack.enter_context(self.kernel_address(LINKS[side][0], local[self.args.family]))
            for namespace in (self.lab.clients, self.lab.backends):
                namespace.ip("neighbour", "flush", "all")
            if who == "haproxy":
                stack.enter_context(self.haproxy())
            yield

    @contextlib.contextmanager
    def kernel_address(self, device, address):
        family = 6 if ":" in address else 4
        engine = self.lab.engine
        engine.sysctl(net__ipv4__tcp_no_metrics_save=1,
                      **{f"net__ipv6__conf__{name}__disable_ipv6": 0 for name in ("all", device)})
        # As at the client's end: what is lost are frames, not a sender's bundles of them.
        engine.run("ethtool", "-K", device, *UNFINISHED_OFF)
        nodad = ["nodad"] if family == 6 else []
        engine.ip("address", "add", f"{address}/{PREFIX[family]}", "dev", device, *nodad)
        # A namespace may not choose its default, and HAProxy does not ask for one.
        network = str(ipaddress.ip_interface(f"{address}/{PREFIX[family]}").network)
        same = ["metric", "256"] if family == 6 else ["scope", "link", "src", address]
        engine.ip("route", "replace", network, "dev", device, "proto", "kernel", *same,
                  "congctl", "cubic")
        try:
            yield
        finally:
            engine.ip("address", "del", f"{address}/{PREFIX[family]}", "dev", device)

    @contextlib.contextmanager
    def haproxy(self):
        family = self.args.family
        conf = self.lab.dir / "haproxy.conf"
        conf.write_text(HAPROXY.format(front=host_port(FRONT[family], STREAM),
                                       back=host_port(self.lab.backend[family], STREAM)))
        process = self.lab.start(self.lab.engine, "haproxy", "-db", "-f", conf)
        try:
            wait_until(self.haproxy_listens, PATIENCE, "haproxy listens")
            yield
        finally:
            stop_process(process)

    def haproxy_listens(self):
        return self.lab.engine.run("ss", "-tlnH", f"sport = :{STREAM}").stdout

    def report(self):
        for direction in self.args.direction:
            for rtt_ms in self.args.rtt_ms:
                for loss in self.args.loss_pct:
                    rates = {who: statistics.median(self.samples[direction, loss, rtt_ms, who])
                             for who in self.args.who}
                    listed = " ".join(f"{who}_mbps={mbps(rate):.1f}"
                                      for who, rate in rates.items())
                    if "terminus" in rates:
                        listed += "".join(f" ratio_{who}={rates['terminus'] / rate:.2f}"
                                          for who, rate in rates.items() if who != "terminus")
                    print(f"interop_throughput direction={direction} loss_pct={loss} "
                          f"rtt_ms={rtt_ms} family={self.args.family} runs={self.args.runs} "
                          f"{listed}", flush=True)


def mbps(rate):
    return rate * 8 / 1e6


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--loss-pct", type=float, nargs="+", default=[0.1, 1.0])
    parser.add_argument("--rtt-ms", type=float, nargs="+", default=[0.0, 20.0],
                        help="of the line; 0: a bridge, else a relay")
    parser.add_argument("--direction", nargs="+", default=["download", "upload"],
                        choices=["download", "upload"])
    parser.add_argument("--who", nargs="+", default=list(WHO), choices=WHO)
    parser.add_argument("--family", type=int, default=4, choices=[4, 6])
    return parser.parse_args()


def main():
    args = parse_args()
    with WireLab("af_packet", 1) as lab:
        bench = Bench(lab, args)
        for seed in range(1, args.runs + 1):
            for who in args.who:
                with bench.in_place(who):
                    bench.round(who, seed)
        bench.report()


if __name__ == "__main__":
    main()
