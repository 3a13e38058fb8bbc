"""A raw HTTP/1.1 server on loopback that costs almost nothing: for benchmarks and faults."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with which close() sends RST, not FIN."""

Handler = Callable[["SinkConnection", bytes, bytes], bytes | None]
"""Called with (connection, head, body) of each request; the reply's octets, None = not now."""


def reply(body: bytes, status: int = 200, headers: str = "") -> bytes:
    """The octets of a reply; `headers` are whole lines with CRLF."""
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class SinkConnection(asyncio.Protocol):
    """One connection: splits what comes in into requests, in order."""

    transport: asyncio.Transport

    def __init__(self, handler: Handler, connections: set[SinkConnection]) -> None:
        self._handler = handler
        self._connections = connections
        self._buffer = b""
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            head, stop = buffer[:end], end + 4
            if not head.startswith(b"GET") and (length := _LENGTH.search(head)):
                stop += int(length[1])
                if len(buffer) < stop:
                    break
            octets = self._handler(self, head, buffer[end + 4 : stop])
            if octets is not None and self.open:
                self.transport.write(octets)
            buffer = buffer[stop:]
        self._buffer = buffer

    def reset(self) -> None:
        """Break the connection off, as a crashed peer does."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class HttpSink:
    """Listens on loopback while entered; every request goes to `handler`."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self._handler = handler
        self._wanted = port
        self._connections: set[SinkConnection] = set()

    async def __aenter__(self) -> HttpSink:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SinkConnection(self._handler, self._connections),
            "127.0.0.1",
            self._wanted,
            backlog=1024,
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in tuple(self._connections):
            connection.transport.abort()
        await asyncio.wait_for(self._server.wait_closed(), 5)
