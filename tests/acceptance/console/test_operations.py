"""Records, gateways, tenants, keys, agents and the audit log, in Debian's chromium."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import BrowserContext, Page, expect

from enum_backend.testing import RunningServer
from tests.acceptance.console import axe
from tests.acceptance.console.browser import WIDTHS, Chromium, Screens, browsing, overflow, press
from tests.acceptance.console.conftest import EMAIL, PASSWORD
from tests.integration.web.conftest import RECORDS
from tests.integration.web.test_inbound_flow import running

NUMBER = "+14155550177"
LIMITS = {"per_recipient_hour": 0, "per_recipient_day": 0, "per_client_minute": 0}
AXE_SEES = {1280: "light", 375: "dark"}

pytestmark = pytest.mark.timeout(600)


async def test_what_an_admin_operates(screens: Screens) -> None:
    script = axe.source()
    async with (
        running(RECORDS, limits=LIMITS, mode="simulation") as one,
        browsing(one.server.http_url) as chromium,
    ):
        chromium.expected.append("the server responded with a status of 422")  # wrong input
        visitor = await _logged_in(chromium, one.server)
        page = await visitor.new_page()
        await _build_a_record(page, screens)
        await _build_without_scripts(chromium, visitor, screens)
        await _test_a_gateway(page, one.server, screens)
        await _make_a_tenant_and_its_key(page, one.server, screens)
        await _opt_out(page)
        await _lend_a_number(page, one.server, screens)
        await _verify_the_log(page, one.server, screens)
        await _filled_pages(chromium, visitor, screens, script)


async def _logged_in(chromium: Chromium, server: RunningServer) -> BrowserContext:
    visitor = await chromium.visitor()
    page = await visitor.new_page()
    token = await server.services.accounts.first_admin.offer()
    await page.goto(f"/admin/first?token={token}")
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password again").fill(PASSWORD)
    await press(page, "Make me the first admin")
    return visitor


async def _build_a_record(page: Page, screens: Screens) -> None:
    """The preview follows the keys; nothing is posted by pressing anything."""
    await page.goto("/admin/enum")
    await page.get_by_label("Number", exact=True).fill("+1 415 555 1234")
    await press(page, "Look up")
    await expect(page.get_by_role("heading", name="What DNS answers")).to_be_visible()
    await page.get_by_role("link", name="Write a record").click()
    preview = page.locator("#preview")
    await expect(preview.get_by_text("nothing is wanted")).to_be_visible()
    await page.get_by_label("Calls go to").press_sequentially("sip:alice@pbx.example")
    await expect(preview.locator("#naptr")).to_contain_text(
        '100 10 "u" "E2U+sip" "!^.*$!sip:alice@pbx.example!" .'
    )
    await page.get_by_label("SMS go through").fill("telnyx")
    await expect(preview.locator("#command")).to_have_text(
        "emercoin-cli name_new 'enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa'"
        """ '{"voice":"sip:alice@pbx.example","sms":"telnyx:+14155551234"}' 365"""
    )
    await page.get_by_text("More", exact=True).click()
    await page.get_by_label("Answers kept, seconds").fill("soon")
    await expect(preview.locator(".said.warn")).to_contain_text("ttl")
    await page.get_by_label("Answers kept, seconds").fill("600")
    await expect(preview.locator("#naptr")).to_contain_text(" 600 IN NAPTR ")
    await screens.keep(page, "21-record-builder")


async def _build_without_scripts(
    chromium: Chromium, visitor: BrowserContext, screens: Screens
) -> None:
    state = await visitor.storage_state()
    plain = await chromium.visitor(width=375, state=state, scripts=False)
    page = await plain.new_page()
    await page.goto("/admin/enum/build?number=%2B14155551234")
    await page.get_by_label("Calls go to").fill("sip:alice@pbx.example")
    await press(page, "Show the record")
    await expect(page.locator("#command")).to_contain_text("emercoin-cli name_new")
    await screens.keep(page, "22-record-builder-without-scripts")
    await plain.close()


async def _test_a_gateway(page: Page, server: RunningServer, screens: Screens) -> None:
    await page.goto("/admin/gateways")
    await page.get_by_role("link", name="Test telnyx").click()
    await page.get_by_label("To", exact=True).fill("+1 415 555 0142")
    await press(page, "Send the test")
    await expect(page.get_by_text("The test message is accepted.")).to_be_visible()
    assert any(sms.to == "+14155550142" for sms in await server.wait_for_messages(seconds=30))
    await screens.keep(page, "23-gateway-test")


async def _make_a_tenant_and_its_key(page: Page, server: RunningServer, screens: Screens) -> None:
    await page.goto("/admin/tenants")
    await page.get_by_label("Name", exact=True).fill("acme")
    await page.get_by_label("Budget a day, USD").fill("7.50")
    await press(page, "Make the tenant")
    await page.get_by_label("Bind a number").fill(NUMBER)
    await press(page, "Bind")
    await expect(page.get_by_role("row", name="+1 (415) 555-0177")).to_be_visible()
    await page.get_by_role("link", name="New key").click()
    await page.get_by_label("Name", exact=True).fill("robot")
    await page.get_by_label("agents: lease numbers").check()
    await press(page, "Make the key")
    token = await page.locator("#token").inner_text()
    assert (await server.services.keys.authenticate(token)).tenant == "acme"
    await screens.keep(page, "24-key-made")
    await page.get_by_role("link", name="I have it").click()
    assert token not in await page.content()
    await page.get_by_role("link", name="Revoke robot").click()
    await expect(page.get_by_text("End this key?")).to_be_visible()
    await page.get_by_role("link", name="Keep it as it is").click()
    await expect(page.get_by_role("row", name="robot")).to_contain_text("active")


async def _opt_out(page: Page) -> None:
    await page.goto("/admin/opt-outs")
    await page.get_by_label("Number", exact=True).fill("not a number")
    await press(page, "Add")
    await expect(page.locator("#recipient-error")).to_be_visible()
    await page.get_by_label("Number", exact=True).fill("+1 415 555 0143")
    await press(page, "Add")
    await expect(page.get_by_role("row", name="+1 (415) 555-0143")).to_be_visible()


async def _lend_a_number(page: Page, server: RunningServer, screens: Screens) -> None:
    await page.goto("/admin/agents")
    await page.get_by_label("Number", exact=True).fill(NUMBER)
    await press(page, "Put it in")
    key = await server.create_key("agents", tenant="acme")
    async with (
        aiohttp.ClientSession(server.http_url, headers={"Authorization": f"Bearer {key}"}) as http,
        http.post("/agents/leases", json={"passport_id": "sign-up bot"}) as response,
    ):
        assert response.status == 200, await response.text()
    await page.reload()
    await expect(page.get_by_role("row", name="sign-up bot")).to_be_visible()
    await screens.keep(page, "25-agents")


async def _verify_the_log(page: Page, server: RunningServer, screens: Screens) -> None:
    await page.goto("/admin/audit")
    await expect(page.get_by_text("Tenant acme was made.")).to_be_visible()
    await page.get_by_label("Severity").select_option("HIGH")
    await press(page, "Filter")
    await expect(page.get_by_text("Tenant acme was made.")).to_have_count(0)
    await press(page, "Verify the log")
    await expect(page.get_by_text("The chain holds")).to_be_visible()
    await screens.keep(page, "26-audit-verified")
    assert (await server.services.audit.verify()).holds


async def _filled_pages(
    chromium: Chromium, visitor: BrowserContext, screens: Screens, script: str
) -> None:
    """The pages that need something in their address, at both widths."""
    paths = {
        "record": "/enum?number=%2B14155550102",
        "no-record": "/enum?number=%2B14155559999",
        "classified": "/numbers/classify?number=%2B14155550134",
        "buy": "/numbers/buy?number=%2B14155550101&gateway=telnyx",
        "tenant": "/tenants/acme",
        "gateway": "/gateways/telnyx/test",
        "dead-letters": "/deliveries?state=dead",
        "wrong-filter": "/audit?severity=nonsense",
    }
    state, wrong = await visitor.storage_state(), []
    for width in WIDTHS:
        one = await chromium.visitor(width=width, scheme=AXE_SEES[width], state=state)
        page = await one.new_page()
        for name, path in paths.items():
            await page.goto(f"/admin{path}")
            await screens.keep(page, f"filled-{name}-{width}-{AXE_SEES[width]}")
            if (wide := await overflow(page)) > 0:
                wrong.append(f"{name} at {width} is {wide} pixels too wide")
            wrong += [f"{name} at {width}: {issue}" for issue in await axe.issues(page, script)]
        await one.close()
    assert not wrong, "\n".join(wrong)
