"""`gateways webhooks` and what `doctor` says of phones: against a phone on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from enum_backend.gateways import AndroidGateway
from enum_backend.gateways.android_hooks import EVENTS
from tests.integration.cli.conftest import Invoke, document
from tests.smsgate import FakePhone, fake_phone

HOOK = "https://sms.example.org/sms/webhook/android/office"


@pytest.fixture
async def phone() -> AsyncIterator[FakePhone]:
    async with fake_phone() as phone:
        yield phone


@pytest.fixture
def phones(folder: Path, phone: FakePhone) -> str:
    """Settings with a gateway of that phone; nothing else answers."""
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in phone.settings().items())
    (folder / "records.json").write_text("{}")
    path = folder / "phones.toml"
    path.write_text(
        'data_dir = "data"\npublic_base_url = "https://sms.example.org"\n'
        f"[http]\nport = 1\n[nvs]\nfile = 'records.json'\n[gateways.office]\n{table}\n"
    )
    return str(path)


async def run(invoke: Invoke, *arguments: str, code: int = 0) -> Result:
    return await asyncio.to_thread(invoke, *arguments, code=code)


async def doctor(invoke: Invoke, path: str, code: int = 0) -> dict[str, Any]:
    report = document(await run(invoke, "doctor", "--json", "--config", path, code=code))
    return {item["check"]: item for item in report["findings"]} | {"verdict": report["verdict"]}


async def test_a_phone_is_told_where_to_report(
    invoke: Invoke, phones: str, phone: FakePhone
) -> None:
    finding = (await doctor(invoke, phones, 1))["gateway office: phone 1"]
    assert finding["level"] == "warning"
    assert finding["message"] == f"does not report {', '.join(EVENTS)} here"
    assert "enum-backend gateways webhooks --register" in finding["fix"]
    shown = await run(invoke, "gateways", "webhooks", "--config", phones, code=1)
    assert shown.stdout == f"office: {HOOK}\n  1: lacks {', '.join(EVENTS)}\n"
    assert phone.hooks == {}

    shown = await run(invoke, "gateways", "webhooks", "--register", "--config", phones)
    assert shown.stdout == f"office: {HOOK}\n  1: reports here\n"
    found = await doctor(invoke, phones)
    assert found["verdict"] == "READY"
    assert found["gateway office: phone 1"]["message"] == f"reports to {HOOK}"


async def test_a_phone_that_reports_elsewhere(
    invoke: Invoke, phones: str, phone: FakePhone
) -> None:
    old = "https://user@old.example.org/canary-token"
    phone.hooks = {"x": {"id": "x", "event": "sms:received", "url": old}}
    message = (await doctor(invoke, phones, 1))["gateway office: phone 1"]["message"]
    assert message.endswith(", but to https://old.example.org")
    arguments = ("gateways", "webhooks", "--register", "--config", phones, "--gateway", "office")
    shown = await run(invoke, *arguments)
    assert shown.stdout.endswith(f"  1: reports here; also to {old}\n")
    answer = document(await run(invoke, *arguments, "--json"))
    (gateway,) = answer["gateways"]
    assert (answer["success"], gateway["gateway"], gateway["url"]) == (True, "office", HOOK)
    assert gateway["phones"] == [
        {"phone": "1", "registered": list(EVENTS), "missing": [], "elsewhere": [old]}
    ]


async def test_a_phone_that_cannot_be_asked(
    invoke: Invoke, phones: str, phone: FakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.away = True
    assert "cannot say" in (await doctor(invoke, phones, 1))["gateway office: phones"]["message"]
    arguments = ("gateways", "webhooks", "--config", phones, "--json")
    answer = document(await run(invoke, *arguments, code=1))
    assert answer["success"] is False
    assert answer["gateways"][0]["error"].startswith("temporary_unavailable")

    async def stall(*_: object) -> None:
        await asyncio.sleep(30)

    command = import_module("enum_backend.cli.gateways")
    monkeypatch.setattr(command, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(AndroidGateway, "webhooks", stall)
    answer = document(await run(invoke, *arguments, code=1))
    assert answer["gateways"][0]["error"] == "no answer in time"


async def test_wrong_use(invoke: Invoke, phones: str) -> None:
    arguments = ("gateways", "webhooks", "--config", phones)
    refused = await run(invoke, *arguments, "--gateway", "other", code=1)
    assert "no such gateway of phones is configured" in refused.stderr
    text = Path(phones).read_text().replace('public_base_url = "https://sms.example.org"', "")
    Path(phones).write_text(text)
    refused = await run(invoke, *arguments, code=1)
    assert "public_base_url is not set" in refused.stderr
    assert "gateway office: phone 1" not in await doctor(invoke, phones, 1)
