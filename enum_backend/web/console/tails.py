"""What is new among the messages, and what became of those that were shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from sqlalchemy import Connection, select

from enum_backend.errors import RateLimitExceeded
from enum_backend.messaging.list_pages import Wanted
from enum_backend.messaging.listed import ListedMessage
from enum_backend.messaging.lists import MessageLists, Viewer
from enum_backend.messaging.model import MessageState
from enum_backend.storage import Database
from enum_backend.storage.tables import outbox

MOST: Final = 20
"""Streams at once."""
BATCH: Final = 50
BEHIND: Final = 10
"""Batches without a pause after which the tail leaves out what it cannot show."""
WATCHED: Final = 300
"""Messages of a stream whose states are followed."""

_FINAL: Final = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.UNDELIVERED,
        MessageState.FAILED,
        MessageState.EXPIRED,
        MessageState.CANCELED,
    }
)


class Tails:
    """The streams of one process."""

    def __init__(self) -> None:
        self.stopping = False
        self._open: set[asyncio.Event] = set()

    @contextlib.contextmanager
    def place(self) -> Iterator[asyncio.Event]:
        """A place, and the event that wakes who has it.

        Raises:
            RateLimitExceeded: none is free.
        """
        if self.stopping or len(self._open) >= MOST:
            raise RateLimitExceeded("Too many streams are open.", retry_after=10)
        wake = asyncio.Event()
        self._open.add(wake)
        try:
            yield wake
        finally:
            self._open.discard(wake)

    def wake(self) -> None:
        """There may be something new."""
        for event in self._open:
            event.set()

    def stop(self) -> None:
        """End every stream."""
        self.stopping = True
        self.wake()


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a message."""

    id: str
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class News:
    """What a stream tells next.

    Attributes:
        position: to go on from.
        skipped: some messages are left out, as there are too many.
    """

    messages: tuple[ListedMessage, ...]
    changed: tuple[Changed, ...]
    position: str
    skipped: bool = False


@dataclass(slots=True)
class Tail:
    """One reader of both directions and every tenant."""

    lists: MessageLists
    database: Database
    viewer: Viewer
    position: str
    _watched: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _full: int = 0

    async def begin(self) -> None:
        """Follow what the page shows already."""
        found = await self.lists.page(self.viewer, _BACKWARDS, None, BATCH)
        for shown in reversed(found.messages):
            self._watch(shown.message, "")

    async def next(self) -> News:
        """What is new now; often nothing."""
        found = await self.lists.page(self.viewer, _FORWARDS, self.position, BATCH)
        self.position = found.position
        self._full = self._full + 1 if found.next is not None else 0
        skipped = self._full >= BEHIND
        if skipped:
            self.position = await self.lists.end(self.viewer)
            self._full = 0
        messages = tuple(shown.message for shown in found.messages)
        for message in messages:
            self._watch(message, message.status)
        return News(messages, await self._changes(), self.position, skipped)

    @property
    def is_behind(self) -> bool:
        """Whether more is waiting already."""
        return self._full > 0

    def _watch(self, message: ListedMessage, known: str) -> None:
        if message.direction == "outbound" and known not in _FINAL:
            self._watched[message.id] = known
            if len(self._watched) > WATCHED:
                self._watched.popitem(last=False)

    async def _changes(self) -> tuple[Changed, ...]:
        if not self._watched:
            return ()
        ids = list(self._watched)
        states = await self.database.read(lambda connection: _states(connection, ids))
        changed = tuple(item for item in states if self._watched[item.id] != item.status)
        for item in changed:
            if item.status in _FINAL:
                del self._watched[item.id]
            else:
                self._watched[item.id] = item.status
        return changed


_FORWARDS: Final = Wanted(tenant=None)
_BACKWARDS: Final = Wanted(tenant=None, backwards=True)


def _states(connection: Connection, ids: list[str]) -> list[Changed]:
    rows = connection.execute(
        select(outbox.c.message_id, outbox.c.state, outbox.c.reason).where(
            outbox.c.message_id.in_(ids)
        )
    )
    return [Changed(row.message_id, row.state, row.reason) for row in rows]


TAILS = web.AppKey("tails", Tails)
