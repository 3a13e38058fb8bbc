"""The HTTP client under every gateway that is an API on the network.

It exists for one question: after a failure, may the SMS be sent again? A
failure before the first byte of the request was handed to the socket (name,
connection, TLS) is harmless and `temporary_unavailable`. After that nobody
knows whether the provider took the message, so it is `ambiguous`. Two habits of
HTTP clients would spoil that answer and are off: following redirects, and
aiohttp's own second attempt of a GET whose connection dropped (RFC 9112 section
9.3.1 allows it, but an SMS is not idempotent).
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from enum_backend.gateways.base import Gateway, GatewayError, Reason
from enum_backend.gateways.http_replies import Reply

if TYPE_CHECKING:
    from aiohttp.connector import Connection

BODY_LIMIT = 256 * 1024
"""Octets of a reply that are read; a longer one cannot be understood."""

KEEP_ALIVE = 3.0
"""Seconds an idle connection is kept: below the 5 s after which common servers
(node, Apache) close theirs, else a request meets a dying connection."""


class _ConnectionLost(aiohttp.ClientError):
    """Stands for the drops that aiohttp would answer with a second attempt."""


class _Request(aiohttp.ClientRequest):
    """A request that tells its flight when it is written."""

    flight: _Flight

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.flight.written = True
        return await super().send(conn)


@dataclass(slots=True)
class _Flight:
    """One request under way; runs around it as its middleware.

    Attributes:
        written: turns True just before the first octet leaves.
        head: status and headers of the reply, once they are there.
    """

    written: bool = False
    head: Reply | None = None

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # TRAP: aiohttp repeats GET, PUT and DELETE once when these two pass its
        # request loop. A middleware runs inside that loop, so what it raises
        # instead ends the request.
        cast(_Request, request).flight = self
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise _ConnectionLost(_cause(error)) from None

    def settled(self, want_body: bool) -> Reply | None:
        """The reply without its body, if that is enough to know the outcome: a
        refusal stays one even if its explanation is lost on the way."""
        if self.head is None or (want_body and self.head.status < 300):
            return None
        return self.head


class HttpClient:
    """One lazily opened session: TLS verified, no cookies, no proxy from the environment.

    Args:
        timeout: seconds for a whole request, from name look-up to the last octet.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: URL | str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        data: Mapping[str, str] | bytes | None = None,
        repeatable: bool = False,
        want_body: bool = True,
    ) -> Reply:
        """Send one request, once, and read the reply.

        Args:
            method: HTTP method.
            url: a `URL(..., encoded=True)` goes out octet for octet.
            headers: added to those of the session.
            json: body as JSON.
            data: body as a form, or ready octets.
            repeatable: a query that changes nothing; its failures are never ambiguous.
            want_body: False when the status alone is the answer.

        Raises:
            GatewayError: no complete reply, or a redirect; all other statuses return.
        """
        flight = _Flight()
        try:
            async with asyncio.timeout(self._timeout):
                reply: Reply | None = await self._exchange(
                    flight, method, url, headers=headers, json=json, data=data
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reply = flight.settled(want_body)
            failure = _failure(error, written=flight.written and not repeatable)
        # Raised out here, so that the client's exception, which holds the URL,
        # is not even the context of ours.
        if reply is None:
            raise failure
        if 300 <= reply.status < 400:
            raise GatewayError(
                Reason.UNKNOWN, "redirects are not followed", provider_code=str(reply.status)
            )
        return reply

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, flight: _Flight, method: str, url: URL | str, **content: Any
    ) -> Reply:
        async with self._open().request(
            method, url, allow_redirects=False, middlewares=(flight,), **content
        ) as response:
            flight.head = Reply(response.status, response.headers)
            return replace(flight.head, body=await _read(response))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "enum-backend", "Accept-Encoding": "identity"},
                request_class=_Request,
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
            )
        return self._session


class ApiGateway(Gateway):
    """A gateway behind an HTTP API; `self.http` sends the requests."""

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        self.http = HttpClient(self.options.timeout)

    def address(self, url: str) -> str:
        """The provider's documented `url`, its scheme and host replaced by `base_url`, if set."""
        base = self.options.base_url
        return (
            re.sub(r"^https?://[^/?#]*", lambda _: base, url, flags=re.IGNORECASE) if base else url
        )

    async def ask(
        self,
        method: str,
        url: str,
        *,
        authorization: str,
        query: Mapping[str, str] | None = None,
        json: object = None,
        data: Mapping[str, str] | None = None,
    ) -> Reply:
        """One authenticated request that wants JSON.

        Args:
            method: everything but GET may change something, its failures are ambiguous.
            url: the documented address, ready for the wire.
            query: added to it.
            json, data: body as JSON, or as a form.

        Raises:
            GatewayError: no complete reply, or a redirect; all other statuses return.
        """
        address = self.address(url) + (f"?{urlencode(query)}" if query else "")
        return await self.http.request(
            method,
            URL(address, encoded=True),
            headers={"Authorization": authorization, "Accept": "application/json"},
            json=json,
            data=data,
            repeatable=method == "GET",
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.http.close()


def basic_auth(user: str, password: str) -> str:
    """Value of an `Authorization` header (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT:
            response.close()
            raise aiohttp.ClientPayloadError("reply too long")
    return bytes(body)


def _failure(error: Exception, *, written: bool) -> GatewayError:
    if written:
        return GatewayError(
            Reason.UNKNOWN, f"no answer to a written request: {_cause(error)}", ambiguous=True
        )
    return GatewayError(Reason.TEMPORARY_UNAVAILABLE, f"no answer: {_cause(error)}")


def _cause(error: Exception) -> str:
    """A fixed phrase: the exceptions' own texts hold addresses."""
    match error:
        case _ConnectionLost():
            return str(error)
        case TimeoutError():
            return "timed out"
        case aiohttp.ClientConnectorDNSError():
            return "name not found"
        case aiohttp.ClientSSLError():
            return "TLS refused"
        case aiohttp.ClientConnectorError():
            return "cannot connect"
        case aiohttp.ClientOSError() | aiohttp.ServerDisconnectedError():
            return "connection lost"
        case aiohttp.ClientPayloadError():
            return "reply broken off or too long"
        case aiohttp.ClientResponseError():
            return "reply is not HTTP"
    return type(error).__name__
