from __future__ import annotations

from decimal import Decimal

import pytest

from enum_backend.clock import now_ms
from enum_backend.errors import (
    CostLimitExceeded,
    Forbidden,
    NotFound,
    RateLimitExceeded,
    ValidationFailed,
)
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging.limits import recipient_states
from enum_backend.messaging.model import Client
from enum_backend.messaging.policy import alerts
from enum_backend.numbers import spending
from enum_backend.settings.models import LimitSettings
from tests.unit.messaging.messaging_world import OTHER, TO, World, accept, request

HOUR = 3_600_000


async def spent(world: World) -> Decimal:
    return await world.database.read(lambda c: spending.spent(c, now_ms()))


@pytest.mark.parametrize("later", [None, 60_000])
async def test_cancel_before_anybody_sends(world: World, later: int | None) -> None:
    one = world.gateway("one", price="1")
    message_id = await world.send(send_at=later and now_ms() + later, is_code=True)
    view = await world.service.cancel(message_id, "default")
    assert view.status == "canceled"
    assert view.cost is None
    assert await spent(world) == 0
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await dispatcher.stop()
    assert one.sent == []
    assert (await world.row(message_id)).body is None
    with pytest.raises(ValidationFailed, match="is canceled"):
        await world.service.cancel(message_id, "default")
    with pytest.raises(NotFound):
        await world.service.cancel(message_id, "acme")


@pytest.mark.parametrize("state", ["dispatching", "sent", "delivered", "unknown"])
async def test_too_late_to_cancel(world: World, state: str) -> None:
    world.gateway("one")
    message_id = await world.send()
    await world.change(message_id, state=state)
    with pytest.raises(ValidationFailed, match=f"is {state}"):
        await world.service.cancel(message_id, "default")
    assert (await world.row(message_id)).state == state


async def test_retry_starts_over_and_keeps_the_history(world: World) -> None:
    world.gateway("one", GatewayError(Reason.CARRIER_REJECTED), price="0.5")
    message_id = await world.send()
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await world.settled(message_id, "failed")
    assert await spent(world) == 0
    view = await world.service.retry(message_id, "default")
    dispatcher.notify()
    assert view.reason is None
    row = await world.settled(message_id, "sent")
    await dispatcher.stop()
    assert row.attempts_made == 2
    assert [t.outcome for t in await world.tries(message_id)] == ["refused", "accepted"]
    assert await spent(world) == Decimal("0.5")
    with pytest.raises(ValidationFailed, match="is sent"):
        await world.service.retry(message_id, "default")
    with pytest.raises(NotFound):
        await world.service.retry(message_id, "acme")


async def test_retry_of_an_erased_text_or_over_the_limit(world: World) -> None:
    world.gateway("one", price="0.6")
    world.limits = LimitSettings(daily_cost=Decimal(1))
    code = await world.send(is_code=True)
    await world.service.cancel(code, "default")
    with pytest.raises(ValidationFailed, match="erased"):
        await world.service.retry(code, "default")
    message_id = await world.send()
    await world.change(message_id, state="unknown")
    await world.change(message_id, cost_micros=600_000)
    with pytest.raises(CostLimitExceeded):
        await world.service.retry(message_id, "default")
    assert (await world.row(message_id)).state == "unknown"
    assert {alert.level for alert in await world.database.read(alerts.page)} == {50, 80, 100}


async def test_a_retry_is_one_more_message_to_its_recipient(world: World) -> None:
    world.gateway("one")
    world.limits = LimitSettings(per_recipient_hour=3, per_recipient_day=5)
    message_id = await world.send()

    async def again() -> str:
        await world.change(message_id, state="unknown")
        return (await world.service.retry(message_id, "default")).status

    assert await again() == "queued"
    assert await again() == "queued"
    with pytest.raises(RateLimitExceeded, match="per_recipient_hour: 3") as refused:
        await again()
    assert 3590 < refused.value.retry_after <= 3600
    assert (await world.row(message_id)).state == "unknown"
    with pytest.raises(RateLimitExceeded):
        await world.send(text="other")
    hour, day = await world.database.read(lambda c: recipient_states(c, world.limits, TO, now_ms()))
    assert (hour.used, day.used) == (3, 3)
    assert hour.retry_after > 3590
    await world.send(text="other", to=OTHER)


async def test_a_retry_does_not_break_the_counting(world: World) -> None:
    world.gateway("one")
    limits = LimitSettings(per_recipient_hour=2, per_recipient_day=0)
    world.limits = limits
    first = (await accept(world, limits, now_ms() - HOUR)).message_id
    await world.change(first, state="failed")
    await world.service.retry(first, "default")
    await world.send(text="second")
    with pytest.raises(RateLimitExceeded):
        await world.send(text="third")
    later = now_ms() + HOUR
    for text in ("third", "fourth"):
        await accept(world, limits, later, text=text)
    with pytest.raises(RateLimitExceeded):
        await accept(world, limits, later, text="fifth")


async def test_a_test_number_is_sent_to_again_without_limit(world: World) -> None:
    world.gateway("one")
    world.test_numbers = (TO,)
    world.limits = LimitSettings(per_recipient_hour=1)
    message_id = await world.send()
    for _ in range(3):
        await world.change(message_id, state="unknown")
        await world.service.retry(message_id, "default")


async def test_a_key_sends_from_its_own_senders_only(world: World) -> None:
    own, other = "+15550100001", "+15550100002"
    world.gateway("one", numbers=(other,))
    client = Client("key:k1", "default", 0, senders=(other,))
    accepted = await world.service.send(request(client=client))
    assert (await world.row(accepted.message_id)).sender == other
    with pytest.raises(Forbidden):
        await world.service.send(request(client=client, sender=own))
