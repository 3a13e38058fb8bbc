from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from enum_backend.errors import CostLimitExceeded, ProviderError, ValidationFailed
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.inventory.base import AvailableNumber, NumberQuery, OrderState
from enum_backend.gateways.inventory.base import OwnedNumber as Owned
from enum_backend.numbers import purchase
from enum_backend.numbers.prices import PriceList
from enum_backend.numbers.purchase import Terms, agreed
from enum_backend.numbers.store import NumberState
from enum_backend.storage.tables import numbers
from tests.unit.numbers.numbers_world import NUMBER, OTHER, PRICES, SMS, US, NumbersWorld, dollars

FIRST = Decimal("2.50")


@pytest.mark.parametrize(
    ("monthly", "price", "yes", "amount"),
    [
        ("2.00", "2.50", False, "2.50"),
        ("2.00", "9", False, "2.50"),
        ("2.00", None, True, "2.50"),
        (None, "3", False, "3"),
    ],
)
def test_agreed(monthly: str | None, price: str | None, yes: bool, amount: str) -> None:
    terms = Terms(Decimal(monthly) if monthly else None, Decimal("0.50"))
    counted = agreed(terms, price=Decimal(price) if price else None, yes=yes)
    assert counted == Decimal(amount)


@pytest.mark.parametrize(
    ("monthly", "price", "yes", "why"),
    [
        ("2.00", None, False, "confirm it: the number costs 2.50 USD"),
        ("2.00", "2.49", True, "the number costs 2.50 USD at once"),
        (None, None, True, "nobody tells what this number costs"),
    ],
)
def test_not_agreed(monthly: str | None, price: str | None, yes: bool, why: str) -> None:
    terms = Terms(Decimal(monthly) if monthly else None, Decimal("0.50"))
    with pytest.raises(ValidationFailed, match=why) as refused:
        agreed(terms, price=Decimal(price) if price else None, yes=yes)
    assert refused.value.errors[0].field == "price"


async def test_the_price_lately_shown_counts(world: NumbersWorld) -> None:
    shop = world.shop()
    shop.on_sale = [AvailableNumber(NUMBER, SMS, monthly=dollars("7.00"), setup=dollars("1.00"))]
    await world.inventory.search(US, NumberQuery())
    with pytest.raises(ValidationFailed, match=r"costs 8\.00 USD"):
        await world.inventory.buy(US, NUMBER)
    row = await world.inventory.buy(US, NUMBER, price=Decimal(8))
    assert row.monthly == Decimal(7)
    assert await world.spent() == [Decimal(8)]


async def test_a_number_nobody_prices(world: NumbersWorld) -> None:
    world.shop()
    world.offers._prices = PriceList(PRICES.as_of, "USD", {})
    with pytest.raises(ValidationFailed, match="nobody tells"):
        await world.inventory.buy(US, NUMBER, yes=True)
    row = await world.inventory.buy(US, NUMBER, price=Decimal(3))
    assert row.monthly is None
    assert await world.spent() == [Decimal(3)]


async def test_purchases_count_against_the_ceiling(world: NumbersWorld) -> None:
    world.shop()
    world.ceiling = Decimal("5.00")
    await world.inventory.buy(US, NUMBER, yes=True)
    await world.inventory.buy(US, OTHER, yes=True)
    with pytest.raises(CostLimitExceeded, match=r"5\.00 USD"):
        await world.inventory.buy(US, "+14155550103", yes=True)
    assert await world.store.find("+14155550103") is None
    assert await world.spent() == [FIRST, FIRST]


async def test_two_at_once_buy_one(world: NumbersWorld) -> None:
    shop = world.shop()
    buying = (world.inventory.buy(US, NUMBER, yes=True) for _ in range(5))
    results = await asyncio.gather(*buying, return_exceptions=True)
    assert sum(isinstance(result, ValidationFailed) for result in results) == 4
    assert [call[0] for call in shop.calls] == ["buy"]
    assert await world.spent() == [FIRST]


async def test_a_refusal_costs_nothing(world: NumbersWorld) -> None:
    shop = world.shop()
    shop.buying = [GatewayError(Reason.INSUFFICIENT_FUNDS, "no money")]
    with pytest.raises(ProviderError) as refused:
        await world.inventory.buy(US, NUMBER, yes=True)
    assert refused.value.reason == "insufficient_funds"
    assert (await world.spent(), await world.store.find(NUMBER)) == ([], None)
    shop.buying = [OrderState.FAILED]
    with pytest.raises(ProviderError):
        await world.inventory.buy(US, NUMBER, yes=True)
    assert (await world.spent(), await world.store.find(NUMBER)) == ([], None)


async def test_orders_are_followed_to_their_end(world: NumbersWorld) -> None:
    shop = world.shop()
    shop.buying = [OrderState.PENDING]
    unreadable = GatewayError(Reason.TEMPORARY_UNAVAILABLE)
    shop.looking = [OrderState.PENDING, unreadable, OrderState.DONE]
    row = await world.inventory.buy(US, NUMBER, yes=True)
    assert row.state is NumberState.ACTIVE
    assert [call[0] for call in shop.calls] == ["buy", "order", "order", "order"]
    shop.buying = [OrderState.PENDING]
    shop.looking = [OrderState.FAILED]
    with pytest.raises(ProviderError):
        await world.inventory.buy(US, OTHER, yes=True)
    assert await world.store.find(OTHER) is None
    assert await world.spent() == [FIRST]


async def test_an_unclear_order_is_never_repeated(world: NumbersWorld) -> None:
    shop = world.shop()
    shop.buying = [GatewayError(Reason.UNKNOWN, "no answer", ambiguous=True)]
    world.wait = 0.05
    row = await world.inventory.buy(US, NUMBER, yes=True)
    assert (row.state, row.order_id) == (NumberState.PENDING, None)
    assert row.detail == "unclear: no answer"
    assert [call[0] for call in shop.calls].count("buy") == 1
    assert await world.spent() == [FIRST]
    with pytest.raises(ValidationFailed, match="is ours already, or ordered"):
        await world.inventory.buy(US, NUMBER, yes=True)
    shop.has = [Owned(NUMBER, SMS)]
    rows = {item.number: item for item in await world.inventory.ours(US)}
    assert rows[NUMBER].state is NumberState.ACTIVE


async def test_an_order_without_an_answer(
    world: NumbersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stall() -> Any:
        await asyncio.sleep(30)

    monkeypatch.setattr(purchase, "ORDER_SECONDS", 0.02)
    shop = world.shop()
    shop.buying = [stall]
    world.wait = 0.05
    row = await world.inventory.buy(US, NUMBER, yes=True)
    assert row.detail == "unclear: no answer in time"


async def test_a_lost_order_is_given_up(world: NumbersWorld) -> None:
    shop = world.shop()
    shop.buying = [GatewayError(Reason.UNKNOWN, "no answer", ambiguous=True)]
    world.wait = 0.02
    await world.inventory.buy(US, NUMBER, yes=True)
    await world.inventory.ours(US)
    assert await world.store.find(NUMBER) is not None
    old = update(numbers).values(created_at=1)
    await world.database.write(lambda c: c.execute(old).rowcount)
    await world.inventory.ours(US)
    assert await world.store.find(NUMBER) is None
