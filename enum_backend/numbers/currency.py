"""What providers charge in other currencies, in US dollars: all ceilings and sums are in them.

The rates are a table of the price list, with the day and the source they are from. They
are for counting, not for accounting; a currency without a rate is never taken for dollars.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from enum_backend.gateways.base import Cost
from enum_backend.shipped import shipped

FILE_NAME: Final = "prices.toml"
TABLE: Final = "rates"
USD: Final = "USD"

log = structlog.get_logger("enum_backend.numbers")


class Rates(BaseModel):
    """Exchange rates.

    Attributes:
        as_of: the day of the rates, None for an empty table.
        usd: ISO 4217 code -> US dollars for one unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date | None = None
    source: str = ""
    usd: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")], Annotated[Decimal, Field(gt=0)]
    ] = Field({})

    def dollars(self, currency: str) -> Decimal | None:
        """US dollars for one unit, None if there is no rate."""
        return Decimal(1) if currency == USD else self.usd.get(currency)


_used: Rates | None = None


def use_rates(rates: Rates | None) -> None:
    """The rates of this process from now on: the price list's; None = the program's own."""
    global _used
    _used = rates


def rates_in_use() -> Rates:
    """Those of `use_rates`, else the ones that came with the program."""
    return _used if _used is not None else _shipped()


def to_usd(cost: Cost) -> Decimal | None:
    """An amount in US dollars; None where there is no rate, which is logged once."""
    rate = rates_in_use().dollars(cost.currency)
    if rate is None:
        _unknown(cost.currency)
        return None
    return cost.amount * rate


@cache
def _shipped() -> Rates:
    path = shipped(FILE_NAME, "prices_file")
    content: Mapping[str, Any] = tomllib.loads(path.read_text("utf-8"))
    return Rates.model_validate(content.get(TABLE, {}))


@cache
def _unknown(currency: str) -> None:
    log.warning(
        "costs in this currency are not counted: no rate in the price list", currency=currency
    )
