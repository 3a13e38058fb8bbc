"""Waiting for a message of a lease."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy import Connection, Row, or_, select

from enum_backend.agents import leases, reads, usage, visibility
from enum_backend.agents.model import AgentMessage, Caller, Lease, WaitFor
from enum_backend.agents.reading import MessageReader, fits
from enum_backend.agents.room import WaitRoom, Watch
from enum_backend.clock import now_ms, rfc3339
from enum_backend.errors import DatabaseUnavailable, Unauthorized, WaitTimeout
from enum_backend.storage import Database
from enum_backend.storage.tables import api_keys, tenants

LOOK_SECONDS = 1.0
"""How often a wait sees whether its client is still there."""
PAGE = 100
STORE_SECONDS = 5.0
"""Longest wait to note that an answer was written."""

log = structlog.get_logger("enum_backend.agents")

OnRead = Callable[[Connection, Caller, Lease, int], None]
"""Called in the transaction that shows so many messages for the first time."""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message that a wait was for; `lease` as it stood then."""

    lease: Lease
    message: AgentMessage


@dataclass(slots=True)
class _Search:
    """How far a wait has looked.

    Attributes:
        floor: row id up to which nothing can fit any more.
        seen: row id up to which messages are counted.
        others: messages that did not fit.
        withheld: messages that the owner's policy does not show.
        retry_at: when a claim of another wait runs out, 0 = there is none.
    """

    floor: int = 0
    seen: int = 0
    others: int = 0
    withheld: int = 0
    retry_at: int = 0


