"""Every page at a desk and on a telephone, light and dark: a screenshot, and axe-core."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.testing import RunningServer
from enum_backend.web.console.pages import PAGES
from tests.acceptance.console import axe
from tests.acceptance.console.browser import (
    WIDTHS,
    Chromium,
    Screens,
    browsing,
    overflow,
    press,
)
from tests.acceptance.console.conftest import EMAIL, PASSWORD
from tests.integration.web.test_inbound_flow import Running, running

LIMITS = {"per_recipient_hour": 0, "per_recipient_day": 0, "per_client_minute": 0}
LONG = "averyveryverylongnameofapersonwhosemailboxisfull@department.of.long.names.example.org"
AXE_SEES = {1280: "dark", 375: "light"}
"""Width -> the colours it is looked at in: every page once in each."""
NOT_PAGES = ("/live/stream", "/login", "/first")
"""No page, or none for somebody who is logged in."""

pytestmark = pytest.mark.timeout(600)


async def test_every_page(screens: Screens) -> None:
    script = axe.source()
    async with (
        running(limits=LIMITS, mode="simulation") as running_one,
        browsing(running_one.server.http_url) as chromium,
    ):
        chromium.expected.append("the server responded with a status of 422")  # a wrong filter
        await _before_login(chromium, screens, script)
        async with _logged_in(chromium, running_one.server) as state:
            paths = await _fill(running_one)
            wrong = []
            for width, looked_at in AXE_SEES.items():
                visitor = await chromium.visitor(width=width, state=state)
                page = await visitor.new_page()
                for path in paths:
                    await page.goto(f"/admin{path}")
                    name = _name(path)
                    if (wide := await overflow(page)) > 0:
                        wrong.append(f"{name} at {width} is {wide} pixels too wide")
                    for scheme in ("light", "dark"):
                        await page.emulate_media(color_scheme=scheme)
                        await screens.keep(page, f"{name}-{width}-{scheme}")
                        if scheme == looked_at:
                            found = await axe.issues(page, script)
                            wrong += [f"{name} at {width}, {scheme}: {issue}" for issue in found]
                await visitor.close()
            assert not wrong, "\n".join(wrong)


def _name(path: str) -> str:
    """`/messages/msg_1a2b/retry` -> `messages-msg-retry`"""
    plain = re.sub(r"_[0-9a-f]{12,}", "", path.partition("?")[0])
    return plain.strip("/").replace("/", "-") + ("-asked" if "?" in path else "") or "dashboard"


async def _before_login(chromium: Chromium, screens: Screens, script: str) -> None:
    for width in WIDTHS:
        visitor = await chromium.visitor(width=width, scheme="dark")
        page = await visitor.new_page()
        await page.goto("/admin")
        await screens.keep(page, f"first-{width}-dark")
        assert await overflow(page) <= 0
        assert await axe.issues(page, script) == []


@asynccontextmanager
async def _logged_in(chromium: Chromium, server: RunningServer) -> AsyncIterator[Any]:
    """Cookies of the first admin."""
    visitor = await chromium.visitor()
    page = await visitor.new_page()
    token = await server.services.accounts.first_admin.offer()
    await page.goto(f"/admin/first?token={token}")
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password again").fill(PASSWORD)
    await press(page, "Make me the first admin")
    yield await visitor.storage_state()


async def _fill(running_one: Running) -> list[str]:
    """Something on every page; returns the paths of all of them."""
    server, services = running_one.server, running_one.server.services
    user = await services.accounts.users.create(LONG, PASSWORD)
    failure = GatewayError(Reason.TEMPORARY_UNAVAILABLE, "the provider sleeps " * 12)
    server.simulator.fail_next(failure, times=2)
    sent = []
    async with aiohttp.ClientSession(server.http_url, headers=server.headers) as http:
        for number in range(12):
            body = {"to": f"+1415555{1200 + number}", "message": "Hello, <b>world</b>"}
            async with http.post("/sms/send", json=body) as response:
                assert response.status == 200
                sent.append((await response.json())["message_id"])
    await running_one.receive("<i>hostile</i> " + "long" * 100)
    async with asyncio.timeout(30):
        while not (listed := await _inbound(running_one)):
            await asyncio.sleep(0.02)
    paths = [
        page.path
        for page in PAGES
        if page.method == "GET" and "{" not in page.path and page.path not in NOT_PAGES
    ]
    return [
        *paths,
        f"/messages/{sent[0]}",
        f"/messages/{listed[0]}",
        f"/messages/{sent[0]}/retry",
        f"/users/{user.id}",
        f"/users/{user.id}/do/disable",
        "/messages?number=nonsense",
        "/send?to=%2B14155551234",
    ]


async def _inbound(running_one: Running) -> list[str]:
    status, answer = await running_one.call("GET", "/sms/messages?direction=inbound")
    assert status == 200
    return [item["id"] for item in answer["messages"]]
