"""Telling phones where to report: at once, again and again, never in anybody's way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from enum_backend.gateways import AndroidGateway, Reason
from enum_backend.gateways import android_keeper as keeper_module
from enum_backend.gateways.android_hooks import EVENTS, Hooks
from enum_backend.gateways.android_keeper import WebhookKeeper
from tests.unit.gateways.android_kit import HOOK, LOGIN, NO_HOOKS, failure, two
from tests.unit.gateways.wire_server import Answer, WireServer, closed_port


@pytest.fixture
async def gateway(wire: WireServer) -> Any:
    gateway = AndroidGateway("office", **LOGIN, base_url=wire.url, timeout=5)
    yield gateway
    await gateway.close()


async def test_webhooks_are_registered_once(wire: WireServer) -> None:
    phones = [{"device_id": "a"}, {"device_id": "b"}]
    gateway = AndroidGateway("office", **LOGIN, base_url=wire.url, phones=phones)
    wire.answers = [NO_HOOKS, *[Answer.json({}, 201)] * 4, NO_HOOKS, Answer.json({}, 201)]
    ids = await gateway.register_webhooks(HOOK)
    hooks = [r.json() for r in wire.requests if r.line.startswith("POST /3rdparty/v1/webhooks ")]
    assert [hook["id"] for hook in hooks] == ids
    assert len(set(ids)) == 8
    assert all(len(hook_id) <= 36 for hook_id in ids)
    assert {hook["url"] for hook in hooks} == {HOOK}
    assert [(hook["deviceId"], hook["event"]) for hook in hooks] == [
        (device, event)
        for device in ("a", "b")
        for event in ("sms:received", "sms:sent", "sms:delivered", "sms:failed")
    ]
    wire.requests.clear()
    wire.answers = [Answer.json([*hooks, "x"])]
    assert await gateway.register_webhooks(HOOK) == ids
    assert {r.line.split()[0] for r in wire.requests} == {"GET"}
    wire.answers = [Answer.json([{**hooks[0], "url": "https://old.example.org/"}, *hooks[1:]])]
    await gateway.register_webhooks(HOOK)
    assert [r.json()["id"] for r in wire.requests if r.line.startswith("POST")] == ids[:1]
    await gateway.close()


async def test_webhooks_of_the_other_phones_are_registered(
    wire: WireServer, second_wire: WireServer
) -> None:
    wire.answers = [NO_HOOKS, Answer.json({"message": "url must be https"}, 400)]
    second_wire.answers = [NO_HOOKS, Answer.json({}, 201)]
    gateway = two(wire, second_wire)
    error = await failure(gateway.register_webhooks("http://sms.example.org/"))
    await gateway.close()
    assert (error.reason, error.detail) == (Reason.INVALID_REQUEST, "HTTP 400: url must be https")
    assert len(second_wire.requests) == 5
    assert "deviceId" not in second_wire.requests[1].json()


async def test_lost_registration_is_not_ambiguous(
    wire: WireServer, gateway: AndroidGateway
) -> None:
    wire.answers = [NO_HOOKS, Answer(action="hang up")]
    assert not (await failure(gateway.register_webhooks(HOOK))).ambiguous


def hook(event: str, url: str = HOOK, **more: Any) -> dict[str, Any]:
    return {"id": f"id-{event}", "event": event, "url": url, **more}


async def test_a_registration_made_by_hand_is_kept(wire: WireServer) -> None:
    gateway = AndroidGateway("office", **LOGIN, base_url=wire.url, device_id="a")
    own, others, account = {"deviceId": "a"}, {"deviceId": "b"}, {"deviceId": None}
    listed = [
        hook("sms:received", **others),
        hook("sms:sent", **own),
        hook("sms:failed", **account),
    ]
    wire.answers = [Answer.json(listed), Answer.json({}, 201)]
    ids = await gateway.register_webhooks(HOOK)
    await gateway.close()
    posted = [r.json()["event"] for r in wire.requests[1:]]
    assert posted == ["sms:received", "sms:delivered"]
    assert ids[1::2] == ["id-sms:sent", "id-sms:failed"]


async def test_where_phones_report(wire: WireServer, second_wire: WireServer) -> None:
    old = "https://old.example.org/"
    wire.answers = [Answer.json([hook(event) for event in EVENTS])]
    second_wire.answers = [
        Answer.json([hook("sms:received", old), hook("sms:sent"), hook("system:ping", old), {}, 7])
    ]
    gateway = two(wire, second_wire)
    assert await gateway.webhooks(HOOK) == [
        Hooks("", EVENTS, (), ()),
        Hooks("", ("sms:sent",), ("sms:received", "sms:delivered", "sms:failed"), (old,)),
    ]
    assert {r.line.split()[0] for r in (*wire.requests, *second_wire.requests)} == {"GET"}
    second_wire.answers = [Answer(401)]
    assert (await failure(gateway.webhooks(HOOK))).reason is Reason.AUTH_FAILED
    await gateway.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def kept(*gateways: AndroidGateway, **times: float) -> WebhookKeeper:
    times = {"again": 30, "pause": 0.01, "longest": 0.02, **times}
    base = "https://sms.example.org/sms/webhook/android"
    return WebhookKeeper(gateways, lambda gateway: f"{base}/{gateway.name}", **times)


async def test_phones_are_told_at_the_start(wire: WireServer, gateway: AndroidGateway) -> None:
    wire.answers = [NO_HOOKS, Answer.json({}, 201)]
    keeper = kept(gateway)
    keeper.start()
    assert wire.requests == []  # the start waits for nobody
    await until(lambda: len(wire.requests) == 5)
    await keeper.stop()
    assert {r.json()["url"] for r in wire.requests[1:]} == {HOOK}


async def test_a_phone_that_is_away_is_tried_again(
    wire: WireServer, gateway: AndroidGateway
) -> None:
    away = AndroidGateway("away", **LOGIN, base_url=f"http://127.0.0.1:{closed_port()}", timeout=1)
    wire.answers = [Answer(503), Answer(401), NO_HOOKS, Answer.json({}, 201)]
    with capture_logs() as logs:
        keeper = kept(gateway, away)
        keeper.start()
        await until(lambda: len(wire.requests) == 7)
        await until(lambda: sum(line["gateway"] == "away" for line in logs) > 2)
        await keeper.stop()
    office = [
        (line["log_level"], line.get("why", "")) for line in logs if line["gateway"] == "office"
    ]
    assert [level for level, _ in office] == ["warning", "warning", "info"]
    assert office[1][1].startswith("auth_failed: HTTP 401")
    assert "canary" not in json.dumps(logs)
    await away.close()


async def test_lost_registrations_are_made_again(wire: WireServer, gateway: AndroidGateway) -> None:
    standing = Answer.json([hook(event) for event in EVENTS])
    wire.answers = [standing, standing, NO_HOOKS, Answer.json({}, 201)]
    with capture_logs() as logs:
        keeper = kept(gateway, again=0.01)
        keeper.start()
        await until(lambda: len(wire.requests) >= 7)
        await keeper.stop()
    assert [line["log_level"] for line in logs][:2] == ["info", "debug"]
    assert [r.json()["event"] for r in wire.requests[3:7]] == list(EVENTS)


async def test_a_phone_that_never_answers(
    wire: WireServer, gateway: AndroidGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "ROUND_SECONDS", 0.05)
    wire.answers = [Answer(action="stall")]
    with capture_logs() as logs:
        keeper = kept(gateway)
        keeper.start()
        await until(lambda: len(logs) > 1)
        await keeper.stop()
    assert {line["why"] for line in logs} == {"no answer in time"}


async def test_the_keeper_outlives_what_it_meets(
    gateway: AndroidGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(gateway, "register_webhooks", broken)
    with capture_logs() as logs:
        keeper = kept(gateway)
        keeper.start()
        await until(lambda: len(logs) > 2)
        await keeper.stop()
    assert {line["why"] for line in logs} == {"unexpected ZeroDivisionError"}


async def test_nothing_to_keep() -> None:
    keeper = kept()
    keeper.start()
    await keeper.stop()
