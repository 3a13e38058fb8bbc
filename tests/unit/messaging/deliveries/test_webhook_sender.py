"""Webhooks to tenants: signed, bounded, never redirected, with a second address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import standardwebhooks
from aiohttp import web

from enum_backend.egress import Egress
from enum_backend.messaging.breakers import FAILURES
from enum_backend.messaging.deliveries import webhook
from enum_backend.messaging.deliveries.model import Claimed, Kind, Message, Result, Why
from enum_backend.messaging.deliveries.webhook import BODY_LIMIT, WebhookSender
from enum_backend.standard_webhooks import new_secret
from tests.unit.messaging.deliveries.hook_server import Hook, hook_server

SECRET = new_secret()
MESSAGE = Message(
    inbox_id="in_1",
    sender="+15557654321",
    to="+15550100001",
    text="canary 5531 \N{EURO SIGN} \ud83d",
    provider="telnyx",
    gateway="telnyx-eu",
    received_at=1_767_225_600_000,
)
CLAIMED = Claimed(
    7, "dlv_1", "acme", Kind.WEBHOOK, "ep_1", "in_1", MESSAGE, secrets=(SECRET,), attempts=1
)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hook_server() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[Hook]:
    async with hook_server() as server:
        yield server


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    egress = Egress(["127.0.0.1"])
    yield WebhookSender(egress, 2.0)
    await egress.close()


def to(hook: Hook, **changes: Any) -> Claimed:
    return replace(CLAIMED, address=hook.url, **changes)


async def test_a_message_as_documented(hook: Hook, sender: WebhookSender) -> None:
    assert await sender.deliver(to(hook)) == Result(status=200)
    ((headers, body),) = hook.calls
    data = standardwebhooks.Webhook(SECRET).verify(body, headers)
    assert data == {
        "id": "dlv_1",
        "type": "message.received",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "data": {
            "message_id": "in_1",
            "from": "+15557654321",
            "to": "+15550100001",
            "message": "canary 5531 € ?",
            "received_at": "2026-01-01T00:00:00.000Z",
            "provider": "telnyx",
            "gateway": "telnyx-eu",
        },
    }
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "dlv_1"
    assert headers["user-agent"] == "enum-backend"
    assert "cookie" not in headers


async def test_what_else_may_be_said(hook: Hook, sender: WebhookSender) -> None:
    message = replace(MESSAGE, incomplete=True, media=("https://m.example/1",))
    await sender.deliver(to(hook, message=message))
    data = json.loads(hook.calls[0][1])["data"]
    assert (data["incomplete"], data["media"]) == (True, ["https://m.example/1"])


async def test_a_repeat_is_the_same_message(hook: Hook, sender: WebhookSender) -> None:
    hook.answers = [500]
    await sender.deliver(to(hook))
    await sender.deliver(to(hook, attempts=2))
    (first, second) = hook.calls
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"]


async def test_both_secrets_of_a_rotation_sign(hook: Hook, sender: WebhookSender) -> None:
    new = new_secret()
    await sender.deliver(to(hook, secrets=(new, SECRET)))
    headers, body = hook.calls[0]
    for secret in (new, SECRET):
        standardwebhooks.Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(
    ("status", "why", "broken"),
    [
        (200, None, False),
        (204, None, False),
        (301, Why.REDIRECT, False),
        (307, Why.REDIRECT, False),
        (400, Why.BAD_STATUS, False),
        (404, Why.BAD_STATUS, False),
        (408, Why.BAD_STATUS, True),
        (429, Why.BAD_STATUS, True),
        (500, Why.BAD_STATUS, True),
        (503, Why.BAD_STATUS, True),
    ],
)
async def test_answers(
    hook: Hook, sender: WebhookSender, status: int, why: Why | None, broken: bool
) -> None:
    hook.answers = [web.Response(status=status, headers={"Location": hook.url + "/other"})]
    result = await sender.deliver(to(hook))
    assert result == Result(why, status=status, broken=broken)
    assert len(hook.calls) == 1


async def test_gone_is_for_good(hook: Hook, sender: WebhookSender) -> None:
    hook.answers = [410]
    assert await sender.deliver(to(hook)) == Result(Why.GONE, final=True, status=410)


async def test_how_long_to_wait(hook: Hook, sender: WebhookSender) -> None:
    hook.answers = [web.Response(status=503, headers={"Retry-After": "77"})]
    assert (await sender.deliver(to(hook))).retry_after == 77


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("Wed, 21 Oct 2099 07:28:00 GMT", 86400, 1e10),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("0", 0, 0),
        ("-5", None, None),
        ("inf", None, None),
        ("nan", None, None),
        ("1e999", None, None),
        ("9" * 24, None, None),
        ("soon", None, None),
        ("", None, None),
    ],
)
async def test_waits_that_are_none(
    hook: Hook, sender: WebhookSender, value: str, least: float | None, most: float | None
) -> None:
    hook.answers = [web.Response(status=429, headers={"Retry-After": value})]
    wait = (await sender.deliver(to(hook))).retry_after
    assert (wait is None) is (least is None)
    assert wait is None or least is None or most is None or least <= wait <= most


async def test_a_silent_receiver(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_request: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.Response()

    hook.answers = [silent]
    egress = Egress(["127.0.0.1"])
    result = await WebhookSender(egress, 0.1).deliver(to(hook))
    assert result == Result(Why.NO_ANSWER, broken=True)
    await egress.close()


@pytest.mark.parametrize("how", ["endless", "slow", "broken off"])
async def test_an_answer_without_end_is_not_read(
    hook: Hook, sender: WebhookSender, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(webhook, "BODY_SECONDS", 0.2)
    written = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(headers={"Content-Length": str(10**9)})
        await response.prepare(request)
        if how == "endless":
            for _ in range(1000):
                await response.write(b"x" * 65536)
                written += 65536
        await response.write(b"a little")
        if how == "slow":
            await asyncio.sleep(2)
        assert request.transport is not None
        request.transport.abort()
        return response

    hook.answers = [answer]
    assert (await sender.deliver(to(hook))).delivered
    assert written < 1000 * BODY_LIMIT


async def test_connections_are_used_again(hook: Hook, sender: WebhookSender) -> None:
    peers = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(text="thanks")

    hook.answers = [answer] * 5
    for _ in range(5):
        await sender.deliver(to(hook))
    assert len(peers) == 1


async def test_nobody_listens(sender: WebhookSender) -> None:
    async with hook_server() as gone:
        pass
    assert await sender.deliver(to(gone)) == Result(Why.NO_ANSWER, broken=True)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://hooks.example.com/", Why.UNUSABLE_ADDRESS),
        ("https://user@hooks.example.com/", Why.UNUSABLE_ADDRESS),
        ("https://10.0.0.1/", Why.UNUSABLE_ADDRESS),
        ("nonsense", Why.UNUSABLE_ADDRESS),
        ("https://localhost:1025/", Why.ADDRESS_REFUSED),
        ("https://name.invalid/", Why.NAME_NOT_FOUND),
    ],
)
async def test_addresses_that_are_not_called(address: str, why: Why) -> None:
    egress = Egress()
    result = await WebhookSender(egress, 5.0).deliver(replace(CLAIMED, address=address))
    assert result.why is why
    assert result.final is (why is Why.UNUSABLE_ADDRESS)
    await egress.close()


async def test_plain_http_where_tls_is_expected(hook: Hook, sender: WebhookSender) -> None:
    result = await sender.deliver(replace(CLAIMED, address=hook.url.replace("http:", "https:")))
    assert result.why is Why.TLS_REFUSED


async def test_the_operator_s_own_address_may_be_anywhere(hook: Hook) -> None:
    egress = Egress()
    sender = WebhookSender(egress, 2.0)
    assert (await sender.deliver(to(hook))).why is Why.UNUSABLE_ADDRESS
    assert (await sender.deliver(to(hook, trusted=True))).delivered
    await egress.close()


async def test_the_second_address(hook: Hook, second: Hook, sender: WebhookSender) -> None:
    claimed = to(hook, failover_url=second.url)
    assert (await sender.deliver(claimed)).delivered
    assert (len(hook.calls), len(second.calls)) == (1, 0)
    hook.answers = [500]
    assert (await sender.deliver(claimed)).delivered
    assert (len(hook.calls), len(second.calls)) == (2, 1)
    assert second.calls[0][0]["webhook-id"] == "dlv_1"
    standardwebhooks.Webhook(SECRET).verify(second.calls[0][1], second.calls[0][0])
    hook.answers, second.answers = [404], [500]
    result = await sender.deliver(claimed)
    assert (result.why, result.status) == (Why.BAD_STATUS, 404)
    hook.answers = [410]
    assert (await sender.deliver(claimed)).why is Why.GONE
    assert len(second.calls) == 2


async def test_a_first_address_that_keeps_failing_is_passed_over(
    hook: Hook, second: Hook, sender: WebhookSender
) -> None:
    claimed = to(hook, failover_url=second.url)
    hook.answers = [500] * 20
    for _ in range(FAILURES + 3):
        assert (await sender.deliver(claimed)).delivered
    assert len(hook.calls) == FAILURES
    assert len(second.calls) == FAILURES + 3
    second.answers = [503]
    result = await sender.deliver(claimed)
    assert (result.status, result.broken) == (503, True)


UNUSABLE = "http://10.0.0.1/"


@pytest.mark.parametrize(
    ("primary", "failover", "result"),
    [
        (200, None, Result(status=200)),
        (500, 200, Result(status=200)),
        (500, 404, Result(Why.BAD_STATUS, status=500, broken=True)),
        (500, 410, Result(Why.BAD_STATUS, status=500, broken=True)),
        (404, 410, Result(Why.BAD_STATUS, status=404)),
        (404, UNUSABLE, Result(Why.BAD_STATUS, status=404)),
        (410, None, Result(Why.GONE, final=True, status=410)),
        (UNUSABLE, 200, Result(status=200)),
        (UNUSABLE, 500, Result(Why.UNUSABLE_ADDRESS)),
        (UNUSABLE, 410, Result(Why.UNUSABLE_ADDRESS, final=True)),
        (UNUSABLE, UNUSABLE, Result(Why.UNUSABLE_ADDRESS, final=True)),
        ("open", 200, Result(status=200)),
        ("open", 404, Result(Why.BAD_STATUS, status=404)),
        ("open", 503, Result(Why.BAD_STATUS, status=503, broken=True)),
        ("open", 410, Result(Why.BAD_STATUS, status=410)),
        ("open", UNUSABLE, Result(Why.UNUSABLE_ADDRESS)),
    ],
)
async def test_what_comes_of_two_addresses(
    hook: Hook,
    second: Hook,
    sender: WebhookSender,
    primary: int | str,
    failover: int | str | None,
    result: Result,
) -> None:
    """Only the first address ends an endpoint; one that was passed over may still take it."""
    claimed = to(hook, failover_url=second.url)
    if primary == "open":
        hook.answers = [500] * FAILURES
        for _ in range(FAILURES):
            await sender.deliver(claimed)
    elif primary == UNUSABLE:
        claimed = replace(claimed, address=UNUSABLE)
    else:
        hook.answers = [int(primary)]
    if failover == UNUSABLE:
        claimed = replace(claimed, failover_url=UNUSABLE)
    else:
        second.answers = [int(failover or 200)]
    before = len(hook.calls), len(second.calls)
    assert await sender.deliver(claimed) == result
    posts = len(hook.calls) - before[0], len(second.calls) - before[1]
    assert posts == (isinstance(primary, int), isinstance(failover, int))


async def test_nothing_to_send(sender: WebhookSender) -> None:
    for claimed in (replace(CLAIMED, message=None, address="https://x.example/"), CLAIMED):
        assert await sender.deliver(claimed) == Result(Why.UNREADABLE, final=True)
