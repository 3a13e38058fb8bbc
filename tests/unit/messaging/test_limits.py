from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.errors import CostLimitExceeded, RateLimitExceeded
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging import limits
from enum_backend.messaging.accepting import AcceptRules, accept_many
from enum_backend.messaging.model import Client
from enum_backend.messaging.policy import alerts
from enum_backend.numbers import spending
from enum_backend.settings.models import LimitSettings
from tests.unit.messaging.messaging_world import OTHER, TO, World, accept, accept_all, request

NOW = 1_800_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
FIVE_MINUTES = 300_000


def allow(**changes: Any) -> LimitSettings:
    values = {"per_recipient_hour": 0, "per_recipient_day": 0, "daily_cost": 0, **changes}
    return LimitSettings(**values)


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
    await accept(world, settings, NOW, text="1")
    await accept(world, settings, NOW + 1500, text="2")
    with pytest.raises(RateLimitExceeded) as refused:
        await accept(world, settings, NOW + 2000, text="3")
    assert refused.value.message == f"{name}: 2 messages in {window // 1000} seconds are reached."
    assert refused.value.retry_after == window // 1000 - 2
    await accept(world, settings, NOW + 2000, text="elsewhere", to=OTHER)
    with pytest.raises(RateLimitExceeded) as refused:
        await accept(world, settings, NOW + window - 1, text="3")
    assert refused.value.retry_after == 1
    await accept(world, settings, NOW + window, text="3")
    with pytest.raises(RateLimitExceeded):
        await accept(world, settings, NOW + window, text="4")
    assert len(await world.rows()) == 4


async def test_the_longest_wait_wins(world: World) -> None:
    world.gateway("one")
    settings = allow(per_recipient_hour=1, per_recipient_day=1)
    await accept(world, settings, NOW)
    with pytest.raises(RateLimitExceeded, match="per_recipient_day") as refused:
        await accept(world, settings, NOW + 1, text="b")
    assert refused.value.retry_after == 86400


async def test_a_batch_counts_like_one_after_the_other(world: World) -> None:
    world.gateway("one")
    settings = allow(per_recipient_hour=3, per_recipient_day=4)
    await accept(world, settings, NOW, text="before")
    results = await accept_all(
        world, settings, NOW + 1, [{"text": str(n)} for n in range(4)] + [{"to": OTHER}]
    )
    assert [isinstance(r, RateLimitExceeded) for r in results] == [False] * 2 + [True] * 2 + [False]
    results = await accept_all(
        world, settings, NOW + HOUR, [{"text": f"later {n}"} for n in range(3)]
    )
    assert [isinstance(r, RateLimitExceeded) for r in results] == [False, True, True]
    assert "per_recipient_day" in str(results[1])


async def test_skip_rate_limit_skips_counts_but_not_money(world: World) -> None:
    world.gateway("one")
    settings = allow(per_recipient_hour=1, daily_cost=Decimal("0.10"))
    await accept(world, settings, NOW, price="0.06")
    await accept(world, settings, NOW, text="more", skip_rate_limit=True, price="0.04")
    with pytest.raises(CostLimitExceeded):
        await accept(world, settings, NOW, text="yet more", skip_rate_limit=True, price="0.0001")


async def test_daily_cost_exact_boundary_and_window(world: World) -> None:
    world.gateway("one")
    settings = allow(daily_cost=Decimal("0.10"))
    await accept(world, settings, NOW, price="0.09")
    with pytest.raises(CostLimitExceeded, match=r"0\.10 USD"):
        await accept(world, settings, NOW + 1, price="0.010001", text="b")
    await accept(world, settings, NOW + 1, price="0.01", text="c")
    with pytest.raises(CostLimitExceeded):
        await accept(world, settings, NOW + DAY - 1, price="0.01", text="d")
    await accept(world, settings, NOW + DAY + FIVE_MINUTES, price="0.01", text="d")


async def test_test_numbers_are_exempt_and_not_counted(world: World) -> None:
    world.gateway("one", price="1")
    world.test_numbers = (TO,)
    settings = allow(per_recipient_hour=1, daily_cost=Decimal("0.01"))
    for text in ("1", "2", "3"):
        await accept(world, settings, NOW, text=text, client=Client("key:t", "default", 1))
    world.test_numbers = ()
    await accept(world, settings, NOW, text="4", client=Client("key:t", "default", 1), price="0.01")


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


