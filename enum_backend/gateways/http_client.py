"""The HTTP client under every gateway that is an API on the network.

It exists for one question: after a failure, may the SMS be sent again? A
failure before the first byte of the request was handed to the socket (name,
connection, TLS) is harmless and `temporary_unavailable`. After that nobody
knows whether the provider took the message, so it is `ambiguous`. Two habits of
HTTP clients would spoil that answer and are not here: following redirects, and a
second attempt of a GET whose connection dropped (RFC 9112 section 9.3.1 allows it,
but an SMS is not idempotent).
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from enum_backend.gateways.base import Gateway, GatewayError, Reason
from enum_backend.gateways.http_flight import BODY_LIMIT, KEEP_ALIVE, Exchange, Flight, NotHttp
from enum_backend.gateways.http_replies import Reply
from enum_backend.gateways.http_session import ConnectionLost, Session
from enum_backend.gateways.http_wire import Wire

__all__ = ["BODY_LIMIT", "KEEP_ALIVE", "ApiGateway", "HttpClient", "basic_auth"]


class HttpClient:
    """Requests under a time limit, over connections that are opened when they are needed.

    Args:
        timeout: seconds for a whole request, from name look-up to the last octet.
        lower: how requests are sent.
    """

    def __init__(self, timeout: float, lower: Callable[[], Exchange] = Session) -> None:
        self._timeout = timeout
        self._new = lower
        self._lower: Exchange | None = None

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
            headers: added to those of every request.
            json: body as JSON.
            data: body as a form, or ready octets.
            repeatable: a query that changes nothing; its failures are never ambiguous.
            want_body: False when the status alone is the answer.

        Raises:
            GatewayError: no complete reply, or a redirect; all other statuses return.
        """
        flight = Flight()
        lower = self._lower = self._lower or self._new()
        try:
            async with asyncio.timeout(self._timeout):
                reply: Reply | None = await lower.exchange(
                    flight, method, URL(url), headers, json, data
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
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
        lower, self._lower = self._lower, None
        if lower is not None:
            await lower.close()


class ApiGateway(Gateway):
    """A gateway behind an HTTP API; `self.http` sends the requests, by means of `lower`."""

    lower: ClassVar[type[Session] | type[Wire]] = Session

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        self.http = HttpClient(self.options.timeout, self.lower)

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


def _failure(error: Exception, *, written: bool) -> GatewayError:
    if written:
        return GatewayError(
            Reason.UNKNOWN, f"no answer to a written request: {_cause(error)}", ambiguous=True
        )
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        return GatewayError(Reason.INVALID_REQUEST, "cannot be written as an HTTP request")
    return GatewayError(Reason.TEMPORARY_UNAVAILABLE, f"no answer: {_cause(error)}")


def _cause(error: Exception) -> str:
    """A fixed phrase: the exceptions' own texts hold addresses."""
    match error:
        case TimeoutError():
            return "timed out"
        case aiohttp.ClientConnectorDNSError():
            return "name not found"
        case aiohttp.ClientSSLError():
            return "TLS refused"
        case aiohttp.ClientConnectorError():
            return "cannot connect"
        case ConnectionLost() | aiohttp.ClientOSError() | aiohttp.ServerDisconnectedError():
            return "connection lost"
        case aiohttp.ClientPayloadError():
            return "reply broken off or too long"
        case NotHttp():
            return "reply is not HTTP"
    return type(error).__name__
