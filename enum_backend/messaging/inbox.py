"""Messages that come in: each stored once, whatever a provider repeats.

Functions of a connection inside a transaction, as in `outbox`. Whoever stores, or gives
a message its owner, holds the lock `inbox`, so that ids grow in the order of commits.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from enum_backend.messaging.inbound import Arrival, StoredInbound
from enum_backend.messaging.owners import Owner
from enum_backend.storage.tables import inbox

CONTENT_WINDOW_MS = 48 * 3600 * 1000
"""How long a repeat under another id is recognised by its content."""

FIRST_LOOK_MS = 5_000
LONGEST_LOOK_MS = 300_000
"""Pauses between two looks for an owner: as long as the message has waited, within these."""

Seal = Callable[[str, str], bytes]
"""Seals a text for an inbox id."""

Key = tuple[str, str]
"""Gateway and the provider's key of a message."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was stored before."""

    inbox_id: str
    foreign_number: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that is stored now.

    Attributes:
        duplicate_of: the message whose content it repeats under another id.
        owner: None for a duplicate.
        foreign_number: the number is none of the gateway's.
    """

    inbox_id: str
    arrival: Arrival
    owner: Owner | None
    duplicate_of: str | None = None
    foreign_number: bool = False


def new_id() -> str:
    """The id of a message."""
    return f"in_{secrets.token_hex(12)}"


_KNOWN = select(inbox.c.dedupe_key, inbox.c.inbox_id, inbox.c.foreign_number).where(
    inbox.c.gateway == bindparam("gateway"),
    inbox.c.dedupe_key.in_(bindparam("keys", expanding=True)),
)
_ADD = insert(inbox)
"""Made once: building a statement costs more than sending it."""


def known(connection: Connection, keys: Sequence[Key]) -> dict[Key, Kept]:
    """Which of these messages are stored."""
    by_gateway: dict[str, list[str]] = {}
    for gateway, key in keys:
        by_gateway.setdefault(gateway, []).append(key)
    found: dict[Key, Kept] = {}
    for gateway, dedupe_keys in by_gateway.items():
        # One query each: SQLite reads the whole table for a list of pairs.
        rows = connection.execute(_KNOWN, {"gateway": gateway, "keys": dedupe_keys})
        found |= {(gateway, key): Kept(inbox_id, foreign) for key, inbox_id, foreign in rows}
    return found


def same_content(connection: Connection, gateway: str, content_key: str, now: int) -> str | None:
    """The first message of this content, if it came lately."""
    found: str | None = connection.execute(
        select(inbox.c.inbox_id)
        .where(
            inbox.c.gateway == gateway,
            inbox.c.content_key == content_key,
            inbox.c.duplicate_of.is_(None),
            inbox.c.received_at > now - CONTENT_WINDOW_MS,
        )
        .order_by(inbox.c.id)
        .limit(1)
    ).scalar()
    return found


def add_many(connection: Connection, entries: Sequence[Entry], seal: Seal, now: int) -> None:
    """Store messages that are not stored yet, in this order."""
    if entries:
        connection.execute(_ADD, [_values(entry, seal, now) for entry in entries])


def _values(entry: Entry, seal: Seal, now: int) -> dict[str, Any]:
    arrival, sms, owner = entry.arrival, entry.arrival.sms, entry.owner
    return {
        "inbox_id": entry.inbox_id,
        "gateway": arrival.gateway,
        "provider": arrival.provider,
        "dedupe_key": sms.dedupe_key,
        "content_key": sms.content_key,
        "duplicate_of": entry.duplicate_of,
        "provider_message_id": sms.provider_message_id,
        "sender": sms.sender,
        "to_number": sms.to,
        "body": seal(sms.text, entry.inbox_id),
        "segments": sms.segments,
        "incomplete": arrival.incomplete,
        "media": json.dumps(sms.media),
        "opt_out": sms.opt_out,
        "foreign_number": entry.foreign_number,
        "tenant": None if owner is None else owner.tenant,
        "owner_reason": None if owner is None else owner.reason,
        "owner_check_at": now + FIRST_LOOK_MS if owner is not None and owner.open else None,
        "sent_at": None if sms.sent_at is None else int(sms.sent_at * 1000),
        "received_at": now,
    }


def due_for_owner(connection: Connection, now: int, limit: int) -> Sequence[Row[Any]]:
    """Messages whose records are to be asked (again), oldest first."""
    return connection.execute(
        select(inbox)
        .where(inbox.c.owner_check_at.is_not(None), inbox.c.owner_check_at <= now)
        .order_by(inbox.c.owner_check_at, inbox.c.id)
        .limit(limit)
    ).all()


def still_open(connection: Connection, inbox_id: str) -> Row[Any] | None:
    """A message whose records are still to be asked; None = somebody has done it."""
    return connection.execute(
        select(inbox).where(inbox.c.inbox_id == inbox_id, inbox.c.owner_check_at.is_not(None))
    ).first()


def look_later(connection: Connection, row: Row[Any], now: int) -> None:
    """The records could not be read this time either."""
    pause = min(max(now - row.received_at, FIRST_LOOK_MS), LONGEST_LOOK_MS)
    _change(connection, row.inbox_id, {"owner_check_at": now + pause})


def settle_owner(connection: Connection, row: Row[Any], owner: Owner) -> None:
    """Write what was found, for good.

    A message that had no owner so far takes a new id, behind all others: whoever reads
    on from an id must still meet it.
    """
    found = {"tenant": owner.tenant, "owner_reason": owner.reason, "owner_check_at": None}
    if row.tenant is not None or owner.tenant is None:
        _change(connection, row.inbox_id, found)
        return
    values = {name: value for name, value in row._mapping.items() if name != "id"} | found
    connection.execute(delete(inbox).where(inbox.c.id == row.id))
    connection.execute(insert(inbox).values(**values))


def _change(connection: Connection, inbox_id: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(inbox).where(inbox.c.inbox_id == inbox_id).values(**values))


def as_stored(
    row: Row[Any], text: str, tenant: str | None, *, is_shared: bool = False
) -> StoredInbound:
    """A row as those who follow the inbox see it; `is_shared` as of `StoredInbound`."""
    return StoredInbound(
        inbox_id=row.inbox_id,
        tenant=tenant,
        gateway=row.gateway,
        provider=row.provider,
        sender=row.sender,
        to=row.to_number,
        text=text,
        opt_out=cast("Any", row.opt_out),
        sent_at=row.sent_at,
        received_at=row.received_at,
        is_shared=is_shared,
    )
