"""A user in a real browser: gives a phone number, and needs its code from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.acceptance.meshcentral import browser
from tests.acceptance.meshcentral.browser import browser_page, keep
from tests.acceptance.meshcentral.control import Control
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import PASSWORD, MeshCentral
from tests.acceptance.meshcentral.tls_proxy import tls_proxy

USER, NUMBER = "walker", "+14155550170"


@pytest_asyncio.fixture(loop_scope="session")
async def origin(mesh: MeshCentral, admin: Control, tmp_path: Path) -> AsyncIterator[str]:
    browser.required()
    await admin.add_user(USER)
    async with tls_proxy(mesh, tmp_path) as origin:
        yield origin


async def give_password(page: Page, origin: str) -> None:
    await page.goto(origin)
    await page.fill("#username", USER)
    await page.fill("#password", PASSWORD)
    await page.click("#loginButton")


async def answer(page: Page, field: str, text: str) -> None:
    """Type into a dialog: its button wakes with the keys."""
    await page.locator(field).press_sequentially(text)
    await page.click("#idx_dlgOkButton")


async def give_code(page: Page, code: str) -> None:
    await page.locator("#tokenInput").press_sequentially(code)
    await page.click("#tokenOkButton")


async def test_phone_and_login(origin: str, provider: Provider) -> None:
    async with browser_page() as page:
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        await give_password(page, origin)
        await page.click("#LeftMenuMyAccount")
        await page.locator("#managePhoneNumber1").get_by_text("Manage phone number").click()
        await answer(page, "#d2phoneinput", "+1 415-555.0170")
        await answer(page, "#d2phoneCodeInput", (await provider.next_to(NUMBER)).code)
        await expect(page.locator("#authPhoneNumberCheck")).to_be_visible()
        await keep(page, "meshcentral-phone")

    async with browser_page() as page:
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        await give_password(page, origin)
        await page.click("#smsKeyButton")
        await page.click("#idx_dlgOkButton")
        await expect(page.locator("#message4")).to_have_text("SMS sent.")
        code = (await provider.next_to(NUMBER, after=1)).code
        await give_code(page, f"{(int(code) + 1) % 1_000_000:06}")
        await expect(page.locator("#message4")).to_have_text("Invalid token, try again.")
        await keep(page, "meshcentral-wrong-code")
        await give_code(page, code)
        await expect(page.get_by_text(f"Welcome {USER}")).to_be_visible()
        await keep(page, "meshcentral-login")
