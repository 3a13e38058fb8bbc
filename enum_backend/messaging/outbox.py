"""Reading the outbox: one message with its attempts, and how many are pending.

Functions of a connection inside a transaction of `Database`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from enum_backend.messaging.model import AttemptView, MessageState, MessageView, from_micros
from enum_backend.storage.tables import attempts, outbox
from enum_backend.storage.tables.outbox import DISPATCHING, PENDING


def find(connection: Connection, message_id: str, tenant: str) -> MessageView | None:
    """One message of a tenant with its attempts; None for other tenants' ids as well."""
    row = connection.execute(
        select(outbox).where(outbox.c.message_id == message_id, outbox.c.tenant == tenant)
    ).first()
    if row is None:
        return None
    return view_of(row, tried(connection, [message_id]).get(message_id, ()))


def view_of(row: Row[Any], attempts_made: tuple[AttemptView, ...] = ()) -> MessageView:
    """A row of the outbox as callers see it: without its text."""
    return MessageView(
        message_id=row.message_id,
        status=MessageState(row.state),
        to=row.requested_to,
        destination=row.destination,
        sender=row.sender,
        provider=row.provider,
        gateway=row.gateway,
        segments=row.segments,
        encoding=row.encoding,
        cost=from_micros(row.cost_micros, row.cost_currency),
        reason=row.reason,
        provider_code=row.provider_code,
        client_reference=row.client_reference,
        created_at=row.created_at,
        updated_at=row.updated_at,
        attempts=attempts_made,
    )


def tried(connection: Connection, message_ids: Sequence[str]) -> dict[str, tuple[AttemptView, ...]]:
    """Message id -> its attempts, first to last; messages without any are left out."""
    found: dict[str, list[AttemptView]] = {}
    rows = connection.execute(
        select(attempts).where(attempts.c.message_id.in_(message_ids)).order_by(attempts.c.number)
    )
    for row in rows:
        found.setdefault(row.message_id, []).append(_attempt(row))
    return {message_id: tuple(views) for message_id, views in found.items()}


def _attempt(row: Row[Any]) -> AttemptView:
    return AttemptView(
        number=row.number,
        gateway=row.gateway,
        provider=row.provider,
        outcome=row.outcome,
        reason=row.reason,
        provider_code=row.provider_code,
        provider_message_id=row.provider_message_id,
        detail=row.detail,
        cost=from_micros(row.cost_micros, row.cost_currency),
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def count_by_state(connection: Connection) -> dict[str, int]:
    """How many messages are pending, per state; for metrics and health."""
    return {
        state: number
        for condition in (PENDING, DISPATCHING)
        for state, number in connection.execute(
            select(outbox.c.state, func.count()).where(condition).group_by(outbox.c.state)
        )
    }
