"""`mesh doctor`: an existing MeshCentral installation, examined."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from enum_backend.cli import cli
from enum_backend.testing import RunningServer, running_server
from meshcentral_plugin.cli import mesh
from tests.integration.cli.conftest import Invoke, document
from tests.ports import free_ports

NUMBER = "+15557654321"
ELSEWHERE = {"provider": "url", "url": "http://127.0.0.1:1/{{phone}}/{{message}}"}


@pytest.fixture(autouse=True)
def _command() -> None:
    cli.add_command(mesh)


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running_server() as running:
        yield running


def installed(folder: Path, sms: Any, **settings: Any) -> str:
    path = folder / "config.json"
    inner = {"cert": "mesh.example.org", **settings}
    path.write_text(json.dumps({"settings": inner, "domains": {"": {}}, "sms": sms}))
    return str(path)


def by_check(answer: dict[str, Any]) -> dict[str, str]:
    return {item["check"]: item["level"] for item in answer["findings"]}


async def examined(invoke: Invoke, *options: str, code: int) -> Any:
    arguments = ("mesh", "doctor", "--json", *options)
    return document(await asyncio.to_thread(lambda: invoke(*arguments, code=code)))


async def test_a_shim_that_works(folder: Path, invoke: Invoke, server: RunningServer) -> None:
    config = installed(folder, {"provider": "url", "url": server.shim_url})
    answer = await examined(invoke, "--config", config, "--to", NUMBER, code=1)
    assert by_check(answer) == {
        "config.json": "ok",
        "shim": "ok",
        "shim token": "ok",
        "mode": "warning",
        "test message": "ok",
    }
    assert server.shim_url.split("/sms/")[1][:20] not in json.dumps(answer)
    answer = await examined(invoke, "--config", config, code=1)
    assert "test message" not in by_check(answer)
    answer = await examined(invoke, "--config", config, "--to", "(555)", code=1)
    (sent,) = [item for item in answer["findings"] if item["check"] == "test message"]
    assert sent["message"] == "HTTP 422 INVALID_PHONE_FORMAT"


async def test_a_private_name_and_a_wrong_token(
    folder: Path, invoke: Invoke, server: RunningServer
) -> None:
    url = server.shim_url.replace(server.http_url, "http://enum-backend.invalid:8080")
    config = installed(folder, {"provider": "url", "url": url})
    options = ("--config", config, "--to", NUMBER, "--url", f"{server.http_url}/")
    levels = by_check(await examined(invoke, *options, code=1))
    assert (levels["shim"], levels["shim token"], levels["test message"]) == ("ok",) * 3
    url = f"{server.http_url}/meshcentral/sms/none?phone={{{{phone}}}}&message={{{{message}}}}"
    config = installed(folder, {"provider": "url", "url": url})
    answer = await examined(invoke, "--config", config, "--to", NUMBER, code=1)
    assert answer["verdict"] == "NOT READY"
    levels = by_check(answer)
    assert (levels["shim"], levels["shim token"], levels["test message"]) == (
        "ok",
        "problem",
        "problem",
    )


async def test_nobody_there(folder: Path, invoke: Invoke) -> None:
    base = f"http://127.0.0.1:{free_ports(1)[0]}"
    url = f"{base}/meshcentral/sms/faketoken?phone={{{{phone}}}}&message={{{{message}}}}"
    config = installed(folder, {"provider": "url", "url": url})
    answer = await examined(invoke, "--config", config, "--to", NUMBER, code=1)
    levels = by_check(answer)
    assert (levels["shim"], levels["test message"]) == ("problem", "problem")
    assert "faketoken" not in json.dumps(answer)


async def test_another_gateway(folder: Path, invoke: Invoke) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.query["to"])
        status = 200 if request.query["to"] == NUMBER else 202
        return web.json_response({"livez": "no"}, status=status)

    application = web.Application()
    application.router.add_get("/send", answer)
    async with TestServer(application) as other:
        url = str(other.make_url("/send?to={{phone}}&text={{message}}"))
        url = url.replace("%7B", "{").replace("%7D", "}")
        config = installed(folder, {"provider": "url", "url": url})
        found = await examined(invoke, "--config", config, "--to", NUMBER, code=0)
        assert by_check(found) == {"config.json": "ok", "shim": "note", "test message": "ok"}
        found = await examined(invoke, "--config", config, "--to", "+15550001111", code=1)
        assert found["findings"][-1]["message"] == "HTTP 202"
    assert seen == [NUMBER, "+15550001111"]


def test_the_traps_of_an_installation(folder: Path, invoke: Invoke) -> None:
    sms = {"provider": "plivo", "auth_id": "FAKE", "auth_token": "fake", "from": "+15551230000"}
    config = installed(folder, sms, cert="localhost", trustedproxy="0.0.0.0/0", exactPort=True)
    answer = document(invoke("mesh", "doctor", "--config", config, "--json", code=1))
    problems = {item["check"] for item in answer["findings"] if item["level"] == "problem"}
    assert problems == {"settings.cert", "sms.id", "sms.token", "settings.trustedProxy"}
    warnings = {item["check"] for item in answer["findings"] if item["level"] == "warning"}
    assert warnings == {"settings.exactPort", "sms.auth_id", "sms.auth_token"}
    assert all(item["fix"] for item in answer["findings"] if item["level"] != "ok")
    text = invoke("mesh", "doctor", "--config", config, "--to", NUMBER, code=1).stdout
    assert "password alone" in text
    assert "XX  test message: not sent" in text
    assert "Verdict: NOT READY" in text
    allowed = ("--allow", "cert-without-dot", "--allow", "trusted-proxy-all")
    levels = by_check(
        document(invoke("mesh", "doctor", "--config", config, "--json", *allowed, code=1))
    )
    assert levels["settings.cert"] == levels["settings.trustedProxy"] == "note"


def test_names_in_any_case_and_disabled_ones(folder: Path, invoke: Invoke) -> None:
    path = folder / "config.json"
    path.write_text(
        json.dumps(
            {
                "Settings": {"CERT": "mesh.example.org", "_lanonly": True},
                "domains": {"": {"TITLE": "x", "_comment": "y"}},
            }
        )
    )
    answer = document(invoke("mesh", "doctor", "--config", str(path), "--json"))
    assert by_check(answer) == {"sms": "note", "config.json": "ok"}


def test_the_origin_and_what_was_not_filled_in(folder: Path, invoke: Invoke) -> None:
    config = installed(folder, ELSEWHERE, title=["${TITLE}"])
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    answer = document(invoke("mesh", "doctor", "--config", config, "--url", url, "--json", code=1))
    levels = by_check(answer)
    assert levels["domains"] == "problem"
    assert levels["config.json"] == "warning"
    assert levels["settings.title"] == "warning"


@pytest.mark.parametrize("text", ["{", "[]", None])
def test_no_configuration(folder: Path, invoke: Invoke, text: str | None) -> None:
    path = folder / "config.json"
    if text is not None:
        path.write_text(text)
    answer = document(invoke("mesh", "doctor", "--config", str(path), "--json", code=1))
    assert by_check(answer) == {"config.json": "problem"}
    invoke("mesh", "doctor", code=2)


@pytest.mark.parametrize(
    ("alive", "health", "mode", "level"),
    [
        (503, 200, "live", {"shim": "problem"}),
        (200, 500, "live", {"shim": "ok", "shim token": "problem"}),
        (200, 200, "live", {"shim": "ok", "shim token": "ok"}),
        (200, 200, "disabled", {"shim": "ok", "shim token": "ok", "mode": "problem"}),
    ],
)
async def test_states_of_the_shim(
    folder: Path, invoke: Invoke, alive: int, health: int, mode: str, level: dict[str, str]
) -> None:
    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"}, status=alive)

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"mode": mode}, status=health)

    application = web.Application()
    application.router.add_get("/under/livez", livez)
    application.router.add_get("/under/meshcentral/health", answer)
    async with TestServer(application) as other:
        base = other.make_url("/under/meshcentral/sms/faketoken")
        url = f"{base}?{{{{phone}}}}{{{{message}}}}"
        config = installed(folder, {"provider": "url", "url": url})
        good = "problem" not in level.values()
        found = by_check(await examined(invoke, "--config", config, code=0 if good else 1))
    assert found == {"config.json": "ok"} | level
