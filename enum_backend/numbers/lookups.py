"""Money for live look-ups: counted before a provider is asked, corrected by what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.gateways.base import Cost, Gateway
from enum_backend.numbers import spending
from enum_backend.numbers.currency import to_usd
from enum_backend.numbers.prices import PriceList
from enum_backend.storage import Database

LOOKUP: Final = "lookup"
"""`kind` of what a look-up costs."""


@dataclass(frozen=True, slots=True)
class Held:
    """What was counted for one look-up."""

    gateway: str
    tenant: str
    number: str
    amount: Decimal
    at: int


class LookupBudget:
    """Counts look-ups by the price list; those of providers without a price count as nothing.

    Args:
        ceiling: US dollars in 24 hours that everything paid shares, 0 = none.
    """

    def __init__(self, database: Database, prices: PriceList, *, ceiling: Decimal) -> None:
        self._database = database
        self._prices = prices
        self._ceiling = ceiling

    async def hold(self, gateway: Gateway, tenant: str, number: str) -> Held:
        """Count one look-up.

        Raises:
            CostLimitExceeded: it must not be made.
            DatabaseUnavailable: nobody can count it, so it must not be made.
        """
        price = self._prices.lookup(gateway.provider) or Decimal(0)
        held = Held(gateway.name, tenant, number, price, now_ms())
        await self._database.write(lambda c: _reserve(c, held, self._ceiling))
        return held

    async def settle(self, held: Held, cost: Cost | None) -> None:
        """Count what the provider says it charged; without its word the listed price stands."""
        told = None if cost is None else to_usd(cost)
        if told is None or told == held.amount:
            return
        paid = Held(held.gateway, held.tenant, held.number, told, held.at)

        def work(connection: Connection) -> None:
            _give_back(connection, held)
            _reserve(connection, paid, None)

        await self._database.write(work)

    async def give_back(self, held: Held) -> None:
        """Count it no more: the provider refused, so it charges nothing."""
        await self._database.write(lambda c: _give_back(c, held))


def _reserve(connection: Connection, held: Held, ceiling: Decimal | None) -> None:
    spending.reserve(
        connection,
        ceiling=ceiling,
        amount=held.amount,
        tenant=held.tenant,
        gateway=held.gateway,
        number=held.number,
        now=held.at,
        kind=LOOKUP,
    )


def _give_back(connection: Connection, held: Held) -> None:
    spending.give_back(connection, number=held.number, reserved_at=held.at, kind=LOOKUP)
