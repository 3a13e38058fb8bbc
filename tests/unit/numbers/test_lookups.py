"""Live look-ups are paid: counted before, corrected after, refused when the day is spent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from enum_backend.clock import now_ms
from enum_backend.gateways.base import Cost, GatewayError, Reason
from enum_backend.gateways.inventory.base import LineType
from enum_backend.numbers import spending
from enum_backend.numbers.classify import Classification, Classifier
from enum_backend.numbers.currency import Rates, use_rates
from enum_backend.numbers.lookups import LookupBudget
from enum_backend.numbers.prices import PriceList, ProviderPrices
from tests.unit.numbers.numbers_world import NumbersWorld, ShopLookup

US = "+14155550134"
OTHER = "+14155550135"
PRICES = PriceList(
    date(2026, 11, 21), "USD", {"shop": ProviderPrices(source="x", lookup=Decimal("0.01"))}
)


@pytest.fixture(autouse=True)
def _nobody_was_asked() -> Iterator[None]:
    use_rates(Rates(usd={"EUR": Decimal(2)}))
    ShopLookup.answers["shop"] = LineType.MOBILE
    yield
    for kept in (ShopLookup.answers, ShopLookup.asked, ShopLookup.costs):
        kept.clear()


async def live(
    world: NumbersWorld, *numbers: str, ceiling: str = "0", prices: PriceList = PRICES
) -> Classification:
    budget = LookupBudget(world.database, prices, ceiling=Decimal(ceiling))
    classifier = Classifier(world.registry, {"shop": ShopLookup}, budget=budget)
    for number in numbers:
        found = await classifier.classify(number, live=True, tenant="acme")
    return found


async def day(world: NumbersWorld) -> dict[str, Decimal]:
    """What the day's ceilings see."""
    scopes = ("all", "tenant:acme")
    return await world.database.read(lambda c: spending.totals(c, scopes, now_ms()))


async def test_look_ups_count_against_the_day(world: NumbersWorld) -> None:
    world.shop()
    await live(world, US, US, OTHER)
    assert await world.spent() == [Decimal("0.01")] * 2
    assert set((await day(world)).values()) == {Decimal("0.02")}


async def test_the_day_is_spent(world: NumbersWorld) -> None:
    world.shop()
    found = await live(world, US, OTHER, ceiling="0.015")
    assert ShopLookup.asked == ["shop"]
    assert found.live is None
    assert found.live_error == ("shop: not asked: The daily spend limit of 0.015 USD is reached.")
    assert found.acceptance.likely is None
    assert await world.spent() == [Decimal("0.01")]


async def test_what_the_provider_tells_counts(world: NumbersWorld) -> None:
    world.shop()
    ShopLookup.costs["shop"] = Cost(Decimal("0.03"), "EUR")
    await live(world, US, ceiling="0.05")  # told late, it may pass the ceiling
    assert await world.spent() == [Decimal("0.06")]
    assert (await day(world))["all"] == Decimal("0.06")


@pytest.mark.parametrize("told", [Cost(Decimal("0.01")), Cost(Decimal(9), "XXX")])
async def test_what_is_told_in_no_known_currency_changes_nothing(
    world: NumbersWorld, told: Cost
) -> None:
    world.shop()
    ShopLookup.costs["shop"] = told
    await live(world, US)
    assert await world.spent() == [Decimal("0.01")]


@pytest.mark.parametrize(
    ("error", "spent"),
    [
        (GatewayError(Reason.AUTH_FAILED, "no"), []),
        (GatewayError(Reason.TEMPORARY_UNAVAILABLE, "HTTP 503"), []),
        (GatewayError(Reason.UNKNOWN, "no answer"), [Decimal("0.01")]),
    ],
)
async def test_a_refusal_costs_nothing(
    world: NumbersWorld, error: GatewayError, spent: list[Decimal]
) -> None:
    world.shop()
    ShopLookup.answers["shop"] = error
    await live(world, US)
    assert await world.spent() == spent
    assert (await day(world))["all"] == sum(spent, Decimal(0))


async def test_a_provider_without_a_price(world: NumbersWorld) -> None:
    world.shop()
    found = await live(world, US, prices=PriceList(PRICES.as_of, "USD"))
    assert found.line_type is LineType.MOBILE
    assert (await day(world))["all"] == 0


async def test_nobody_is_asked_when_nobody_can_count(world: NumbersWorld) -> None:
    world.shop()
    await world.database.close()
    found = await live(world, US)
    assert "shop: not asked: The database" in found.live_error
    assert ShopLookup.asked == []