async def test_whatever_passes_the_limit_is_noticed_with_the_next_message_or_refusal(
    world: World,
) -> None:
    world.gateway("one")
    settings = allow(daily_cost=Decimal(1))

    async def learned(micros: int) -> None:
        await world.database.write(lambda c: spending.add(c, {("all", NOW): micros}))

    async def raised() -> list[tuple[int, Decimal]]:
        found = await world.database.read(alerts.page)
        return [(alert.level, alert.used) for alert in reversed(found)]

    await accept(world, settings, NOW, price="0.01")
    await learned(500_000)
    await accept(world, settings, NOW, text="its price is not known")
    assert await raised() == [(50, Decimal("0.51"))]
    await learned(1_000_000)
    for text in ("a", "b"):
        with pytest.raises(CostLimitExceeded):
            await accept(world, settings, NOW, text=text, price="0.01")
        assert await raised() == [
            (50, Decimal("0.51")),
            (80, Decimal("1.51")),
            (100, Decimal("1.51")),
        ]


async def test_a_refused_spend_reaches_the_limit(world: World) -> None:
    world.gateway("one")
    with pytest.raises(CostLimitExceeded):
        await accept(world, allow(daily_cost=Decimal(1)), NOW, price="1.01")
    found = await world.database.read(alerts.page)
    assert {(alert.level, alert.used) for alert in found} == {
        (50, Decimal(1)),
        (80, Decimal(1)),
        (100, Decimal(1)),
    }


async def test_budgets_of_tenants_and_keys(world: World) -> None:
    world.gateway("one")
    client = Client("key:poor", "acme", 0, daily_cost=Decimal("0.02"))
    rich = Client("key:rich", "acme", 0, daily_cost=Decimal(0))
    settings = allow(daily_cost=Decimal(10))
    await accept(world, settings, NOW, price="0.02", client=client)
    with pytest.raises(CostLimitExceeded, match=r"0\.02 USD of this key"):
        await accept(world, settings, NOW, price="0.01", client=client, text="b")
    await accept(world, settings, NOW, price="5", client=rich)
    rules = AcceptRules(settings, lambda connection, tenants: dict.fromkeys(tenants, Decimal(5)))
    wanted = request(client=rich, text="c")
    service = world.service
    draft = service._draft(wanted, await world.router.choose(wanted), b"")
    (refused,) = await world.database.write(lambda c: accept_many(c, [draft], rules, NOW))
    assert "of this tenant" in str(refused)


async def test_what_is_not_charged_is_given_back(world: World) -> None:
    world.gateway("one", GatewayError(Reason.FORBIDDEN))
    settings = allow(daily_cost=Decimal("0.10"))
    first = await accept(world, settings, now_ms(), price="0.10")

    async def spent() -> Decimal:
        return await world.database.read(lambda c: spending.spent(c, now_ms()))

    assert await spent() == Decimal("0.10")
    await world.service.cancel(first.message_id, "default")
    assert await spent() == 0


async def test_what_is_left(world: World) -> None:
    world.gateway("one")
    settings = allow(per_recipient_hour=2, daily_cost=Decimal(3))
    await accept(world, settings, now_ms(), price="1")

    def states(connection: Connection) -> list[limits.LimitState]:
        found = limits.recipient_states(connection, settings, TO, now_ms())
        ceilings = {"all": Decimal(3), "client:x": Decimal(0)}
        return found + limits.spend_states(connection, ceilings, Decimal(2), now_ms())

    hour, cost = await world.database.read(states)
    assert (hour.name, hour.used, hour.left, hour.retry_after) == ("per_recipient_hour", 1, 1, 0)
    assert (cost.name, cost.used, cost.left, cost.retry_after) == ("daily_cost", 1, 2, 0)
    await accept(world, settings, now_ms(), price="1.5", text="b")
    hour, cost = await world.database.read(states)
    assert hour.retry_after > 3590
    assert cost.retry_after == 3600
    assert limits.LimitState("x", 1, Decimal(5), Decimal(3)).left == 0
    off = allow()
    assert await world.database.read(lambda c: limits.recipient_states(c, off, TO, NOW)) == []
    assert await world.database.read(lambda c: limits.spend_states(c, {}, Decimal(9), NOW)) == []
