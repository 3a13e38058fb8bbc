"""The HTTP side of a fake node: credentials, failures on demand, a log of requests."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from nvs.testing.fake_http import FakeHttpServer, HttpReply
from nvs.testing.fake_rpc import Failure, FakeRpc
from nvs.testing.node_json import read_json
from nvs.testing.rpc_method import Ledger

_JSON = "application/json"
_PLAIN = "text/html; charset=ISO-8859-1"  # what libevent calls every other body
_RPC_FAILURES = {Failure.WARMING_UP, Failure.DOWNLOADING_BLOCKS, Failure.UNREADABLE}


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as it arrived, and the status it was answered with (0 for none)."""

    body: bytes
    status: int

    @property
    def calls(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """Its calls as `(method, params)`, text as `str`; nothing if it was no JSON."""
        try:
            content = read_json(self.body)
        except ValueError:
            return ()
        members = content if isinstance(content, list) else [content]
        return tuple(
            (_text(member.get("method")), tuple(_text(p) for p in member.get("params") or ()))
            for member in members
            if isinstance(member, dict)
        )


class FakeServer:
    """Serves a ledger or a chain, with user and password (and a cookie, once written).

    Used as a context manager, in tests with or without asyncio.

    Attributes:
        requests: every request in order of its answer; see `keep_requests`.
        keep_requests: set it False for millions of requests, which then are not logged.
        asked: set when a request arrives, before it is answered.
        port: stays the same over `refuse_connections` and `accept_connections`.
    """

    def __init__(
        self, ledger: Ledger, *, user: str = "user", password: str | None = None, port: int = 0
    ) -> None:
        """`password`: a random one unless given; `port`: a free one for 0."""
        self.rpc = FakeRpc(ledger)
        self.requests: list[LoggedRequest] = []
        self.keep_requests = True
        self.asked = threading.Event()
        self.user = user
        self.password = secrets.token_urlsafe(12) if password is None else password
        self.port = port
        self._cookie = ""
        self._http: FakeHttpServer | None = None
        self._lock = threading.Lock()
        self._healed = threading.Event()
        self._failure: Failure | None = None
        self._times: int | None = None
        self._delay = 0.0
        self._garbage = b""

    def __enter__(self) -> Self:
        self.accept_connections()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _exc: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.refuse_connections()

    # Where it is ----------------------------------------------------------------------

    @property
    def url(self) -> str:
        """`http://user:password@127.0.0.1:<port>`, percent-encoded."""
        return f"http://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.address}"

    @property
    def bare_url(self) -> str:
        """The URL without user and password, for use with a cookie."""
        return f"http://{self.address}"

    @property
    def address(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """Connections accepted since the last `accept_connections`."""
        return self._http.accepted if self._http else 0

    def write_cookie(self, path: Path) -> None:
        """Write a new cookie file, as at each start of the node; the old one is void."""
        self._cookie = f"__cookie__:{secrets.token_hex(32)}"
        path.write_text(self._cookie)

    def calls(self, method: str) -> list[tuple[Any, ...]]:
        """The parameters of each call of a method, in order, batches included."""
        return [
            params
            for request in tuple(self.requests)
            for name, params in request.calls
            if name == method
        ]

    # What goes wrong ------------------------------------------------------------------

    def fail_with(
        self,
        failure: Failure | str,
        *,
        times: int | None = None,
        delay: float = 0.1,
        body: bytes = b"<html>",
    ) -> None:
        """Let the next `times` requests, or all until `heal`, go wrong.

        Args:
            delay: seconds before a `SLOW` answer.
            body: what a `GARBAGE` answer holds.
        """
        self._healed.clear()
        with self._lock:
            self._failure = Failure(failure)
            self._times = times
            self._delay = delay
            self._garbage = body

    def heal(self) -> None:
        """Answer again; requests that hang are closed without an answer."""
        with self._lock:
            self._failure = None
        self._healed.set()

    def refuse_connections(self) -> None:
        """Stop listening and close every connection."""
        self._healed.set()
        if self._http is not None:
            self._http.close()
            self._http = None

    def accept_connections(self) -> None:
        """Listen, on the same port as before."""
        if self._http is None:
            self._healed.clear()
            self._http = FakeHttpServer(self.respond, self.port)
            self.port = self._http.port

    def drop_idle_connections(self) -> None:
        """Close connections between requests, as the node does after 30 s."""
        if self._http is not None:
            self._http.drop_idle()

    # Answers --------------------------------------------------------------------------

    def respond(self, authorization: str, body: bytes) -> HttpReply | None:
        """The answer to a POST; None closes the connection. Logged in `requests`."""
        self.asked.set()
        failure = self._next_failure()
        reply = self._respond(failure, authorization, body)
        if self.keep_requests:
            with self._lock:
                self.requests.append(LoggedRequest(body, reply.status if reply else 0))
        return reply

    def _respond(
        self, failure: Failure | None, authorization: str, body: bytes
    ) -> HttpReply | None:
        if failure is Failure.HANG:
            self._healed.wait()
            return None
        if failure is Failure.DISCONNECT:
            return None
        if failure is Failure.SLOW:
            self._healed.wait(self._delay)
        if failure is Failure.FORBIDDEN:
            return HttpReply(403)
        if authorization not in self._accepted():
            return HttpReply(401)
        if failure is Failure.WORK_QUEUE:
            return HttpReply(500, _PLAIN, b"Work queue depth exceeded")
        if failure is Failure.GARBAGE:
            return HttpReply(200, _JSON, self._garbage)
        status, answer = self.rpc.answer(body, failure if failure in _RPC_FAILURES else None)
        return HttpReply(status, _JSON, answer)

    def _next_failure(self) -> Failure | None:
        with self._lock:
            failure = self._failure
            if self._times is not None and failure is not None:
                self._times -= 1
                if self._times <= 0:
                    self._failure = None
            return failure

    def _accepted(self) -> Sequence[str]:
        pairs = [f"{self.user}:{self.password}"]
        if self._cookie:
            pairs.append(self._cookie)
        return ["Basic " + base64.b64encode(pair.encode()).decode() for pair in pairs]


def _text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
