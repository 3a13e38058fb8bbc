"""What programs sent through shims: newest first, with the route's reasons and each attempt."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from enum_backend.errors import wrong_field
from enum_backend.messaging import outbox as reading
from enum_backend.messaging.model import MessageKind, MessageView
from enum_backend.messaging.route import Step
from enum_backend.storage.tables import outbox
from enum_backend.storage.tables.lists import OF_PROGRAMS


@dataclass(frozen=True, slots=True)
class Entry:
    """One message without its text; `client` is who asked for it."""

    message: MessageView
    client: str
    kind: MessageKind
    steps: tuple[Step, ...]


def page(
    connection: Connection, clients: Collection[str], before: str | None, limit: int
) -> list[Entry]:
    """At most `limit` messages of these clients.

    Args:
        before: id of the last message of the page before; None = from the newest on.

    Raises:
        ValidationFailed: `before` is none of their messages.
    """
    behind: list[Any] = []
    if before is not None:
        at = connection.execute(
            select(outbox.c.created_at, outbox.c.id).where(
                outbox.c.message_id == before, outbox.c.client.in_(clients)
            )
        ).first()
        if at is None:
            raise wrong_field("before", "is no message of this list")
        same_time = and_(outbox.c.created_at == at.created_at, outbox.c.id < at.id)
        behind = [or_(outbox.c.created_at < at.created_at, same_time)]
    # A look-up for each client: each is a short walk along the index.
    found = [
        connection.execute(
            select(outbox)
            .where(outbox.c.client == client, OF_PROGRAMS, *behind)
            .order_by(outbox.c.created_at.desc(), outbox.c.id.desc())
            .limit(limit)
        ).all()
        for client in sorted(clients)
    ]
    newest = merge(*found, key=lambda row: (row.created_at, row.id), reverse=True)
    rows = list(islice(newest, limit))
    made = reading.tried(connection, [row.message_id for row in rows])
    return [_entry(row, reading.view_of(row, made.get(row.message_id, ()))) for row in rows]


def _entry(row: Row[Any], message: MessageView) -> Entry:
    steps = json.loads(row.route)["steps"]
    return Entry(message, row.client, MessageKind(row.kind), tuple(Step(*said) for said in steps))
