"""`demo`: the round trip by itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import aiohttp
import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from enum_backend.gateways.simulator import SimulatorGateway
from tests.integration.cli.conftest import Invoke, document
from tests.serving import enum_backend

DEMO = sys.modules["enum_backend.cli.demo"]
"""The module: `enum_backend.cli.demo` is the command."""
STEPS = ["DNS NAPTR", "HTTP /enum", "SMS accepted", "simulated handset", "meshcentral"]


def test_round_trip(invoke: Invoke, folder: Path) -> None:
    text = invoke("demo").stdout
    assert [line.split("  ")[0] for line in text.splitlines()[:5]] == STEPS
    assert '"E2U+sip"' in text
    assert "+14155551234 reads: Your code is 482915" in text
    assert text.rstrip().endswith("All of it works.")
    assert list(folder.iterdir()) == [], "nothing is left behind"


def test_as_json(invoke: Invoke) -> None:
    answer = document(invoke("demo", "--json"))
    assert answer["success"] is True
    assert [step["step"] for step in answer["steps"]] == STEPS
    assert all(step["ok"] for step in answer["steps"])


async def test_as_a_process_in_a_hostile_environment(folder: Path) -> None:
    (folder / ".env").write_text("ENUM_BACKEND_MODE=disabled\n")
    code, output, errors = await enum_backend("demo", cwd=folder, TELNYX_API_KEY="KEYtest")
    assert (code, errors) == (0, "")
    assert "All of it works." in output


def test_handset_that_gets_nothing(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    send = SimulatorGateway.send

    async def lost(self: SimulatorGateway, sms: Any) -> Any:
        result = await send(self, sms)
        self.messages.clear()
        return result

    monkeypatch.setattr(SimulatorGateway, "send", lost)
    result = invoke("demo", code=1)
    assert "FAILED: the simulated handset got nothing" in result.stderr
    answer = document(invoke("demo", "--json", code=1))
    assert answer["success"] is False
    assert answer["steps"][-1]["ok"] is False


def test_dns_without_a_record(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    async def empty(query: dns.message.Message, *_: object, **__: object) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.set_rcode(dns.rcode.SERVFAIL)
        return answer

    monkeypatch.setattr(dns.asyncquery, "udp", empty)
    assert "FAILED: DNS answered SERVFAIL" in invoke("demo", code=1).stderr


def test_http_that_refuses(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DEMO, "TEXT", "")
    assert "FAILED: HTTP 422: message: is empty" in invoke("demo", code=1).stderr


def test_message_that_is_late(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: object) -> Any:
        raise aiohttp.ServerDisconnectedError

    monkeypatch.setattr(DEMO, "_delivered", slow)
    assert "FAILED: Server disconnected" in invoke("demo", code=1).stderr


def test_wrong_use(invoke: Invoke) -> None:
    invoke("demo", "extra", code=2)
