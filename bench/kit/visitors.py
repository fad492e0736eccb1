# SPDX-License-Identifier: BSD-3-Clause
"""Clients who want nothing but their answers, on the kernel's TCP, in a process of their own.

Some come at a steady rate, make one request and go (visits); others were there before and ask
every few milliseconds on the connection they have (talks). Runs until its standard input ends,
waits for who is under way, and prints one JSON object:

    visits  [begin, seconds from SYN to the end of the answer], null when there was none
    talks   [begin, seconds to the answer], null when it has not come
    lost    times at which a connection that was there before ended

Times are those of CLOCK_MONOTONIC. Usage: visitors.py ADDRESS PORT RATE TALKS PAUSE_S
"""
import gc
import heapq
import json
import select
import socket
import sys
import time

PATIENCE_S = 5
BODY = 64
ASK = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
ASK_ONCE = b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


def whole(answer):
    """Whether this is all of a good answer."""
    head, end, body = answer.partition(b"\r\n\r\n")
    return bool(end) and head.startswith(b"HTTP/1.1 200") and len(body) == BODY


class Client:
    """A connection: the time it began, or asked, and what has come since. talk: its number among
    those that stay; None: a visit."""
    __slots__ = ("sock", "began", "answer", "talk", "up", "waiting")

    def __init__(self, crowd, talk):
        self.began = time.monotonic()
        self.answer, self.talk, self.up, self.waiting = b"", talk, False, True
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex(crowd.address)
        crowd.clients[self.sock.fileno()] = self
        crowd.epoll.register(self.sock, select.EPOLLOUT)


class Crowd:
    """All of them, one thread."""

    def __init__(self, address, rate, talks, pause_s):
        self.address, self.period, self.pause_s = address, 1 / rate, pause_s
        self.epoll, self.clients = select.epoll(), {}
        self.visits, self.talks, self.lost = [], [], []
        self.due = [(0.0, talk) for talk in range(talks)]  # when which talk asks again
        self.talkers, self.next_visit = [None] * talks, time.monotonic()

    def run(self):
        over = False
        self.epoll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
        while not over:
            self._begin()
            over = self._turn(self._pause())
        deadline = time.monotonic() + PATIENCE_S
        while self._waiting() and time.monotonic() < deadline:
            self._turn(0.05)
        for client in self._waiting():
            (self.visits if client.talk is None else self.talks).append((client.began, None))
        return {"visits": self.visits, "talks": self.talks, "lost": self.lost}

    def _waiting(self):
        return [client for client in self.clients.values() if client.waiting]

    def _pause(self):
        soonest = min(self.next_visit, self.due[0][0] if self.due else self.next_visit)
        return max(soonest - time.monotonic(), 0)

    def _begin(self):
        now = time.monotonic()
        while self.next_visit <= now:
            Client(self, None)
            self.next_visit += self.period
        while self.due and self.due[0][0] <= now:
            _, talk = heapq.heappop(self.due)
            client = self.talkers[talk]
            if client:
                self._ask(client)
            else:
                self.talkers[talk] = Client(self, talk)

    def _turn(self, timeout):
        """Handles what has happened; true when standard input has ended."""
        over = False
        for number, events in self.epoll.poll(timeout):
            client = self.clients.get(number)
            if client is None:
                over = True
                self.epoll.unregister(number)
            elif not client.up and not events & (select.EPOLLERR | select.EPOLLHUP):
                self._ask(client)
                self.epoll.modify(number, select.EPOLLIN)
            else:
                self._hear(client)
        return over

    def _ask(self, client):
        client.up = client.waiting = True
        if client.talk is not None:
            client.began, client.answer = time.monotonic(), b""
        try:
            client.sock.send(ASK_ONCE if client.talk is None else ASK)
        except OSError:
            self._end(client, None)

    def _hear(self, client):
        try:
            piece = client.sock.recv(65536)
        except OSError:
            self._end(client, None)
            return
        client.answer += piece
        took = time.monotonic() - client.began
        if client.talk is None:
            if not piece:
                self._end(client, took if whole(client.answer) else None)
        elif not piece:
            self._end(client, None)
        elif whole(client.answer):
            client.waiting = False
            self.talks.append((client.began, took))
            heapq.heappush(self.due, (client.began + max(took, self.pause_s), client.talk))

    def _end(self, client, took):
        if client.talk is None:
            self.visits.append((client.began, took))
        else:
            self.lost.append(time.monotonic())
        del self.clients[client.sock.fileno()]
        client.sock.close()


def main():
    address, port, rate, talks, pause_s = sys.argv[1:]
    gc.disable()  # what is kept is kept to the end
    crowd = Crowd((address, int(port)), float(rate), int(talks), float(pause_s))
    print(json.dumps(crowd.run()))


if __name__ == "__main__":
    main()
