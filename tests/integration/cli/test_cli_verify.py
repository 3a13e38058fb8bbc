"""`verify start|check|stats` with a running server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from click.testing import Result

from enum_backend.testing import RunningServer, running_server
from tests.integration.cli.conftest import Invoke, document

TO = "+14155550101"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningServer]:
    async with running_server({}) as running:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", running.http_url)
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", running.api_key)
        yield running


async def run(invoke: Invoke, *arguments: str, code: int = 0) -> Result:
    return await asyncio.to_thread(invoke, "verify", *arguments, code=code)


async def sent_code(server: RunningServer) -> str:
    (message,) = await server.wait_for_messages(seconds=30)
    (code,) = re.findall(r"\d{6}", message.text)
    return str(code)


async def test_start_check_stats(server: RunningServer, invoke: Invoke) -> None:
    options = ("--purpose", "two_factor_auth", "--app-name", "Example", "--locale", "nl")
    started = document(await run(invoke, "start", "(415) 555-0101", *options, "--json"))
    assert started["status"] == "pending"
    code = await sent_code(server)
    assert server.messages[0].text == f"Example: {code} is uw inlogcode. Deel deze met niemand."
    asked = ("check", started["verification_id"], code)
    assert (await run(invoke, *asked)).stdout == "approved\n"
    refused = await run(invoke, *asked, code=1)
    assert refused.stderr == "enum-backend: The code is wrong.\n"
    text = (await run(invoke, "stats")).stdout
    assert re.search(r"^TWO_FACTOR_AUTH +1 +1 +1 +1 +100\.0%$", text, re.MULTILINE)
    assert re.search(r"^CUSTOM +0 +0 +0 +0 +-$", text, re.MULTILINE)
    assert "fraud guard: allowed 1" in text
    assert "nothing asked for" in (await run(invoke, "stats", "--tenant", "nobody")).stdout


async def test_text_of_a_start(server: RunningServer, invoke: Invoke) -> None:
    text = (await run(invoke, "start", TO, "--subject", "user_1")).stdout
    match = re.match(r"(ver_[0-9a-f]+)  pending, expires \S+Z, again from \S+Z\n", text)
    assert match
    code = await sent_code(server)
    await run(invoke, "check", match[1], code, code=1)
    await run(invoke, "check", match[1], code, "--subject", "user_1")
    early = await run(invoke, "start", TO, "--json", "--subject", "user_1")
    assert document(early)["verification_id"] != match[1]
    refused = await run(invoke, "start", TO, "--subject", "user_1", "--json", code=1)
    assert document(refused)["error_code"] == "RATE_LIMIT_EXCEEDED"


async def test_preview(server: RunningServer, invoke: Invoke) -> None:
    text = (await run(invoke, "start", "--preview", "--domain", "example.org")).stdout
    assert text == (
        "000000 is your code to confirm this phone number. Never share it.\n"
        "@example.org #000000\n(1 segment(s) GSM-7, en)\n"
    )
    hash_ = ("--android-hash", "FA+9qCX9VSu", "--subject", "user_1")
    shown = document(await run(invoke, "start", "--preview", "--locale", "ru", *hash_, "--json"))
    assert shown["text"].endswith("\nFA+9qCX9VSu")
    assert (shown["encoding"], shown["segments"]) == ("UCS-2", 1)
    assert server.messages == []


async def test_wrong_use(server: RunningServer, invoke: Invoke) -> None:
    assert "Missing argument 'TO'" in (await run(invoke, "start", code=2)).stderr
    await run(invoke, "start", TO, "--purpose", "LOGIN", code=2)
    refused = await run(invoke, "start", TO, "--app-name", "www.example.org", code=1)
    assert refused.stderr.startswith("enum-backend: app_name: looks like an address")


async def test_code_may_be_typed(
    server: RunningServer, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not on the command line, where other users of the machine and the history see it."""
    started = document(await run(invoke, "start", TO, "--json"))
    code = await sent_code(server)
    monkeypatch.setattr("click.prompt", lambda *_, **__: code)
    result = await run(invoke, "check", started["verification_id"])
    assert result.stdout == "approved\n"
