"""What is refused whoever asks, what a message is estimated to cost, and what counts as spent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.errors import CostLimitExceeded, Forbidden
from enum_backend.gateways.base import Cost
from enum_backend.messaging import limits
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.service import MessageService
from enum_backend.numbers import spending
from enum_backend.numbers.prices import PriceList, ProviderPrices, load_prices
from enum_backend.settings.models import LimitSettings
from enum_backend.tenants.store import TenantStore
from tests.unit.messaging.messaging_world import TO, World, request

PREMIUM, SHARED = "+19002345678", "+4918012345"


def priced(world: World, *, outbound: str = "0.0040") -> MessageService:
    listed = ProviderPrices(source="x", outbound=Decimal(outbound))
    return MessageService(
        world.database,
        world.sealer,
        world.router,
        world.pool,
        rules=AcceptRules(world.limits),
        dispatch=world.dispatch,
        test_numbers=world.test_numbers,
        pricing=Pricing(world.pool, PriceList(load_prices().as_of, "USD", {"scripted": listed})),
    )


@pytest.mark.parametrize(
    ("number", "why"),
    [(PREMIUM, "premium-rate numbers"), (SHARED, "shared-cost numbers")],
)
@pytest.mark.parametrize("is_code", [False, True])
async def test_refused(world: World, number: str, why: str, is_code: bool) -> None:
    world.gateway("one")
    with pytest.raises(Forbidden, match=f"Messages to {why} are never sent"):
        await world.service.send(request(to=number, is_code=is_code, skip_rate_limit=True))
    assert await world.rows() == []


async def test_refused_in_a_simulation_too(world: World) -> None:
    world.mode = "simulation"
    with pytest.raises(Forbidden):
        await world.service.send(request(to=PREMIUM))


async def test_test_numbers_are_never_sent_to_anyway(world: World) -> None:
    world.gateway("one")
    world.test_numbers = (PREMIUM,)
    message_id = await world.send(to=PREMIUM)
    assert (await world.row(message_id)).gateway == "simulator"


async def test_estimates_from_the_price_list(world: World) -> None:
    world.gateway("one")
    world.gateway("own", price="0.5")
    service = priced(world)
    accepted = await service.send(request(text="x" * 161))
    assert accepted.cost == Cost(Decimal("0.0080"))
    accepted = await service.send(request(text="y", gateway="own"))
    assert accepted.cost == Cost(Decimal("0.5"))


async def test_purchases_and_messages_share_the_ceiling(world: World) -> None:
    world.gateway("own", price="0.40")
    world.limits = LimitSettings(
        per_recipient_hour=0, per_recipient_day=0, daily_cost=Decimal("1.00")
    )

    await world.database.write(
        lambda c: spending.reserve(
            c,
            ceiling=Decimal(1),
            amount=Decimal("0.50"),
            tenant="default",
            gateway="own",
            number=TO,
            now=now_ms(),
        )
    )
    await world.send(text="a")
    with pytest.raises(CostLimitExceeded):
        await world.send(text="b")
    (state,) = await world.database.read(
        lambda c: limits.spend_states(c, {spending.ALL: Decimal(1)}, Decimal(0), now_ms())
    )
    assert (state.used, state.left) == (Decimal("0.90"), Decimal("0.10"))


async def test_a_tenants_own_ceiling_counts_for_purchases(world: World) -> None:
    def reserve(connection: Connection, ceiling: Decimal | None) -> None:
        spending.reserve(
            connection,
            ceiling=ceiling,
            amount=Decimal(3),
            tenant="acme",
            gateway="own",
            number=TO,
            now=now_ms(),
        )

    await TenantStore(world.database).create("acme", daily_cost=Decimal(2))
    with pytest.raises(CostLimitExceeded, match="of this tenant"):
        await world.database.write(lambda c: reserve(c, Decimal(100)))
    await world.database.write(lambda c: reserve(c, None))
    assert await world.database.read(lambda c: spending.spent(c, now_ms())) == 3
