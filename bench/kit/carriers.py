# SPDX-License-Identifier: BSD-3-Clause
"""The links that need no network card: which DPDK device each end of them has, and who can be put
at the server's end."""
import subprocess

from engine import Engine
from kit.compare import RESPONSE
from kit.lab import CLIENTS, FRONT, GENERATOR, LINKS, PREFIX
from kit.peers import BODY
from kit.tgen import Generator, memif, ring
from netns import CommandError, wait_until

TESTPMD = "dpdk-testpmd"
RING = 1024
MBUFS = 32768


class Memory:
    """A link in shared memory, which takes no more than the other side does."""
    huge = True
    window = 512  # connections under way: what its rings hold
    floods = None

    def socket(self, lab):
        return lab.dir / "link"


class Veth:
    """A pair of kernel interfaces. What is too much is lost, and takes the receiver's time, all
    of it in the end: with AF_XDP nothing may come back any more, whoever serves."""
    huge = False
    window = 128
    # So of what comes back at each of these rates the most counts.
    floods = {"from": "50k", "to": "300k", "steps": 6, "hold": "1s"}


class Memif(Memory):
    """Shared memory of two processes."""
    name = "memif"

    def server(self, lab):
        return memif("server", self.socket(lab))

    def client(self, lab):
        return memif("client", self.socket(lab))


class Virtio(Memory):
    """A virtio device of the client's, with vhost-user behind it, as virtual machines have it."""
    name = "virtio"

    def server(self, lab):
        return f"net_vhost0,iface={self.socket(lab)},queues=1"

    def client(self, lab):
        return (f"net_virtio_user0,path={self.socket(lab)},queue_size={RING},packed_vq=1,"
                f"mrg_rxbuf=0,in_order=1")


class AfPacket(Veth):
    """Packet sockets with rings on both ends of a veth."""
    name = "af_packet"

    def server(self, lab):
        return ring(LINKS["client"][0])

    def client(self, lab):
        return ring(LINKS["client"][1])


class AfXdp(Veth):
    """XDP sockets there."""
    name = "af_xdp"

    def server(self, lab):
        return f"net_af_xdp0,iface={LINKS['client'][0]}"

    def client(self, lab):
        return f"net_af_xdp0,iface={LINKS['client'][1]}"


CARRIERS = (Memif(), Virtio(), AfPacket(), AfXdp())


def start_engine(lab, carrier, syncookies):
    """Terminus with one worker."""
    Engine(lab, {
        "instance": lab.instance,
        "workers": {"cpus": [lab.cpus["server"]], "idle_sleep_us": 0},
        "memory": {"huge_pages": "auto" if carrier.huge else "never", "connections": 65536,
                   "half_open": 65536, "time_wait": 8000000, "buffers": 65536},
        "ports": [{"name": "front", "device": carrier.server(lab),
                   "addresses": [f"{FRONT}/{PREFIX}"]}],
        "tcp": {"syncookies": syncookies},
        "routes": [{"to": CLIENTS, "via": GENERATOR}],
        "listeners": [{"name": "http", "address": f"{FRONT}:80", "service": "http",
                       "http": {"status": 200, "size": BODY}}],
    }).start()


def start_testpmd(lab, carrier, mode):
    """DPDK's own forwarder in the engine's place: `io` sends frames back as they are, `5tswap`
    with addresses and ports swapped."""
    cpu = lab.cpus["server"]
    memory = ("--in-memory",) if carrier.huge else ("--no-huge", "-m", "512")
    log = lab.dir / "testpmd.log"
    lab.journal.note("directories", f"/var/run/dpdk/{lab.instance}")  # it leaves that
    with open(log, "wb") as output:
        process = lab.start(
            lab.server, TESTPMD, f"--lcores=(0,1)@{cpu}", "--no-pci", "--no-telemetry",
            f"--file-prefix={lab.instance}", *memory, "--vdev", carrier.server(lab), "--",
            f"--forward-mode={mode}", "--auto-start", "--stats-period=60", "--nb-cores=1",
            f"--rxd={RING}", f"--txd={RING}", "--burst=64", f"--total-num-mbufs={MBUFS}",
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def forwards():
        text = log.read_text(errors="replace")
        if process.poll() is not None:
            raise CommandError(f"{TESTPMD} ended: {' '.join(text.split()[-40:])}")
        return "start packet forwarding" in text
    wait_until(forwards, 20, f"{TESTPMD} forwards: {log.read_text(errors='replace')}")


def start_answerer(lab, carrier):
    """The generator as a server without TCP: what the link carries of whole connections."""
    Answerer(lab, carrier)
    if isinstance(carrier, Memory):
        wait_until(carrier.socket(lab).exists, 20, "the answering side's socket")


class Answerer(Generator):
    """The generator at the server's end."""

    def __init__(self, lab, carrier):
        plan = self.plan(lab, "server", carrier.server(lab), FRONT,
                         {"mode": "answer", "target": f"{FRONT}:80", "duration": 0,
                          "response": RESPONSE}, "auto" if carrier.huge else "never", 0)
        self._start(lab, "server", plan)
