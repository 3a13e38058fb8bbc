"""`send`: with a server, without one, and with something else in its place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from enum_backend.testing import RunningServer, running_server
from tests.integration.cli.conftest import Invoke, document
from tests.unit.gateways.wire_server import Answer, WireServer, closed_port


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningServer]:
    async with running_server({}) as running:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", running.http_url + "/")
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", running.api_key)
        yield running


async def run(invoke: Invoke, *arguments: str, code: int = 0) -> Result:
    return await asyncio.to_thread(invoke, "send", *arguments, code=code)


async def test_send(server: RunningServer, invoke: Invoke) -> None:
    text = (await run(invoke, "(415) 555-0101", "Grüße", "--from", "+14155550199")).stdout
    assert "queued  gateway simulator, 1 segment(s) GSM-7" in text
    (sms,) = await server.wait_for_messages()
    assert (sms.to, sms.text, sms.sender) == ("+14155550101", "Grüße", "+14155550199")
    first = document(await run(invoke, "+14155550101", "x", "--client-reference", "a", "--json"))
    again = document(await run(invoke, "+14155550101", "x", "--client-reference", "a", "--json"))
    assert first["success"] is True
    assert first["message_id"] == again["message_id"]


async def test_refusals(server: RunningServer, invoke: Invoke) -> None:
    result = await run(invoke, "12", "x", code=1)
    assert result.stderr.startswith("enum-backend: to: is too short")
    refused = await run(invoke, "+14155550101", "x", "--gateway", "nobody", "--json", code=1)
    assert document(refused)["error_code"] == "GATEWAY_NOT_CONFIGURED"
    await run(invoke, "+14155550101", code=2)


async def test_variables_may_stand_in_dotenv(
    server: RunningServer, invoke: Invoke, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENUM_BACKEND_API_URL")
    monkeypatch.delenv("ENUM_BACKEND_API_KEY")
    values = f"AGENTPASS_API_URL={server.http_url}\nENUM_BACKEND_API_KEY={server.api_key}\n"
    (folder / ".env").write_text(values)
    assert document(await run(invoke, "+14155550101", "x", "--json"))["status"] == "queued"


async def test_address_and_key_from_the_settings(
    server: RunningServer, invoke: Invoke, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENUM_BACKEND_API_URL")
    monkeypatch.delenv("ENUM_BACKEND_API_KEY")
    config = folder / "settings.toml"
    config.write_text(f"data_dir = 'data'\n[http]\nhost = '0.0.0.0'\nport = {server.http_port}\n")
    result = await run(invoke, "+14155550101", "x", "--json", "--config", str(config), code=1)
    assert "no API key: set ENUM_BACKEND_API_KEY" in document(result)["error"]
    (folder / "data").mkdir()
    (folder / "data" / "cli-key").write_text(server.api_key + "\n")
    sent = document(await run(invoke, "+14155550101", "x", "--json", "--config", str(config)))
    assert sent["success"] is True
    (folder / "data" / "cli-key").write_bytes(b"\xff")
    await run(invoke, "+14155550101", "x", "--config", str(config), code=1)


async def test_no_server(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENUM_BACKEND_API_KEY", "ebk_secretkey")
    for url in (f"http://127.0.0.1:{closed_port()}", "nonsense", "http://"):
        monkeypatch.setenv("ENUM_BACKEND_API_URL", url)
        result = await run(invoke, "+14155550101", "x", "--json", code=1)
        answer = document(result)
        assert answer["error_code"] == "FAILED"
        assert "start it with: enum-backend serve" in answer["error"]
        assert "ebk_secretkey" not in result.output


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>"),
        Answer(200, b"[1]"),
        Answer(500, b""),
        Answer(302, b"", {"Location": "http://127.0.0.1:1/"}),
        Answer(action="hang up"),
        Answer.json({"message": "teapot"}, 418),
        Answer.json({"detail": ["x"], "error_code": None}, 418),
    ],
)
async def test_something_else_answers(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setenv("ENUM_BACKEND_API_KEY", "ebk_secretkey")
    async with WireServer() as other:
        other.answers = [answer]
        monkeypatch.setenv("ENUM_BACKEND_API_URL", other.url)
        result = await run(invoke, "+14155550101", "x", "--json", code=1)
    shown: dict[str, Any] = json.loads(result.stdout)
    assert shown["success"] is False
    assert isinstance(shown["error_code"], str)
    if answer.status == 418 and b"message" in answer.body:
        assert shown["error"] == "the server answered HTTP 418"
