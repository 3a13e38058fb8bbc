from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from enum_backend.errors import SettingsError
from enum_backend.gateways.base import Cost
from enum_backend.numbers import currency
from enum_backend.numbers.currency import Rates, rates_in_use, to_usd, use_rates
from enum_backend.numbers.prices import load_prices

HEAD = 'as_of = "2026-11-21"\ncurrency = "USD"\n'


@pytest.fixture(autouse=True)
def _nobody_was_told() -> Iterator[None]:
    yield
    currency._unknown.cache_clear()


def test_dollars_stay_what_they_are() -> None:
    use_rates(Rates())
    assert to_usd(Cost(Decimal("0.0040"))) == Decimal("0.0040")


def test_the_rates_that_came_with_the_program() -> None:
    rates = rates_in_use()
    assert rates.as_of is not None
    assert rates.source.startswith("https://")
    assert {"EUR", "GBP", "CAD", "AUD", "INR"} <= set(rates.usd)
    assert to_usd(Cost(Decimal(2), "EUR")) == 2 * rates.usd["EUR"]
    assert load_prices().rates == rates


@given(st.decimals(-1000, 1000, places=4), st.decimals("0.000001", 1000, places=6))
def test_conversion(amount: Decimal, rate: Decimal) -> None:
    use_rates(Rates(usd={"EUR": rate}))
    assert to_usd(Cost(amount, "EUR")) == amount * rate
    assert to_usd(Cost(amount)) == amount


def test_a_currency_without_a_rate_is_never_taken_for_dollars() -> None:
    with capture_logs() as logs:
        for _ in range(3):
            assert to_usd(Cost(Decimal(5), "XTS")) is None
        assert to_usd(Cost(Decimal(5), "usd")) is None
    assert [line["currency"] for line in logs] == ["XTS", "usd"]


def test_rates_of_ones_own_list(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    table = '[rates]\nas_of = "2026-11-20"\nsource = "x"\n[rates.usd]\nEUR = "1.5"\n'
    path.write_text(f'{HEAD}{table}[telnyx]\nsource = "x"\nlookup = "0.01"\n')
    prices = load_prices(path)
    assert prices.rates == Rates(as_of=date(2026, 11, 20), source="x", usd={"EUR": Decimal("1.5")})
    assert (prices.lookup("telnyx"), prices.lookup("nobody")) == (Decimal("0.01"), None)
    path.write_text(HEAD)
    assert load_prices(path).rates.dollars("EUR") is None


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("[rates.usd]\neuro = 1\n", "usd.euro"),
        ("[rates.usd]\nEUR = 0\n", "usd.EUR"),
        ("[rates]\nEUR = 1\n", "EUR: Extra inputs"),
        ('[rates]\nas_of = "soon"\n', "as_of"),
    ],
)
def test_rates_that_cannot_be_used(tmp_path: Path, table: str, why: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(HEAD + table)
    with pytest.raises(SettingsError, match=f"prices_file: .*{why}"):
        load_prices(path)
