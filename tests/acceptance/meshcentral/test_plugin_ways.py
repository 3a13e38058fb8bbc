"""The plugin's other ways into the real MeshCentral: downloaded while it runs, and by its list."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.meshcentral.control import Control, control
from tests.acceptance.meshcentral.login_page import LoginPage
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import ADMIN, MeshCentral, configured, recipe, running
from tests.http_sink import HttpSink, SinkConnection, reply
from tests.serving import Serving, enum_backend

PANEL = "/pluginadmin.ashx?pin=enumbackend"


@asynccontextmanager
async def packed(folder: Path, home: Path) -> AsyncIterator[str]:
    """A web server with what `mesh plugin pack` wrote; the address to enter."""
    folder.mkdir()

    def serve(_: SinkConnection, head: bytes, __: bytes) -> bytes:
        path = folder / head.split(b" ")[1].decode("ascii").rpartition("/")[2]
        return reply(path.read_bytes()) if path.is_file() else reply(b"", 404)

    async with HttpSink(serve) as sink:
        code, output, errors = await enum_backend(
            *("mesh", "plugin", "pack", "--out", str(folder), "--base-url", f"{sink.url}/x"),
            *("--config", str(home / "settings.toml"), "--json"),
            cwd=home,
        )
        assert code == 0, output + errors
        yield str(json.loads(output)["enter"])


async def plugin_list(admin: Control, action: str, **fields: Any) -> dict[str, Any]:
    """Our plugin as MeshCentral lists it after a command."""
    after = len(admin.events)
    await admin.send(action, **fields)
    event = await admin.wait_for(
        lambda event: event["action"] in {"updatePluginList", "pluginError"}, after=after
    )
    (listed,) = event["list"]
    found: dict[str, Any] = listed
    return found


async def token_of(backend: Serving, home: Path, server: str) -> str:
    code, output, errors = await enum_backend(
        *("mesh", "tokens", "create", server, "--config", str(home / "settings.toml")), cwd=home
    )
    assert code == 0, errors
    found = re.search(r"/meshcentral/sms/([^?]+)\?", output)
    assert found is not None
    return found[1]


async def update_check(admin: Control) -> list[Any]:
    """What `My Server > Plugins` asks when it opens."""
    answer = await admin.ask("pluginLatestCheck", "pluginVersionsAvailable")
    return list(answer["list"])


async def test_downloaded_set_up_and_disabled_in_a_running_server(
    node_modules: Path, backend: Serving, provider: Provider, home: Path, tmp_path: Path
) -> None:
    template = recipe(
        {"plugins": {"enabled": True}}, sms={"provider": "url", "url": provider.url("own")}
    )
    mesh = await configured(tmp_path / "mesh", node_modules, backend, template, (), cwd=home)
    async with packed(tmp_path / "packed", home) as address, running(mesh):
        async with control(mesh) as first:
            added = await plugin_list(first, "addplugin", url=address)
            assert (added["shortName"], added["status"]) == ("enumbackend", 0)
            listed = await plugin_list(first, "installplugin", id=added["_id"], version_only=False)
            assert listed["status"] == 1
            assert await update_check(first) == []
        async with control(mesh) as admin:
            # MeshCentral loads it after it has said that it is installed.
            async with asyncio.timeout(30):
                while "enumbackend " not in await admin.console("plugin enumbackend info"):
                    await asyncio.sleep(0.1)
            info = await admin.console("plugin enumbackend info")
            assert "by MeshCentral's own provider" in info
            assert await admin.console('sms "+14155550160" "before"') == "Success"
            assert (await provider.next_to("+14155550160")).gateway == "own"

            await set_up(mesh, backend.http_url, await token_of(backend, home, "downloaded"))
            assert await admin.console('sms "+14155550161" "after"') == "Success"
            assert (await provider.next_to("+14155550161")).gateway == "office"

            again = await plugin_list(admin, "installplugin", id=added["_id"], version_only=False)
            assert again["status"] == 1
            assert await admin.console('sms "+14155550162" "once"') == "Success"
            assert (await provider.next_to("+14155550162")).gateway == "office"

            await plugin_list(admin, "disableplugin", id=added["_id"])
            assert await admin.console('sms "+14155550163" "disabled"') == "Success"
            assert (await provider.next_to("+14155550163")).gateway == "own"
            assert "Unknown command" in await admin.console("plugin enumbackend info")
        assert [len(provider.to(f"+1415555016{n}")) for n in range(4)] == [1, 1, 1, 1]
    assert "Error" not in mesh.log


async def set_up(mesh: MeshCentral, url: str, token: str) -> None:
    """Address and token, entered in the panel."""
    async with LoginPage(mesh) as admin:
        await admin.log_in(ADMIN)
        status, page = await admin.fetch("GET", PANEL)
        assert status == 200
        found = re.search(r'name="page-token" content="([^"]+)"', page)
        assert found is not None
        form = {"do": "save", "url": url, "token": token, "timeout_seconds": "10"}
        status, text = await admin.fetch(
            "POST",
            PANEL,
            data=form | {"enabled": "true", "fallback": "false"},
            headers={"X-EnumBackend-Page": found[1]},
        )
        assert (status, json.loads(text)["ok"]) == (200, True), text
        assert token not in text
    assert (mesh.data / "enumbackend.json").stat().st_mode & 0o777 == 0o600


async def test_by_the_list_without_an_sms_section(
    node_modules: Path, backend: Serving, provider: Provider, home: Path, tmp_path: Path
) -> None:
    """MeshCentral offers SMS because of the plugin alone."""
    template = recipe()
    mesh = await configured(tmp_path / "mesh", node_modules, backend, template, cwd=home)
    document = mesh.settings
    del document["sms"]
    mesh.config.write_text(json.dumps(document), "utf-8")
    code, output, errors = await enum_backend(
        *("mesh", "plugin", "install", "--meshcentral-data", str(mesh.data), "--way", "list"),
        *("--shim-base", backend.http_url, "--config", str(home / "settings.toml")),
        cwd=home,
    )
    assert code == 0, errors
    assert "password alone" in output
    async with running(mesh), control(mesh) as admin:
        assert "Keep an sms section" in await admin.console("plugin enumbackend info")
        assert await admin.console('sms "+14155550165" "hello"') == "Success"
        assert (await provider.next_to("+14155550165")).gateway == "office"
        await admin.add_user("listed", "+14155550166")
        async with LoginPage(mesh) as page:
            await page.log_in("listed")
            await page.ask_for_sms()
            await page.enter((await provider.next_to("+14155550166")).code)
            assert await page.signed_in_as() == "user//listed"
        assert await update_check(admin) == []
        settings = json.loads((mesh.data / "enumbackend.json").read_text("utf-8"))
        (mesh.data / "enumbackend.json").write_text(json.dumps(settings | {"enabled": False}))
        said = await admin.console('sms "+14155550167" "off"')
        assert said.startswith("Failed: SMS is off")
    assert provider.to("+14155550167") == []
