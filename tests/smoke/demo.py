# SPDX-License-Identifier: BSD-3-Clause
"""Terminus at work on one machine, without a NIC: `./dev demo` runs this as root.

A lab of three namespaces, two nginx as backends, Terminus with conf/demo.yaml
between them, and curl as the client; then what Terminus says about it.
"""
import argparse
import collections
import contextlib
import os
import re
import sys

from backends import Nginx
from engine import REPO, TERMINUS, TERMINUSCTL, Engine
from netlab import BACKENDS, FRONT, Lab, url
from netns import CommandError, call, interrupt_on_signals

REQUESTS = 6
WORKERS_MAX = 64  # of a configuration
BUFFERS_PER_WORKER = 4096  # two ports with rings of the default size
CLOSED_SHOWN = 2


def say(text):
    print(f"==> {text}", flush=True)


def show(text, lines=None):
    for line in text.splitlines()[:lines]:
        print(f"    {line}", flush=True)


def configuration(instance, workers):
    """The text of conf/demo.yaml under another name, and with another number of workers if
    one is asked for."""
    text = (REPO / "conf" / "demo.yaml").read_text()
    text = replace_section(text, "instance", f" {instance}")
    if not workers:
        return text
    text = re.sub(r"(?m)^( +buffers:) (\d+)$", lambda line: f"{line[1]} "
                  f"{max(int(line[2]), workers * BUFFERS_PER_WORKER)}", text)
    return replace_section(text, "workers", f" {{count: {workers}}}")


def replace_section(text, key, value):
    """The YAML text with another value for a key of the top level."""
    rest = re.sub(rf"(?m)^{key}:.*\n([ \t]+.*\n)*", "", text)
    return f"{key}:{value}\n{rest}"


def pages_needed(conf):
    """2 MB pages for this configuration: the last figure of the sizing report."""
    report = call(str(TERMINUS), "--check", str(conf)).stdout
    figures = re.findall(r"\d+", report.splitlines()[-1])
    return int(figures[-1]) if figures else 0


def reserve_huge_pages(lab, needed):
    """Adds what is missing to the machine's free huge pages until the lab ends."""
    missing, got = lab.journal.reserve_huge_pages(needed)
    if got < missing:
        say(f"no huge pages: {needed} of 2 MB are needed, {got} could be had; "
            "going on with ordinary pages")
    elif missing:
        say(f"reserved {got} huge pages of 2 MB, given back at the end")


def request(lab, family):
    """One curl; returns the body, or None when it failed."""
    done = lab.clients.run("curl", "-sS", "-m", 5, "-w", "%{http_code}", url(FRONT[family]),
                           check=False)
    body, _, code = done.stdout.rpartition("\n")
    outcome = f"{code}  {body}" if done.returncode == 0 else done.stderr.strip()
    show(f"curl {url(FRONT[family]):28} {outcome}")
    return body if done.returncode == 0 and code == "200" else None


def requests(lab):
    """Asks over IPv4 and IPv6; True when all were answered and both backends had a part."""
    bodies = []
    for family in (4, 6):
        say(f"{REQUESTS} requests over IPv{family}")
        bodies += [request(lab, family) for _ in range(REQUESTS)]
    hits = collections.Counter(bodies)
    failed = hits.pop(None, 0)
    say(f"{len(bodies) - failed} answered, {failed} failed; "
        + ", ".join(f"{body}: {hits[body]} times" for body in sorted(hits)))
    return failed == 0 and len(hits) == len(BACKENDS[4])


@contextlib.contextmanager
def kept_alive(lab):
    """A request over each family whose connections stay open meanwhile."""
    with contextlib.ExitStack() as stack:
        for address in FRONT.values():
            client = stack.enter_context(lab.clients.connect(address, 80, timeout=5))
            client.sendall(b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n")
            client.recv(4096)
        yield


def show_connections(lab, engine):
    with kept_alive(lab):
        say("connections, both legs: the client's (listener:) and ours to the backend (backend:)")
        show(engine.ctl("connections", "state", "established"))
        waiting = engine.ctl("connections", "state", "time-wait").splitlines()
    say(f"those of the {len(waiting) - 1} requests before: clients' legs are closed and forgotten; "
        "we closed the others first, they wait in TIME_WAIT")
    show("\n".join(waiting), 1 + CLOSED_SHOWN)
    if len(waiting) > 1 + CLOSED_SHOWN:
        show(f"... and {len(waiting) - 1 - CLOSED_SHOWN} more")


def explain(lab, engine):
    show_connections(lab, engine)
    say("counters that are not zero")
    counters = engine.counters()
    show("\n".join(f"{name:24} {value:>8}" for name, value in counters.items() if value))
    ctl = f"{os.path.relpath(TERMINUSCTL)} -i {engine.instance}"
    inside = f"ip netns exec {lab.clients.name}"
    say("to try while it runs (./dev demo --stay keeps it)")
    show(f"{inside} curl -i {url(FRONT[4])}\n"
         f"{inside} curl -i '{url(FRONT[6])}'\n"
         f"{inside} wrk -c 100 -d 5 {url(FRONT[4])}\n"
         f"{inside} tcpdump -ni te-clients tcp\n"
         f"{ctl} connections\n{ctl} counters\n{ctl} listeners\n{ctl} pools")


def demonstrate(lab, workers, stay):
    if lab.reaped:
        say(f"removed what a killed run left behind: {', '.join(lab.reaped)}")
    say(f"three network namespaces: {lab.clients.name} | {lab.engine.name} | {lab.backends.name}")
    for number, address in enumerate(BACKENDS[4], 1):
        Nginx(lab, f"b{number}", [address]).start()
        say(f"nginx b{number} serves {address}:80")
    instance = f"demo-{lab.journal.suffix}"  # other demos may run beside this one
    engine = Engine(lab, configuration(instance, workers), name="demo", instance=instance)
    reserve_huge_pages(lab, pages_needed(engine.conf))
    say("terminus conf/demo.yaml" + (f", workers: {workers}" if workers else ""))
    cpus = len(os.sched_getaffinity(0))
    if (workers or 1) > cpus:
        say(f"{workers} workers take turns on {'1 CPU' if cpus == 1 else f'{cpus} CPUs'}: "
            "that is slow, and far more of them are too slow to serve")
    engine.start()
    show(engine.output())
    good = requests(lab)
    explain(lab, engine)
    if stay:
        say("serving until Ctrl-C")
        engine.process.wait()
        say(f"terminus ended by itself: {engine.output()}")
        return False
    return good and engine.stop() == 0


def worker_count(text):
    """For argparse: a number of workers that a configuration may have."""
    if not text.isdecimal() or not 1 <= int(text) <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"{text}: give a number from 1 to {WORKERS_MAX}")
    return int(text)


def main():
    parser = argparse.ArgumentParser(prog="dev demo", description=__doc__.splitlines()[0],
                                     allow_abbrev=False)
    parser.add_argument("--stay", action="store_true", help="keep serving until Ctrl-C")
    parser.add_argument("--workers", type=worker_count, help="worker threads instead of the file's number")
    options = parser.parse_args()
    interrupt_on_signals()
    try:
        with Lab() as lab:
            good = demonstrate(lab, options.workers, options.stay)
    except KeyboardInterrupt:
        say("everything is removed again")
        return 0 if options.stay else 130
    except (CommandError, OSError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    say("everything is removed again" if good else "something went wrong, see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
