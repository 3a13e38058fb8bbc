"""Numbers on sale, at one gateway or at all of them, with what they will cost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_UP, Decimal
from typing import Any

from cachetools import TTLCache

from enum_backend.gateways.base import Cost, GatewayError
from enum_backend.gateways.inventory.base import AvailableNumber, Inventory, NumberQuery
from enum_backend.numbers.currency import to_usd
from enum_backend.numbers.prices import PriceList

SEARCH_SECONDS = 30.0
KEPT_SECONDS = 900
"""How long a provider's own price of a number on sale is believed."""
KEPT_OFFERS = 10_000

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Offer:
    """A number on sale.

    Attributes:
        monthly, setup: US dollars, by the provider or the price list; None where
            nobody tells.
    """

    gateway: str
    provider: str
    available: AvailableNumber
    monthly: Decimal | None
    setup: Decimal | None


@dataclass(frozen=True, slots=True)
class SearchFailure:
    """A gateway that could not be searched, and why."""

    gateway: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, gateways in their order of preference."""

    offers: tuple[Offer, ...]
    failures: tuple[SearchFailure, ...]


class Offers:
    """Searches, and remembers the prices it has shown.

    Args:
        home: country that a gateway's `area_code` belongs to.
    """

    def __init__(self, prices: PriceList, home: str = "US") -> None:
        self._prices = prices
        self._home = home
        self._shown: TTLCache[tuple[str, str], Offer] = TTLCache(KEPT_OFFERS, KEPT_SECONDS)

    async def search(self, desks: Sequence[Inventory[Any]], query: NumberQuery) -> SearchResult:
        """Ask all of them at once; those that fail are named, not raised."""
        found = await asyncio.gather(*(self._one(desk, query) for desk in desks))
        offers = [offer for result in found for offer in result.offers]
        failures = [failure for result in found for failure in result.failures]
        return SearchResult(tuple(offers), tuple(failures))

    async def one(self, desk: Inventory[Any], query: NumberQuery) -> tuple[Offer, ...]:
        """Ask one of them.

        Raises:
            GatewayError: refused or no answer.
            TimeoutError: no answer within `SEARCH_SECONDS`.
        """
        gateway = desk.gateway
        wanted = query
        if not query.area_code and query.country == self._home:
            wanted = replace(query, area_code=gateway.options.area_code)
        async with asyncio.timeout(SEARCH_SECONDS):
            available = await desk.search(wanted)
        offers = tuple(self._priced(desk, item) for item in available)
        self._shown.update({(offer.gateway, offer.available.number): offer for offer in offers})
        return offers

    def price(self, desk: Inventory[Any], number: str) -> tuple[Decimal | None, Decimal | None]:
        """(a month, once) of a number: as shown lately, else by the price list."""
        if shown := self._shown.get((desk.gateway.name, number)):
            return shown.monthly, shown.setup
        listed = self._prices.providers.get(desk.provider)
        if listed is None:
            return None, None
        return _dollars(None, listed.number_month), _dollars(None, listed.setup)

    async def _one(self, desk: Inventory[Any], query: NumberQuery) -> SearchResult:
        name = desk.gateway.name
        try:
            return SearchResult(await self.one(desk, query), ())
        except GatewayError as error:
            return SearchResult((), (SearchFailure(name, error.reason, error.detail),))
        except TimeoutError:
            failure = SearchFailure(name, "temporary_unavailable", "no answer in time")
            return SearchResult((), (failure,))

    def _priced(self, desk: Inventory[Any], item: AvailableNumber) -> Offer:
        listed = self._prices.providers.get(desk.provider)
        return Offer(
            gateway=desk.gateway.name,
            provider=desk.provider,
            available=item,
            monthly=_dollars(item.monthly, listed.number_month if listed else None),
            setup=_dollars(item.setup, listed.setup if listed else None),
        )


def _dollars(told: Cost | None, listed: Decimal | None) -> Decimal | None:
    """What the provider tells counts, also when nobody knows its currency.

    Rounded up to the cent, so that who accepts the price that is shown accepts enough.
    """
    amount = listed if told is None else to_usd(told)
    return None if amount is None else amount.quantize(_CENT, ROUND_UP)
