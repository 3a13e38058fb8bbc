"""Which messages a lease shows.

A message is shown if it came to the lease's number and tenant, and

* it arrived within the lease, every part of it if it came in parts;
* it was sent within the lease, by the provider's clock, where the provider tells. Many
  tell whole seconds only: of such a time the second in which the lease began counts as a
  whole; how wrong a clock may be is a setting (`agents.clock_tolerance`);
* it is no repeat: one that the provider hands over again keeps its first arrival, and one
  that comes again under another id is linked to the first and never shown;
* the lease is live. After its end nothing is shown, also not what came before.

So of two leases of one number, one after the other, no message is shown to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select

from enum_backend.agents.model import Lease
from enum_backend.errors import wrong_field
from enum_backend.storage.tables import agent_reads, inbox, inbox_parts

PARTS_MS = 86_400_000
"""How long before a lease parts of a message are looked for."""


def within(lease: Lease, tolerance_ms: int) -> ColumnElement[bool]:
    """The condition on `inbox` of what a live lease shows."""
    since = lease.started_at - tolerance_ms
    since_second = lease.started_at - lease.started_at % 1000 - tolerance_ms
    until = lease.expires_at + tolerance_ms
    early_part = exists().where(
        inbox_parts.c.inbox_id == inbox.c.inbox_id,
        inbox_parts.c.received_at < lease.started_at,
        inbox_parts.c.received_at > lease.started_at - PARTS_MS,
    )
    return and_(
        inbox.c.to_number == lease.number,
        inbox.c.tenant == lease.tenant,
        inbox.c.duplicate_of.is_(None),
        inbox.c.foreign_number.is_(False),
        inbox.c.received_at >= lease.started_at,
        inbox.c.received_at < lease.expires_at,
        or_(
            inbox.c.sent_at.is_(None),
            inbox.c.sent_at.between(since, until),
            and_(inbox.c.sent_at % 1000 == 0, inbox.c.sent_at.between(since_second, until)),
        ),
        ~early_part,
    )


def shown(
    connection: Connection,
    lease: Lease,
    *,
    after: int,
    limit: int,
    tolerance_ms: int,
    consumed: bool = True,
) -> Sequence[Row[Any]]:
    """Rows of messages in the order they became known, with what is known of their reading.

    Args:
        after: row id of a message.
        consumed: False = without those a wait has answered with.
    """
    query = (
        select(
            inbox,
            agent_reads.c.read_at,
            agent_reads.c.claimed_until,
            agent_reads.c.consumed_at,
        )
        .select_from(
            inbox.outerjoin(
                agent_reads,
                and_(
                    agent_reads.c.lease_id == lease.lease_id,
                    agent_reads.c.inbox_id == inbox.c.inbox_id,
                ),
            )
        )
        .where(within(lease, tolerance_ms), inbox.c.id > after)
    )
    if not consumed:
        query = query.where(agent_reads.c.consumed_at.is_(None))
    return connection.execute(query.order_by(inbox.c.id).limit(limit)).all()


def place_of(connection: Connection, lease: Lease, cursor: str | None, tolerance_ms: int) -> int:
    """The row id that a cursor, a message's id, stands for; 0 for none.

    Raises:
        ValidationFailed: the lease does not show such a message.
    """
    if cursor is None:
        return 0
    found: int | None = connection.execute(
        select(func.max(inbox.c.id)).where(within(lease, tolerance_ms), inbox.c.inbox_id == cursor)
    ).scalar()
    if found is None:
        raise wrong_field("after", "is not the id of a message of this lease")
    return found
