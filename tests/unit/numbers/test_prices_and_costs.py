from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from enum_backend.errors import SettingsError
from enum_backend.gateways.providers import providers
from enum_backend.numbers.costs import CostPlan, MonthlyCost, compare
from enum_backend.numbers.prices import load_prices

HEAD = 'as_of = "2026-11-21"\ncurrency = "USD"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    return path


def by_provider(plan: CostPlan) -> dict[str, MonthlyCost]:
    return {cost.provider: cost for cost in compare(plan, load_prices())}


def test_the_shipped_list_gives_the_published_figures() -> None:
    costs = by_provider(CostPlan(100, 10))
    assert str(costs["telnyx"].monthly) == "320.00"
    assert str(costs["bandwidth"].monthly) == "145.00"
    assert str(costs["telnyx"].rental) == "200.00"
    assert str(costs["telnyx"].messages) == "120.00"
    assert str(costs["telnyx"].each) == "3.20"
    assert (str(costs["android"].monthly), str(costs["android"].once)) == ("2000.00", "5000.00")
    android = by_provider(CostPlan(100, 10, android_sims=10))["android"]
    assert (str(android.monthly), str(android.once)) == ("200.00", "500.00")


def test_cheapest_month_first() -> None:
    months = [cost.monthly for cost in compare(CostPlan(7, 3), load_prices())]
    assert months == sorted(months)
    assert CostPlan(7, 3).messages == 630
    assert str(by_provider(CostPlan(0, 3))["telnyx"].each) == "0.00"


def test_every_shipped_price_is_of_a_provider_and_has_a_source() -> None:
    listed = load_prices().providers
    assert set(listed) <= set(providers())
    assert all(prices.source for prices in listed.values())


def test_estimates(tmp_path: Path) -> None:
    text = HEAD + '[telnyx]\nsource = "x"\noutbound = "0.0040"\n[url]\nsource = "x"\n'
    prices = load_prices(written(tmp_path, text))
    assert prices.segment("telnyx") == Decimal("0.0040")
    assert prices.segment("url") is None
    assert prices.segment("nobody") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("as_of = ", "Invalid value"),
        ('currency = "USD"\n', "as_of: expected YYYY-MM-DD"),
        ('as_of = "soon"\ncurrency = "USD"\n', "as_of: expected YYYY-MM-DD"),
        ('as_of = "2026-11-21"\n', 'currency: expected "USD"'),
        ('as_of = "2026-11-21"\ncurrency = "EUR"\n', 'currency: expected "USD"'),
        (HEAD + "[telnyx]\n", "source: Field required"),
        (HEAD + '[telnyx]\nsource = "x"\ninbuond = 1\n', "inbuond: Extra inputs"),
        (HEAD + '[telnyx]\nsource = "x"\ninbound = -1\n', "inbound: Input should be greater"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_prices(written(tmp_path, text))
    assert str(refused.value).startswith("prices_file: ")
    assert why in str(refused.value)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"prices_file: .*none\.toml"):
        load_prices(tmp_path / "none.toml")
