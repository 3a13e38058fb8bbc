"""What the plugin asks for besides sending: look-ups, explanations, its own files."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from enum_backend.testing import RunningServer, running_server
from meshcentral_plugin.plugin_files import manifest, pack
from meshcentral_plugin.shim_callers import PROGRAM

RECORDS = {
    "enum:442079460123:0": {
        "voice": "sip:alice@pbx.example",
        "sms": {"provider": "simulator", "number": "+442079460123", "forward_to": "a@example.org"},
    }
}


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running_server(RECORDS, settings={"public_base_url": PUBLIC}) as server:
        yield server


PUBLIC = "https://sms.example.org"


async def token_of(server: RunningServer, **options: Any) -> str:
    store = server.services.shim_tokens
    return (await store.ensure(PROGRAM, "mesh", changes=options))[1]


async def ask(
    server: RunningServer, path: str, token: str, **query: str
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(server.http_url, headers=headers) as http,
        http.get(path, params=query) as response,
    ):
        return response.status, json.loads(await response.text())


async def test_look_up_with_the_server_s_token(server: RunningServer) -> None:
    token = await token_of(server, region="GB")
    status, found = await ask(server, "/meshcentral/lookup", token, phone="020 7946 0123")
    assert status == 200, found
    assert found["number"] == "+442079460123"
    assert found["trust"]["level"] == "operator"
    assert found["voice"][0]["uri"] == "sip:alice@pbx.example"
    assert found["naptr"][0].startswith('100 10 "u" "E2U+sip"')
    assert "forward_to" not in found["sms"]


async def test_look_up_with_keys(server: RunningServer) -> None:
    query = {"phone": "+442079460123"}
    reader = await server.create_key("sms:read")
    status, found = await ask(server, "/meshcentral/lookup", reader, **query)
    assert (status, "forward_to" in found["sms"]) == (200, False)
    status, found = await ask(server, "/meshcentral/lookup", server.api_key, **query)
    assert found["sms"]["forward_to"] == ["a@example.org"]
    other = await server.create_key("verify")
    assert (await ask(server, "/meshcentral/lookup", other, **query))[0] == 403


@pytest.mark.parametrize("path", ["/meshcentral/lookup", "/meshcentral/explain"])
async def test_refusals(server: RunningServer, path: str) -> None:
    token = await token_of(server)
    assert (await ask(server, path, "not-a-token", phone="+442079460123"))[0] == 401
    assert (await ask(server, path, token))[0] == 422
    assert (await ask(server, path, token, phone="+442079460123", more="x"))[0] == 422
    status, problem = await ask(server, path, token, phone="12ab")
    assert (status, problem["error_code"]) == (422, "INVALID_PHONE_FORMAT")
    assert problem["errors"][0]["field"] == "phone"


async def test_no_record(server: RunningServer) -> None:
    token = await token_of(server)
    status, problem = await ask(server, "/meshcentral/lookup", token, phone="+442079460999")
    assert (status, problem["error_code"]) == (404, "NOT_FOUND")


async def test_explain_takes_no_text_for_a_login(server: RunningServer) -> None:
    token = await token_of(server, region="GB", per_minute=3)
    query = {"phone": "020 7946 0123"}
    status, found = await ask(server, "/meshcentral/explain", token, **query)
    assert status == 200, found
    assert found["about"] == "a login code of MeshCentral"
    assert (found["number"], found["destination"]) == ("+442079460123", "+442079460123")
    assert found["record"]["trust"]["level"] == "operator"
    assert any(limit["limit"] == "3" for limit in found["limits"])
    status, found = await ask(
        server, "/meshcentral/explain", token, **query, message="Maintenance at six"
    )
    assert found["about"] == "a text that an administrator of MeshCentral wrote"
    assert server.messages == []


async def test_explain_with_keys(server: RunningServer) -> None:
    query = {"phone": "+442079460123"}
    sender, reader = await server.create_key("sms:send"), await server.create_key("sms:read")
    assert (await ask(server, "/meshcentral/explain", sender, **query))[0] == 200
    assert (await ask(server, "/meshcentral/explain", reader, **query))[0] == 403


async def test_records_that_cannot_be_read(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nvs.errors import NvsUnavailable

    async def fail(_: str) -> None:
        raise NvsUnavailable("no node")

    token = await token_of(server)
    monkeypatch.setattr(type(server.services.directory), "record", lambda _, n: fail(n))
    status, problem = await ask(server, "/meshcentral/lookup", token, phone="+442079460123")
    assert (status, problem["error_code"]) == (503, "NVS_UNAVAILABLE")


async def test_the_plugin_itself_is_there_for_download(server: RunningServer) -> None:
    base = f"{PUBLIC}/meshcentral/plugin"
    async with aiohttp.ClientSession(server.http_url) as http:
        async with http.get("/meshcentral/plugin/config.json") as response:
            text = await response.text()
            assert text[0] == "{"
            assert json.loads(text) == manifest(base)
        async with http.get("/meshcentral/plugin/enumbackend.zip") as response:
            assert response.content_type == "application/zip"
            octets = await response.read()
    assert octets == pack(base)
    assert zipfile.ZipFile(io.BytesIO(octets)).testzip() is None
