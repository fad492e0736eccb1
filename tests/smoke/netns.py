# SPDX-License-Identifier: BSD-3-Clause
"""A network namespace: run programs in it, open sockets in it, watch its end.

Programs started here get SIGTERM when the starting process dies, whatever way
it dies, so that nothing outlives a lab that was killed.
"""
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
INET = {4: socket.AF_INET, 6: socket.AF_INET6}


class CommandError(Exception):
    """A program that had to succeed did not; the text says which and what it printed."""


def call(*argv, timeout=20, check=True, stdin=""):
    """Runs argv to its end within timeout seconds; returns the CompletedProcess, output as str."""
    try:
        done = subprocess.run(argv, input=stdin.encode(), capture_output=True, timeout=timeout,
                              start_new_session=True)
    except subprocess.TimeoutExpired as expired:
        raise CommandError(f"{' '.join(argv)}: not finished after {timeout} s\n"
                           f"{expired.stdout or ''}\n{expired.stderr or ''}") from None
    # Decoded here and not by subprocess, which would turn CR LF into LF.
    done.stdout = done.stdout.decode(errors="replace")
    done.stderr = done.stderr.decode(errors="replace")
    if check and done.returncode != 0:
        raise CommandError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_until(condition, timeout, what):
    """Polls condition() until it is true and returns its value; TimeoutError after timeout s."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(0.02)


def stop_process(process, timeout=5, how=signal.SIGTERM):
    """Ends a Popen: `how` first, SIGKILL after timeout seconds. Returns its exit status."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def interrupt_on_signals():
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, once: the clean-up is left alone."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_):
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


class Namespace:
    """One network namespace by name; create() makes it, destroy() ends all that lives in it."""

    def __init__(self, name):
        self.name = name

    def create(self):
        call("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def exists(self):
        return os.path.exists(f"/run/netns/{self.name}")

    def pids(self):
        listed = call("ip", "netns", "pids", self.name, check=False)
        return [int(pid) for pid in listed.stdout.split()]

    def destroy(self):
        """Ends the processes inside, then removes the namespace and its interfaces."""
        if not self.exists():
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: not self.pids(), 3, "processes gone")
                break
        call("ip", "netns", "del", self.name, check=False)

    def ip(self, *args, check=True):
        return call("ip", "-n", self.name, *args, check=check)

    def sysctl(self, **settings):
        """Sets those sysctls that the kernel has; two underscores in a name stand for a dot."""
        pairs = [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
        self.run("sysctl", "-e", "-q", "-w", *pairs)

    def neighbour_mac(self, address):
        """The MAC at which the namespace knows an address."""
        listed = json.loads(self.run("ip", "-j", "neighbour", "show", address).stdout)
        return listed[0]["lladdr"]

    def command(self, *argv):
        """The argument vector that runs argv inside the namespace."""
        return ["ip", "netns", "exec", self.name, "setpriv", "--pdeathsig", "TERM", *argv]

    def run(self, *argv, **options):
        """As call(), inside the namespace."""
        return call(*self.command(*map(str, argv)), **options)

    def popen(self, *argv, **options):
        """Starts argv inside the namespace, away from the terminal's signals."""
        return subprocess.Popen(self.command(*map(str, argv)), start_new_session=True, **options)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread works inside the namespace; sockets made here stay inside."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
             open(f"/run/netns/{self.name}", "rb") as inside:
            self._setns(inside)
            try:
                yield
            finally:
                self._setns(home)

    @staticmethod
    def _setns(namespace_file):
        if LIBC.setns(namespace_file.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")

    def socket(self, family, kind=socket.SOCK_STREAM, protocol=0):
        with self.entered():
            return socket.socket(family, kind, protocol)

    def connect(self, address, port, timeout=10):
        """A TCP connection from inside to address:port; every operation on it has the timeout."""
        sock = self.socket(INET[6 if ":" in address else 4])
        sock.settimeout(timeout)
        try:
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def listen(self, address, port, timeout=10):
        """A listening TCP socket inside; accept() waits at most the timeout."""
        sock = self.socket(INET[6 if ":" in address else 4])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(timeout)
        sock.bind((address, port))
        sock.listen(1024)
        return sock
