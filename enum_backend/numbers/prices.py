"""The price list: figures for estimates, with their date and source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from enum_backend.errors import SettingsError
from enum_backend.gateways.base import Cost
from enum_backend.shipped import shipped

FILE_NAME = "prices.toml"


class ProviderPrices(BaseModel):
    """One provider's prices.

    `number_month` and `setup` are per number, `inbound` and `outbound` per
    segment; `sim_month` and `phone_once` are for phones of our own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)
    number_month: Decimal = Field(Decimal(0), ge=0)
    setup: Decimal = Field(Decimal(0), ge=0)
    inbound: Decimal = Field(Decimal(0), ge=0)
    outbound: Decimal = Field(Decimal(0), ge=0)
    sim_month: Decimal = Field(Decimal(0), ge=0)
    phone_once: Decimal = Field(Decimal(0), ge=0)

    @property
    def is_own_phones(self) -> bool:
        """Whether numbers are SIMs of our own rather than rented."""
        return bool(self.sim_month or self.phone_once)


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by provider.

    Attributes:
        as_of: the day the figures were looked up.
        currency: ISO 4217.
    """

    as_of: date
    currency: str
    providers: dict[str, ProviderPrices] = field(default_factory=dict)

    def outbound(self, provider: str, segments: int) -> Cost | None:
        """Estimate of one message; None for providers without a price."""
        prices = self.providers.get(provider)
        if prices is None or not prices.outbound:
            return None
        return Cost(prices.outbound * segments, self.currency)


def load_prices(path: Path | None = None) -> PriceList:
    """Read a price list; None = the one that came with the program.

    Raises:
        SettingsError: names the file, the provider and the key.
    """
    path = path or shipped(FILE_NAME, "prices_file")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"prices_file: {path}: {error}") from None
    as_of, currency = content.pop("as_of", None), content.pop("currency", None)
    try:
        day = date.fromisoformat(str(as_of))
    except ValueError:
        raise SettingsError(f"prices_file: {path}: as_of: expected YYYY-MM-DD") from None
    if currency != "USD":
        raise SettingsError(
            f'prices_file: {path}: currency: expected "USD", as limits.daily_cost is in it'
        )
    try:
        providers = {name: ProviderPrices.model_validate(table) for name, table in content.items()}
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"prices_file: {path}: {key}: {first['msg']}") from None
    return PriceList(day, "USD", providers)
