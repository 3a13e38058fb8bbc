"""Lets go of what is old: texts of messages first, everything about them later.

Rows are numbered in the order in which they came, so the old ones are those at the
beginning: nothing is searched for, however large the tables are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Column, ColumnElement, Connection, Row, Table, delete, select, true, update

from enum_backend.clock import now_ms
from enum_backend.messaging.model import MessageState
from enum_backend.rounds import Rounds
from enum_backend.settings.retention import RetentionSettings
from enum_backend.storage import Database
from enum_backend.storage.tables import (
    attempts,
    deliveries,
    inbox,
    inbox_parts,
    installation,
    keyword_answers,
    outbox,
    recipient_retries,
    reports,
    spend,
    spend_alerts,
    spend_buckets,
    sticky_senders,
)
from enum_backend.storage.upsert import insert_or_ignore

DAY_MS: Final = 86_400_000
PAUSE_SECONDS: Final = 3600.0
AT_ONCE: Final = 500
"""Rows of one transaction: what is sent meanwhile must not wait."""

ERASED: Final = b""
"""In place of the text of an inbound message."""

OPEN_STATES: Final = (MessageState.QUEUED, MessageState.SCHEDULED, MessageState.DISPATCHING)

Step = Callable[[Connection, int], bool]
"""One transaction up to a time in milliseconds; False = nothing is left to do."""

log = structlog.get_logger("enum_backend.retention")


class Retention(Rounds):
    """Looks once an hour; of several processes the one that leads."""

    def __init__(self, database: Database, settings: RetentionSettings) -> None:
        super().__init__("retention", self.round, pause=PAUSE_SECONDS)
        self._database = database
        self._settings = settings

    async def round(self) -> None:
        """Let go of everything whose time is over.

        Raises:
            DatabaseUnavailable: the next round goes on where this one ended.
        """
        for days, steps in (
            (self._settings.bodies_days, _TEXTS),
            (self._settings.rows_days, _ROWS),
        ):
            if not days:
                continue
            before = now_ms() - days * DAY_MS
            for step in steps:
                await self._repeat(step, before)

    async def _repeat(self, step: Step, before: int) -> None:
        while await self._database.write(lambda connection: step(connection, before)):
            pass  # others may write between two transactions


def erase_sent(connection: Connection, before: int) -> bool:
    """Texts that went out; of what is still to go, the text is erased when it has gone."""
    found = _next(connection, outbox, outbox.c.created_at, before)
    if not found:
        return False
    ids = [row.id for row in found]
    table = outbox.c
    connection.execute(
        update(outbox).where(table.id.in_(ids), table.state.not_in(OPEN_STATES)).values(body=None)
    )
    connection.execute(
        update(outbox)
        .where(table.id.in_(ids), table.state.in_(OPEN_STATES))
        .values(erase_body=true())
    )
    return _done(connection, outbox, found)


def erase_received(connection: Connection, before: int) -> bool:
    """Texts and attachments that came in."""
    found = _next(connection, inbox, inbox.c.received_at, before)
    if not found:
        return False
    ids = [row.id for row in found]
    connection.execute(
        update(inbox).where(inbox.c.id.in_(ids)).values(body=ERASED, media="[]", content_key=None)
    )
    return _done(connection, inbox, found)


def erase_delivered(connection: Connection, before: int) -> bool:
    """Texts of our own that were handed over: answers to keywords, forwarded messages."""
    found = _next(connection, deliveries, deliveries.c.created_at, before)
    if not found:
        return False
    ids = [row.id for row in found]
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), deliveries.c.body.is_not(None))
        .values(body=ERASED)
    )
    return _done(connection, deliveries, found)


def delete_sent(connection: Connection, before: int) -> bool:
    """Messages that went out, with their attempts."""
    found = _first(connection, outbox, outbox.c.created_at, before, outbox.c.message_id)
    names = [row.message_id for row in found]
    closed = (outbox.c.message_id.in_(names), outbox.c.state.not_in(OPEN_STATES))
    gone = list(connection.scalars(select(outbox.c.message_id).where(*closed)))
    connection.execute(delete(attempts).where(attempts.c.message_id.in_(gone)))
    connection.execute(delete(outbox).where(outbox.c.message_id.in_(gone)))
    return len(gone) == AT_ONCE


def _deletes(table: Table, when: Column[Any]) -> Step:
    def step(connection: Connection, before: int) -> bool:
        found = _first(connection, table, when, before)
        connection.execute(delete(table).where(table.c.id.in_([row.id for row in found])))
        return len(found) == AT_ONCE

    return step


def _clears(table: Table, condition: Callable[[int], ColumnElement[bool]]) -> Step:
    """For small tables without numbers."""

    def step(connection: Connection, before: int) -> bool:
        connection.execute(delete(table).where(condition(before)))
        return False

    return step


_TEXTS: Final[Sequence[Step]] = (erase_sent, erase_received, erase_delivered)
_ROWS: Final[Sequence[Step]] = (
    delete_sent,
    _deletes(reports, reports.c.received_at),
    _deletes(deliveries, deliveries.c.created_at),
    _deletes(inbox, inbox.c.received_at),
    _deletes(inbox_parts, inbox_parts.c.received_at),
    _deletes(spend, spend.c.created_at),
    _deletes(spend_alerts, spend_alerts.c.raised_at),
    _clears(recipient_retries, lambda before: recipient_retries.c.created_at < before),
    _clears(sticky_senders, lambda before: sticky_senders.c.used_at < before),
    _clears(keyword_answers, lambda before: keyword_answers.c.answered_at < before),
    _clears(spend_buckets, lambda before: spend_buckets.c.bucket_at < before),
)


def _first(
    connection: Connection,
    table: Table,
    when: Column[Any],
    before: int,
    *columns: Column[Any],
    behind: int = 0,
) -> list[Row[Any]]:
    """The old rows at the beginning of a table, or behind an id."""
    query = (
        select(table.c.id, when.label("at"), *columns)
        .where(table.c.id > behind)
        .order_by(table.c.id)
        .limit(AT_ONCE)
    )
    found: list[Row[Any]] = []
    for row in connection.execute(query):
        if row.at >= before:
            break
        found.append(row)
    return found


def _next(connection: Connection, table: Table, when: Column[Any], before: int) -> list[Row[Any]]:
    """The old rows whose texts are still there."""
    name = _mark_of(table)
    stored = connection.scalar(select(installation.c.value).where(installation.c.name == name))
    return _first(connection, table, when, before, behind=int(stored or 0))


def _done(connection: Connection, table: Table, found: Sequence[Row[Any]]) -> bool:
    """Remember how far it came; whether there may be more."""
    name, value = _mark_of(table), str(found[-1].id).encode("ascii")
    connection.execute(insert_or_ignore(installation).values(name=name, value=value))
    connection.execute(update(installation).where(installation.c.name == name).values(value=value))
    return len(found) == AT_ONCE


def _mark_of(table: Table) -> str:
    return f"texts erased: {table.name}"
