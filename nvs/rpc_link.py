"""One keep-alive HTTP connection to the node, shaped for python-bitcoinrpc.

`AuthServiceProxy` takes a ready connection and uses `request`, `sock` and
`getresponse` of it. Handing it this one instead of its own gives what it lacks:
a percent-decoded password that it never sees, the HTTP status, a size limit,
a body read to its end (so the connection stays usable after a plain-text
answer), and a way to end a wait from outside.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from nvs.rpc_endpoint import RpcEndpoint

MAX_ANSWER_OCTETS = 64 * 1024 * 1024
"""Longer answers are refused (the largest block's JSON is well below)."""

WORK_QUEUE_TEXT = b"Work queue depth exceeded"


class NodeBusy(Exception):
    """The node's work queue is full; the call was not carried out."""


class NotAuthorized(Exception):
    """HTTP 401 or 403; the call was not carried out."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class UnreadableAnswer(Exception):
    """Not JSON, or too long; the text says which."""


class LinkStopped(Exception):
    """`stop` was called while the link was in use."""


class JsonAnswer:
    """The part of `http.client.HTTPResponse` that AuthServiceProxy reads."""

    def __init__(self, status: int, reason: str, body: bytes) -> None:
        self.status = status
        self.reason = reason
        self._body = body

    def getheader(self, _name: str) -> str:
        """The content type, which is known to be JSON by now."""
        return "application/json"

    def read(self) -> bytes:
        """The whole body."""
        return self._body


class Link:
    """A connection used by one thread at a time.

    Attributes:
        used: has carried an answer before, so the node may have dropped it since.
    """

    def __init__(self, endpoint: RpcEndpoint, timeout: float) -> None:
        """`timeout` (seconds) bounds the connect and each wait for octets.

        Raises:
            NvsUnavailable, RpcAuthError: see `RpcEndpoint.authorization`.
        """
        kind = (
            http.client.HTTPSConnection
            if endpoint.scheme == "https"
            else http.client.HTTPConnection
        )
        self._http = kind(endpoint.host, endpoint.port, timeout=timeout)
        self._host_header = endpoint.address
        self._authorization = endpoint.authorization()
        self._stopped = threading.Event()
        self._sock: socket.socket | None = None
        self.used = False

    @property
    def sock(self) -> socket.socket | None:
        """The socket, for AuthServiceProxy's `settimeout`."""
        return self._http.sock

    def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> None:
        """Send one call with our own `Authorization` and `Host`."""
        if self._http.sock is None:
            self._http.connect()
            self._sock = self._http.sock  # http.client forgets it when the node says "close"
        if self._stopped.is_set():  # asked to stop while there was no socket to shut down
            raise LinkStopped
        own = {"Authorization": self._authorization, "Host": self._host_header}
        self._http.request(method, path, body, {**headers, **own})

    def getresponse(self) -> JsonAnswer:
        """The answer, read to its end.

        Raises:
            NodeBusy, NotAuthorized, UnreadableAnswer: what it was instead of JSON.
            OSError, http.client.HTTPException: the connection failed.
        """
        with contextlib.closing(self._http.getresponse()) as response:
            body = _read_whole(response)
        self.used = True
        if response.status in {401, 403}:
            raise NotAuthorized(response.status)
        if body.startswith(WORK_QUEUE_TEXT):
            raise NodeBusy
        content_type = response.getheader("Content-Type") or "none"
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise UnreadableAnswer(
                f"HTTP {response.status} with content type {content_type[:60]!r}, not JSON"
            )
        return JsonAnswer(response.status, response.reason, body)

    def stop(self) -> None:
        """End a wait that another thread is in; safe at any time."""
        self._stopped.set()
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; only by the thread that uses the link."""
        self._http.close()


class Job:
    """One call on its way through a worker thread, which the caller may give up."""

    def __init__(self, method: str, params: Sequence[Any]) -> None:
        self.method = method
        self.methods: tuple[str, ...] = (method,)
        self.params = params
        self.timeout: float | None = None
        self.stopped = threading.Event()
        self._link: Link | None = None
        self._lock = threading.Lock()

    def attach(self, link: Link | None) -> None:
        """Say which link the job now waits on.

        Raises:
            LinkStopped: the job was given up meanwhile.
        """
        with self._lock:
            self._link = link
            if link is not None and self.stopped.is_set():
                raise LinkStopped

    def stop(self) -> None:
        """Give up: whatever the worker waits for ends at once."""
        with self._lock:
            self.stopped.set()
            if self._link is not None:
                self._link.stop()


def _read_whole(response: http.client.HTTPResponse) -> bytes:
    """The body; `read()` of a known length notices a connection cut in the middle."""
    if response.length is not None and response.length <= MAX_ANSWER_OCTETS:
        return response.read()
    body = response.read(MAX_ANSWER_OCTETS + 1)
    if len(body) > MAX_ANSWER_OCTETS:
        raise UnreadableAnswer(f"an answer of more than {MAX_ANSWER_OCTETS} octets")
    return body
