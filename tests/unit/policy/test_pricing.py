"""What a segment costs by which gateway to which country."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from enum_backend.errors import SettingsError
from enum_backend.gateways.base import Cost
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.gateways.telnyx import TelnyxGateway
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.pricing import Pricing
from enum_backend.numbers.prices import PriceList, load_prices

US, GB = "+14155550134", "+447700900123"
LIST = """
as_of = "2026-11-21"
currency = "USD"

[telnyx]
source = "x"
outbound = "0.0040"

[telnyx.countries]
GB = "0.0400"

[simulator]
source = "x"
sim_month = "20.00"
"""


@pytest.fixture
def prices(tmp_path: Path) -> PriceList:
    path = tmp_path / "prices.toml"
    path.write_text(LIST)
    return load_prices(path)


@pytest.fixture
def pool() -> GatewayPool:
    registry = GatewayRegistry()
    registry.add("listed", TelnyxGateway())
    registry.add("own", TelnyxGateway(price="0.0100"))
    registry.add("sim", SimulatorGateway())
    return GatewayPool("live", registry, SimulatorGateway())


def test_own_price_then_the_country_then_anywhere(pool: GatewayPool, prices: PriceList) -> None:
    pricing = Pricing(pool, prices)
    assert pricing.segment("listed", US) == Decimal("0.0040")
    assert pricing.segment("listed", GB) == Decimal("0.0400")
    assert pricing.segment("own", GB) == Decimal("0.0100")
    assert pricing.segment("nobody", US) is None
    assert pricing.estimate("listed", GB, 3) == Cost(Decimal("0.1200"))
    assert pricing.estimate("nobody", GB, 3) is None


def test_phones_of_our_own_cost_nothing_more(pool: GatewayPool, prices: PriceList) -> None:
    assert Pricing(pool, prices).estimate("sim", US, 2) == Cost(Decimal(0))


def test_without_a_list(pool: GatewayPool) -> None:
    assert Pricing(pool).segment("listed", US) is None
    assert Pricing(pool).segment("own", US) == Decimal("0.0100")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('GB = "-1"', "countries.GB: Input should be greater"),
        ('UK = "1"', "countries: expected countries of ISO 3166 such as GB, got 'UK'"),
    ],
)
def test_country_prices_that_cannot_be(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(LIST.replace('GB = "0.0400"', line))
    with pytest.raises(SettingsError) as refused:
        load_prices(path)
    assert why in str(refused.value)
