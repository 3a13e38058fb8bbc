"""Our HTTP API, as the tools call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import aiohttp

CONNECT_SECONDS = 5.0
SECONDS = 30.0


class ApiRefused(Exception):
    """The API said no: its sentence, its error code, and when to try again."""

    def __init__(self, sentence: str, code: str, document: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.sentence = sentence
        self.code = code
        self.document = document or {}


class Api:
    """One server of ours, over kept connections. Use as an async context manager.

    Args:
        url: `http://host:port`.
    """

    _session: aiohttp.ClientSession

    def __init__(self, url: str) -> None:
        self.url = url

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def __call__(
        self,
        key: str,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> dict[str, Any]:
        """The answer to one request; arguments that are None are left out.

        Args:
            key: the caller's API key.
            seconds: longest wait for the whole answer.

        Raises:
            ApiRefused: it refused, or did not answer (`NO_SERVER`).
        """
        timeout = aiohttp.ClientTimeout(total=seconds, connect=CONNECT_SECONDS)
        try:
            async with self._session.request(
                method,
                f"{self.url}{path}",
                json=None if body is None else _given(body),
                params=None if query is None else _given(query),
                headers={"Authorization": f"Bearer {key}"},
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                document = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = f"The enum-backend server does not answer ({type(error).__name__})."
            raise ApiRefused(why, "NO_SERVER") from None
        if not isinstance(document, dict):
            raise ApiRefused("What answers is not enum-backend.", "NO_SERVER")
        if status >= 400 or document.get("success") is False:
            sentence = document.get("detail") or f"The server answered HTTP {status}."
            raise ApiRefused(str(sentence), str(document.get("error_code") or "FAILED"), document)
        return document


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
