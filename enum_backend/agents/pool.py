"""The pool: which numbers are lent, and how each stands.

Functions of a connection inside a transaction. Whoever changes a tenant's pool or leases
holds the lock `lock_of(tenant)`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, insert, select, update

from enum_backend.agents.model import NumberStatus, PoolNumber
from enum_backend.errors import wrong_field
from enum_backend.numbers.store import NumberState
from enum_backend.storage.tables import agent_numbers
from enum_backend.storage.tables import numbers as numbers_table

SETTINGS: Final = "settings"
ADDED: Final = "added"
BOUGHT: Final = "bought"


def lock_of(tenant: str) -> str:
    """The lock of a tenant's leases."""
    return f"agents of {tenant}"


def rows_of(connection: Connection, tenant: str | None) -> Sequence[Row[Any]]:
    """The numbers of a tenant's pool, None = of all, in order."""
    query = select(agent_numbers).where(agent_numbers.c.removed_at.is_(None))
    if tenant is not None:
        query = query.where(agent_numbers.c.tenant == tenant)
    return connection.execute(query.order_by(agent_numbers.c.number)).all()


def row_of(connection: Connection, number: str) -> Row[Any] | None:
    """One number, unless it has been taken out."""
    return connection.execute(
        select(agent_numbers).where(
            agent_numbers.c.number == number, agent_numbers.c.removed_at.is_(None)
        )
    ).first()


def shown(row: Row[Any], *, lendable: bool, now: int, cool_down_ms: int) -> PoolNumber:
    """A number as it stands at a time."""
    held_until = row.held_until if row.lease_id is not None else None
    cooling_until = None if held_until is None else held_until + cool_down_ms
    if held_until is not None and now < held_until:
        status = NumberStatus.LEASED
    elif not lendable:
        status = NumberStatus.UNAVAILABLE
    elif cooling_until is not None and now < cooling_until:
        status = NumberStatus.COOLING
    else:
        status = NumberStatus.FREE
    return PoolNumber(
        number=row.number,
        tenant=row.tenant,
        source=row.source,
        status=status,
        leased_until=held_until if status is NumberStatus.LEASED else None,
        cooling_until=cooling_until if status is NumberStatus.COOLING else None,
        lease_id=row.lease_id,
        key_id=row.holder_key,
        passport_id=row.holder_passport,
        held_until=row.held_until,
    )


def next_free(numbers: Iterable[PoolNumber], now: int, cool_down_ms: int) -> int | None:
    """When anybody can have a number: now, or milliseconds to come; None = nobody knows."""
    times = []
    for number in numbers:
        if number.status is NumberStatus.FREE:
            return now
        if number.cooling_until is not None:
            times.append(number.cooling_until)
        elif number.leased_until is not None:
            times.append(number.leased_until + cool_down_ms)
    return min(times, default=None)


def add(
    connection: Connection, number: str, tenant: str, *, source: str, by: str, now: int
) -> None:
    """Put a number in; one that is there already stays as it is.

    Raises:
        ValidationFailed: it is in another tenant's pool.
    """
    found = connection.execute(
        select(agent_numbers).where(agent_numbers.c.number == number)
    ).first()
    if found is None:
        connection.execute(
            insert(agent_numbers).values(
                number=number,
                tenant=tenant,
                source=source,
                added_by=by,
                created_at=now,
                held_until=0,
            )
        )
    elif found.removed_at is not None:
        _change(
            connection,
            [number],
            tenant=tenant,
            source=source,
            added_by=by,
            created_at=now,
            removed_at=None,
        )
    elif found.tenant != tenant:
        raise wrong_field("phone_number", "is in the pool of another tenant")


def remove(connection: Connection, numbers: Collection[str], now: int) -> None:
    """Take numbers out. Who leases one keeps it until the lease ends."""
    _change(connection, numbers, removed_at=now)


def keep_configured(connection: Connection, wanted: Mapping[str, str], now: int) -> list[str]:
    """Put in the numbers (-> tenant) of the settings; take out those that stood there.

    Returns:
        The numbers that are in another tenant's pool, and stay there.
    """
    rows = {row.number: row for row in rows_of(connection, None)}
    gone = [n for n, row in rows.items() if row.source == SETTINGS and wanted.get(n) != row.tenant]
    if gone:
        remove(connection, gone, now)
    elsewhere = []
    for number, tenant in wanted.items():
        row = rows.get(number)
        if row is None or number in gone:
            add(connection, number, tenant, source=SETTINGS, by=SETTINGS, now=now)
        elif row.tenant != tenant:
            elsewhere.append(number)
    return elsewhere


def has_ordered(connection: Connection, tenant: str) -> bool:
    """Whether a number for a tenant's pool is ordered and not there yet."""
    query = select(agent_numbers.c.number).where(
        agent_numbers.c.tenant == tenant,
        agent_numbers.c.removed_at.is_(None),
        agent_numbers.c.source == BOUGHT,
        numbers_table.c.number == agent_numbers.c.number,
        numbers_table.c.state == NumberState.PENDING,
    )
    return connection.execute(query.limit(1)).first() is not None


def drop_unbought(connection: Connection, before: int, now: int) -> None:
    """Take out numbers that were to be bought before a time, and never became ours."""
    query = select(agent_numbers.c.number).where(
        agent_numbers.c.removed_at.is_(None),
        agent_numbers.c.source == BOUGHT,
        agent_numbers.c.created_at < before,
        ~exists().where(numbers_table.c.number == agent_numbers.c.number),
    )
    if gone := list(connection.execute(query).scalars()):
        remove(connection, gone, now)


def hold(
    connection: Connection,
    number: str,
    *,
    lease_id: str,
    key_id: str,
    passport_id: str,
    until: int,
) -> None:
    """Whose a number is from now on."""
    _change(
        connection,
        [number],
        lease_id=lease_id,
        holder_key=key_id,
        holder_passport=passport_id,
        held_until=until,
    )


def hold_until(connection: Connection, number: str, lease_id: str, until: int) -> None:
    """A lease ends earlier or later."""
    connection.execute(
        update(agent_numbers)
        .where(agent_numbers.c.number == number, agent_numbers.c.lease_id == lease_id)
        .values(held_until=until)
    )


def _change(connection: Connection, numbers: Collection[str], **values: Any) -> None:
    connection.execute(
        update(agent_numbers).where(agent_numbers.c.number.in_(list(numbers))).values(**values)
    )
