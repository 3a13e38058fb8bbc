"""The plugin in the real MeshCentral: installed by our command, used in a real browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.acceptance.meshcentral import browser
from tests.acceptance.meshcentral.browser import browser_page, keep, log_in, open_plugin
from tests.acceptance.meshcentral.control import Control, LoginRefused, control
from tests.acceptance.meshcentral.login_page import LoginPage
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import MeshCentral, configured, recipe, running
from tests.acceptance.meshcentral.tls_proxy import tls_proxy
from tests.ports import free_ports
from tests.serving import Serving, enum_backend

ADMINS_NUMBER = "+14155550140"
RECORD = "+14155550190"
MANAGER = 0xFFFFFFFF - 32 - 128
"""Every right of a site but "locked" and "no tools", with which it could not log in here."""
PANEL = "/pluginadmin.ashx?pin=enumbackend"

module = pytest_asyncio.fixture(scope="module", loop_scope="session")


async def install_plugin(mesh: MeshCentral, backend: Serving, home: Path) -> None:
    """`enum-backend mesh plugin install`, beside the running server of ours."""
    code, output, errors = await enum_backend(
        *("mesh", "plugin", "install", "--meshcentral-data", str(mesh.data)),
        *("--shim-base", backend.http_url, "--server", mesh.folder.name, "--json"),
        *("--config", str(home / "settings.toml")),
        cwd=home,
    )
    assert code == 0, output + errors
    assert json.loads(output)["success"] is True


@module
async def mesh(
    node_modules: Path,
    backend: Serving,
    provider: Provider,
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[MeshCentral]:
    """MeshCentral with a provider of its own, and the plugin before it; its log is kept."""
    folder = tmp_path_factory.mktemp("plugged")
    template = recipe({"log": "email"}, sms={"provider": "url", "url": provider.url("own")})
    mesh = await configured(folder, node_modules, backend, template, (), cwd=home)
    await install_plugin(mesh, backend, home)
    async with running(mesh):
        yield mesh


@module
async def admin(mesh: MeshCentral) -> AsyncIterator[Control]:
    async with control(mesh) as session:
        await session.send("edituser", id="user//admin", phone=ADMINS_NUMBER)
        yield session


@module
async def page(
    mesh: MeshCentral,
    admin: Control,
    provider: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Page]:
    """An administrator in a browser, logged in with a code that the plugin sent."""
    browser.required()
    folder = tmp_path_factory.mktemp("proxy")
    errors: list[str] = []
    async with tls_proxy(mesh, folder) as origin, browser_page() as page:
        page.context.on("weberror", lambda error: errors.append(str(error.error)))
        assert await log_in(page, origin, provider, ADMINS_NUMBER) == "office"
        yield page
    assert errors == []


@asynccontextmanager
async def changed(mesh: MeshCentral, **settings: object) -> AsyncIterator[None]:
    """The plugin's settings, changed while the server runs."""
    path = mesh.data / "enumbackend.json"
    before = path.read_text("utf-8")
    path.write_text(json.dumps(json.loads(before) | settings), "utf-8")
    try:
        yield
    finally:
        path.write_text(before, "utf-8")


async def test_the_panel(page: Page, mesh: MeshCentral, provider: Provider) -> None:
    frame = await open_plugin(page, "enum-backend")
    health = frame.locator("#health")
    await expect(health).to_contain_text("ready")
    await expect(health.get_by_role("row", name="office")).to_contain_text("ok")
    await expect(health.get_by_role("row", name="branch")).to_contain_text("ok")

    await frame.fill("#send-phone", "+1 415-555.0141")
    await frame.fill("#send-text", "Hello <b>there</b> & you")
    await frame.click("#send-form button")
    await expect(frame.locator("#send-result")).to_contain_text("Message sent by office")
    assert (await provider.next_to("+14155550141")).text == "Hello <b>there</b> & you"

    await frame.fill("#lookup-phone", "(415) 555-0190")
    await frame.get_by_role("button", name="Look up").click()
    found = frame.locator("#lookup-result")
    await expect(found).to_contain_text("branch to +14155550190")
    await expect(found).to_contain_text("operator")
    await expect(found).to_contain_text("0.9.1.0.5.5.5.5.1.4.1.e164.arpa")
    await frame.get_by_role("button", name="Explain").click()
    await expect(found).to_contain_text("branch, then office")
    await expect(found).to_contain_text("the record names branch")

    messages = frame.locator("#messages")
    login = messages.get_by_role("row", name="a login code of MeshCentral").first
    await expect(login).to_contain_text("+14*******40")
    await expect(login).to_contain_text("sent")
    code = provider.to(ADMINS_NUMBER)[0].code
    shown = await frame.locator("body").inner_text()
    assert code not in shown
    assert "0140" not in shown
    token = json.loads((mesh.data / "enumbackend.json").read_text("utf-8"))["token"]
    assert token not in await frame.content()
    await frame.evaluate("scrollTo(0, 0)")
    await keep(page, "meshcentral-plugin-in-place")