class Waits:
    """Waits of one process; see `room` for how they are woken."""

    def __init__(
        self,
        database: Database,
        reader: MessageReader,
        room: WaitRoom,
        *,
        tolerance_ms: int,
        on_read: OnRead,
    ) -> None:
        self._database = database
        self._reader = reader
        self._room = room
        self._tolerance_ms = tolerance_ms
        self._on_read = on_read

    @contextlib.asynccontextmanager
    async def answering(
        self, caller: Caller, lease: Lease, wanted: WaitFor, gone: Callable[[], bool]
    ) -> AsyncIterator[Found]:
        """Wait; what is found is consumed when the block ends well, else there for others.

        It is counted as a wait of the key once it is found.

        Raises:
            WaitTimeout, LeaseEnded: no message came.
            ClientGone: `gone` says so.
            RateLimitExceeded: the key waits too often at once.
            ValidationFailed: the cursor is none of this lease.
        """
        token = secrets.token_hex(16)
        with self._room.watch(lease) as watch:
            found = await self._wait(caller, watch, wanted, gone, token)
        lease_id, inbox_id = lease.lease_id, found.message.id
        try:
            yield found
        except BaseException:
            if not wanted.consume:
                raise
            await self._note(lambda c: reads.give_back(c, lease_id, inbox_id, token))
            self._room.touch(lease_id)
            raise
        if wanted.consume:
            await self._note(lambda c: reads.consume(c, lease_id, inbox_id, token, now_ms()))

    async def _wait(
        self,
        caller: Caller,
        watch: Watch,
        wanted: WaitFor,
        gone: Callable[[], bool],
        token: str,
    ) -> Found:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wanted.timeout_ms / 1000
        lease = watch.lease
        search = _Search(floor=await self._start(lease, wanted))
        due = True
        while True:
            require_there(gone)
            if due:
                watch.changed.clear()
                found = await self._look(caller, lease.lease_id, wanted, search, token)
                if isinstance(found, Found):
                    return found
                lease = found
            left = deadline - loop.time()
            if self._room.closed:
                raise _timeout("The server stops for a moment: wait again.", wanted, lease)
            if left <= 0:
                raise _timeout(_advice(wanted, search), wanted, lease)
            due = await self._rest(watch, lease, search, left) or loop.time() >= deadline

    async def _start(self, lease: Lease, wanted: WaitFor) -> int:
        return await self._database.read(
            lambda c: visibility.place_of(c, lease, wanted.after, self._tolerance_ms)
        )

    async def _rest(self, watch: Watch, lease: Lease, search: _Search, left: float) -> bool:
        """Wait for news; whether there is reason to look again."""
        now = now_ms()
        ends = [lease.expires_at] + ([search.retry_at] if search.retry_at else [])
        first = max(0.0, (min(ends) - now + 1) / 1000)
        try:
            async with asyncio.timeout(min(left, LOOK_SECONDS, first)):
                await watch.changed.wait()
        except TimeoutError:
            return now_ms() >= min(ends)
        return True

    async def _look(
        self, caller: Caller, lease_id: str, wanted: WaitFor, search: _Search, token: str
    ) -> Found | Lease:
        """The message that fits, taken; else the lease as it stands."""
        search.retry_at = 0
        after = search.floor
        while True:
            lease, rows = await self._read_on(caller, lease_id, wanted, after)
            fitting = self._first(lease, rows, wanted, search)
            if fitting is None and len(rows) < PAGE:
                return lease
            if fitting is None:
                after = rows[-1].id
                continue
            row, text = fitting
            await self._reader.ready()
            if await self._take(caller, lease, row, wanted, token):
                message = self._reader.message(row, text, now_ms())
                return Found(lease, replace(message, consumed=wanted.consume))
            after = search.floor  # another wait was faster

    async def _read_on(
        self, caller: Caller, lease_id: str, wanted: WaitFor, after: int
    ) -> tuple[Lease, Sequence[Row[Any]]]:
        return await self._database.read(lambda c: self._read(c, caller, lease_id, wanted, after))

    def _read(
        self, connection: Connection, caller: Caller, lease_id: str, wanted: WaitFor, floor: int
    ) -> tuple[Lease, Sequence[Row[Any]]]:
        lease = leases.find(connection, caller, lease_id)
        leases.require_live(lease, now_ms())
        rows = visibility.shown(
            connection,
            lease,
            after=floor,
            limit=PAGE,
            tolerance_ms=self._tolerance_ms,
            consumed=not wanted.consume,
        )
        return lease, rows

    def _first(
        self, lease: Lease, rows: Sequence[Row[Any]], wanted: WaitFor, search: _Search
    ) -> tuple[Row[Any], str] | None:
        """The first row that fits and can be taken; moves the floor past what never will."""
        now = now_ms()
        for row in rows:
            new = row.id > search.seen
            search.seen = max(search.seen, row.id)
            text = self._reader.text(row)
            if text is None or not self._reader.shows(lease, row):
                search.withheld += new
            elif not fits(wanted, row.sender, text):
                search.others += new
            elif wanted.consume and (row.claimed_until or 0) > now:
                search.retry_at = min(search.retry_at or row.claimed_until, row.claimed_until)
                continue
            else:
                return row, text
            if not search.retry_at:
                search.floor = row.id
        return None

    async def _take(
        self, caller: Caller, lease: Lease, row: Row[Any], wanted: WaitFor, token: str
    ) -> bool:
        def work(connection: Connection) -> bool:
            now = now_ms()
            _require_key(connection, caller, now)
            leases.require_live(leases.find(connection, caller, lease.lease_id), now)
            new = reads.mark(connection, lease.lease_id, [row.inbox_id], now)
            if wanted.consume and not reads.claim(
                connection, lease.lease_id, row.inbox_id, token, now
            ):
                return False
            usage.add(connection, caller, now, messages=new, waits=1)
            if new:
                self._on_read(connection, caller, lease, new)
            return True

        return await self._database.write(work)

    async def _note(self, work: Callable[[Connection], None]) -> None:
        """Write what became of an answer; where that fails, the claim runs out by itself."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await asyncio.shield(self._database.write(work))
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning("an answer could not be noted", error=type(error).__name__)


def require_there(gone: Callable[[], bool]) -> None:
    """Stop here when nobody wants the answer any more.

    Raises:
        ClientGone
    """
    if gone():
        raise ClientGone


def _require_key(connection: Connection, caller: Caller, now: int) -> None:
    """A key that was ended during the wait, or whose tenant was, gets nothing more."""
    ended = connection.execute(
        select(api_keys.c.id)
        .outerjoin(tenants, tenants.c.name == api_keys.c.tenant)
        .where(
            api_keys.c.id == caller.key_id,
            or_(
                api_keys.c.revoked_at.is_not(None),
                api_keys.c.expires_at <= now,
                tenants.c.name.is_(None),
                tenants.c.disabled_at.is_not(None),
                tenants.c.deleted_at.is_not(None),
            ),
        )
    ).first()
    if ended is not None:
        raise Unauthorized("This API key is not valid any more.")


def _advice(wanted: WaitFor, search: _Search) -> str:
    seconds = f"{wanted.timeout_ms / 1000:g}"
    parts = [f"No message came within {seconds} s."]
    if search.others:
        parts.append(
            f"{search.others} came that did not fit: wait without sender and contains, or read"
            " GET /agents/leases/{lease_id}/messages."
        )
    if search.withheld:
        parts.append(f"{search.withheld} came that the owner's policy does not show.")
    if not search.others and not search.withheld:
        parts.append("Check that the service was given this number and asked to send.")
    parts.append("Then wait again: what comes in between is kept.")
    return " ".join(parts)


def _timeout(message: str, wanted: WaitFor, lease: Lease) -> WaitTimeout:
    return WaitTimeout(message, after=wanted.after, lease_expires_at=rfc3339(lease.expires_at))
