from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from enum_backend.api_client import ApiClient
from enum_backend.doctor import outside
from enum_backend.doctor.model import Level
from enum_backend.gateways.base import Cost, Gateway, GatewayError, OutboundSms, Reason, SendResult
from enum_backend.gateways.inventory.base import Balance
from enum_backend.gateways.providers import Provider, providers
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.settings import Settings
from nvs.testing import FakeNode
from tests.unit.gateways.wire_server import Answer, WireServer, closed_port


class Bank(Gateway):
    """An account with money in it, or trouble."""

    provider = "bank"
    answers: ClassVar[dict[str, Cost | BaseException | None]] = {}

    async def send(self, sms: OutboundSms) -> SendResult:
        raise NotImplementedError


class BankBalance(Balance[Bank]):
    """Says what the account says."""

    provider: ClassVar[str] = "bank"

    async def check(self) -> Cost | None:
        answer = Bank.answers[self.gateway.name]
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None and answer.amount == -1:
            await asyncio.sleep(30)
        return answer


def pool(*names: str, kind: type[Gateway] = Bank) -> GatewayPool:
    registry = GatewayRegistry()
    for name in names:
        registry.add(name, kind(name))
    return GatewayPool("live", registry, SimulatorGateway())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers(), "bank", Provider(Bank, balance=BankBalance))
    monkeypatch.setattr(outside, "ASK_SECONDS", 1.0)


async def test_authentication(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "ASK_SECONDS", 0.05)
    Bank.answers = {
        "rich": Cost(Decimal("5.5")),
        "invoice": None,
        "poor": Cost(Decimal(0)),
        "wrong": GatewayError(Reason.AUTH_FAILED, "no"),
        "forbidden": GatewayError(Reason.FORBIDDEN, "not yours", provider_code="403"),
        "bare": GatewayError(Reason.UNKNOWN),
        "slow": Cost(Decimal(-1)),
    }
    found = await outside.authentication(pool(*Bank.answers))
    assert [(item.level, item.message) for item in found] == [
        (Level.OK, "accepted, balance 5.50 USD"),
        (Level.OK, "accepted"),
        (Level.WARNING, "accepted, but the balance is 0.00 USD"),
        (Level.PROBLEM, "bank refuses the credentials"),
        (Level.WARNING, "forbidden 403: not yours"),
        (Level.WARNING, "unknown"),
        (Level.WARNING, "no answer within 0 s"),
    ]
    assert all(item.fix for item in found if item.level is not Level.OK)


async def test_providers_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(providers(), "bank")
    (found,) = await outside.authentication(pool("mute"))
    assert (found.level, "without sending" in found.message) == (Level.NOTE, True)
    monkeypatch.setattr(Bank, "required", ("base_url",))
    assert await outside.authentication(pool("half-set")) == []


def nvs(**values: Any) -> Settings:
    return Settings.model_validate({"nvs": values})


async def test_records_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"enum:14155550100:0": {"voice": "sip:a@b.example"}}))
    (found,) = await outside.records(nvs(file=str(path)))
    assert (found.level, found.message) == (Level.OK, "names 1, numbers 1, skipped_names 0")
    (found,) = await outside.records(nvs())
    assert (found.level, found.message) == (Level.WARNING, "the sample records")
    (found,) = await outside.records(nvs(file=str(tmp_path / "none.json")))
    assert found.level is Level.PROBLEM


async def test_records_of_a_node() -> None:
    dead = f"http://u:canary@127.0.0.1:{closed_port()}"
    (found,) = await outside.records(nvs(source="rpc", rpc={"url": dead, "timeout": 1}))
    assert (found.level, "start the Emercoin node" in found.fix) == (Level.PROBLEM, True)
    assert "canary" not in found.message
    with FakeNode() as node:
        (found,) = await outside.records(nvs(source="rpc", rpc={"url": node.url}))
    assert found.level is Level.OK, found.message


async def test_a_source_that_is_slow_or_unwell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from nvs.directory import Directory
    from nvs.number_record import SourceStatus
    from nvs.sources import FileSource

    path = tmp_path / "records.json"
    path.write_text("{}")
    unwell = SourceStatus("file", ok=False, detail="held back", facts={})
    monkeypatch.setattr(FileSource, "status", lambda _: unwell)
    (found,) = await outside.records(nvs(file=str(path)))
    assert (found.level, found.message) == (Level.WARNING, "held back")

    async def stall(*_: object) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(outside, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(Directory, "record", stall)
    (found,) = await outside.records(nvs(file=str(path)))
    assert (found.level, found.message) == (Level.PROBLEM, "no answer within 0 s")


def ready(status: str, **checks: Any) -> Answer:
    code = 503 if status == "not ready" else 200
    return Answer.json({"status": status, "mode": "live", "checks": checks}, code)


@pytest.mark.parametrize(
    ("answer", "level", "says"),
    [
        (ready("ready"), Level.OK, "live mode"),
        (ready("degraded", nvs={"ok": False, "detail": "old"}), Level.WARNING, "(nvs: old)"),
        (ready("not ready", dispatcher={"ok": False}), Level.PROBLEM, "(dispatcher: not ok)"),
        (Answer.json({"status": "degraded", "mode": "x", "checks": []}), Level.WARNING, "degraded"),
        (Answer.json({"hello": "world"}), Level.PROBLEM, "something else answers"),
    ],
)
async def test_server(answer: Answer, level: Level, says: str) -> None:
    async with WireServer() as wire:
        wire.answers = [answer]
        (found,) = await outside.server(ApiClient(wire.url))
    assert found.level is level
    assert says in found.message


async def test_no_server() -> None:
    client = ApiClient(f"http://127.0.0.1:{closed_port()}")
    (found,) = await outside.server(client)
    assert found.level is Level.NOTE
    (found,) = await outside.live_send(client, "+14155550134")
    assert found.level is Level.PROBLEM


@pytest.mark.parametrize(
    ("states", "level"),
    [
        (["queued", "sent"], Level.OK),
        (["delivered"], Level.OK),
        (["failed"], Level.PROBLEM),
        (["queued"], Level.WARNING),
    ],
)
async def test_live_send(states: list[str], level: Level) -> None:
    async with WireServer() as wire:
        sent = Answer.json({"message_id": "msg_1", "gateway": "telnyx"})
        wire.answers = [sent, *(Answer.json({"status": state}) for state in states)]
        (found,) = await outside.live_send(ApiClient(wire.url, "k"), "+14155550134", wait=0.4)
    assert found.level is level
    assert found.message == f"msg_1 is {states[-1]} (gateway telnyx)"
