"""The messages of a lease, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from enum_backend.agents import leases, reads, usage, visibility
from enum_backend.agents.journal import AgentJournal
from enum_backend.agents.model import AgentMessage, Caller, Lease, MessagePage
from enum_backend.agents.reading import MessageReader
from enum_backend.clock import now_ms
from enum_backend.storage import Database


class MessagePages:
    """Reads what leases show, and notes what is read for the first time."""

    def __init__(
        self,
        database: Database,
        reader: MessageReader,
        journal: AgentJournal,
        *,
        tolerance_ms: int,
    ) -> None:
        self._database = database
        self._reader = reader
        self._journal = journal
        self._tolerance_ms = tolerance_ms

    async def page(
        self, caller: Caller, lease_id: str, after: str | None = None, limit: int = 50
    ) -> MessagePage:
        """Messages that a live lease shows (see `visibility`), in the order they became known.

        Args:
            after: the id of a message, to read on from there.

        Raises:
            NotFound, LeaseEnded, ValidationFailed, Forbidden
        """
        found: list[AgentMessage] = []
        unread: list[str] = []
        start: int | None = None
        more = True
        while more and len(found) <= limit:
            lease, rows = await self._read_page(caller, lease_id, after, start, limit + 1)
            more = len(rows) > limit
            if rows:
                await self._reader.ready()
            now = now_ms()
            for row in rows:
                start = row.id
                text = self._reader.text(row)
                if text is None or not self._reader.shows(lease, row):
                    continue
                found.append(self._reader.message(row, text, now))
                if row.read_at is None:
                    unread.append(row.inbox_id)
        shown = found[:limit]
        ids = {message.id for message in shown}
        await self._mark(caller, lease, [inbox_id for inbox_id in unread if inbox_id in ids])
        last = shown[-1].id if shown else after
        return MessagePage(lease, tuple(shown), last if len(found) > limit else None, last)

    async def _read_page(
        self, caller: Caller, lease_id: str, after: str | None, start: int | None, limit: int
    ) -> tuple[Lease, Sequence[Row[Any]]]:
        """The lease, and rows behind the row id `start`, None = behind the cursor `after`."""

        def work(connection: Connection) -> tuple[Lease, Sequence[Row[Any]]]:
            lease = leases.find(connection, caller, lease_id)
            leases.require_live(lease, now_ms())
            at = start
            if at is None:
                at = visibility.place_of(connection, lease, after, self._tolerance_ms)
            return lease, visibility.shown(
                connection, lease, after=at, limit=limit, tolerance_ms=self._tolerance_ms
            )

        return await self._database.read(work)

    async def _mark(self, caller: Caller, lease: Lease, inbox_ids: Sequence[str]) -> None:
        """Note what is read for the first time; a lease that ended meanwhile shows nothing."""
        if not inbox_ids:
            return

        def work(connection: Connection) -> None:
            now = now_ms()
            leases.require_live(leases.find(connection, caller, lease.lease_id), now)
            if new := reads.mark(connection, lease.lease_id, inbox_ids, now):
                usage.add(connection, caller, now, messages=new)
                self._journal.read(connection, caller, lease, new)

        await self._database.write(work)
