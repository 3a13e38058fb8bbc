from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from enum_backend.access import ApiKey
from enum_backend.clock import now_ms
from enum_backend.errors import (
    CredentialsMissing,
    GatewayNotConfigured,
    NotFound,
    RateLimitExceeded,
    SmsDisabled,
    ValidationFailed,
)
from enum_backend.gateways.base import Cost, GatewayError, ProviderStatus, Reason, SendResult
from enum_backend.messaging.client_limits import ClientLimiter
from enum_backend.messaging.model import Client
from enum_backend.messaging.service import key_client
from enum_backend.settings.models import DispatchSettings, LimitSettings
from tests.unit.messaging.messaging_world import CANARY, OTHER, TO, Findable, World, request


async def test_disabled_modes_store_nothing(world: World) -> None:
    world.mode = "disabled"
    with pytest.raises(SmsDisabled):
        await world.send()
    world.gateway("half", **{"from": ""})
    with pytest.raises(CredentialsMissing):
        await world.send()
    assert await world.rows() == []


@pytest.mark.parametrize("text", ["", "a" * 1601, "nul\x00", "half \ud83d", "\udfff"])
async def test_texts_that_cannot_be_sent(world: World, text: str) -> None:
    world.gateway("one")
    with pytest.raises(ValidationFailed) as refused:
        await world.send(text=text)
    assert refused.value.errors[0].field == "message"
    assert await world.rows() == []


async def test_what_an_account_puts_before_a_text_is_counted(world: World) -> None:
    world.gateway("trial", price="0.0075", text_prefix="Sent from a trial account - ")
    accepted = await world.service.send(request(text="a" * 150))
    assert (accepted.segments, accepted.cost) == (2, Cost(Decimal("0.0150")))


async def test_repeats_at_the_same_time_take_one_place_in_the_limits(world: World) -> None:
    world.gateway("one")
    service = world.service
    service._client_limits = ClientLimiter(world.limits)
    client = Client("key:k", "default", per_minute=2)
    for changes in ({"idempotency_key": "k"}, {"text": "other", "repeat_window": 10.0}):
        same = request(client=client, **changes)
        found = await asyncio.gather(*(service.send(same) for _ in range(20)))
        assert len({accepted.message_id for accepted in found}) == 1
        assert sum(not accepted.repeated for accepted in found) == 1
    with pytest.raises(RateLimitExceeded):
        await service.send(request(client=client, text="third"))
    assert service._repeats._entries == {}


async def test_what_is_stored_and_answered(world: World) -> None:
    world.gateway("one", price="0.0075")
    woken = []
    service = world.service
    service._on_accepted = lambda: woken.append(1)
    before = now_ms()
    accepted = await service.send(request(text="€" * 81, idempotency_key="k"))
    await service.send(request(text="€" * 81, idempotency_key="k"))
    assert woken == [1]
    assert (accepted.segments, accepted.encoding, accepted.gateway) == (2, "GSM-7", "one")
    assert accepted.cost == Cost(Decimal("0.0150"))
    row = await world.row(accepted.message_id)
    assert (row.tenant, row.client, row.requested_to, row.erase_body) == (
        "default",
        "key:k1",
        TO,
        False,
    )
    assert row.valid_until - before >= 14_400_000
    assert world.sealer.open(row.body, row.message_id) == "€" * 81
    code = await world.row(await world.send(is_code=True))
    assert 300_000 <= code.valid_until - before < 302_000
    assert code.erase_body


async def test_test_numbers_go_to_the_simulator_even_when_live(world: World) -> None:
    world.gateway("one", price="1")
    world.test_numbers = (OTHER,)
    direct = await world.service.send(request(to=OTHER))
    assert (direct.gateway, direct.cost) == ("simulator", None)
    world.source.put(f"enum:{TO[1:]}:0", {"voice": "sip:a@b.example", "sms": f"one:{OTHER}"})
    assert (await world.service.send(request())).gateway == "simulator"


async def test_no_price_no_estimate(world: World) -> None:
    world.gateway("one")
    assert (await world.service.send(request())).cost is None


async def deliver(world: World, *states: str, **changes: Any) -> str:
    message_id = await world.send(**changes)
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await world.settled(message_id, *states)
    await dispatcher.stop()
    return message_id


async def test_status(world: World) -> None:
    world.gateway("one", GatewayError(Reason.FORBIDDEN))
    two = world.gateway("two", kind=Findable)
    message_id = await deliver(world, "sent")
    service = world.service
    view = await service.status(message_id, "default")
    assert (view.status, view.gateway, len(view.attempts)) == ("sent", "two", 2)
    for wrong in ("one", "three", "simulator"):
        with pytest.raises(GatewayNotConfigured):
            await service.status(message_id, "default", refresh_from=wrong)
    fresh = await service.status(message_id, "default", refresh_from="two")
    assert (fresh.status, two.asked) == ("delivered", ["two-1"])
    for unknown in (("msg_none", "default"), (message_id, "acme")):
        with pytest.raises(NotFound):
            await service.status(*unknown, refresh_from="two")


async def test_status_of_what_cannot_be_asked(world: World) -> None:
    world.gateway("plain")
    message_id = await deliver(world, "sent")
    view = await world.service.status(message_id, "default", refresh_from="plain")
    assert view.status == "sent"
    world.gateway("silent", SendResult(ProviderStatus.SENT), kind=Findable)
    nameless = await deliver(world, "sent", gateway="silent")
    assert (await world.service.status(nameless, "default", refresh_from="silent")).status == "sent"
    queued = await world.send(text="waits")
    with pytest.raises(GatewayNotConfigured):
        await world.service.status(queued, "default", refresh_from="plain")


def test_key_client() -> None:
    settings = LimitSettings(per_client_minute=7)
    key = ApiKey("key_1", "name", "acme", frozenset(), 0)
    assert key_client(key, settings) == Client("key:key_1", "acme", 7)
    own = replace(key, per_minute=0, daily_cost=Decimal(2), senders=("+15550100001",))
    assert key_client(own, settings) == Client(
        "key:key_1", "acme", 0, Decimal(2), ("+15550100001",)
    )


def test_no_repr_holds_the_text(world: World) -> None:
    assert CANARY not in repr(request())
    assert DispatchSettings().code_validity == 300
