"""Leases: begun, prolonged, ended. Functions of a connection inside a transaction.

A lease belongs to a passport of a key. Two leases of one number cannot be live at once: the
tenant's lock orders those who want one, and a unique index stands behind it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from enum_backend.agents import pool
from enum_backend.agents.model import DAY_MS, Caller, Lease, LeaseState, NumberStatus, PoolNumber
from enum_backend.agents.ownership import Ownership
from enum_backend.clock import now_ms, rfc3339
from enum_backend.errors import LeaseEnded, NotFound, PoolExhausted, RateLimitExceeded
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import agent_leases


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """How leases are given; times in milliseconds, ceilings 0 = none."""

    cool_down_ms: int
    per_key: int
    per_tenant: int
    new_per_day: int


def begin(
    connection: Connection,
    caller: Caller,
    passport_id: str,
    *,
    ttl_ms: int,
    service: str | None,
    rules: LeaseRules,
    ownership: Ownership,
) -> tuple[Lease, bool]:
    """The passport's live lease, prolonged; else a new one: (lease, it was live already).

    Raises:
        RateLimitExceeded: the key or its tenant has as many as it may.
        PoolExhausted: no number is free for this passport.
    """
    serialize(connection, pool.lock_of(caller.tenant))
    now = now_ms()
    settle(connection, caller.tenant, now)
    live = connection.execute(
        select(agent_leases).where(
            agent_leases.c.key_id == caller.key_id,
            agent_leases.c.passport_id == passport_id,
            agent_leases.c.ended_at.is_(None),
        )
    ).first()
    if live is not None:
        return prolong(connection, as_lease(live), now + ttl_ms, service=service), True
    _check_quotas(connection, caller, rules, now)
    chosen = _choose(connection, caller, passport_id, rules, ownership, now)
    number = chosen.number
    _settle(connection, agent_leases.c.number == number, now)
    lease = Lease(
        lease_id=f"lease_{secrets.token_hex(12)}",
        key_id=caller.key_id,
        passport_id=passport_id,
        tenant=caller.tenant,
        number=number,
        service=service,
        # What came in the millisecond in which the lease before ended was shown to that one.
        started_at=max(now, chosen.held_until + 1),
        expires_at=now + ttl_ms,
    )
    connection.execute(
        insert(agent_leases).values(
            lease_id=lease.lease_id,
            key_id=lease.key_id,
            passport_id=passport_id,
            tenant=lease.tenant,
            number=number,
            service=service,
            started_at=lease.started_at,
            expires_at=lease.expires_at,
        )
    )
    pool.hold(
        connection,
        number,
        lease_id=lease.lease_id,
        key_id=caller.key_id,
        passport_id=passport_id,
        until=lease.expires_at,
    )
    return lease, False


def settle(connection: Connection, tenant: str, now: int) -> None:
    """Write down the end of a tenant's leases that ran out."""
    _settle(connection, agent_leases.c.tenant == tenant, now)


def _settle(connection: Connection, which: ColumnElement[bool], now: int) -> None:
    connection.execute(
        update(agent_leases)
        .where(which, agent_leases.c.ended_at.is_(None), agent_leases.c.expires_at <= now)
        .values(ended_at=agent_leases.c.expires_at, end_reason=LeaseState.EXPIRED.value)
    )


def prolong(
    connection: Connection, lease: Lease, until: int, *, service: str | None = None
) -> Lease:
    """Let a live lease end at a time, never earlier than it would.

    One of a number that is not in its tenant's pool any more ends when it would.
    """
    row = pool.row_of(connection, lease.number)
    is_lent = row is not None and row.tenant == lease.tenant
    expires_at = max(lease.expires_at, until) if is_lent else lease.expires_at
    wanted = service or lease.service
    if expires_at != lease.expires_at or wanted != lease.service:
        connection.execute(
            update(agent_leases)
            .where(agent_leases.c.lease_id == lease.lease_id)
            .values(expires_at=expires_at, service=wanted)
        )
        pool.hold_until(connection, lease.number, lease.lease_id, expires_at)
    row = connection.execute(
        select(agent_leases).where(agent_leases.c.lease_id == lease.lease_id)
    ).one()
    return as_lease(row)


def end(connection: Connection, lease: Lease, reason: LeaseState, now: int) -> Lease:
    """End a live lease now."""
    connection.execute(
        update(agent_leases)
        .where(agent_leases.c.lease_id == lease.lease_id, agent_leases.c.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason.value)
    )
    pool.hold_until(connection, lease.number, lease.lease_id, now)
    row = connection.execute(
        select(agent_leases).where(agent_leases.c.lease_id == lease.lease_id)
    ).one()
    return as_lease(row)


def find(connection: Connection, caller: Caller, lease_id: str, *, admin: bool = False) -> Lease:
    """A lease of the caller's key.

    Args:
        admin: an admin's key finds those of other keys as well.

    Raises:
        NotFound: there is no such lease for it.
    """
    row = connection.execute(
        select(agent_leases).where(agent_leases.c.lease_id == lease_id)
    ).first()
    if row is None or not (row.key_id == caller.key_id or (admin and caller.is_admin)):
        raise NotFound("There is no such lease of this key.")
    return as_lease(row)


