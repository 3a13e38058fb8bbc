"""What both ways of sending a gateway's HTTP request share: how far one came, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from yarl import URL

from enum_backend.gateways.http_replies import Reply

BODY_LIMIT: Final = 256 * 1024
"""Octets of a reply that are read; a longer one cannot be understood."""

KEEP_ALIVE: Final = 3.0
"""Seconds an idle connection is kept: below the 5 s after which common servers
(node, Apache) close theirs, else a request meets a dying connection."""

HEADERS: Final = {"User-Agent": "enum-backend", "Accept-Encoding": "identity"}
"""Of every request, unless it has its own."""

Headers = Mapping[str, str] | None
Data = Mapping[str, str] | bytes | None
"""A form, or ready octets."""


class NotHttp(aiohttp.ClientError):
    """What came is no HTTP reply."""


@dataclass(slots=True)
class Flight:
    """One request under way.

    Attributes:
        written: turns True just before the first octet leaves.
        head: status and headers of the reply, once they are there.
    """

    written: bool = False
    head: Reply | None = None

    def settled(self, want_body: bool) -> Reply | None:
        """The reply without its body, if that is enough to know the outcome: a
        refusal stays one even if its explanation is lost on the way."""
        if self.head is None or (want_body and self.head.status < 300):
            return None
        return self.head


class Exchange(Protocol):
    """Connections to the servers of one gateway: TLS verified, no proxy, no cookies."""

    async def exchange(
        self, flight: Flight, method: str, url: URL, headers: Headers, json: object, data: Data
    ) -> Reply:
        """Write one request, once, and read the reply to its last octet; redirects as they are.

        Args:
            flight: told how far it came.
            headers: in place of those that every request has.
            json, data: at most one of them.

        Raises:
            aiohttp.ClientError, OSError: no connection, or no complete reply.
        """

    async def close(self) -> None:
        """Close the connections."""
