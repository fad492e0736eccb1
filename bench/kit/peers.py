# SPDX-License-Identifier: BSD-3-Clause
"""Who is compared: each peer starts in the server's namespace of a lab and serves port 80.

`what` says which comparisons a peer takes part in. Nobody's limits are raised nor sysctls set but
those named here: SYN cookies where a peer has them in its name, the congestion control, and a
backlog that the kernel cuts down to net.core.somaxconn.
"""
import json
import pathlib
import re
import resource
import shutil
import socket

from engine import TERMINUS, Engine
from kit import build
from kit.lab import BACK, CLIENTS, FRONT, GENERATOR, LINKS, POOL, PREFIX
from kit.tgen import memif, ring
from netns import CommandError, call, wait_until

BODY = 64
WINDOW = 128  # connections under way at once: half of what a veth's queue holds
AF_XDP = 44  # of which Python has no name
NGINX_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")
# Distributions choose others than the kernel's own, which is what Terminus has too. Where a
# namespace is not given that, Reno costs no more.
CONGESTION = ("cubic", "reno")

NGINX_CONF = """\
{modules}
daemon off;
user root;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
worker_processes 1;
events {{ worker_connections 16384; multi_accept on; }}
{serve}
"""
NGINX_HTTP = """\
http {{
    access_log off;
    keepalive_timeout 0;
    server_tokens off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen {front}:80 reuseport backlog=65535;
        location / {{ default_type text/plain; return 200 "{body}"; }}
    }}
}}
"""
NGINX_STREAM = """\
stream {{
    server {{
        listen {front}:80 reuseport backlog=65535;
        proxy_pass {pool}:80;
    }}
}}
"""
HAPROXY_CONF = """\
global
    nbthread 1
    maxconn 8192
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind {front}:80 backlog 65535
    default_backend pool
backend pool
    server one {pool}:80
"""
# Everything about a handshake is left to SYNPROXY, and conntrack sees only what has passed it.
SYNPROXY = """\
table ip guard {
    chain prerouting {
        type filter hook prerouting priority raw; policy accept;
        tcp dport 80 tcp flags syn notrack
    }
    chain input {
        type filter hook input priority filter; policy accept;
        tcp dport 80 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
        tcp dport 80 ct state invalid drop
    }
}
"""


def congestion_control(namespace):
    """Sets the namespace's congestion control; returns which one it got."""
    for name in CONGESTION:
        if namespace.run("sysctl", "-q", "-w", f"net.ipv4.tcp_congestion_control={name}",
                         check=False).returncode == 0:
            return name
    return namespace.run("sysctl", "-n", "net.ipv4.tcp_congestion_control").stdout.strip()


def _answers(lab, address):
    try:
        lab.server.connect(address, 80, timeout=1).close()
    except OSError:
        return False
    return True


class Peer:
    """One that serves. kernel: its TCP is the kernel's; huge_pages and window are for the
    generator, too."""
    kernel = True
    huge_pages = "never"
    window = WINDOW

    def missing(self):
        """Why it can't be had here; None: it can."""
        return None

    def device(self, lab):
        """The generator's device; None: the lab's veth."""
        return None

    def pids(self, lab):
        """The processes that serve."""
        return lab.server.pids()

    def reserved(self, lab, idle):
        """Bytes for each of so many connections that the process took before there were any."""
        return 0.0


class KernelPeer(Peer):
    """What the peers on the kernel's TCP have in common."""

    def start(self, lab, idle=0):
        """Starts serving. idle: how many connections without traffic there will be, if any."""
        congestion_control(lab.server)
        self.process = self._run(lab, idle)
        wait_until(lambda: self._up(lab), 10, f"{self.name} answers: {self._said(lab)}")

    def _spawn(self, lab, *argv):
        with open(lab.dir / "peer.output", "ab") as output:
            return lab.start(lab.server, *argv, stdout=output, stderr=output)

    def _said(self, lab):
        return (lab.dir / "peer.output").read_text(errors="replace")

    def _up(self, lab):
        if self.process.poll() is not None:
            raise CommandError(f"{self.name} ended: {self._said(lab)}")
        return _answers(lab, FRONT)


