"""The price list: figures for estimates, with their date and source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from enum_backend.errors import SettingsError
from enum_backend.numbers.currency import FILE_NAME, TABLE, USD, Rates
from enum_backend.shipped import shipped


class ProviderPrices(BaseModel):
    """One provider's prices.

    `number_month` and `setup` are per number, `inbound` and `outbound` per
    segment; `countries` are other prices of `outbound`, by ISO 3166 country;
    `lookup` is per live look-up of a number; `sim_month` and `phone_once` are for
    phones of our own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)
    number_month: Decimal = Field(Decimal(0), ge=0)
    setup: Decimal = Field(Decimal(0), ge=0)
    inbound: Decimal = Field(Decimal(0), ge=0)
    outbound: Decimal = Field(Decimal(0), ge=0)
    countries: dict[str, Annotated[Decimal, Field(ge=0)]] = Field({})
    lookup: Decimal = Field(Decimal(0), ge=0)
    sim_month: Decimal = Field(Decimal(0), ge=0)
    phone_once: Decimal = Field(Decimal(0), ge=0)

    @field_validator("countries")
    @classmethod
    def _known(cls, countries: dict[str, Decimal]) -> dict[str, Decimal]:
        for country in countries:
            if country not in phonenumbers.SUPPORTED_REGIONS:
                raise ValueError(f"expected countries of ISO 3166 such as GB, got {country[:8]!r}")
        return countries

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
        rates: what other currencies are worth.
    """

    as_of: date
    currency: str
    providers: dict[str, ProviderPrices] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)

    def segment(self, provider: str, country: str | None = None) -> Decimal | None:
        """US dollars for one segment to a country; None where no price is known.

        Phones of our own have a flat plan: a segment costs nothing more.
        """
        prices = self.providers.get(provider)
        if prices is None:
            return None
        price = prices.countries.get(country or "", prices.outbound)
        return price if price or prices.is_own_phones else None

    def lookup(self, provider: str) -> Decimal | None:
        """US dollars for one live look-up; None for providers without a price."""
        prices = self.providers.get(provider)
        return prices.lookup or None if prices else None


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
    if currency != USD:
        raise SettingsError(
            f'prices_file: {path}: currency: expected "USD", as limits.daily_cost is in it'
        )
    try:
        rates = Rates.model_validate(content.pop(TABLE, {}))
        providers = {name: ProviderPrices.model_validate(table) for name, table in content.items()}
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"prices_file: {path}: {key}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
    return PriceList(day, USD, providers, rates)
