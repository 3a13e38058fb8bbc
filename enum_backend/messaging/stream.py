"""Inbound messages as they come, for any number of listeners.

One reader per process follows the inbox and keeps the latest events of the tenants that
somebody listens for. A listener takes from there; one that is behind, because it is slow
or has come back, reads the inbox itself until it has caught up. So a listener costs no
memory, and none can be skipped: ids grow in the order of commits.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, func, select

from enum_backend.errors import DatabaseUnavailable
from enum_backend.messaging.deliveries.model import Message
from enum_backend.messaging.deliveries.payload import event_body
from enum_backend.storage import Database, Sealer
from enum_backend.storage.sealing import SealBroken
from enum_backend.storage.tables import inbox

POLL_SECONDS = 1.0
KEPT = 256
"""Latest events of a tenant that are kept."""
PAGE = 200
"""Messages read at once."""

log = structlog.get_logger("enum_backend.stream")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One message; `id` is what to resume after."""

    id: int
    body: bytes = field(repr=False)


class StreamsClosed(Exception):
    """The server stops."""


class TooManyListeners(Exception):
    """No place is free."""


@dataclass(slots=True, eq=False)
class _Channel:
    """The latest events of one tenant: every one after `floor`."""

    floor: int
    events: deque[StreamEvent] = field(default_factory=deque)
    listeners: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: StreamEvent) -> None:
        self.events.append(event)
        if len(self.events) > KEPT:
            self.floor = self.events.popleft().id

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class InboxStreams:
    """The streams of one process.

    Args:
        most: listeners at once.
    """

    def __init__(self, database: Database, sealer: Sealer, most: int) -> None:
        self._database = database
        self._sealer = sealer
        self._most = most
        self._listeners = 0
        self._channels: dict[str, _Channel] = {}
        self._read_to = 0
        self._wake = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow the inbox."""
        self._task = asyncio.create_task(self._run(), name="inbox stream")

    def notify(self) -> None:
        """There may be new messages; harmless at any time."""
        self._wake.set()

    async def stop(self) -> None:
        """End every stream."""
        self._closed = True
        self._wake.set()
        for channel in self._channels.values():
            channel.wake()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=POLL_SECONDS)
            self._task.cancel()

    @contextlib.contextmanager
    def listen(self, tenant: str, latest: int) -> Iterator[Listener]:
        """A place among the listeners.

        Args:
            latest: of `latest()`, just now.

        Raises:
            TooManyListeners: there is none.
            StreamsClosed: the server stops.
        """
        if self._closed:
            raise StreamsClosed
        if self._listeners >= self._most:
            raise TooManyListeners
        if not self._channels:
            self._read_to = max(self._read_to, latest)
        channel = self._channels.get(tenant)
        if channel is None:
            channel = self._channels[tenant] = _Channel(self._read_to)
        channel.listeners += 1
        self._listeners += 1
        try:
            yield Listener(self, tenant, channel)
        finally:
            self._listeners -= 1
            channel.listeners -= 1
            if not channel.listeners:
                del self._channels[tenant]

    def cursor(self, tenant: str, position: int) -> str:
        """An id as a tenant's client sees it; the number would tell how much others get."""
        sealed = self._sealer.seal(str(position), _bound_to(tenant))
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def position(self, tenant: str, cursor: str) -> int:
        """The inverse of `cursor`.

        Raises:
            ValueError: it is none of this tenant's.
        """
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            return int(self._sealer.open(sealed, _bound_to(tenant)))
        except (binascii.Error, SealBroken) as error:
            raise ValueError("not a cursor") from error

    @property
    def closed(self) -> bool:
        """Whether the server stops."""
        return self._closed

    async def latest(self) -> int:
        """The id to follow from, to get what is new from now on."""
        return await self._database.read(_latest)

    async def page(self, tenant: str, after: int) -> tuple[list[StreamEvent], int, bool]:
        """A tenant's events after an id: (events, id read up to, whether there are more)."""

        def work(connection: Connection) -> tuple[list[Row[Any]], int]:
            upto = _latest(connection)
            return _rows(connection, inbox.c.tenant == tenant, after, upto), upto

        rows, upto = await self._database.read(work)
        more = len(rows) == PAGE
        return self._events(rows), rows[-1].id if more else max(upto, after), more

    async def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            more = False
            try:
                more = await self._follow()
            except DatabaseUnavailable as error:
                log.error("the inbox cannot be read", error=str(error))
            except Exception as error:
                # The loop must outlive whatever it meets: every stream would stand still.
                log.error("stream failed", error=type(error).__name__)
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _follow(self) -> bool:
        """Read what is new for the tenants that are listened for; True = there is more."""
        if not self._channels:
            return False
        tenants, after = frozenset(self._channels), self._read_to
        rows, upto = await self._database.read(lambda c: _news(c, tenants, after))
        more = len(rows) == PAGE
        self._read_to = max(self._read_to, rows[-1].id if more else upto)
        for tenant, channel in self._channels.items():
            if tenant not in tenants:
                channel.floor = self._read_to  # it began while these were read
                continue
            events = self._events(row for row in rows if row.tenant == tenant)
            for event in events:
                channel.add(event)
            if events:
                channel.wake()
        return more

    def _events(self, rows: Iterable[Row[Any]]) -> list[StreamEvent]:
        return [event for row in rows if (event := self._event(row)) is not None]

    def _event(self, row: Row[Any]) -> StreamEvent | None:
        try:
            text = self._sealer.open(row.body, row.inbox_id)
        except SealBroken:
            return None
        message = Message(
            inbox_id=row.inbox_id,
            sender=row.sender,
            to=row.to_number,
            text=text,
            provider=row.provider,
            gateway=row.gateway,
            received_at=row.received_at,
            incomplete=row.incomplete,
            media=tuple(json.loads(row.media)),
        )
        return StreamEvent(row.id, event_body(row.inbox_id, message))


