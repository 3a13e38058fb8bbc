"""How one outbound message came to its route, and what was tried: for people who ask why."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from enum_backend.messaging.model import AttemptView
from enum_backend.messaging.outbox import tried
from enum_backend.messaging.route import Step
from enum_backend.storage.tables import outbox


@dataclass(frozen=True, slots=True)
class History:
    """What is stored of a message's way.

    Attributes:
        steps: the routing decision, as `explain` showed it when the message was accepted.
        chain: the gateways, first to last.
        client: who asked: `key:...`, `shim:...`.
        kind: see `MessageKind`.
        is_erased: the text is gone.
        valid_until, next_attempt_at: milliseconds.
    """

    steps: tuple[Step, ...]
    chain: tuple[str, ...]
    client: str
    kind: str
    is_test: bool
    is_erased: bool
    valid_until: int
    next_attempt_at: int | None
    attempts: tuple[AttemptView, ...]


def of_message(connection: Connection, message_id: str) -> History | None:
    """The history of an outbound message, None where there is no such message."""
    columns = outbox.c
    row = connection.execute(
        select(
            columns.route,
            columns.chain,
            columns.client,
            columns.kind,
            columns.is_test,
            columns.body.is_(None).label("is_erased"),
            columns.valid_until,
            columns.next_attempt_at,
        ).where(columns.message_id == message_id)
    ).first()
    if row is None:
        return None
    return History(
        steps=tuple(Step(*step) for step in json.loads(row.route).get("steps", ())),
        chain=tuple(json.loads(row.chain)),
        client=row.client,
        kind=row.kind,
        is_test=row.is_test,
        is_erased=row.is_erased,
        valid_until=row.valid_until,
        next_attempt_at=row.next_attempt_at,
        attempts=tried(connection, [message_id]).get(message_id, ()),
    )
