"""Chromium on the console: what it complains about fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.acceptance.faults.own_servers import missing

MS = 30_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WIDTHS = {1280: 900, 375: 812}
"""Width -> height: a desk, and a telephone."""

_REPORT_VIOLATIONS = (
    "document.addEventListener('securitypolicyviolation',"
    " event => console.error('policy', event.violatedDirective, event.blockedURI))"
)


def chromium() -> str:
    """The program; without it the test is skipped, and fails in CI."""
    return shutil.which("chromium") or missing("chromium")


class Screens:
    """Where screenshots are kept: `ARTIFACTS`, else a folder of the test's own."""

    def __init__(self, otherwise: Path) -> None:
        self.folder = Path(os.environ.get("ARTIFACTS") or otherwise) / "console"
        self.folder.mkdir(parents=True, exist_ok=True)

    async def keep(self, page: Page, name: str) -> None:
        """The whole page."""
        await page.screenshot(path=self.folder / f"{name}.png", full_page=True)


class Chromium:
    """One browser, and everything it complained about.

    Attributes:
        expected: parts of complaints that belong to the test.
    """

    def __init__(self, browser: Any, url: str) -> None:
        self._browser = browser
        self._url = url
        self.complaints: list[str] = []
        self.expected: list[str] = []

    async def visitor(
        self,
        *,
        width: int = 1280,
        scheme: str = "light",
        state: Any = None,
        scripts: bool = True,
    ) -> BrowserContext:
        """Somebody with cookies of their own, or those of `state`."""
        context: BrowserContext = await self._browser.new_context(
            base_url=self._url,
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme=scheme,
            locale="en-US",
            storage_state=state,
            java_script_enabled=scripts,
        )
        context.set_default_timeout(MS)
        await context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        return context

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            text = f"{message.type}: {message.text}"
            if not any(part in text for part in self.expected):
                self.complaints.append(text)


@asynccontextmanager
async def browsing(url: str) -> AsyncIterator[Chromium]:
    """A browser for the server at `url`; its complaints fail the test at the end."""
    expect.set_options(timeout=MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        made = Chromium(browser, url)
        try:
            yield made
        finally:
            await browser.close()
    assert not made.complaints, made.complaints


async def press(page: Page, name: str) -> None:
    """Press the button of that name, and wait for the page it leads to."""
    async with page.expect_navigation():
        await page.get_by_role("button", name=name, exact=True).click()


async def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    width: int = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width