def require_live(lease: Lease, now: int) -> None:
    """Stop here when a lease is over.

    Raises:
        LeaseEnded: says since when.
    """
    ended_at = lease.over_at(now)
    if ended_at is not None:
        at = rfc3339(ended_at)
        raise LeaseEnded(
            f"The lease ended at {at}; its messages cannot be read any more. Lease again: "
            "the same passport_id gets the same number while nobody else has it.",
            ended_at=at,
        )


def of_key(
    connection: Connection,
    key_id: str | None,
    *,
    passport_id: str | None,
    ended: bool,
    now: int,
    limit: int,
) -> list[Lease]:
    """Leases of a key, None = of every key, the newest first."""
    query = select(agent_leases)
    if key_id is not None:
        query = query.where(agent_leases.c.key_id == key_id)
    if passport_id is not None:
        query = query.where(agent_leases.c.passport_id == passport_id)
    if not ended:
        query = query.where(agent_leases.c.ended_at.is_(None), agent_leases.c.expires_at > now)
    newest = (agent_leases.c.started_at.desc(), agent_leases.c.lease_id)
    return [as_lease(row) for row in connection.execute(query.order_by(*newest).limit(limit))]


def as_lease(row: Row[Any]) -> Lease:
    """A row as a lease."""
    return Lease(**row._mapping)


def live_of(connection: Connection, number: str, now: int) -> str | None:
    """The id of a number's live lease."""
    found: str | None = connection.execute(
        select(agent_leases.c.lease_id).where(
            agent_leases.c.number == number,
            agent_leases.c.ended_at.is_(None),
            agent_leases.c.expires_at > now,
        )
    ).scalar()
    return found


def pool_now(
    connection: Connection, tenant: str | None, rules: LeaseRules, ownership: Ownership, now: int
) -> list[PoolNumber]:
    """A tenant's pool as it stands, None = every tenant's."""
    rows = pool.rows_of(connection, tenant)
    lendable = ownership.lendable(connection, {row.number: row.tenant for row in rows})
    return [
        pool.shown(row, lendable=row.number in lendable, now=now, cool_down_ms=rules.cool_down_ms)
        for row in rows
    ]


def _choose(
    connection: Connection,
    caller: Caller,
    passport_id: str,
    rules: LeaseRules,
    ownership: Ownership,
    now: int,
) -> PoolNumber:
    """The number the passport had last, else one that has rested longest."""
    numbers = pool_now(connection, caller.tenant, rules, ownership, now)
    own = [
        number
        for number in numbers
        if (number.key_id, number.passport_id) == (caller.key_id, passport_id)
        and number.status in (NumberStatus.COOLING, NumberStatus.FREE)
    ]
    if own:
        return max(own, key=lambda number: number.held_until)
    free = [number for number in numbers if number.status is NumberStatus.FREE]
    if free:
        return min(free, key=lambda number: number.held_until)
    raise _exhausted(numbers, now, rules.cool_down_ms)


def _exhausted(numbers: Sequence[PoolNumber], now: int, cool_down_ms: int) -> PoolExhausted:
    if not numbers:
        return PoolExhausted(
            "The pool has no numbers: an admin puts some in (enum-backend agents pool add NUMBER)."
        )
    at = pool.next_free(numbers, now, cool_down_ms)
    if at is None:
        return PoolExhausted("No number of the pool can be lent now.")
    return PoolExhausted(
        f"Every number of the pool is leased or cools down; the next one is free at {rfc3339(at)}"
        " at the latest.",
        next_free_at=rfc3339(at),
        retry_after=(at - now) / 1000,
    )


def _check_quotas(connection: Connection, caller: Caller, rules: LeaseRules, now: int) -> None:
    live = agent_leases.c.ended_at.is_(None)
    of_key = agent_leases.c.key_id == caller.key_id
    of_tenant = agent_leases.c.tenant == caller.tenant
    for ceiling, whose, words in (
        (rules.per_key, of_key, "This key"),
        (rules.per_tenant, of_tenant, "This tenant"),
    ):
        count, first = connection.execute(
            select(func.count(), func.min(agent_leases.c.expires_at)).where(live, whose)
        ).one()
        if ceiling and count >= ceiling:
            raise RateLimitExceeded(
                f"{words} has {count} live leases, as many as it may: release one.",
                retry_after=max(1.0, (first - now) / 1000),
            )
    if not rules.new_per_day:
        return
    begun, oldest = connection.execute(
        select(func.count(), func.min(agent_leases.c.started_at)).where(
            of_key, agent_leases.c.started_at > now - DAY_MS
        )
    ).one()
    if begun >= rules.new_per_day:
        raise RateLimitExceeded(
            f"This key has begun {begun} leases in 24 hours, as many as it may.",
            retry_after=max(1.0, (oldest + DAY_MS - now) / 1000),
        )
