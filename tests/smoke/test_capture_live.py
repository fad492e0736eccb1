# SPDX-License-Identifier: BSD-3-Clause
"""terminusctl capture: what it writes, judged by tshark and tcpdump, and every way it ends."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from scapy.all import IP, TCP, Ether, IPv6

from capture import Capture, tshark
from engine import HTTP, TERMINUSCTL, WEB, Engine, lab_config
from netlab import BACK, BACKENDS, CLIENT, FRONT, url
from netns import call, stop_process, wait_until
from test_garbage import mac_of

pytestmark = pytest.mark.paired

IN, OUT = "0x00000001", "0x00000002"
# Linux writes the sum 0 as 0xffff, which means the same; tshark takes it for wrong.
BROKEN = "_ws.malformed || (tcp.checksum.status == 0 && tcp.checksum != 0xffff)"
COUNTS = re.compile(r"^(\d+) frames? captured, (\d+) missed$", re.MULTILINE)


class Running:
    """A terminusctl capture under way; `said` is its standard error."""

    def __init__(self, engine, log, argv, **options):
        self.log = log
        with open(log, "wb") as err:
            self.process = subprocess.Popen([TERMINUSCTL, "-i", engine.instance, "capture", *argv],
                                            stderr=err, **options)

    @property
    def said(self):
        return self.log.read_text(errors="replace")

    def started(self):
        wait_until(lambda: "capturing to" in self.said or self.process.poll() is not None, 10,
                   "the capture runs")
        assert "capturing to" in self.said, self.said

    def end(self, how=None, timeout=10):
        """Ends it by a signal, or waits for its end; returns frames and missed it printed."""
        if how is not None:
            self.process.send_signal(how)
        assert self.process.wait(timeout) == 0, self.said
        frames, missed = COUNTS.search(self.said).groups()
        return int(frames), int(missed)


@contextlib.contextmanager
def capturing(lab, *argv, **options):
    """terminusctl capture ARGV while the body of the with runs."""
    running = Running(lab.terminus, lab.dir / "capture.log", list(map(str, argv)),
                      **options)
    try:
        running.started()
        yield running
    finally:
        stop_process(running.process, how=signal.SIGKILL)


def refused(lab, *argv):
    """The one line with which a capture is refused."""
    done = call(str(TERMINUSCTL), "-i", lab.terminus.instance, "capture",
                *map(str, argv), check=False)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def telemetry(engine, command):
    """The answer to a command on the control socket, as every collector gets it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.settimeout(10)
        control.connect(f"/var/run/dpdk/{engine.instance}/dpdk_telemetry.v2")
        control.recv(1024)
        control.send(command.encode())
        (answer,) = json.loads(control.recv(20000)).values()
    return answer


def status(engine):
    return telemetry(engine, "/terminus/capture/status")


def ended(engine, timeout=8):
    """Waits for the end of the last capture and returns its status."""
    wait_until(lambda: not status(engine)["running"], timeout, "the capture has ended")
    return status(engine)


def fetch(lab, family, count=1, port=WEB):
    for _ in range(count):
        lab.clients.run("curl", "-sS", "-m", 5, url(FRONT[family], port=port))


def hello(lab):
    """A request that the engine itself answers: ten frames or so."""
    fetch(lab, 4, port=HTTP)


def rows(file, *fields, only=""):
    words = [word for field in fields for word in ("-e", field)]
    return [line.split("\t")
            for line in tshark(file, "-Y", only, "-T", "fields", *words).splitlines()]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "live.pcapng"


@pytest.fixture(scope="module")
def alone(bare_lab):
    """A lab with an engine only, for what does not depend on the kind of port."""
    with Engine(bare_lab, lab_config(bare_lab), name="alone") as bare_lab.terminus:
        yield bare_lab


