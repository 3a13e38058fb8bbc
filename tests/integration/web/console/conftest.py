"""A server with an admin, and a browser without scripts."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from enum_backend.testing import RunningServer, running_server

EMAIL = "admin@example.org"
PASSWORD = "correct horse battery"  # scan-secrets: allow

OPEN = {"per_client_minute": 0, "per_recipient_hour": 0, "per_recipient_day": 0}


@dataclass(frozen=True)
class Seen:
    """One answer."""

    status: int
    url: str
    text: str
    headers: Any = field(repr=False)

    @property
    def csrf(self) -> str:
        """The token of the page's forms."""
        return self.hidden("csrf")

    def hidden(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found is not None, self.text
        return html.unescape(found[1])

    @property
    def words(self) -> str:
        """The text of the page, without its markup."""
        return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", self.text).split()))


class Browser:
    """Follows links and posts forms, with cookies and the form's token."""

    def __init__(self, server: RunningServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.http = http
        self.csrf = ""

    async def get(self, path: str, **options: Any) -> Seen:
        """A page of the console, redirects followed."""
        async with self.http.get(f"/admin{path}", **options) as response:
            return await self._seen(response)

    async def post(self, path: str, *, csrf: str | None = None, **fields: Any) -> Seen:
        """Post a form; names that are words of Python end with `_`."""
        data = {name.rstrip("_"): value for name, value in fields.items()}
        data["csrf"] = self.csrf if csrf is None else csrf
        async with self.http.post(f"/admin{path}", data=data) as response:
            return await self._seen(response)

    async def _seen(self, response: aiohttp.ClientResponse) -> Seen:
        seen = Seen(
            response.status, str(response.url.path_qs), await response.text(), response.headers
        )
        if found := re.search(r'name="csrf" value="([^"]+)"', seen.text):
            self.csrf = found[1]
        return seen

    async def become_admin(self) -> Seen:
        """Make the first admin, who is logged in then."""
        token = await self.server.services.accounts.first_admin.offer()
        assert token is not None
        return await self.post(
            "/first", token=token, email=EMAIL, password=PASSWORD, again=PASSWORD
        )

    async def code_sent_to(self, number: str, count: int = 1) -> str:
        """The code in the latest SMS at the simulator."""
        messages = await self.server.wait_for_messages(count, seconds=30)
        text = next(sms.text for sms in reversed(messages) if sms.to == number)
        found = re.search(r"\b(\d{6})\b", text)
        assert found is not None
        return found[1]


async def until(browser: Browser, path: str, words: str) -> Seen:
    """The page, once it says so."""
    async with asyncio.timeout(30):
        while words not in (seen := await browser.get(path)).words:
            await asyncio.sleep(0.05)
    return seen


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running_server(settings={"limits": OPEN}) as running:
        yield running


@pytest.fixture
async def anywhere(storage_settings: dict[str, Any]) -> AsyncIterator[Browser]:
    """An admin of a server on each kind of storage in turn."""
    async with running_server(settings=storage_settings | {"limits": OPEN}) as running:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(running.http_url, cookie_jar=jar) as http:
            browser = Browser(running, http)
            await browser.become_admin()
            yield browser


@pytest.fixture
async def stranger(server: RunningServer) -> AsyncIterator[Browser]:
    """Somebody without a session."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(server.http_url, cookie_jar=jar) as http:
        yield Browser(server, http)


@pytest.fixture
async def admin(server: RunningServer) -> AsyncIterator[Browser]:
    """The first admin, logged in."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(server.http_url, cookie_jar=jar) as http:
        browser = Browser(server, http)
        await browser.become_admin()
        yield browser
