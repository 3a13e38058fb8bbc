"""The live tail, as a browser reads it."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from enum_backend.accounts import Admin
from enum_backend.web.console import live, tails

from .conftest import PASSWORD, Browser

TO = "+14155550101"


class Source:
    """An EventSource."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.last_id = ""

    async def event(self) -> tuple[str, dict[str, str]]:
        """The next event: (name, data)."""
        async with asyncio.timeout(30):
            while True:
                block = await self.block()
                if "data" in block:
                    self.last_id = block["id"]
                    return block["event"], json.loads(block["data"])

    async def block(self) -> dict[str, str]:
        """Lines up to an empty one; a comment is under ``."""
        fields: dict[str, str] = {}
        while line := (await self._response.content.readline()).decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        if not fields and self._response.content.at_eof():
            raise EOFError
        return fields

    async def message(self) -> str:
        """The id in the next row; what became of others is passed over."""
        while True:
            name, data = await self.event()
            if name == "message":
                assert data["row"].strip().startswith(f'<tr id="{data["id"]}">')
                return data["id"]


@asynccontextmanager
async def listening(browser: Browser, last: str = "", after: str = "") -> AsyncIterator[Source]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    query = {"after": after} if after else {}
    async with browser.http.get("/admin/live/stream", headers=headers, params=query) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        source = Source(response)
        assert (await source.block())["retry"]
        yield source


async def send(browser: Browser, text: str = "x") -> str:
    async with (
        aiohttp.ClientSession(browser.server.http_url, headers=browser.server.headers) as http,
        http.post("/sms/send", json={"to": TO, "message": text}) as response,
    ):
        assert response.status == 200
        found: str = (await response.json())["message_id"]
        return found


async def test_messages_as_they_go_and_what_becomes_of_them(anywhere: Browser) -> None:
    async with listening(anywhere) as source:
        first = await send(anywhere)
        name, data = await source.event()
        assert (name, data["id"]) == ("message", first)
        while "delivered" not in data.get("status", data.get("row", "")):
            name, data = await source.event()
            assert (name, data["id"]) == ("status", first)
        last = source.last_id
    missed = [await send(anywhere, str(number)) for number in range(3)]
    async with listening(anywhere, last) as source:
        assert [await source.message() for _ in missed] == missed


async def test_the_page_leads_to_what_comes_after_it(admin: Browser) -> None:
    before = await send(admin)
    page = await admin.get("/live")
    assert before in page.text
    found = re.search(r'data-stream="/admin(/live/stream\?after=[^"]+)"', page.text)
    assert found is not None
    later = await send(admin)
    async with listening(admin, after=html.unescape(found[1]).partition("after=")[2]) as source:
        assert await source.message() == later


async def test_what_nobody_could_read_is_left_out(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "BATCH", 1)
    monkeypatch.setattr(tails, "BEHIND", 2)
    async with listening(admin) as source:
        start = await admin.server.services.lists.end(tails.Viewer("default", is_admin=True))
    sent = [await send(admin, str(number)) for number in range(8)]
    async with listening(admin, start) as source:
        names = []
        while "skipped" not in names:
            names.append((await source.event())[0])
        assert names.count("message") < len(sent)
        last = await send(admin)
        while await source.message() != last:
            pass


async def test_a_stranger_hears_nothing(stranger: Browser, admin: Browser) -> None:
    async with stranger.http.get(
        "/admin/live/stream", headers={"Accept": "text/event-stream"}
    ) as response:
        assert response.status == 401
        assert "html" not in await response.text()
    async with admin.http.get("/admin/live/stream?after=nonsense") as response:
        assert response.status == 422


async def test_a_session_that_ends_ends_its_stream(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.05)
    async with listening(admin) as source:
        assert "" in await source.block()  # a comment: still here
        services = admin.server.services
        user = await services.accounts.users.find_by_email("admin@example.org")
        assert user is not None
        await services.accounts.sessions.revoke_all(user.id)
        with pytest.raises(EOFError):
            await source.event()


@pytest.mark.parametrize("how", ["session", "rights"])
async def test_a_session_that_ended_is_shown_no_further_message(admin: Browser, how: str) -> None:
    accounts = admin.server.services.accounts
    user = await accounts.users.find_by_email("admin@example.org")
    assert user is not None
    async with listening(admin) as source:
        first = await send(admin)
        assert await source.message() == first
        if how == "session":
            await accounts.sessions.revoke_all(user.id)
        else:
            await accounts.users.create("other@example.org", PASSWORD, is_admin=True)
            await accounts.set_admin(user.id, False, by=Admin("test"))
        second = await send(admin)
        shown = []
        with contextlib.suppress(EOFError):
            async with asyncio.timeout(10):
                while True:
                    name, data = await source.event()
                    shown.append((name, data["id"]))
        assert ("message", second) not in shown


async def test_places_are_counted(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "MOST", 1)
    async with listening(admin), admin.http.get("/admin/live/stream") as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 0
    async with asyncio.timeout(30):
        while True:
            try:
                async with listening(admin):
                    break
            except AssertionError:
                await asyncio.sleep(0.05)