@pytest.mark.in_order
def test_both_directions_of_both_legs(lab, family, file):
    with capturing(lab, file, "tcp port 80") as capture:
        fetch(lab, family)
        time.sleep(0.3)  # the last ACK
        frames, missed = capture.end(signal.SIGINT)
    assert missed == 0
    seen = rows(file, "frame.interface_name", "frame.packet_flags_direction", "_ws.col.Source")
    assert len(seen) == frames >= 14
    sources = {("front", IN): CLIENT[family], ("front", OUT): FRONT[family],
               ("back", OUT): BACK[4]}
    for interface, direction, source in seen:
        if (interface, direction) == ("back", IN):
            assert source in BACKENDS[4]
        else:
            assert source == sources[interface, direction]
    assert {(row[0], row[1]) for row in seen} == {*sources, ("back", IN)}
    judged = Capture(file)
    # Each worker stamps its frames with the time its turn began: of two workers'
    # frames within a turn the second may come first.
    if lab.workers == 1:
        assert judged.trouble() == ""
    assert judged.unverified() == []
    assert "Strict time order:   True" in call("capinfos", str(file)).stdout
    assert abs(time.time() - float(rows(file, "frame.time_epoch")[-1][0])) < 30
    assert call("tcpdump", "-n", "-r", str(file)).stdout.count("\n") == frames


def test_filter(lab, file):
    """Only what the filter lets pass, and the rest is there without one."""
    with capturing(lab, file, "icmp", "and", "src", "host", CLIENT[4]) as capture:
        fetch(lab, 4)
        lab.clients.run("ping", "-c", "3", "-i", "0.1", FRONT[4])
        frames, _ = capture.end(signal.SIGTERM)
    assert frames == 3
    assert {row[0] for row in rows(file, "_ws.col.Protocol")} == {"ICMP"}


def test_port(lab, file):
    with capturing(lab, file, "--port", "back") as capture:
        fetch(lab, 4)
        capture.end(signal.SIGINT)
    assert {row[0] for row in rows(file, "frame.interface_name")} == {"back"}


def test_workers_add_up(lab, file):
    """Each frame passes through one worker's queue."""
    seen = set()
    for worker in range(lab.workers):
        with capturing(lab, file, "tcp", "--worker", worker, "--force") as capture:
            fetch(lab, 4, 8)
            capture.end(signal.SIGINT)
        queues = {row[0] for row in rows(file, "frame.interface_queue")}
        assert queues <= {str(worker)}
        seen |= queues
    assert seen == {str(worker) for worker in range(lab.workers)}


def test_snaplen(lab, file):
    with capturing(lab, file, "tcp port 80", "--snaplen", 60) as capture:
        fetch(lab, 4)
        capture.end(signal.SIGINT)
    lengths = [tuple(map(int, row)) for row in rows(file, "frame.cap_len", "frame.len")]
    assert all(kept == min(60, whole) for kept, whole in lengths)
    assert max(whole for _, whole in lengths) > 100


def test_count(lab, file):
    with capturing(lab, file, "--count", 7) as capture:
        fetch(lab, 4)
        assert capture.end() == (7, 0)
    assert len(rows(file, "frame.number")) == 7
    assert status(lab.terminus)["ended"] == "count"


def test_seconds(alone, file):
    begin = time.monotonic()
    with capturing(alone, file, "--seconds", 1) as capture:
        capture.end()
    assert 0.9 < time.monotonic() - begin < 4
    assert status(alone.terminus)["ended"] == "seconds"


def send_raw(lab, *frames):
    with lab.clients.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        with lab.clients.entered():
            raw.bind(("te-clients", 0))
        for frame in frames:
            raw.send(bytes(frame))


def test_drops_only(lab, family, file):
    fetch(lab, family)  # the client's kernel knows the engine's MAC address
    ether = Ether(src=mac_of(lab.clients, "te-clients"), dst=lab.clients.neighbour_mac(FRONT[family]))
    ip = {4: IP, 6: IPv6}[family](src=CLIENT[family], dst=FRONT[family])
    frames = [ether / ip / TCP(sport=port, dport=9, seq=port, flags="S") for port in (1001, 1003)]
    for port in (1002, 1004):
        frames.append(ether / ip / TCP(sport=port, dport=9, seq=port, flags="S", chksum=1))
    frames.append(ether / ip / TCP(sport=1005, dport=9, seq=1005, dataofs=3, flags="S"))
    dropped = lab.terminus.counters()["drop_bad_tcp_csum"]
    with capturing(lab, file, "--drops-only", "tcp port 9") as capture:
        send_raw(lab, *frames)
        fetch(lab, family, 3)
        frames, missed = capture.end(signal.SIGINT)
    seen = rows(file, "tcp.srcport", "frame.comment", "frame.packet_flags_direction")
    assert sorted(seen) == [["1002", "drop_bad_tcp_csum", IN], ["1004", "drop_bad_tcp_csum", IN],
                            ["1005", "drop_bad_tcp_offset", IN]]
    assert (frames, missed) == (3, 0)
    assert lab.terminus.counters()["drop_bad_tcp_csum"] == dropped + 2


