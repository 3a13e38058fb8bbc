"""Deliveries as people look at them: lists, dead letters, and making one again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from enum_backend.errors import NotFound
from enum_backend.messaging.deliveries.model import State
from enum_backend.storage.tables import deliveries, tenants
from enum_backend.storage.tables.deliveries import DEAD, QUEUED

MAX_REPLAYED = 1000
"""Dead letters that are replayed in one transaction."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One delivery, without address and text.

    Attributes:
        cursor: grows from one delivery to the next.
        target: an endpoint's id, or what stands for an address that a record names.
        status: of the last answer, HTTP or SMTP.
        next_attempt_at: milliseconds; None when it is over.
    """

    cursor: int
    delivery_id: str
    inbox_id: str
    tenant: str
    kind: str
    target: str
    state: str
    attempts: int
    reason: str | None
    status: int | None
    created_at: int
    expires_at: int
    next_attempt_at: int | None
    finished_at: int | None


def page(
    connection: Connection,
    *,
    tenant: str | None = None,
    state: State | None = None,
    inbox_id: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Letter]:
    """Deliveries, newest first.

    Args:
        tenant: None = of every tenant.
        before: a cursor; only older ones.
    """
    query = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
    if tenant is not None:
        query = query.where(deliveries.c.tenant == tenant)
    if state is State.DEAD:
        query = query.where(DEAD)
    elif state is not None:
        query = query.where(deliveries.c.state == state)
    if inbox_id is not None:
        query = query.where(deliveries.c.inbox_id == inbox_id)
    if before is not None:
        query = query.where(deliveries.c.id < before)
    return [_letter(row) for row in connection.execute(query)]


def replay(
    connection: Connection, delivery_id: str, *, tenant: str | None, now: int, validity_ms: int
) -> Letter:
    """Make a delivery again, whatever became of it; one that waits is made now.

    Raises:
        NotFound: there is none of that id, or it is another tenant's.
    """
    row = connection.execute(
        select(deliveries).where(deliveries.c.delivery_id == delivery_id)
    ).first()
    if row is None or tenant not in (None, row.tenant):
        raise NotFound("There is no delivery of that id.")
    if row.lease_owner is None:
        _queue_again(connection, [row.id], now, validity_ms)
        query = select(deliveries).where(deliveries.c.id == row.id)
        row = connection.execute(query).one()
    return _letter(row)


def replay_dead(connection: Connection, *, tenant: str | None, now: int, validity_ms: int) -> int:
    """Make dead letters again, the oldest first; returns how many, at most `MAX_REPLAYED`.

    Those of deleted tenants stay dead.
    """
    gone = select(tenants.c.name).where(tenants.c.deleted_at.is_not(None))
    query = (
        select(deliveries.c.id)
        .where(DEAD, deliveries.c.tenant.not_in(gone))
        .order_by(deliveries.c.id)
        .limit(MAX_REPLAYED)
    )
    if tenant is not None:
        query = query.where(deliveries.c.tenant == tenant)
    ids = list(connection.execute(query.with_for_update(skip_locked=True)).scalars())
    _queue_again(connection, ids, now, validity_ms)
    return len(ids)


def count_waiting(connection: Connection) -> dict[str, int]:
    """How many deliveries are queued, and dead; for metrics."""
    queued = connection.execute(select(func.count()).select_from(deliveries).where(QUEUED))
    dead = connection.execute(select(func.count()).select_from(deliveries).where(DEAD))
    return {State.QUEUED: queued.scalar_one(), State.DEAD: dead.scalar_one()}


def _queue_again(connection: Connection, ids: Sequence[int], now: int, validity_ms: int) -> None:
    if ids:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(ids))
            .values(
                state=State.QUEUED,
                attempts=0,
                next_attempt_at=now,
                expires_at=now + validity_ms,
                finished_at=None,
                lease_owner=None,
            )
        )


def _letter(row: Row[Any]) -> Letter:
    return Letter(
        cursor=row.id,
        delivery_id=row.delivery_id,
        inbox_id=row.inbox_id,
        tenant=row.tenant,
        kind=row.kind,
        target=row.target,
        state=row.state,
        attempts=row.attempts,
        reason=row.reason,
        status=row.status,
        created_at=row.created_at,
        expires_at=row.expires_at,
        next_attempt_at=row.next_attempt_at,
        finished_at=row.finished_at,
    )
