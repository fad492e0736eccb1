# SPDX-License-Identifier: BSD-3-Clause
"""The sockets that Terminus is compared with, run as a program in a namespace.

    likelinux_server.py '{"echo": [7], "discard": [9], "actor": [7000, ...], ...}' BUFFERS

echo and discard send FIN when the client does; http answers once and closes. The actor does what
the first line says: "write:N" sends N bytes, "shut" sends FIN and reads on, "close" closes,
"abort" resets, "hold" reads no more, "eof" from now on closes when the client does. On ports
listed under "narrow" buffers are BUFFERS bytes.
"""
import asyncio
import json
import socket
import struct
import sys

PATTERN = bytes(range(256)) * 256
RESPONSE = (b"HTTP/1.1 200 OK\r\nServer: terminus\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 6\r\n\r\nhello\n")
LINGER_0 = struct.pack("ii", 1, 0)


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def discard(reader, writer):
    while await reader.read(65536):
        pass
    writer.write_eof()


async def http(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(RESPONSE)
    writer.close()


async def actor(reader, writer):
    until_eof = False
    for word in (await reader.readline()).decode().split():
        name, _, number = word.partition(":")
        if name == "write":
            count = int(number)
            writer.write((PATTERN * (count // len(PATTERN) + 1))[:count])
        elif name == "shut":
            writer.write_eof()
        elif name == "close":
            writer.close()
            return
        elif name == "abort":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                       LINGER_0)
            writer.transport.abort()
            return
        elif name == "hold":
            writer.transport.pause_reading()
            await asyncio.sleep(3600)
        elif name == "eof":
            until_eof = True
    while await reader.read(65536):
        pass
    if until_eof:
        writer.close()
    else:
        await asyncio.sleep(3600)


def guarded(handler):
    async def run(reader, writer):
        # asyncio turns Nagle's algorithm off.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            writer.transport.abort()
    return run


async def main(ports, narrow):
    handlers = {"echo": echo, "discard": discard, "http": http, "actor": actor}
    servers = []
    for name, handler in handlers.items():
        for port in ports.get(name, []):
            sock = socket.socket(socket.AF_INET6)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port in ports.get("narrow", []):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, narrow)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, narrow)
            sock.bind(("::", port))
            servers.append(await asyncio.start_server(guarded(handler), sock=sock, backlog=8192,
                                                      limit=2048))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), int(sys.argv[2])))
