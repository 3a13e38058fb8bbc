"""A day with the console, in Debian's chromium."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import Page, expect

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.simulator import SimulatedSms
from enum_backend.testing import RunningServer
from tests.acceptance.console.browser import Screens, browsing, press
from tests.acceptance.console.conftest import EMAIL, PASSWORD
from tests.integration.web.test_inbound_flow import Running, running
from tests.unit.messaging.deliveries.hook_server import Hook, hook_server

PHONE = "+14155550142"
TO = "+14155550143"
LIMITS = {"per_recipient_hour": 0, "per_recipient_day": 0, "per_client_minute": 0}
HOSTILE = "<script>console.error('run')</script><b>&amp; \"quoted\""

pytestmark = pytest.mark.timeout(300)


async def test_a_day_with_the_console(screens: Screens) -> None:
    async with (
        hook_server() as hook,
        running(
            deliveries={"webhook_url": hook.url, "backoff": 0.01, "validity": 0.2},
            limits=LIMITS,
            mode="simulation",
        ) as running_one,
        browsing(running_one.server.http_url) as chromium,
    ):
        server = running_one.server
        chromium.expected.append("the server responded with a status of 400")  # a wrong code
        visitor = await chromium.visitor()
        page = await visitor.new_page()
        await _make_first_admin(page, server, screens)
        codes = await _turn_two_factor_on(page, server, screens)
        await _log_in_with_a_code(page, server, screens)
        await _send(page, server, screens)
        await _watch_live(page, running_one, screens)
        await _retry(page, server, screens)
        await _replay(page, running_one, hook, screens)
        await _build_a_record(page, screens)
        await _log_in_with_a_backup_code(page, codes[0])
        await press(page, "Log out")
        await page.goto("/admin/users")
        await expect(page).to_have_url(re.compile("/admin/login"))


async def _make_first_admin(page: Page, server: RunningServer, screens: Screens) -> None:
    await page.goto("/admin")
    await expect(page).to_have_url(re.compile("/admin/first$"))
    await screens.keep(page, "01-first-admin")
    token = await server.services.accounts.first_admin.offer()
    await page.get_by_label("One-time token").fill(token or "")
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password again").fill(PASSWORD)
    await press(page, "Make me the first admin")
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


async def _turn_two_factor_on(page: Page, server: RunningServer, screens: Screens) -> list[str]:
    """By a verified phone; returns the backup codes."""
    await page.goto("/admin/profile")
    await page.get_by_label("Number", exact=True).fill(PHONE)
    await press(page, "Send a code to it")
    await page.get_by_label("Code from the SMS").fill(await _code(server, 1))
    await press(page, "Verify")
    await expect(page.get_by_text("The number is verified.")).to_be_visible()
    await press(page, "Use codes by SMS")
    await page.get_by_label("Code", exact=True).fill(await _code(server, 2))
    await press(page, "Turn it on")
    codes = await page.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    await screens.keep(page, "02-backup-codes")
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.get_by_text("Backup codes left")).to_be_visible()
    return codes


async def _log_in_with_a_code(page: Page, server: RunningServer, screens: Screens) -> None:
    await press(page, "Log out")
    before = len([sms for sms in server.messages if sms.to == PHONE])
    await _password(page)
    code = page.get_by_label("Code", exact=True)
    assert await code.get_attribute("autocomplete") == "one-time-code"
    await screens.keep(page, "03-second-step")
    await code.fill("100000")
    await press(page, "Log in")
    await expect(page.locator("#code-error, .said.bad").first).to_be_visible()
    await code.fill(await _code(server, before + 1))
    await press(page, "Log in")
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


async def _log_in_with_a_backup_code(page: Page, code: str) -> None:
    await press(page, "Log out")
    await _password(page)
    await page.get_by_label("Code", exact=True).fill(code)
    await page.get_by_label("This is one of my backup codes").check()
    await press(page, "Log in")
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


async def _password(page: Page) -> None:
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await press(page, "Log in")


async def _send(page: Page, server: RunningServer, screens: Screens) -> None:
    await page.get_by_role("link", name="Send", exact=True).click()
    await page.get_by_label("To", exact=True).fill(TO)
    await page.get_by_label("Text").fill(f"{HOSTILE} …")
    preview = page.locator("#preview")
    await expect(preview.get_by_text("UCS-2")).to_be_visible()
    await expect(preview.get_by_text("Why this route")).to_be_visible()
    await screens.keep(page, "04-send")
    await press(page, "Send")
    await expect(page.get_by_text("The message is accepted.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Why this route")).to_be_visible()
    await screens.keep(page, "05-message")
    assert any(sms.text == f"{HOSTILE} …" for sms in await _arrived(server, TO, 1))


async def _watch_live(page: Page, running_one: Running, screens: Screens) -> None:
    """Rows come without loading the page again, both ways; paused they wait."""
    await page.get_by_role("link", name="Live", exact=True).first.click()
    await expect(page.get_by_text("Live, waiting for messages.")).to_be_visible()
    rows = page.locator("#tail-rows tr")
    shown = await rows.count()
    sent = await _api_send(running_one.server, "live one")
    await expect(page.locator(f"#{sent}")).to_be_visible()
    await expect(page.locator(f"#{sent}").get_by_text("delivered")).to_be_visible()
    await running_one.receive(HOSTILE)
    await expect(rows).to_have_count(shown + 2)
    await page.get_by_role("button", name="Pause").click()
    later = await _api_send(running_one.server, "live two")
    await expect(page.get_by_text("Paused, 1 waiting.")).to_be_visible()
    await expect(page.locator(f"#{later}")).to_have_count(0)
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator(f"#{later}")).to_be_visible()
    await screens.keep(page, "06-live")


async def _retry(page: Page, server: RunningServer, screens: Screens) -> None:
    server.simulator.fail_next(GatewayError(Reason.INVALID_NUMBER, "no such number"))
    failed = await _api_send(server, "refused at first")
    await page.goto(f"/admin/messages/{failed}")
    again = page.get_by_role("link", name="Send again")
    for _ in range(60):
        if await again.count():
            break
        await page.reload()
    await screens.keep(page, "07-failed")
    await again.click()
    await press(page, "Send again")
    await expect(page.get_by_text("The message is queued again.")).to_be_visible()
    for _ in range(60):
        if await page.get_by_text("delivered", exact=True).count():
            break
        await page.reload()
    await expect(page.get_by_role("row")).to_have_count(3)


async def _replay(page: Page, running_one: Running, hook: Hook, screens: Screens) -> None:
    hook.answers = [500] * 99
    await running_one.receive("for a dead letter")
    await running_one.until("delivered", "dead", count=2)
    hook.answers = []
    await page.goto("/admin/messages?direction=inbound")
    await page.locator("tbody tr").first.get_by_role("link").click()
    await expect(page.get_by_text("for a dead letter")).to_be_visible()
    await expect(page.get_by_text("dead", exact=True)).to_be_visible()
    await screens.keep(page, "08-dead-letter")
    await press(page, "Deliver again")
    await expect(page.get_by_text("The delivery is made again.")).to_be_visible()
    await running_one.until("delivered", count=2)


async def _build_a_record(page: Page, screens: Screens) -> None:
    """The preview follows what is typed; the command is there to copy."""
    await page.goto("/admin/enum/build")
    await page.get_by_label("Number", exact=True).fill("+14155551234")
    await page.get_by_label("Calls go to").fill("sip:alice@domain.com")
    await page.get_by_label("SMS go through").fill("telnyx")
    preview = page.locator("#preview")
    await expect(preview).to_contain_text('100 10 "u" "E2U+sip" "!^.*$!sip:alice@domain.com!" .')
    await expect(preview).to_contain_text(
        "emercoin-cli name_new 'enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa'"
    )
    await screens.keep(page, "09-record")


async def _api_send(server: RunningServer, text: str) -> str:
    async with (
        aiohttp.ClientSession(server.http_url, headers=server.headers) as http,
        http.post("/sms/send", json={"to": TO, "message": text}) as response,
    ):
        answer = await response.json()
        assert response.status == 200, answer
        found: str = answer["message_id"]
        return found


async def _arrived(server: RunningServer, number: str, count: int) -> list[SimulatedSms]:
    found = [sms for sms in server.messages if sms.to == number]
    while len(found) < count:
        await server.wait_for_messages(len(server.messages) + 1, seconds=30)
        found = [sms for sms in server.messages if sms.to == number]
    return found


async def _code(server: RunningServer, count: int) -> str:
    """The code in the `count`-th SMS to the admin's phone."""
    text = (await _arrived(server, PHONE, count))[count - 1].text
    found = re.search(r"\b(\d{6})\b", text)
    assert found is not None
    return found[1]
