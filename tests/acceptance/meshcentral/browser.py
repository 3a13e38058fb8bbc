"""Chromium on MeshCentral's pages, behind the recipe's reverse proxy."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Frame, Page, async_playwright, expect

from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import ADMIN, HOST, PASSWORD

ROOT = Path(__file__).parents[3]
ARTIFACTS = Path(os.environ.get("ARTIFACTS") or ROOT / "artifacts")
MS = 30_000
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
]


def required() -> str:
    """The program; skips the test where there is none, fails it in CI."""
    found = shutil.which("chromium")
    if found is None:
        explain = "chromium is not installed"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(explain)
        pytest.skip(explain)
    return found


@asynccontextmanager
async def browser_page() -> AsyncIterator[Page]:
    """A page in a browser of its own, 1280 x 900, that knows MeshCentral's name."""
    expect.set_options(timeout=MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=required(),
            args=[*FLAGS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"],
        )
        context = await browser.new_context(
            viewport={"width": 1280, "height": 900}, color_scheme="light", locale="en-US"
        )
        page = await context.new_page()
        page.set_default_timeout(MS)
        try:
            yield page
        finally:
            await browser.close()


async def log_in(page: Page, origin: str, provider: Provider, number: str) -> str:
    """Name, password and the code that comes by SMS; the gateway that brought it."""
    before = len(provider.to(number))
    await page.goto(origin)
    await page.fill("input[name=username]", ADMIN)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("#loginButton")
    await page.click("#smsKeyButton")
    await page.click("#idx_dlgOkButton")
    await expect(page.locator("#message4")).to_contain_text("SMS sent.")
    sms = await provider.next_to(number, before)
    await page.locator("#tokenInput").press_sequentially(sms.code)
    await page.click("#tokenOkButton")
    await page.wait_for_selector("#MainMenuMyServer", state="attached")
    await expect(page.get_by_text("Welcome admin")).to_be_visible()
    return sms.gateway


async def open_plugin(page: Page, name: str) -> Frame:
    """My Server > Plugins > NAME; the frame of its panel."""
    await page.evaluate("go(42)")
    await page.locator("#p42tbl").get_by_text(name, exact=True).click()
    element = await page.wait_for_selector("#p43iframe")
    frame = await element.content_frame()
    assert frame is not None
    await frame.wait_for_selector("#badge.good")
    return frame


async def keep(page: Page, name: str) -> None:
    """A screenshot of the whole page, as `NAME.png` in the folder of artifacts."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)