async def test_what_is_wrong_stands_where_it_was_entered(page: Page) -> None:
    frame = await open_plugin(page, "enum-backend")
    await frame.fill("#send-phone", "12")
    await frame.click("#send-form button")
    await expect(frame.locator("#send-result")).to_contain_text("too short")
    await expect(frame.locator("#messages")).to_contain_text("not accepted")
    await frame.fill("#lookup-phone", "+14155550199")
    await frame.get_by_role("button", name="Look up").click()
    await expect(frame.locator("#lookup-result")).to_contain_text("There is no record")
    await frame.fill("#set-url", "https://elsewhere.example.org")
    await frame.click("#settings-form button")
    await expect(frame.locator("#settings-result")).to_contain_text("token: enter it again")


async def test_by_day_by_night_and_on_a_phone(page: Page, mesh: MeshCentral) -> None:
    alone = await page.context.new_page()
    await alone.goto(urljoin(page.url, PANEL))
    await expect(alone.locator("#messages table")).to_be_visible()
    await expect(alone.locator("#health table")).to_be_visible()
    await keep(alone, "meshcentral-plugin-day")
    await alone.evaluate("localStorage.setItem('nightMode', '1')")
    await alone.reload()
    await expect(alone.locator("#messages table")).to_be_visible()
    assert await alone.evaluate("document.documentElement.className") == "dark"
    await keep(alone, "meshcentral-plugin-night")
    await alone.set_viewport_size({"width": 375, "height": 800})
    assert await alone.evaluate("document.documentElement.scrollWidth") == 375
    await keep(alone, "meshcentral-plugin-phone")
    await alone.evaluate("localStorage.setItem('nightMode', '2')")
    await alone.close()


async def test_whatever_the_server_says_stays_text(page: Page) -> None:
    """Records and providers' words are strangers' input."""
    frame = await open_plugin(page, "enum-backend")
    made = """() => {
        const evil = "<img src=x onerror='document.title = 1'><script>document.title = 2</script>";
        const step = {rule: evil, applied: true, why: evil};
        const shown = (value) => { show("lookup-result", value); };
        shown(recordView({number: evil, e164_name: evil, trust: {level: evil, reason: evil},
            sms: {gateway: evil, number: evil, configured: false}, naptr: [evil], ttl: evil,
            voice: [{service: evil, uri: evil}], source: evil,
            entries: [{name: evil, problems: [{field: evil, message: evil}]}]}));
        const counts = [document.querySelectorAll("img, #lookup-result script").length];
        shown(explainView({destination: evil, chain: [evil], about: evil, segments: evil,
            encoding: evil, steps: [step], refusals: [{detail: evil}], estimated_cost: null}));
        counts.push(document.querySelectorAll("img, #lookup-result script").length);
        shown(messagesView([{created_at: evil, destination: evil, status: evil, about: evil,
            reason: evil, route: [step], message_id: evil, gateway: evil,
            attempts: [{number: evil, gateway: evil, outcome: evil, detail: evil}]}],
            [{at: evil, to: evil, by: evil, error: evil}]));
        counts.push(document.querySelectorAll("img, #lookup-result script").length);
        return counts;
    }"""
    title = await frame.title()
    assert await frame.evaluate(made) == [0, 0, 0]
    assert await frame.title() == title
    await expect(frame.locator("#lookup-result")).to_contain_text("<img src=x")


async def test_switched_off_in_the_panel_the_own_provider_sends(
    page: Page, admin: Control, provider: Provider
) -> None:
    frame = await open_plugin(page, "enum-backend")
    switch, save = frame.locator("#set-enabled"), frame.locator("#settings-form button")
    await switch.uncheck()
    await save.click()
    await expect(frame.locator("#badge")).to_have_text("SMS by own provider")
    assert await admin.console('sms "+14155550142" "by the own provider"') == "Success"
    assert (await provider.next_to("+14155550142")).gateway == "own"
    await switch.check()
    await save.click()
    await expect(frame.locator("#badge")).to_have_text("SMS by enum-backend")
    assert await admin.console('sms "+14155550143" "by enum-backend"') == "Success"
    assert (await provider.next_to("+14155550143")).gateway == "office"


async def test_the_console(admin: Control, provider: Provider) -> None:
    info = await admin.console("plugin enumbackend info")
    assert "SMS: by enum-backend" in info
    assert "office (url): ok, in the default chain" in info
    assert "E164" not in await admin.console("plugin enumbackend")
    found = await admin.console("plugin enumbackend lookup +1 415-555.0190")
    assert "branch to +14155550190" in found
    assert "trust: operator" in found
    explained = await admin.console("plugin enumbackend explain 4155550190")
    assert "chain: branch, office (live)" in explained
    assert "a login code of MeshCentral" in explained
    assert await admin.console('sms "+14155550144" "code 772255 for you"') == "Success"
    await provider.next_to("+14155550144")
    log = await admin.console("plugin enumbackend log sms 1")
    assert "+14*******44" in log
    assert "default: no other rule applies" in log
    assert "772255" not in log
    assert '"enumbackend"' in await admin.console("info")
    assert await admin.console("nonsense") == (
        'Unknown command "nonsense", type "help" for list of available commands.'
    )


