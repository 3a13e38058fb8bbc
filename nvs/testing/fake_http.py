"""The HTTP server around a fake node: keep-alive, POST only, one thread a connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_POST_ONLY = b"JSONRPC server handles only POST requests"
_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status, content type (None with an empty body) and body."""

    status: int
    content_type: str | None = None
    body: bytes = b""


Respond = Callable[[str, bytes], HttpReply | None]
"""`Authorization` header and body -> the reply, or None to close the connection."""


class FakeHttpServer:
    """Listens on 127.0.0.1 from construction to `close`.

    Attributes:
        port: as given, or a free one for 0.
        accepted: connections so far.
    """

    def __init__(self, respond: Respond, port: int = 0) -> None:
        self.respond = respond
        self.accepted = 0
        self._lock = threading.Lock()
        self._closing = False
        self._busy: dict[socket.socket, bool] = {}
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="fake-node"
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening, close connections, end the threads."""
        with self._lock:
            self._closing = True
        self._server.shutdown()
        self._thread.join(_TIMEOUT)
        self._drop(idle_only=False)
        self._server.server_close()

    def drop_idle(self) -> None:
        """Close connections on which no request is under way."""
        self._drop(idle_only=True)

    def opened(self, connection: socket.socket) -> None:
        """Count a connection, or close it when we are closing."""
        with self._lock:
            self.accepted += 1
            self._busy[connection] = False
            if self._closing:
                _shut(connection)

    def mark(self, connection: socket.socket, *, busy: bool) -> None:
        """Say whether a request is under way."""
        with self._lock:
            self._busy[connection] = busy

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._busy.pop(connection, None)

    def _drop(self, *, idle_only: bool) -> None:
        with self._lock:
            for connection, busy in self._busy.items():
                if not (idle_only and busy):
                    _shut(connection)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them
    block_on_close = True
    owner: FakeHttpServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT
    wbufsize = -1  # head and body leave in one piece
    disable_nagle_algorithm = True  # which else takes 40 ms over a long answer
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.owner.opened(self.connection)

    def finish(self) -> None:
        self.server.owner.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the other side went away
            super().handle()

    def do_POST(self) -> None:
        self.server.owner.mark(self.connection, busy=True)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        reply = self.server.owner.respond(self.headers.get("Authorization", ""), body)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    def do_GET(self) -> None:
        self._send(HttpReply(405, "text/html; charset=ISO-8859-1", _POST_ONLY))

    def _send(self, reply: HttpReply) -> None:
        self.send_response_only(reply.status)
        if reply.status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="jsonrpc"')
        if reply.content_type:
            self.send_header("Content-Type", reply.content_type)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        # Idle before the answer leaves: whoever has read it may drop idle connections at once.
        self.server.owner.mark(self.connection, busy=False)
        self.wfile.flush()

    def log_message(self, *_args: Any) -> None:
        """Say nothing on stderr."""