class Epoll(KernelPeer):
    """The minimal epoll server: the yardstick."""
    name = "epoll"
    what = ("connections", "memory", "flood")

    def _run(self, lab, idle):
        # A process may have so many files; the kernel shares connections out unevenly.
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for _ in range(1 + 4 * idle // (3 * files)):
            process = self._spawn(lab, build() / "bench" / "peers" / "epoll_server",
                                  f"--address={FRONT}", f"--body={BODY}")
        return process


class EpollCookies(Epoll):
    """The same, every SYN answered with a cookie."""
    name = "epoll-syncookies"
    what = ("flood",)

    def start(self, lab, idle=0):
        lab.server.sysctl(net__ipv4__tcp_syncookies=2)
        super().start(lab, idle)


class SynProxy(Epoll):
    """The same behind netfilter's SYNPROXY."""
    name = "synproxy"
    what = ("flood",)

    def missing(self):
        if not shutil.which("nft"):
            return "nft is not installed: ./dev setup"
        tried = call("unshare", "--net", "nft", "-f", "-", stdin=SYNPROXY, check=False)
        return None if tried.returncode == 0 else f"no SYNPROXY: {tried.stderr.splitlines()[0]}"

    def start(self, lab, idle=0):
        lab.server.sysctl(net__netfilter__nf_conntrack_tcp_loose=0)
        lab.server.run("nft", "-f", "-", stdin=SYNPROXY)
        super().start(lab, idle)


class Nginx(KernelPeer):
    """One worker, a response out of its configuration."""
    name = "nginx"
    what = ("connections",)

    def missing(self):
        return None if shutil.which("nginx") else "nginx is not installed: ./dev setup"

    def _configuration(self, lab):
        return NGINX_CONF.format(modules="", dir=lab.dir, serve=NGINX_HTTP.format(
            dir=lab.dir, front=FRONT, body="x" * BODY))

    def _run(self, lab, _):
        conf = lab.dir / "nginx.conf"
        conf.write_text(self._configuration(lab))
        return self._spawn(lab, "nginx", "-c", conf, "-p", lab.dir, "-e", lab.dir / "error.log")


class NginxStream(Nginx):
    """One worker, connections passed on as they are."""
    name = "nginx-stream"
    what = ("proxy",)

    def missing(self):
        if not NGINX_MODULE.exists():
            return "nginx's stream module is not installed: ./dev setup"
        return super().missing()

    def _configuration(self, lab):
        return NGINX_CONF.format(modules=f"load_module {NGINX_MODULE};", dir=lab.dir,
                                 serve=NGINX_STREAM.format(front=FRONT, pool=POOL))


class HAProxy(KernelPeer):
    """One thread, TCP mode."""
    name = "haproxy"
    what = ("proxy",)

    def missing(self):
        return None if shutil.which("haproxy") else "haproxy is not installed: ./dev setup"

    def _run(self, lab, _):
        conf = lab.dir / "haproxy.cfg"
        conf.write_text(HAPROXY_CONF.format(front=FRONT, pool=POOL))
        return self._spawn(lab, "haproxy", "-db", "-f", conf)


class Terminus(Peer):
    """Terminus on the very same link, with one worker."""
    name = "terminus"
    what = ("connections", "memory", "flood")
    kernel = False
    limits = {"connections": 200000, "half_open": 65536, "time_wait": 2000000, "buffers": 65536}

    def front(self, lab):
        return ring(LINKS["client"][0])

    def configuration(self, lab, idle):
        # With as many entries as are used, so that what they cost is not hidden among others.
        limits = {"connections": idle, "half_open": 4096, "time_wait": 4096, "transfers": 4096,
                  "sessions": 64} if idle else {}
        return {
            "instance": lab.instance,
            # Sleeping is no advantage here: while there is load, there is no idle turn.
            "workers": {"cpus": [lab.cpus["server"]], "idle_sleep_us": 50},
            "memory": {"huge_pages": self.huge_pages, **self.limits, **limits},
            "ports": [{"name": "front", "device": self.front(lab),
                       "addresses": [f"{FRONT}/{PREFIX}"]}],
            "routes": [{"to": CLIENTS, "via": GENERATOR}],
            "listeners": [{"name": "http", "address": f"{FRONT}:80", "service": "http",
                           "http": {"status": 200, "size": BODY}}],
        }

    def start(self, lab, idle=0):
        Engine(lab, self.configuration(lab, idle)).start()

    def reserved(self, lab, idle):
        # What a process has resident says little of memory that it took at its start: the kernel
        # may back all of it at once with huge pages, or take back what is still zero.
        return (self._shards(lab, 2 * idle) - self._shards(lab, idle)) / idle

    def _shards(self, lab, idle):
        conf = lab.dir / "sizing.yaml"
        conf.write_text(json.dumps(self.configuration(lab, idle)))
        report = lab.server.run("taskset", "-c", lab.cpus["server"], TERMINUS, "--check", conf)
        count, each = re.search(r"worker shards +(\d+) +(\d+)", report.stdout).groups()
        return int(count) * int(each)


class TerminusCookies(Terminus):
    """The same, every SYN answered with a cookie."""
    name = "terminus-syncookies"
    what = ("flood",)

    def configuration(self, lab, idle):
        return {**super().configuration(lab, idle), "tcp": {"syncookies": "always"}}


class TerminusXdp(Terminus):
    """Terminus on the very same link, through AF_XDP."""
    name = "terminus-xdp"
    what = ("connections", "flood")

    def missing(self):
        try:
            socket.socket(AF_XDP, socket.SOCK_RAW).close()
        except OSError as error:
            return f"no AF_XDP: {error.strerror}"
        return None

    def front(self, lab):
        return f"net_af_xdp0,iface={LINKS['client'][0]}"


class TerminusMemif(Terminus):
    """Terminus on a link in shared memory, which is its best one without a NIC."""
    name = "terminus-memif"
    what = ("connections",)
    huge_pages = "auto"
    limits = {"connections": 200000, "half_open": 65536, "time_wait": 8000000, "buffers": 65536}
    pages = 640  # of 2 MB, for this and for the generator
    window = 256  # enough for it not to sleep in between; more only costs cache

    def start(self, lab, idle=0):
        lab.journal.reserve_huge_pages(self.pages)
        super().start(lab, idle)

    def device(self, lab):
        return memif("client", lab.dir / "memif")

    def front(self, lab):
        return memif("server", lab.dir / "memif")


class TerminusProxy(Terminus):
    """Terminus in front of the backend that the other proxies have."""
    name = "terminus-proxy"
    what = ("proxy",)

    def configuration(self, lab, idle):
        conf = super().configuration(lab, idle)
        conf["ports"].append({"name": "back", "device": ring(LINKS["backend"][0], 1),
                              "addresses": [f"{BACK}/{PREFIX}"]})
        conf["listeners"] = [{"name": "web", "address": f"{FRONT}:80", "service": "proxy",
                              "pool": "web"}]
        conf["pools"] = [{"name": "web", "sources": [BACK],
                          "backends": [{"name": "one", "address": f"{POOL}:80"}]}]
        return conf


PEERS = (Epoll, Terminus, TerminusXdp, Nginx, SynProxy, TerminusMemif, EpollCookies,
         TerminusCookies, HAProxy, NginxStream, TerminusProxy)
