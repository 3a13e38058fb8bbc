"""Requests written at once, for gateways declared by their URL: the lower half of `http_client`.

Such a gateway can be an SMS centre next door that takes thousands a second, and then
most of what a message costs to hand over is what aiohttp's client does for people who
browse: cookies, redirects, a second attempt. Here aiohttp finds names, connects, speaks
TLS, keeps idle connections and parses replies, and nothing else.
"""

from __future__ import annotations

import asyncio
import json as json_text
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from enum_backend.gateways.http_flight import (
    BODY_LIMIT,
    HEADERS,
    KEEP_ALIVE,
    Data,
    Exchange,
    Flight,
    Headers,
    NotHttp,
)
from enum_backend.gateways.http_replies import Reply

if TYPE_CHECKING:
    from aiohttp.connector import Connection

_MOST_ORIGINS = 64
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)
"""Whoever asks has a time limit for everything together."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Scheme, host and port of some URLs.

    Attributes:
        request: for the connector, which takes where to connect from it.
        head: its header fields, ready to be sent.
    """

    request: aiohttp.ClientRequest
    head: bytes


class Wire(Exchange):
    """Connections to the servers of one gateway; TLS verified, no proxy, no cookies."""

    def __init__(self) -> None:
        self._connector = aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE)
        self._origins: dict[tuple[str, str], _Origin] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._connector.close()

    async def exchange(
        self, flight: Flight, method: str, url: URL, headers: Headers, json: object, data: Data
    ) -> Reply:
        """See `Exchange`.

        Raises:
            ValueError: a value cannot stand in a request line or a header.
        """
        origin = self._origin(url)
        octets = _request(method, url, origin, *_content(headers, json, data))
        connection = await self._connector.connect(origin.request, [], _NO_TIMEOUT)
        try:
            reply = await _converse(connection, flight, method, octets)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return reply

    def _origin(self, url: URL) -> _Origin:
        key = (url.scheme, url.raw_authority)
        found = self._origins.get(key)
        if found is None:
            if url.scheme not in ("http", "https"):
                raise aiohttp.InvalidURL(url)
            request = aiohttp.ClientRequest(
                "GET", url, headers=HEADERS, loop=asyncio.get_running_loop()
            )
            if len(self._origins) >= _MOST_ORIGINS:
                self._origins.clear()
            found = self._origins[key] = _Origin(request, _fields(request.headers))
        return found


def _content(headers: Headers, json: object, data: Data) -> tuple[Headers, bytes | None]:
    """The header fields with the type of the body, and the body."""
    if json is not None:
        kind, body = "application/json", json_text.dumps(json).encode()
    elif isinstance(data, Mapping):
        kind, body = "application/x-www-form-urlencoded", urlencode(data).encode()
    elif data is not None:
        kind, body = "application/octet-stream", data
    else:
        return headers, None
    given = {name.lower() for name in headers or ()}
    return ({} if "content-type" in given else {"Content-Type": kind}) | dict(headers or {}), body


def _request(method: str, url: URL, origin: _Origin, headers: Headers, body: bytes | None) -> bytes:
    target = url.raw_path_qs or "/"
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError("the address holds what no request line can")
    fields = origin.head
    if headers:
        merged = CIMultiDict(origin.request.headers)
        merged.update(headers)
        fields = _fields(merged)
    if body is not None or method not in aiohttp.ClientRequest.GET_METHODS:
        fields += b"Content-Length: %d\r\n" % len(body or b"")
    return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (
        method.encode("ascii"),
        target.encode("ascii"),
        fields,
        body or b"",
    )


def _fields(headers: Mapping[str, str]) -> bytes:
    lines = []
    for name, value in headers.items():
        if any(character in part for part in (name, value) for character in "\r\n\0"):
            raise ValueError("a header holds the end of a line")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode()


async def _converse(connection: Connection, flight: Flight, method: str, octets: bytes) -> Reply:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing():
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(skip_payload=method == "HEAD", read_until_eof=True)
    flight.written = True
    transport.write(octets)
    try:
        message, payload = await protocol.read()
        while 100 <= message.code < 200:
            message, payload = await protocol.read()
    except HttpProcessingError as error:
        raise NotHttp(error.message) from None
    flight.head = Reply(message.code, message.headers)
    body = bytearray()
    while not payload.at_eof():
        body += await payload.readany()
        if len(body) > BODY_LIMIT:
            raise aiohttp.ClientPayloadError("reply too long")
    return Reply(message.code, message.headers, bytes(body))
