# SPDX-License-Identifier: BSD-3-Clause
"""Terminus itself inside a lab: its configuration, start, end, and what it says of itself."""
import json
import os
import pathlib
import signal

from netlab import BACK, BACKENDS, FRONT, PREFIX, host_port
from netns import call, stop_process, wait_until

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / os.environ.get("TERMINUS_BUILD", "build")
TERMINUS = BUILD / "engine" / "run" / "terminus"
TERMINUSCTL = BUILD / "engine" / "run" / "terminusctl"

WEB, REDIS, STREAM, STREAM6, ECHO, HTTP = 80, 6379, 7000, 7006, 7, 8080


def _local(addresses):
    return [f"{address}/{PREFIX[family]}" for family, address in addresses.items()]


def _pool(name, family, count, port):
    addresses = BACKENDS[family][:count]
    return {"name": name, "sources": [BACK[family]], "connect_timeout": "1500ms",
            "backends": [{"name": f"b{i + 1}", "address": host_port(address, port)}
                         for i, address in enumerate(addresses)]}


def _listener(name, port, service, **more):
    return {"name": name, "address": [host_port(a, port) for a in FRONT.values()],
            "service": service, **more}


def lab_config(lab):
    """The configuration of the smoke tests as a dict: one listener for each kind of traffic.

    TIME_WAIT, FIN_WAIT_2 and SYN_RECEIVED are cut to seconds, so that a test can see
    every object it caused given back.
    """
    return {
        "instance": lab.instance,
        "workers": {"count": lab.workers},
        "memory": {"connections": 16384, "half_open": 4096, "time_wait": 262144,
                   "buffers": 32768},
        "ports": [{"name": "front", "device": lab.device("front"), "addresses": _local(FRONT)},
                  {"name": "back", "device": lab.device("back"), "addresses": _local(BACK)}],
        "tcp": {"time_wait": "1s", "fin_timeout": "1s", "synack_retries": 2},
        "listeners": [
            _listener("web", WEB, "proxy", pool="web"),
            _listener("redis", REDIS, "proxy", pool="redis"),
            _listener("stream", STREAM, "proxy", pool="stream"),
            _listener("stream6", STREAM6, "proxy", pool="stream6"),
            _listener("echo", ECHO, "echo"),
            _listener("hello", HTTP, "http", http={"status": 200, "body": "hello\n"}),
        ],
        "pools": [
            _pool("web", 4, 2, WEB),
            _pool("redis", 4, 1, REDIS),
            _pool("stream", 4, 1, STREAM),
            _pool("stream6", 6, 1, STREAM),
        ],
    }


class Engine:
    """Terminus in a lab. config: a dict, or the text of a file; prefix: what starts it.

    The machine's huge pages come and go with other tests, so one whose configuration is a dict
    uses them only where that says so. As a context manager it serves inside the with and is stopped
    at its end.
    """

    def __init__(self, lab, config, name="engine", instance=None, prefix=()):
        self.lab = lab
        self.prefix = prefix
        self.instance = instance or lab.instance
        # What one that was killed leaves there.
        lab.journal.note("directories", f"/var/run/dpdk/{self.instance}")
        if isinstance(config, dict):
            config = {**config, "memory": {"huge_pages": "never", **config.get("memory", {})}}
        self.conf = lab.dir / f"{name}.yaml"
        self.conf.write_text(config if isinstance(config, str) else json.dumps(config, indent=1))
        self.stdout = lab.dir / f"{name}.stdout"
        self.stderr = lab.dir / f"{name}.stderr"
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def start(self, timeout=20):
        """Starts it and waits until it says that it serves; RuntimeError with its output if not."""
        with open(self.stdout, "wb") as out, open(self.stderr, "wb") as err:
            self.process = self.lab.start(self.lab.engine, *self.prefix, TERMINUS, self.conf,
                                          stdout=out, stderr=err)
        wait_until(self._ready, timeout, f"terminus is ready; it said: {self.output()}")
        self.lab.join_taps()
        return self

    def stop(self, how=signal.SIGTERM, timeout=10):
        """Ends it and returns its exit status: 0 after a clean shutdown."""
        return stop_process(self.process, timeout, how)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def output(self):
        return self.stdout.read_text(errors="replace") + self.stderr.read_text(errors="replace")

    def command(self, *argv):
        """How terminusctl is called."""
        return str(TERMINUSCTL), "-i", self.instance, *argv

    def ctl(self, *argv):
        """What terminusctl prints."""
        return call(*self.command(*argv)).stdout

    def query(self, what):
        """terminusctl's answer as JSON."""
        return json.loads(self.ctl(what, "--json"))

    def rows(self, what):
        """The rows of a listing: connections, listeners, pools or ports."""
        return self.query(what)[what]

    def counters(self):
        """Every counter by name."""
        return self.query("counters")["counters"]

    def objects(self):
        """How many of each limited object are in use: connections, half_open, buffers, ..."""
        return {name: row["used"] for name, row in self.query("objects")["objects"].items()}

    def settled(self, idle, leaving_out=(), timeout=45):
        """Waits until only the objects of `idle` are in use; AssertionError says which others."""
        def same():
            now = self.objects()
            return all(now[name] == idle[name] for name in idle if name not in leaving_out)
        try:
            wait_until(same, timeout, "objects given back")
        except TimeoutError:
            raise AssertionError(f"objects in use right after the start: {idle}\n"
                                 f"and {timeout} s after the test: {self.objects()}\n"
                                 f"{self.ctl('connections')}") from None

    def _ready(self):
        if not self.running():
            raise RuntimeError(f"terminus ended with {self.process.returncode}: {self.output()}")
        return "terminus: ready" in self.stdout.read_text(errors="replace")
