"""Requests by aiohttp's client, for the providers' own APIs: the lower half of `http_client`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import aiohttp
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


class ConnectionLost(aiohttp.ClientError):
    """Stands for the drops that aiohttp would answer with a second attempt."""


class _Request(aiohttp.ClientRequest):
    """A request that tells its flight when it is written."""

    flight: Flight

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.flight.written = True
        return await super().send(conn)


class Session(Exchange):
    """One lazily opened session."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def exchange(
        self, flight: Flight, method: str, url: URL, headers: Headers, json: object, data: Data
    ) -> Reply:
        """See `Exchange`."""

        async def once(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            # TRAP: aiohttp repeats GET, PUT and DELETE once when these two pass its
            # request loop. A middleware runs inside that loop, so what it raises
            # instead ends the request.
            cast(_Request, request).flight = flight
            try:
                return await handler(request)
            except aiohttp.ClientConnectorError:
                raise  # never repeated
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                raise ConnectionLost from None

        try:
            async with self._open().request(
                method,
                url,
                headers=headers,
                json=json,
                data=data,
                allow_redirects=False,
                middlewares=(once,),
            ) as response:
                flight.head = Reply(response.status, response.headers)
                return replace(flight.head, body=await _read(response))
        except aiohttp.ClientResponseError:
            raise NotHttp from None

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=HEADERS,
                request_class=_Request,
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT:
            response.close()
            raise aiohttp.ClientPayloadError("reply too long")
    return bytes(body)
