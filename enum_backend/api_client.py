"""The HTTP client of our own commands: one request to a running server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

CONNECT_SECONDS = 5.0


class NoServer(Exception):
    """Nothing answers there, or something that is not our server; says what to do."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """HTTP status and JSON object of an answer."""

    status: int
    document: Mapping[str, Any]

    @property
    def refusal(self) -> tuple[str, str]:
        """(sentence, error code) of a problem document."""
        sentence = self.document.get("detail") or f"the server answered HTTP {self.status}"
        return str(sentence), str(self.document.get("error_code") or "FAILED")


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A running server.

    Attributes:
        url: `http://host:port`.
        key: API key; empty for paths that need none.
        seconds: longest wait for a whole answer.
    """

    url: str
    key: str = field(default="", repr=False)
    seconds: float = 30.0

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> ApiAnswer:
        """One request, any status.

        Raises:
            NoServer: no answer, or none of ours.
        """
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        timeout = aiohttp.ClientTimeout(total=self.seconds, connect=CONNECT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.request(
                    method, f"{self.url}{path}", json=json, params=query, allow_redirects=False
                ) as response,
            ):
                document = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = f"no answer from the server at {self.url} ({type(error).__name__})"
            raise NoServer(f"{why}; start it with: enum-backend serve") from None
        if not isinstance(document, dict):
            raise NoServer(f"what answers at {self.url} is not enum-backend")
        return ApiAnswer(status, document)
