"""The outbox as a work queue: leases, and the attempt that is committed before it is made.

A row moves `queued -> dispatching -> ...` only here and in `outcomes`.
`dispatching` is committed before a provider hears of the message, so that after
a crash everything in that state is known to be ambiguous, and nothing else is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from enum_backend.messaging.model import MessageState
from enum_backend.storage.tables import attempts, outbox


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this process holds a lease on."""

    message_id: str
    destination: str
    sender: str | None
    sender_gateway: str | None
    body: bytes | None = field(repr=False)
    chain: tuple[str, ...] = ()
    position: int = 0
    attempts_at_gateway: int = 0
    valid_until: int = 0
    is_code: bool = False

    @property
    def gateway(self) -> str:
        """Whose turn it is."""
        return self.chain[self.position]

    @property
    def next_gateway(self) -> str | None:
        """Who follows when this one fails."""
        following = self.position + 1
        return self.chain[following] if following < len(self.chain) else None


def claim(
    connection: Connection,
    *,
    owner: str,
    now: int,
    lease_ms: int,
    room: dict[str, int],
) -> list[Claimed]:
    """Lease due messages, at most `room[gateway]` of each gateway.

    The key `""` stands for every gateway that is not in `room`: messages whose
    gateway is no longer configured must move on as well.
    """
    found: list[Row[Any]] = []
    known = [name for name in room if name]
    for name, places in room.items():
        which = outbox.c.gateway == name if name else outbox.c.gateway.not_in(known)
        if places > 0:
            found.extend(_due(connection, which, now, places))
    if not found:
        return []
    connection.execute(
        update(outbox)
        .where(outbox.c.id.in_([row.id for row in found]))
        .values(lease_owner=owner, lease_until=now + lease_ms)
    )
    return [_claimed(row) for row in found]


def _due(
    connection: Connection, which: ColumnElement[bool], now: int, places: int
) -> list[Row[Any]]:
    return list(
        connection.execute(
            select(outbox)
            .where(
                outbox.c.state == MessageState.QUEUED,
                which,
                outbox.c.next_attempt_at <= now,
                or_(outbox.c.lease_until.is_(None), outbox.c.lease_until < now),
            )
            .order_by(outbox.c.next_attempt_at, outbox.c.id)
            .limit(places)
        )
    )


def _claimed(row: Row[Any]) -> Claimed:
    return Claimed(
        message_id=row.message_id,
        destination=row.destination,
        sender=row.sender,
        sender_gateway=json.loads(row.route).get("sender_gateway"),
        body=row.body,
        chain=tuple(json.loads(row.chain)),
        position=row.chain_position,
        attempts_at_gateway=row.attempts_at_gateway,
        valid_until=row.valid_until,
        is_code=row.erase_body,
    )


def next_due_at(connection: Connection) -> int | None:
    """When the next queued message is due, milliseconds; None when there is none."""
    due: int | None = connection.execute(
        select(func.min(outbox.c.next_attempt_at)).where(outbox.c.state == MessageState.QUEUED)
    ).scalar_one()
    return due


def begin_attempt(
    connection: Connection,
    claimed: Claimed,
    *,
    owner: str,
    provider: str,
    now: int,
    lease_ms: int,
) -> int | None:
    """Commit `dispatching`; only then may the provider be called.

    Returns:
        The attempt's number, or None when the lease is lost or the message has
        moved on since: then nothing may be sent.
    """
    changed = connection.execute(
        update(outbox)
        .where(
            outbox.c.message_id == claimed.message_id,
            outbox.c.state == MessageState.QUEUED,
            outbox.c.lease_owner == owner,
            outbox.c.lease_until > now,
            outbox.c.chain_position == claimed.position,
            outbox.c.attempts_at_gateway == claimed.attempts_at_gateway,
        )
        .values(
            state=MessageState.DISPATCHING,
            provider=provider,
            attempts_at_gateway=outbox.c.attempts_at_gateway + 1,
            lease_until=now + lease_ms,
            updated_at=now,
        )
    ).rowcount
    if not changed:
        return None
    last = connection.execute(
        select(func.coalesce(func.max(attempts.c.number), 0)).where(
            attempts.c.message_id == claimed.message_id
        )
    ).scalar_one()
    number = int(last) + 1
    connection.execute(
        insert(attempts).values(
            message_id=claimed.message_id,
            number=number,
            gateway=claimed.gateway,
            provider=provider,
            outcome="dispatching",
            started_at=now,
        )
    )
    return number


def orphans(connection: Connection, owner: str, now: int, *, alone: bool) -> list[Row[Any]]:
    """Messages in `dispatching` that nobody is sending any more.

    Args:
        alone: this process holds the data directory, so whatever another owner
            left behind is an orphan at once; otherwise its lease must be over.
    """
    stale = outbox.c.lease_until < now
    if alone:
        stale = or_(stale, outbox.c.lease_owner != owner)
    return list(
        connection.execute(
            select(
                outbox.c.message_id,
                outbox.c.gateway,
                outbox.c.provider,
                outbox.c.erase_body,
                outbox.c.attempts_at_gateway,
            ).where(outbox.c.state == MessageState.DISPATCHING, stale)
        )
    )


def free_leases(connection: Connection, owner: str) -> None:
    """Queued messages leased by an owner that is gone may be taken at once."""
    connection.execute(
        update(outbox)
        .where(outbox.c.state == MessageState.QUEUED, outbox.c.lease_owner != owner)
        .values(lease_owner=None, lease_until=None)
    )