class Listener:
    """One who listens; made by `InboxStreams.listen`."""

    def __init__(self, streams: InboxStreams, tenant: str, channel: _Channel) -> None:
        self._streams = streams
        self.tenant = tenant
        self._channel = channel

    async def next(self, after: int, seconds: float) -> tuple[list[StreamEvent], int]:
        """The events after an id, and the id to go on from; empty when none came in time.

        Raises:
            StreamsClosed: the server stops.
            DatabaseUnavailable: what was missed cannot be read now.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._streams.closed:
                    changed = self._channel.changed
                    if after < self._channel.floor:
                        events, after, _ = await self._streams.page(self.tenant, after)
                    else:
                        events = [event for event in self._channel.events if event.id > after]
                        after = events[-1].id if events else after
                    if events:
                        return events, after
                    if after >= self._channel.floor:
                        await changed.wait()
        if self._streams.closed:
            raise StreamsClosed
        return [], after


def _bound_to(tenant: str) -> str:
    return f"stream of {tenant}"


def _latest(connection: Connection) -> int:
    found: int | None = connection.execute(select(func.max(inbox.c.id))).scalar()
    return found or 0


def _news(
    connection: Connection, tenants: Collection[str], after: int
) -> tuple[list[Row[Any]], int]:
    upto = _latest(connection)
    if not tenants or upto <= after:
        return [], upto
    return _rows(connection, inbox.c.tenant.in_(list(tenants)), after, upto), upto


def _rows(
    connection: Connection, whose: ColumnElement[bool], after: int, upto: int
) -> list[Row[Any]]:
    """New messages, no repeats, in order; `upto` was read before, so that none is passed over."""
    query = (
        select(inbox)
        .where(whose, inbox.c.id > after, inbox.c.id <= upto, inbox.c.duplicate_of.is_(None))
        .order_by(inbox.c.id)
        .limit(PAGE)
    )
    return list(connection.execute(query).all())