async def test_a_login_with_a_code_through_the_plugin(
    admin: Control, mesh: MeshCentral, provider: Provider
) -> None:
    number = "+14155550145"
    await admin.add_user("coded", number)
    with pytest.raises(LoginRefused, match="tokenrequired"):
        async with control(mesh, "coded", token="**sms**"):
            pass
    sms = await provider.next_to(number)
    assert sms.gateway == "office"
    wrong = f"{(int(sms.code) + 1) % 1_000_000:06}"
    with pytest.raises(LoginRefused, match="tokenrequired"):
        async with control(mesh, "coded", token=wrong):
            pass
    async with control(mesh, "coded", token=sms.code) as session:
        asked = await session.ask("verifyPhone", phone="+1 415 555 0146")
        assert asked["success"] is True
        check = await provider.next_to("+14155550146")
        assert check.gateway == "office"
        assert check.text == f"MeshTest verification code is: {check.code}"
    log = (mesh.data / "log.txt").read_text("utf-8") + mesh.log
    assert "Sending login token SMS to +14*******45" in log
    for secret in (sms.code, check.code, number, "415 555 0146", "4155550146"):
        assert secret not in log


async def test_errors_are_readable(admin: Control, mesh: MeshCentral, provider: Provider) -> None:
    await admin.add_user("told", "+14155550147")
    failed = await admin.console('sms "12" "hello"')
    assert failed == "Failed: phone: is too short for its country (2 digits)"
    (closed,) = free_ports(1)
    there = f"http://127.0.0.1:{closed}"
    why = f"enum-backend at {there} does not answer: nothing listens there."
    async with changed(mesh, url=there):
        assert await admin.console('sms "+14155550148" "hello"') == f"Failed: {why}"
        notice = await admin.notice("smsuser", userid="user//told", msg="hello")
        assert notice == f"SMS error: {why}"
        before = len(admin.events)
        with pytest.raises(LoginRefused):
            async with control(mesh, "told", token="**sms**"):
                pass
        told = await admin.wait_for(lambda event: event.get("title") == "SMS failed", after=before)
        assert told["value"] == why
        assert f"! {why}" in await admin.console("plugin enumbackend info")
        log = await admin.console("plugin enumbackend log sms")
        assert f"+14*******47  not accepted: {why}" in log
    async with changed(mesh, url=there, fallback=True):
        assert await admin.console('sms "+14155550149" "hello"') == "Success"
        assert (await provider.next_to("+14155550149")).gateway == "own"
    assert provider.to("+14155550147") == []
    assert provider.to("+14155550148") == []


async def test_only_full_administrators(admin: Control, mesh: MeshCentral) -> None:
    await admin.add_user("plain")
    await admin.add_user("manager")
    await admin.send("edituser", id="user//manager", siteadmin=MANAGER)
    for name in ("plain", "manager"):
        async with LoginPage(mesh) as user:
            await user.log_in(name)
            assert await user.signed_in_as() == f"user//{name}"
            status, text = await user.fetch("GET", PANEL)
            assert (status, json.loads(text)["ok"]) == (401, False)
            for action in ("overview", "messages", "send", "save"):
                status, text = await user.fetch("POST", PANEL, data={"do": action})
                assert (status, json.loads(text)["ok"]) == (401, False)
        async with control(mesh, name) as user:
            await user.send("serverconsole", value="plugin enumbackend info", tag="x")
            await user.send("plugin", plugin="enumbackend", pluginaction="send")
            await user.ask("authcookie")
            assert not [e for e in user.events if e["action"] == "serverconsole"]
    async with LoginPage(mesh) as stranger:
        assert (await stranger.fetch("GET", PANEL))[0] == 401


async def test_another_page_cannot_make_requests(page: Page, provider: Provider) -> None:
    """The administrator's cookie is not enough."""
    before = len(provider.messages)
    forged = """async ([path, form]) => {
        const response = await fetch(path, {method: "POST", body: new URLSearchParams(form)});
        return [response.status, (await response.json()).ok];
    }"""
    form = {"do": "send", "phone": "+14155550150", "text": "forged"}
    assert await page.evaluate(forged, [PANEL, form]) == [403, False]
    assert len(provider.messages) == before


async def test_installed_again_nothing_changes(
    mesh: MeshCentral, backend: Serving, home: Path
) -> None:
    def files() -> dict[Path, bytes]:
        kept = [mesh.data / name for name in ("config.json", "enumbackend.json")]
        kept += [path for path in (mesh.data / "plugins").rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in [*kept, mesh.data / "meshcentral-plugins.db"]}

    before = files()
    await install_plugin(mesh, backend, home)
    assert files() == before