def test_to_tcpdump(lab, file):
    with capturing(lab, "-", "tcp port 80", "--count", 10, stdout=subprocess.PIPE) as capture:
        tcpdump = subprocess.Popen(["tcpdump", "-n", "-r", "-"], stdin=capture.process.stdout,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        capture.process.stdout.close()
        try:
            fetch(lab, 4)
            assert capture.end() == (10, 0)
            text, _ = tcpdump.communicate(timeout=10)
        finally:
            stop_process(tcpdump)
    assert text.count(b"\n") == 10
    assert text.count(b"Flags [S]") == 2


def test_reader_has_enough(alone):
    """As with `terminusctl capture - | head`: the capture ends, and nobody complains."""
    with capturing(alone, "-", stdout=subprocess.PIPE) as capture:
        capture.process.stdout.close()
        hello(alone)
        capture.end()
    assert ended(alone.terminus)["ended"] == "reader gone"


def test_reader_that_pauses_keeps_the_capture(alone, file):
    """Who looks at the first page for long loses nothing, and stops nothing."""
    with capturing(alone, "-", stdout=subprocess.PIPE) as capture:
        begin = time.monotonic()
        alone.clients.run("curl", "-sS", "-m", 5, *[url(FRONT[4], f"/?{i}", HTTP) for i in range(200)])
        while time.monotonic() - begin < 5.5:
            time.sleep(0.2)
            assert status(alone.terminus)["running"], capture.said
        capture.process.send_signal(signal.SIGINT)
        file.write_bytes(capture.process.stdout.read())
        frames, missed = capture.end()
    assert file.stat().st_size > 65536  # more than the pipe holds
    assert len(rows(file, "frame.number")) == frames
    assert missed == 0


def test_killed_terminusctl(alone, file):
    """The engine does not go on capturing for nobody."""
    with capturing(alone, file) as capture:
        capture.process.kill()
        capture.process.wait()
        assert ended(alone.terminus, 2)["ended"] == "reader gone"
    with capturing(alone, file, "--force", "--count", 1):
        hello(alone)


def test_sleeping_terminusctl(alone, file):
    """One that was stopped, as by Ctrl-Z, does not renew its capture."""
    with capturing(alone, file) as capture:
        capture.process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        assert status(alone.terminus)["running"]
        last = ended(alone.terminus, 4)
        assert last["ended"] == "not renewed"
        assert 4900 < last["run_ms"] < 7000
        capture.process.send_signal(signal.SIGCONT)
        assert capture.process.wait(5) == 1
        assert "nobody renewed it" in capture.said and COUNTS.search(capture.said)


def test_telemetry(alone, file):
    """The same by DPDK's own tools: without a lease of its own it lasts five seconds."""
    engine = alone.terminus
    started = telemetry(engine, f"/terminus/capture/start,filter=tcp port 8080,lease=2,file={file}")
    assert started["running"] == 1 and started["file"] == str(file)
    hello(alone)
    for _ in range(3):
        time.sleep(0.8)
        kept = telemetry(engine, f"/terminus/capture/keep,id={started['id']}")
        assert kept["running"] == 1
    stopped = telemetry(engine, "/terminus/capture/stop")
    assert stopped["id"] == started["id"]
    last = ended(engine)
    assert last["ended"] == "stopped" and last["missed"] == 0 and last["frames"] >= 8
    assert len(rows(file, "frame.number")) == last["frames"]
    file.unlink()
    telemetry(engine, f"/terminus/capture/start,lease=1,file={file}")
    assert ended(engine, 3)["ended"] == "not renewed"
    for command, error in [
            ("start", "file="), ("start,nonsense", "nonsense"), ("start,file=x", "whole path"),
            (f"start,file={file}", "exists"), ("start,file=/dev/null", "neither"),
            ("start,filter=tcp prt 80,file=/tmp/x", "tcp prt 80"),
            ("stop,id=99999", "99999"), ("keep,id=x", "id=x"), ("status,99", "99")]:
        assert error in telemetry(engine, f"/terminus/capture/{command}")["error"]


def test_one_at_a_time(alone, file):
    with capturing(alone, file) as capture:
        other = alone.dir / "other.pcapng"
        assert "a capture is running" in refused(alone, other)
        assert not other.exists()
        capture.end(signal.SIGINT)


def test_refusals(alone, file):
    assert 'filter "tcp prt 80"' in refused(alone, file, "tcp", "prt", "80")
    assert 'no port "side": use front, back' in refused(alone, file, "--port", "side")
    assert "63 is not a worker" in refused(alone, file, "--worker", 63)
    assert "No such file or directory" in refused(alone, "/nonexistent/x.pcapng")
    assert "Is a directory" in refused(alone, alone.dir)
    assert not file.exists()
    file.write_text("precious")
    assert "--force" in refused(alone, file)
    assert "no port" in refused(alone, file, "--force", "--port", "side")
    assert file.read_text() == "precious"
    file.chmod(0o644)
    nobody = call("setpriv", "--reuid", "65534", "--clear-groups", str(TERMINUSCTL), "-i",
                  alone.terminus.instance, "capture", str(file), check=False)
    assert nobody.returncode == 1 and nobody.stderr.count("\n") == 1
    assert file.read_text() == "precious"


def test_force(alone, file):
    file.write_text("x" * 100_000)
    with capturing(alone, file, "--force", "--count", 3) as capture:
        hello(alone)
        capture.end()
    assert len(rows(file, "frame.number")) == 3


def test_private(alone, file):
    with capturing(alone, file) as capture:
        assert file.stat().st_mode & 0o777 == 0o600
        capture.end(signal.SIGINT)


def test_disk_full(alone):
    """A file system of 64 KB: one line says so, and nothing else comes to harm."""
    script = 'mount -t tmpfs -o size=64k none "$0" && shift 0 && exec "$@"'
    room = alone.dir / "small"
    room.mkdir(exist_ok=True)
    log = alone.dir / "full.log"
    with open(log, "wb") as err:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, room, TERMINUSCTL, "-i",
             alone.terminus.instance, "capture", room / "x.pcapng"], stderr=err)
    try:
        wait_until(lambda: "capturing to" in log.read_text(), 10, "the capture runs")
        for _ in range(200):
            hello(alone)
            if process.poll() is not None:
                break
        assert process.wait(5) == 1
    finally:
        stop_process(process, how=signal.SIGKILL)
    assert "No space left on device" in log.read_text()
    assert ended(alone.terminus)["ended"] == "reader gone"
    hello(alone)


