"""Gives entries their places in the chain, and shows the head to the outside.

Entries are written in any order by any number of processes. One of them at a time holds
a lock and chains what is committed, so the numbers grow in the order in which readers
can see the entries: they are the cursor of every list.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Connection, bindparam, select, update

from enum_backend.audit.chain import Head, mac_of
from enum_backend.audit.heads import HEAD_FILE, export, read_heads
from enum_backend.audit.model import AuditEvent, Severity
from enum_backend.rounds import Rounds
from enum_backend.storage import Database, Sealer
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import audit_log

if TYPE_CHECKING:
    from enum_backend.audit.log import AuditLog

TOPIC: Final = "audit chain"
BATCH: Final = 500
PAUSE_SECONDS: Final = 1.0
"""How long an entry of another process may wait for its seal."""
SAY_SECONDS: Final = 60.0
"""Between two lines of the log that show the head."""

_PLACE = (
    update(audit_log)
    .where(audit_log.c.id == bindparam("row"), audit_log.c.seq.is_(None))
    .values(seq=bindparam("place"), mac=bindparam("sealed"))
)

log = structlog.get_logger("enum_backend.audit")


def is_waiting(connection: Connection) -> bool:
    """Whether an entry has no place yet."""
    return (
        connection.execute(select(audit_log.c.id).where(audit_log.c.seq.is_(None))).first()
        is not None
    )


def head_of(connection: Connection) -> Head:
    """The end of the chain."""
    query = select(audit_log.c.seq, audit_log.c.mac).where(audit_log.c.seq.is_not(None))
    row = connection.execute(query.order_by(audit_log.c.seq.desc()).limit(1)).first()
    return Head() if row is None else Head(row.seq, bytes(row.mac or b""))


def seal(connection: Connection, sealer: Sealer, limit: int = BATCH) -> Head:
    """Chain what is committed, at most `limit` entries; returns the new head."""
    serialize(connection, TOPIC)
    head = head_of(connection)
    query = select(audit_log).where(audit_log.c.seq.is_(None)).order_by(audit_log.c.id)
    places = []
    for row in connection.execute(query.limit(limit)):
        seq = head.seq + 1
        head = Head(seq, mac_of(sealer, head.mac, seq, row))
        places.append({"row": row.id, "place": seq, "sealed": head.mac})
    if places:
        connection.execute(_PLACE, places)
    return head


def holds(connection: Connection, head: Head) -> bool:
    """Whether the chain still contains a head that was seen before."""
    if head.seq == 0:
        return True
    mac = connection.execute(select(audit_log.c.mac).where(audit_log.c.seq == head.seq)).scalar()
    return mac is not None and bytes(mac) == head.mac


class ChainKeeper(Rounds):
    """The one sealer that runs beside the servers; exports the head to a file and the log.

    When the chain does not contain the last head that this place has seen, an entry of
    severity HIGH and an error in the log say so.

    Args:
        audit: tells when an entry waits.
        data_dir: where `audit-head.json` is.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        audit: AuditLog,
        data_dir: Path,
    ) -> None:
        super().__init__("audit", self.keep, pause=PAUSE_SECONDS)
        self._database = database
        self._sealer = sealer
        self._audit = audit
        audit.on_recorded = self.notify
        self._file = data_dir / HEAD_FILE
        self._seen: Head | None = None
        self._said_at = -SAY_SECONDS
        self._unsaid = False

    async def keep(self) -> Head:
        """Seal what waits; returns the head.

        Raises:
            DatabaseUnavailable
        """
        if self._seen is None:
            exported = await asyncio.to_thread(read_heads, self._file)
            self._seen = exported[0] if exported else Head()
        elif not await self._database.read(lambda c: is_waiting(c) or head_of(c) != self._seen):
            self._say()
            return self._seen
        lost = await self._lost(self._seen)
        while await self._database.read(is_waiting):
            await self._database.write(lambda connection: seal(connection, self._sealer))
        head = await self._database.read(head_of)
        if head != self._seen:
            self._unsaid = True
            await asyncio.to_thread(export, self._file, head, lost)
        self._seen = head
        self._say()
        return head

    async def stop(self) -> None:
        """See `Rounds.stop`; the last head is in the log."""
        await super().stop()
        self._say(now=True)

    async def _lost(self, seen: Head) -> Head | None:
        """The head that was seen last, if the chain does not contain it any more."""
        if await self._database.read(lambda connection: holds(connection, seen)):
            return None
        log.error("the audit log was altered: its end is not the one last seen", head=str(seen))
        event = AuditEvent(
            "AUDIT_LOG_ALTERED",
            Severity.HIGH,
            f"The chain no longer contains entry {seen.seq} as it was sealed: altered, cut"
            " off, or an older backup.",
            metadata={"head": str(seen)},
        )
        await self._audit.record(event)
        return seen

    def _say(self, *, now: bool = False) -> None:
        if not self._unsaid or self._seen is None:
            return
        if now or time.monotonic() - self._said_at >= SAY_SECONDS:
            self._unsaid = False
            self._said_at = time.monotonic()
            log.info("audit head", head=str(self._seen))
