"""`tenants ...` and `messages ...` against a running server."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import structlog
from click.testing import Result

from enum_backend.clock import now_ms, rfc3339
from enum_backend.gateways.base import (
    Cost,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.testing import RunningServer, running_server
from tests.integration.cli.conftest import Invoke, document

NUMBER = "+14155550177"
TO = "+14155550101"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningServer]:
    # The server shares its standard output with the commands: it must not log in between.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    monkeypatch.setattr(structlog, "reset_defaults", lambda: None)
    async with running_server({}) as running:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", running.http_url)
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", running.api_key)
        yield running


async def run(invoke: Invoke, *arguments: str, code: int = 0) -> Result:
    return await asyncio.to_thread(invoke, *arguments, code=code)


async def asked(invoke: Invoke, *arguments: str, code: int = 0) -> Any:
    return document(await run(invoke, *arguments, "--json", code=code))


async def test_tenants(server: RunningServer, invoke: Invoke) -> None:
    made = await asked(invoke, "tenants", "create", "acme", "--title", "Acme", "--daily-cost", "5")
    assert (made["name"], made["daily_cost"]["amount"]) == ("acme", "5.00")
    text = (await run(invoke, "tenants", "list")).stdout
    assert re.search(r"^acme +live +api +5\.00 USD a day  Acme$", text, re.MULTILINE)
    assert re.search(r"^default +live +api +no ceiling$", text, re.MULTILINE)
    changed = await asked(invoke, "tenants", "update", "acme", "--title", "A", "--disable")
    assert (changed["title"], changed["disabled_at"] is not None) == ("A", True)
    assert "disabled" in (await run(invoke, "tenants", "list")).stdout
    changed = await asked(invoke, "tenants", "update", "acme", "--daily-cost", "none", "--enable")
    assert (changed["daily_cost"], changed["disabled_at"]) == (None, None)
    assert (await run(invoke, "tenants", "delete", "acme")).stdout == "acme is deleted\n"
    error = await asked(invoke, "tenants", "delete", "acme", code=1)
    assert error["error_code"] == "NOT_FOUND"
    error = await asked(invoke, "tenants", "create", "Acme", code=1)
    assert "name: expected" in error["error"]


async def test_numbers_of_tenants(server: RunningServer, invoke: Invoke) -> None:
    await asked(invoke, "tenants", "create", "acme")
    bound = await run(invoke, "tenants", "bind", "acme", NUMBER)
    assert re.fullmatch(r"\+14155550177 +acme +admin\n", bound.stdout)
    assert NUMBER in (await run(invoke, "tenants", "numbers", "acme")).stdout
    gone = await run(invoke, "tenants", "unbind", "acme", NUMBER)
    assert gone.stdout == f"{NUMBER} is no longer bound to acme\n"
    sent = await run(invoke, "tenants", "bind", "acme", NUMBER, "--by-code")
    assert "a code is on its way" in sent.stdout
    (code,) = re.findall(r"\b[0-9]{6}\b", (await server.wait_for_messages())[0].text)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    error = await asked(invoke, "tenants", "bind", "acme", NUMBER, "--code", wrong, code=1)
    assert error["error_code"] == "CODE_INVALID"
    proven = await asked(invoke, "tenants", "bind", "acme", NUMBER, "--code", code)
    assert (proven["tenant"], proven["proof"]) == ("acme", "code")


async def test_messages(server: RunningServer, invoke: Invoke) -> None:
    assert (await run(invoke, "messages", "list")).stdout == "There are none.\n"
    later = rfc3339(now_ms() + 3_600_000)
    sent = await asked(
        invoke, "send", TO, "later “on”", "--send-at", later, "--client-reference", "r1",
        "--transliterate",
    )  # fmt: skip
    assert (sent["status"], sent["encoding"]) == ("scheduled", "GSM-7")
    listed = (await run(invoke, "messages", "list", "--status", "scheduled")).stdout
    assert re.search(rf"{sent['message_id']}  scheduled   -> \+14155550101 +simulator", listed)
    found = await asked(invoke, "messages", "list", "--reference", "r1", "--number", TO)
    assert [message["id"] for message in found["messages"]] == [sent["message_id"]]
    done = await run(invoke, "messages", "cancel", sent["message_id"])
    assert done.stdout.startswith(f"{sent['message_id']}  canceled  to {TO} by simulator")
    error = await asked(invoke, "messages", "cancel", sent["message_id"], code=1)
    assert error["error_code"] == "VALIDATION_FAILED"
    error = await asked(invoke, "messages", "list", "--since", "yesterday", code=1)
    assert "since: expected a time" in error["error"]
    assert (await asked(invoke, "messages", "list", "--until", later))["next"] is None


async def test_what_did_not_arrive(server: RunningServer, invoke: Invoke) -> None:
    assert (await run(invoke, "messages", "dead")).stdout == "There are none.\n"
    server.simulator.fail_next(GatewayError(Reason.UNKNOWN, "?", ambiguous=True))
    message_id = (await asked(invoke, "send", TO, "x"))["message_id"]
    async with asyncio.timeout(10):
        while not (await asked(invoke, "messages", "dead"))["messages"]:
            await asyncio.sleep(0.02)
    assert "unknown" in (await run(invoke, "messages", "dead")).stdout
    shown = (await run(invoke, "messages", "show", message_id)).stdout
    assert re.search(r"1\. .+Z  simulator  ambiguous", shown)
    unsure = await run(invoke, "messages", "retry", message_id, code=2)
    assert "confirm a second message with --yes" in unsure.stderr
    again = await asked(invoke, "messages", "retry", message_id, "--yes")
    assert again["message_id"] == message_id
    await server.wait_for_messages(1)


async def test_an_attempt_shows_what_it_cost(
    server: RunningServer, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def priced(_sms: OutboundSms) -> SendResult:
        return SendResult(ProviderStatus.SENT, "p-1", cost=Cost(Decimal("0.0125")))

    monkeypatch.setattr(server.simulator, "send", priced)
    message_id = (await asked(invoke, "send", TO, "x"))["message_id"]
    async with asyncio.timeout(10):
        while "  sent  " not in (
            text := (await run(invoke, "messages", "show", message_id)).stdout
        ):
            await asyncio.sleep(0.02)
    assert text.endswith("Z  simulator  accepted  0.0125 USD\n")


async def test_many_pages(server: RunningServer, invoke: Invoke) -> None:
    for index in range(3):
        await asked(invoke, "send", f"+1415555010{index}", "x")
    some = await asked(invoke, "messages", "list", "--limit", "2")
    assert len(some["messages"]) == 2
    assert some["next"]
    everything = await asked(invoke, "messages", "list")
    assert (len(everything["messages"]), everything["next"]) == (3, None)