def test_large_transfers(lab, file):
    """A capture of much traffic: every frame is captured or counted, none is disturbed."""
    with capturing(lab, file, f"tcp port {WEB}") as capture:
        lab.clients.run("wrk", "-t1", "-c50", "-d1s", url(FRONT[4]), timeout=30)
        frames, missed = capture.end(signal.SIGINT, 20)
    counted = call("capinfos", "-c", "-M", str(file)).stdout
    assert int(re.search(r"packets\s*=?:?\s*(\d+)", counted).group(1)) == frames > 5000
    if missed == 0:
        assert tshark(file, "-Y", BROKEN) == ""


def test_nothing_is_left(alone, file):
    with capturing(alone, file, "--count", 1) as capture:
        hello(alone)
        capture.end()
    left = os.listdir(f"/var/run/dpdk/{alone.terminus.instance}")
    assert [name for name in left if name.startswith("capture")] == []


def test_engine_ends_first(alone, file):
    """What was captured until then is in the file, and terminusctl says why it ends."""
    with capturing(alone, file) as capture:
        alone.clients.run("ping", "-c", "2", "-i", "0.1", FRONT[4])
        assert alone.terminus.stop() == 0
        assert capture.process.wait(5) == 1
        assert "has ended" in capture.said
    alone.terminus.start()
    assert len(rows(file, "frame.number", only="icmp")) == 4


def test_engine_dies(alone, file):
    with capturing(alone, file) as capture:
        alone.clients.run("ping", "-c", "2", "-i", "0.1", FRONT[4])
        wait_until(lambda: status(alone.terminus)["frames"] >= 4, 5, "frames captured")
        alone.terminus.stop(signal.SIGKILL)
        assert capture.process.wait(5) == 1
    alone.terminus.start()
    assert len(rows(file, "frame.number", only="icmp")) == 4
