"""The audit log as the rest of the program uses it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from cachetools import LRUCache
from sqlalchemy import Connection, Row, func, insert, select

from enum_backend.audit import people
from enum_backend.audit.chain import Head, Verdict, Verifier
from enum_backend.audit.model import AuditEntry, AuditEvent, AuditPage, Severity
from enum_backend.audit.sealing import head_of, is_waiting, seal
from enum_backend.clock import now_ms
from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import audit_log

VERIFIED_AT_ONCE: Final = 2000
ALARM_SECONDS: Final = 60.0
ALARM_TOPICS: Final = 1000

log = structlog.get_logger("enum_backend.audit")


@dataclass(slots=True)
class _Alarm:
    until: float = 0.0
    left_out: int = 0


class AuditLog:
    """Records, reads, verifies, and erases people.

    Attributes:
        on_recorded: called when an entry waits for its seal.

    Args:
        sealer: the server key, which chains the entries and keeps personal values sealed.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._alarms: LRUCache[str, _Alarm] = LRUCache(ALARM_TOPICS)
        self.on_recorded: Callable[[], None] = lambda: None

    async def record(self, event: AuditEvent) -> None:
        """Keep an event; returns after the commit.

        Raises:
            DatabaseUnavailable
        """
        await self._database.write(lambda connection: self.record_in(connection, event))
        self.on_recorded()

    def record_in(self, connection: Connection, event: AuditEvent) -> None:
        """Keep an event inside the caller's transaction: both are stored, or neither is."""
        record_in(connection, self._sealer, event)

    async def alarm(self, topic: str, event: AuditEvent) -> None:
        """Keep an event that others can bring about at will: one a minute for each topic.

        How many were left out since stands in `metadata` of the next one. That it
        cannot be kept is logged, and is not the caller's trouble.
        """
        now = time.monotonic()
        alarm = self._alarms.setdefault(topic, _Alarm())
        if now < alarm.until:
            alarm.left_out += 1
            return
        left_out, alarm.left_out, alarm.until = alarm.left_out, 0, now + ALARM_SECONDS
        if left_out:
            event = replace(event, metadata={**event.metadata, "leftOut": left_out})
        try:
            await self.record(event)
        except DatabaseUnavailable:
            log.error("not recorded in the audit log", event_type=event.event_type)

    async def page(
        self,
        *,
        after: int | None = None,
        limit: int = 100,
        newest_first: bool = False,
        severity: Severity | None = None,
        event_type: str | None = None,
        user_id: str | None = None,
    ) -> AuditPage:
        """Entries in the order of their commits; what waits for its place gets it first.

        Args:
            after: `next` of the page before; None = from the beginning of that order.

        Raises:
            DatabaseUnavailable
        """
        await self._settle()
        column = audit_log.c.seq
        query = select(audit_log).where(column.is_not(None))
        query = query.order_by(column.desc() if newest_first else column).limit(limit + 1)
        if after is not None:
            query = query.where(column < after if newest_first else column > after)
        if severity is not None:
            query = query.where(audit_log.c.severity == severity.value)
        if event_type is not None:
            query = query.where(audit_log.c.event_type == event_type)

        def work(connection: Connection) -> AuditPage:
            asked = query
            if user_id is not None:
                names = people.names_of(connection, self._sealer, user_id)
                asked = query.where(audit_log.c.user_id.in_([user_id, *names]))
            rows = connection.execute(asked).all()
            entries = self._entries(connection, rows[:limit])
            return AuditPage(entries, entries[-1].seq if len(rows) > limit else None)

        return await self._database.read(work)

    async def verify(self, heads: Iterable[Head] = ()) -> Verdict:
        """Recompute the whole chain.

        Args:
            heads: exported ones that it must still contain.

        Raises:
            DatabaseUnavailable
        """
        verifier, after = Verifier(self._sealer, heads), -1
        while True:
            rows = await self._database.read(lambda c, after=after: _sealed(c, after))  # type: ignore[misc]
            if not rows:
                break
            verifier.take(rows)
            after = rows[-1].seq
        return verifier.verdict(await self._database.read(_waiting))

    async def head(self) -> Head:
        """The end of the chain.

        Raises:
            DatabaseUnavailable
        """
        return await self._database.read(head_of)

    async def erase(self, *identifiers: str, by: AuditEvent | None = None) -> int:
        """Forget a person; returns how many values were erased. Entries stay as they are.

        Args:
            identifiers: user id, e-mail addresses, phone numbers, client addresses.
            by: who erased it, recorded together with it; must not name the person.

        Raises:
            DatabaseUnavailable: nothing is erased.
        """

        def work(connection: Connection) -> int:
            gone = people.erase(connection, self._sealer, identifiers)
            if by is not None:
                self.record_in(connection, by)
            return gone

        erased = await self._database.write(work)
        self.on_recorded()
        return erased

    async def _settle(self) -> None:
        while await self._database.read(is_waiting):
            await self._database.write(lambda connection: seal(connection, self._sealer))

    def _entries(self, connection: Connection, rows: Sequence[Row[Any]]) -> tuple[AuditEntry, ...]:
        texts = (text for row in rows for text in (row.description, row.user_id or "", row.details))
        shown = people.uncovered(connection, self._sealer, texts)
        return tuple(_entry(row, shown) for row in rows)


def record_in(connection: Connection, sealer: Sealer, event: AuditEvent) -> None:
    """Write an entry that waits for its place."""
    covered = people.cover(connection, sealer, event)
    connection.execute(
        insert(audit_log).values(
            entry_id=f"aud_{secrets.token_hex(10)}",
            event_type=event.event_type,
            severity=event.severity.value,
            description=covered.description,
            user_id=covered.user_id,
            details=json.dumps(dict(covered.metadata), ensure_ascii=False),
            created_at=now_ms(),
        )
    )


def _entry(row: Row[Any], shown: Callable[[str], str]) -> AuditEntry:
    details = json.loads(row.details)
    return AuditEntry(
        id=row.entry_id,
        seq=row.seq,
        event_type=row.event_type,
        severity=Severity(row.severity),
        description=shown(row.description),
        user_id=None if row.user_id is None else shown(row.user_id),
        metadata={
            key: shown(value) if isinstance(value, str) else value for key, value in details.items()
        },
        created_at=row.created_at,
    )


def _sealed(connection: Connection, after: int) -> Sequence[Row[Any]]:
    query = select(audit_log).where(audit_log.c.seq > after).order_by(audit_log.c.seq)
    return connection.execute(query.limit(VERIFIED_AT_ONCE)).all()


def _waiting(connection: Connection) -> int:
    query = select(func.count()).select_from(audit_log).where(audit_log.c.seq.is_(None))
    return connection.execute(query).scalar_one()
