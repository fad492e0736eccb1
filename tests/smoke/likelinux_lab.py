# SPDX-License-Identifier: BSD-3-Clause
"""The lab of the comparison with Linux: one raw client, two listeners with the same addresses.

    te-clients-N  te-clients <--veth--> Terminus, whose proxy connects to te-backends-N
                  te-raw     <--veth--> te-linux   te-linux-N, Linux itself

What comes to the client is seen by the raw sockets only: netfilter keeps it from the kernel,
which would answer with resets.
"""
import json
import pathlib
import subprocess
import sys

from engine import Engine
from netlab import (BACK, BACKENDS, CLIENT, FRONT, PREFIX, QUIET_IPV6, UNFINISHED_OFF, Lab,
                    host_port)
from netns import call, wait_until

SERVER = pathlib.Path(__file__).with_name("likelinux_server.py")
HTTP, ECHO, DISCARD, ACTOR, NARROW, CLOSED = 80, 7, 9, 7000, 7001, 81
RELAYED = (ACTOR, NARROW)  # Terminus leaves room for its backend's options in what it announces
NARROW_BYTES = 16384
HOSTS = range(20, 250)
PORTS = {"http": [HTTP], "echo": [ECHO], "discard": [DISCARD], "actor": [ACTOR, NARROW],
         "narrow": [NARROW]}

# Two thousand connections at once are no attack, and no answer may be left out for the reason
# that another one has just been given to somebody else.
LINUX = {"net.core.somaxconn": 16384, "net.ipv4.tcp_max_syn_backlog": 16384,
         "net.ipv4.tcp_no_metrics_save": 1, "net.ipv4.tcp_synack_retries": 2,
         "net.ipv4.tcp_fin_timeout": 3,
         "net.ipv4.tcp_max_orphans": 65536, "net.ipv4.icmp_ratelimit": 0,
         "net.ipv4.icmp_msgs_per_sec": 100000, "net.ipv6.icmp.ratelimit": 0,
         "net.ipv4.tcp_max_tw_buckets": 65536, "net.ipv4.tcp_rfc1337": 1}


def client_address(host):
    """A client's addresses by a number from HOSTS."""
    return {4: f"192.0.2.{host}", 6: f"2001:db8:1::{host:x}"}


class Side:
    """One of the listeners as the client sees it; macs are bytes, of the client's interface and
    of the listener's."""

    def __init__(self, name, interface, client_mac, mac):
        self.name = name
        self.interface = interface
        self.client_mac = bytes.fromhex(client_mac.replace(":", ""))
        self.mac = bytes.fromhex(mac.replace(":", ""))


class LikeLinuxLab(Lab):
    """A Lab with Linux as a second listener; serve() starts everything."""

    def _configure(self):
        super()._configure()
        self.linux = self._namespace("linux")
        self.linux.sysctl(**QUIET_IPV6)
        for key, value in LINUX.items():
            self.linux.run("sysctl", "-e", "-q", "-w", f"{key}={value}")
        self.linux.ip("link", "add", "te-linux", "type", "veth",
                      "peer", "name", "te-raw", "netns", self.clients.name)
        self.linux.run("ethtool", "-K", "te-linux", *UNFINISHED_OFF)
        self.linux.ip("link", "set", "te-linux", "up")
        self.clients.ip("link", "set", "te-raw", "up")
        mac = self.mac(self.clients, "te-raw")
        for family in (4, 6):
            self._address(self.linux, "te-linux", FRONT[family], family)
        known = f"lladdr {mac} dev te-linux nud permanent"
        neighbours = [f"neighbour replace {client[family]} {known}\n"
                      for client in (CLIENT, *map(client_address, HOSTS)) for family in (4, 6)]
        call("ip", "-n", self.linux.name, "-batch", "-", stdin="".join(neighbours))
        self.clients.run("nft", "add table inet quiet; add chain inet quiet in { type filter hook "
                         "input priority 0; }; add rule inet quiet in meta l4proto tcp drop")

    @staticmethod
    def mac(namespace, interface):
        listed = json.loads(namespace.run("ip", "-j", "link", "show", interface).stdout)
        return listed[0]["address"]

    def serve(self):
        """Starts both listeners; returns their Sides."""
        for namespace in (self.linux, self.backends):
            log = self.dir / f"{namespace.name}.server"
            with open(log, "wb") as out:
                self.start(namespace, sys.executable, SERVER, json.dumps(PORTS),
                           str(NARROW_BYTES), stdout=out, stderr=subprocess.STDOUT)
            wait_until(lambda log=log: "ready" in log.read_text(), 10, "the server listens")
        self.terminus = Engine(self, self._config()).start()
        self.idle_objects = self.terminus.objects()
        self.clients.run("ping", "-c1", "-W2", FRONT[4])
        listed = json.loads(self.clients.run("ip", "-j", "neighbour", "show", FRONT[4]).stdout)
        return [Side("linux", "te-raw", self.mac(self.clients, "te-raw"),
                     self.mac(self.linux, "te-linux")),
                Side("terminus", "te-clients", self.mac(self.clients, "te-clients"),
                     listed[0]["lladdr"])]

    def _config(self):
        def listener(name, port, service, **more):
            return {"name": name, "address": [host_port(a, port) for a in FRONT.values()],
                    "service": service, "backlog": 8192, **more}

        def local(addresses):
            return [f"{address}/{PREFIX[family]}" for family, address in addresses.items()]

        # A backend's segments are as long as a client's may be, so that none is cut.
        def pool(name, port, family, **tcp):
            return {"name": f"{name}{family}", "sources": [BACK[family]],
                    "connect_timeout": "1500ms", "tcp": {"timestamps": False, **tcp},
                    "backends": [{"name": "b1",
                                  "address": host_port(BACKENDS[family][0], port)}]}

        def relay(name, port, family, **tcp):
            return {"name": f"{name}{family}", "address": host_port(FRONT[family], port),
                    "service": "proxy", "pool": f"{name}{family}", "tcp": tcp}

        small = {"rcvbuf": NARROW_BYTES, "sndbuf": NARROW_BYTES}
        return {
            "instance": self.instance, "workers": {"count": self.workers, "idle_sleep_us": 200},
            "memory": {"connections": 16384, "half_open": 16384, "time_wait": 65536,
                       "buffers": 16384},
            "tcp": {"fin_timeout": "3s", "time_wait": "60s", "synack_retries": 2},
            "ports": [{"name": "front", "device": self.device("front"),
                       "addresses": local(FRONT)},
                      {"name": "back", "device": self.device("back"), "addresses": local(BACK)}],
            "listeners": [
                listener("echo", ECHO, "echo"), listener("discard", DISCARD, "discard"),
                listener("http", HTTP, "http", http={"status": 200, "body": "hello\n"}),
                *(relay("actor", ACTOR, family) for family in (4, 6)),
                *(relay("narrow", NARROW, family, **small) for family in (4, 6)),
            ],
            "pools": [pool(*which, family) for family in (4, 6) for which in (
                ("actor", ACTOR), ("narrow", NARROW))],
        }
