"""Takes the numbers that an account has at its provider into our table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.gateways.inventory.base import Inventory, OwnedNumber
from enum_backend.numbers import store
from enum_backend.numbers.offers import Offers
from enum_backend.numbers.store import NumberState, NumberStore, StoredNumber
from enum_backend.tenants.bindings import tenant_bound_to

Arrived = Callable[[Inventory[Any], StoredNumber], Awaitable[StoredNumber]]
"""What makes a pending number that the account has ours."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found at the provider.

    Attributes:
        added: now ours.
        known: were before.
        elsewhere: bound to another gateway or tenant, and left there.
        gone: ours by the table, but no longer in the account.
    """

    added: tuple[str, ...]
    known: tuple[str, ...]
    elsewhere: tuple[str, ...]
    gone: tuple[str, ...]


class TakeOver:
    """Adds what is new, settles orders that have arrived, reports the rest; removes nothing."""

    def __init__(self, numbers: NumberStore, offers: Offers, arrived: Arrived) -> None:
        self._store = numbers
        self._offers = offers
        self._arrived = arrived

    async def run(
        self, desk: Inventory[Any], tenant: str, owned: Sequence[OwnedNumber]
    ) -> Imported:
        """Bind the account's numbers to its gateway and to `tenant`."""
        standing = {row.number: row for row in await self._store.all()}
        here = {item.number: item for item in owned}
        ours = (desk.gateway.name, tenant)
        added = [item for number, item in here.items() if number not in standing]
        known = [
            standing[number]
            for number in here
            if number in standing and (standing[number].gateway, standing[number].tenant) == ours
        ]
        rows: list[StoredNumber] = []

        def work(connection: Connection) -> None:
            rows[:] = [
                self._row(desk, tenant, item)
                for item in added
                if tenant_bound_to(connection, item.number) in (None, tenant)
            ]
            for row in rows:
                if store.find(connection, row.number) is None:
                    store.add(connection, row)

        await self._store.change(work)
        for row in known:
            if row.state is NumberState.PENDING:
                await self._arrived(desk, row)
        mine = {row.number for row in known} | {row.number for row in rows}
        return Imported(
            added=tuple(row.number for row in rows),
            known=tuple(row.number for row in known),
            elsewhere=tuple(number for number in here if number not in mine),
            gone=tuple(
                row.number
                for row in standing.values()
                if row.gateway == desk.gateway.name
                and row.state is NumberState.ACTIVE
                and row.number not in here
            ),
        )

    def _row(self, desk: Inventory[Any], tenant: str, item: OwnedNumber) -> StoredNumber:
        return StoredNumber(
            number=item.number,
            gateway=desk.gateway.name,
            provider=desk.provider,
            tenant=tenant,
            state=NumberState.ACTIVE,
            source="imported",
            features=item.features,
            monthly=self._offers.price(desk, item.number)[0],
            created_at=now_ms(),
        )
