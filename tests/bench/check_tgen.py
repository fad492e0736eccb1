# SPDX-License-Identifier: BSD-3-Clause
"""bench_tgen as a program: its command line, and runs of every kind between two processes over
a memif, as text and as JSON. How fast they are is not looked at.

Usage: check_tgen.py PROGRAM
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

PAIR = re.compile(r"[a-z0-9_]+=([0-9]+(\.[0-9]+)?|[a-zA-Z0-9_-]+)$")
PORT = """instance: {name}
memory: {{buffers: 8192, huge_pages: never}}
ports:
- name: p
  device: "net_memif0,role={role},socket={socket},socket-abstract=no"
  addresses: [{address}]
load:
"""
VISIT = ' target: "198.18.0.1:80"\n clients: [198.19.0.0/16]\n'
ANSWER = ' mode: answer\n target: "198.18.0.1:80"\n'

# Mode and further keys; what its result has to be.
RUNS = (
    (" mode: visit\n connections: 5000\n warmup: 0\n", "done", 5000),
    (" mode: visit\n rate: 10k\n duration: 500ms\n warmup: 100ms\n verify: yes\n", "bad_sums", 0),
    (" mode: client\n connections: 5000\n concurrency: 100\n", "done", 5000),
    (" mode: open\n connections: 5000\n", "done", 5000),
    (" mode: syn\n connections: 5000\n rate: 50k\n", "synack", 5000),
    (" mode: visit\n ramp: {from: 1k, to: 3k, steps: 3, hold: 100ms}\n", "rate", 3000),
    (" mode: visit\n search: {from: 500, to: 1k, loss: 50%, hold: 100ms}\n", "step", "found"),
)


def fail(*text):
    sys.exit(" ".join(str(t) for t in text))


def expect(program, arguments, status, text, before=()):
    done = subprocess.run([*before, program, *arguments], capture_output=True, text=True, check=False,
                          timeout=60)
    if done.returncode != status or text not in done.stdout + done.stderr:
        fail(arguments, "ended with", done.returncode, done.stdout, done.stderr)
    if status and done.stdout:
        fail(arguments, "failed, and wrote to standard output:", done.stdout)


class Lab:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.socket = os.path.join(folder, "memif.sock")

    def write(self, name, role, address, load):
        path = os.path.join(self.folder, name + ".yaml")
        with open(path, "w", encoding="ascii") as f:
            f.write(PORT.format(name=f"tgen-{name}-{os.getpid()}", role=role, socket=self.socket,
                                address=address) + load)
        return path

    def answer(self):
        """The side that answers; returns when the other one can start."""
        path = self.write("answer", "server", "198.18.0.1/15", ANSWER)
        server = subprocess.Popen([self.program, "--json", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 30
        while not os.path.exists(self.socket):
            if server.poll() is not None or time.monotonic() > end:
                server.kill()
                fail("the answering side does not start:", *server.communicate())
            time.sleep(0.05)
        return server

    def run(self, load, *options):
        path = self.write("drive", "client", "198.18.0.2/15", VISIT + load)
        server = self.answer()
        try:
            done = subprocess.run([self.program, *options, path], capture_output=True, text=True,
                                  check=False, timeout=120)
        finally:
            server.send_signal(signal.SIGINT)
            out, err = server.communicate(timeout=30)
        if done.returncode or server.returncode:
            fail(load, "ended with", done.returncode, server.returncode, done.stderr, err)
        if json.loads(out.splitlines()[-1])["mode"] != "answer":
            fail("not a result of answer:", out)
        return done.stdout.splitlines()


def check_command_line(program, lab):
    good = lab.write("good", "client", "198.18.0.2/15", VISIT + " mode: visit\n")
    bad = lab.write("bad", "client", "198.18.0.2/15", VISIT + " mode: vist\n")
    expect(program, ["--help"], 0, "usage: bench_tgen [--json] [--check] CONF")
    expect(program, [], 2, "no configuration")
    expect(program, [good, good], 2, "one configuration is enough")
    expect(program, ["--jason", good], 2, "unknown option --jason")
    expect(program, ["--check", good], 0, "is valid")
    expect(program, ["--check", bad], 1, f'{bad}:10: load.mode: "vist" is not known')
    expect(program, [lab.folder + "/none"], 1, "can't be opened")
    silent = lab.write("silent", "server", "198.18.0.2/15", VISIT + " mode: visit\n")
    with open(silent, encoding="ascii") as f:
        text = re.sub("device: .*", "device: net_null0", f.read())
    with open(silent, "w", encoding="ascii") as f:
        f.write(text)
    expect(program, [silent], 1, "198.18.0.1 does not answer ARP")
    with open(silent, "w", encoding="ascii") as f:
        f.write("workers: {count: 3}\n" + text.replace("net_null0", "net_af_packet0,iface=lo"))
    expect(program, [silent], 1, "has 1 queue for 3 workers: lower workers.count",
           ["unshare", "--net"])


def check_interrupt(program, lab):
    path = lab.write("drive", "client", "198.18.0.2/15",
                     VISIT + " mode: visit\n duration: 0\n rate: 100\n")
    server = lab.answer()
    drive = subprocess.Popen([program, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
    # Progress shows that it is at work.
    drive.stderr.readline()
    drive.send_signal(signal.SIGTERM)
    out, err = drive.communicate(timeout=30)
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=30)
    if drive.returncode or not out.startswith("tgen mode=visit step=1 rate=100 "):
        fail("interrupted, it ended with", drive.returncode, out, err)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        print("needs root: DPDK's files are in its directory")
        sys.exit(77)
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(program, folder)
        check_command_line(program, lab)
        for load, key, value in RUNS:
            row = json.loads(lab.run(load, "--json")[-1])
            if row.get(key) != value:
                fail(f"{key} is {row.get(key)}, not {value}, for{load}{row}")
        first, *pairs = lab.run(" mode: visit\n connections: 1000\n")[-1].split(" ")
        if first != "tgen" or not all(PAIR.match(p) for p in pairs):
            fail("not a result line:", pairs)
        check_interrupt(program, lab)


if __name__ == "__main__":
    main()
