from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from enum_backend.clock import now_ms
from enum_backend.errors import CostLimitExceeded, RateLimitExceeded
from enum_backend.gateways.base import Cost
from enum_backend.messaging import limits, outbox
from enum_backend.messaging.model import Client
from enum_backend.settings.models import LimitSettings
from tests.unit.messaging.messaging_world import OTHER, TO, World, request

NOW = 1_800_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def allow(**changes: Any) -> LimitSettings:
    values = {"per_recipient_hour": 0, "per_recipient_day": 0, "daily_cost": 0, **changes}
    return LimitSettings(**values)


async def accept(
    world: World, now: int, settings: LimitSettings, price: str | None = None, **changes: Any
) -> Any:
    wanted = request(**changes)
    route = await world.router.choose(wanted)
    draft = world.service._draft(wanted, route)
    if price:
        object.__setattr__(draft, "estimate", Cost(Decimal(price)))
    return await world.database.write(lambda c: outbox.accept(c, draft, settings, now))


@pytest.mark.parametrize(
    ("name", "window", "changes"),
    [
        ("per_recipient_hour", HOUR, {"per_recipient_hour": 2}),
        ("per_recipient_day", DAY, {"per_recipient_day": 2}),
    ],
)
async def test_recipient_windows_open_exactly_when_retry_after_says(
    world: World, name: str, window: int, changes: dict[str, int]
) -> None:
    world.gateway("one")
    settings = allow(**changes)
    await accept(world, NOW, settings, text="1")
    await accept(world, NOW + 1500, settings, text="2")
    with pytest.raises(RateLimitExceeded) as refused:
        await accept(world, NOW + 2000, settings, text="3")
    assert refused.value.message == f"{name}: 2 messages in {window // 1000} seconds are reached."
    assert refused.value.retry_after == window // 1000 - 2
    await accept(world, NOW + 2000, settings, text="elsewhere", to=OTHER)
    with pytest.raises(RateLimitExceeded) as refused:
        await accept(world, NOW + window - 1, settings, text="3")
    assert refused.value.retry_after == 1
    await accept(world, NOW + window, settings, text="3")
    with pytest.raises(RateLimitExceeded):
        await accept(world, NOW + window, settings, text="4")
    assert len(await world.rows()) == 4


async def test_client_minute_and_the_longest_wait_wins(world: World) -> None:
    world.gateway("one")
    client = Client("key:busy", "default", 1)
    settings = allow(per_recipient_hour=1)
    await accept(world, NOW, settings, client=client)
    with pytest.raises(RateLimitExceeded, match="per_client_minute") as refused:
        await accept(world, NOW + 1, settings, client=client, to=OTHER)
    assert refused.value.retry_after == 60
    with pytest.raises(RateLimitExceeded, match="per_recipient_hour") as refused:
        await accept(world, NOW + 1, settings, client=client)
    assert refused.value.retry_after == 3600
    await accept(world, NOW + 60_000, settings, client=client, to=OTHER)


async def test_skip_rate_limit_skips_counts_but_not_money(world: World) -> None:
    world.gateway("one")
    settings = allow(per_recipient_hour=1, daily_cost=Decimal("0.10"))
    await accept(world, NOW, settings, price="0.06")
    await accept(world, NOW, settings, text="more", skip_rate_limit=True, price="0.04")
    with pytest.raises(CostLimitExceeded):
        await accept(world, NOW, settings, text="yet more", skip_rate_limit=True, price="0.0001")


async def test_daily_cost_exact_boundary_and_window(world: World) -> None:
    world.gateway("one")
    settings = allow(daily_cost=Decimal("0.10"))
    await accept(world, NOW, settings, price="0.09")
    with pytest.raises(CostLimitExceeded, match=r"0\.10 USD"):
        await accept(world, NOW + 1, settings, price="0.010001", text="b")
    await accept(world, NOW + 1, settings, price="0.01", text="c")
    with pytest.raises(CostLimitExceeded):
        await accept(world, NOW + DAY - 1, settings, price="0.01", text="d")
    await accept(world, NOW + DAY, settings, price="0.01", text="d")


async def test_test_numbers_are_exempt_and_not_counted(world: World) -> None:
    world.gateway("one", price="1")
    world.test_numbers = (TO,)
    settings = allow(per_recipient_hour=1, daily_cost=Decimal("0.01"))
    for text in ("1", "2", "3"):
        await accept(world, NOW, settings, text=text, client=Client("key:t", "default", 1))
    world.test_numbers = ()
    await accept(world, NOW, settings, text="4", client=Client("key:t", "default", 1), price="0.01")


async def test_two_at_once_cannot_both_take_the_last_place(world: World) -> None:
    world.gateway("one", price="0.04")
    world.limits = allow(per_recipient_hour=3)
    sends = [world.service.send(request(text=str(n))) for n in range(12)]
    results = await asyncio.gather(*sends, return_exceptions=True)
    refused = [r for r in results if isinstance(r, RateLimitExceeded)]
    assert len(refused) == 9
    assert len(await world.rows()) == 3
    world.limits = allow(daily_cost=Decimal("0.20"))
    sends = [world.service.send(request(text=str(n), to=OTHER)) for n in range(6)]
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert sum(isinstance(r, CostLimitExceeded) for r in results) == 4


async def test_zero_switches_off(world: World) -> None:
    off = allow()
    states = await world.database.read(
        lambda c: limits.message_limits(
            c, off, destination=TO, client="key:k1", per_minute=0, now=NOW
        )
    )
    assert states == []
    spent = await world.database.read(
        lambda c: limits.cost_limit(c, off, estimate=Decimal(9), now=NOW)
    )
    assert spent is None
    limits.enforce([])
    limits.enforce_cost(None)


async def test_what_is_left(world: World) -> None:
    world.gateway("one")
    settings = allow(per_recipient_hour=2)
    await accept(world, now_ms(), settings)
    state = (
        await world.database.read(
            lambda c: limits.message_limits(
                c, settings, destination=TO, client="x", per_minute=0, now=now_ms()
            )
        )
    )[0]
    assert (state.name, state.used, state.left, state.retry_after) == (
        "per_recipient_hour",
        1,
        1,
        0,
    )
    assert limits.LimitState("x", 1, Decimal(5), Decimal(3)).left == 0
    limits.enforce([state])
