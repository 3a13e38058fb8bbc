"""The numbers that were bought or imported: which gateway has each, and whose it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Connection, Row, delete, insert, select, update

from enum_backend.clock import now_ms
from enum_backend.gateways.inventory.base import Feature
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.storage import Database
from enum_backend.storage.tables import numbers
from enum_backend.tenants.bindings import all_bindings, claim, disclaim

_MICROS = 1_000_000
_DETAIL_CHARACTERS = 300
_ID_CHARACTERS = 128


class NumberState(StrEnum):
    """Where a number of ours stands: ordered, ours, being given back, gone (never stored)."""

    PENDING = "pending"
    ACTIVE = "active"
    RELEASING = "releasing"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class StoredNumber:
    """One number.

    Attributes:
        tenant: empty = nobody's in particular: of a shared gateway's settings, and bound to no one.
        source: `bought`, `imported`, or `settings` for one that only stands there.
        order_id: the provider's id of the order, None while nobody knows it; of a
            number that is being given back, the order of that.
        monthly: US dollars a month, None where nobody tells.
        created_at, updated_at: milliseconds; `created_at` is also when its price was counted.
    """

    number: str
    gateway: str
    provider: str
    tenant: str
    state: NumberState
    source: str
    features: frozenset[Feature] = frozenset()
    order_id: str | None = None
    detail: str | None = None
    monthly: Decimal | None = None
    created_at: int = 0
    updated_at: int = 0


class NumberStore:
    """Keeps the `numbers` table, and lets each gateway own what is bound to it.

    Call `load` once before use, and after a binding has changed. A number belongs to
    one gateway and one tenant.
    """

    def __init__(self, database: Database, registry: GatewayRegistry) -> None:
        self._database = database
        self._registry = registry
        self._owners: dict[str, str] = {}

    async def load(self) -> None:
        """Read the bindings; what `owner_gateway` and `Gateway.owns` know."""
        rows = await self.all()
        self._owners = {
            row.number: row.gateway for row in rows if row.state is not NumberState.PENDING
        }
        tenants = await self._database.read(all_bindings)
        for gateway in self._registry:
            listed = (gateway.options.sender, *gateway.options.numbers)
            own = [number for number, name in self._owners.items() if name == gateway.name]
            gateway.bindings = {
                number: tenants[number] for number in (*listed, *own) if number in tenants
            }

    def owner_gateway(self, number: str) -> str | None:
        """The name of the gateway that `+E.164` is bound to, by this table or by settings."""
        if name := self._owners.get(number):
            return name
        owner = self._registry.owner_of(number)
        return owner.name if owner else None

    async def all(self) -> list[StoredNumber]:
        """Every number, in order."""
        query = select(numbers).order_by(numbers.c.number)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_stored(row) for row in rows]

    async def find(self, number: str) -> StoredNumber | None:
        """One number."""
        return await self._database.read(lambda connection: find(connection, number))

    async def change(self, work: Callable[[Connection], None]) -> None:
        """Run a change in one transaction, then know its result."""
        await self._database.write(work)
        await self.load()

    async def settle(self, row: StoredNumber, **values: Any) -> StoredNumber:
        """Change fields of a number, as in `replace`; returns it as it stands now."""
        changed = replace(row, **values, updated_at=now_ms())
        columns = _columns(changed) | {"updated_at": changed.updated_at}

        def work(connection: Connection) -> None:
            where = numbers.c.number == row.number
            connection.execute(update(numbers).where(where).values(**columns))

        await self.change(work)
        return changed


def find(connection: Connection, number: str) -> StoredNumber | None:
    """One number, inside a transaction."""
    row = connection.execute(select(numbers).where(numbers.c.number == number)).first()
    return _stored(row) if row is not None else None


def add(connection: Connection, row: StoredNumber) -> None:
    """A number that is not stored yet; binds it to its tenant.

    Raises:
        NumberTaken: it is bound to another tenant.
    """
    claim(connection, row.number, row.tenant, row.source, row.created_at)
    columns = _columns(row) | {"created_at": row.created_at, "updated_at": row.created_at}
    connection.execute(insert(numbers).values(**columns))


def remove(connection: Connection, number: str) -> None:
    """A number that is no longer ours."""
    disclaim(connection, number)
    connection.execute(delete(numbers).where(numbers.c.number == number))


def _columns(row: StoredNumber) -> dict[str, Any]:
    return {
        "number": row.number,
        "gateway": row.gateway,
        "provider": row.provider,
        "tenant": row.tenant,
        "state": row.state,
        "source": row.source,
        "features": " ".join(sorted(row.features)),
        "order_id": row.order_id[:_ID_CHARACTERS] if row.order_id else None,
        "detail": row.detail[:_DETAIL_CHARACTERS] if row.detail else None,
        "monthly_micros": None if row.monthly is None else int(row.monthly * _MICROS),
    }


def _stored(row: Row[Any]) -> StoredNumber:
    micros = row.monthly_micros
    return StoredNumber(
        number=row.number,
        gateway=row.gateway,
        provider=row.provider,
        tenant=row.tenant,
        state=NumberState(row.state),
        source=row.source,
        features=cast("frozenset[Feature]", frozenset(row.features.split())),
        order_id=row.order_id,
        detail=row.detail,
        monthly=None if micros is None else Decimal(micros) / _MICROS,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
