"""Where waits wait: one reader of the inbox per process wakes those whom something concerns.

It follows the inbox by row ids, which grow in the order of commits, so nothing is passed
over. A wake-up of the inbox makes it look at once; it also looks by itself every
`POLL_SECONDS`, at ends of leases as well, which other processes may bring about.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from enum_backend.agents.model import Lease
from enum_backend.clock import now_ms
from enum_backend.errors import RateLimitExceeded
from enum_backend.rounds import Rounds
from enum_backend.storage import Database
from enum_backend.storage.tables import agent_leases, inbox

POLL_SECONDS = 1.0
PAGE = 1000
"""New messages looked at in one go."""
LISTED = 200
"""Numbers that are named to the database; with more, it tells about all."""


@dataclass(slots=True, eq=False)
class Watch:
    """One who waits. `changed` is set when something may concern it."""

    lease: Lease
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class WaitRoom(Rounds):
    """The waits of one process.

    Args:
        most: places at once.
        most_of_key: places of one key at once.
    """

    def __init__(self, database: Database, *, most: int, most_of_key: int) -> None:
        super().__init__("waits of agents", self.look, pause=POLL_SECONDS)
        self._database = database
        self._most = most
        self._most_of_key = most_of_key
        self._watches: set[Watch] = set()
        self._of_key: Counter[str] = Counter()
        self._read_to: int | None = None
        self._leases_at = 0
        self.closed = False

    def close(self) -> None:
        """Send everybody away: the server stops."""
        self.closed = True
        self._wake_all()

    def waiting_of(self, key_id: str) -> int:
        """How many waits of a key are under way here."""
        return self._of_key[key_id]

    @property
    def waiting(self) -> int:
        """How many are under way here."""
        return len(self._watches)

    @contextlib.contextmanager
    def watch(self, lease: Lease) -> Iterator[Watch]:
        """A place; whoever takes it looks for itself once, then whenever it is woken.

        Raises:
            RateLimitExceeded: none is free.
        """
        key_id = lease.key_id
        if self._of_key[key_id] >= self._most_of_key:
            raise RateLimitExceeded(
                f"This key waits {self._most_of_key} times already, as often as it may.",
                retry_after=1.0,
            )
        if len(self._watches) >= self._most:
            raise RateLimitExceeded("Too many waits at once; try again soon.", retry_after=5.0)
        watch = Watch(lease)
        self._watches.add(watch)
        self._of_key[key_id] += 1
        if self._read_to is None:
            self.notify()
        try:
            yield watch
        finally:
            self._watches.discard(watch)
            self._of_key[key_id] -= 1
            if not self._of_key[key_id]:
                del self._of_key[key_id]

    def touch(self, lease_id: str) -> None:
        """A lease was changed here."""
        for watch in self._watches:
            if watch.lease.lease_id == lease_id:
                watch.changed.set()

    async def look(self) -> None:
        """One round: wake those for whom there is something new."""
        if not self._watches:
            self._read_to = None
            return
        numbers = {watch.lease.number for watch in self._watches}
        if self._read_to is None:
            self._read_to = await self._database.read(_latest)
            self._wake_all()
            return
        after = self._read_to
        more, told = await self._database.read(lambda c: _news(c, after, numbers))
        self._read_to = more
        for watch in self._watches:
            # Who came during the look may have looked itself before what was read here.
            if watch.lease.number in told or watch.lease.number not in numbers:
                watch.changed.set()
        if now_ms() - self._leases_at >= POLL_SECONDS * 1000:
            await self._look_at_leases()

    async def _look_at_leases(self) -> None:
        self._leases_at = now_ms()
        leases = {watch.lease.lease_id for watch in self._watches}
        changed = await self._database.read(lambda c: _ended(c, leases))
        for watch in self._watches:
            if watch.lease.lease_id in changed:
                watch.changed.set()

    def _wake_all(self) -> None:
        for watch in self._watches:
            watch.changed.set()


def _latest(connection: Connection) -> int:
    found: int | None = connection.execute(select(func.max(inbox.c.id))).scalar()
    return found or 0


def _news(connection: Connection, after: int, numbers: Collection[str]) -> tuple[int, set[str]]:
    """(row id read up to, those of the numbers that got something)."""
    upto = _latest(connection)
    told: set[str] = set()
    while after < upto:
        query = select(inbox.c.id, inbox.c.to_number).where(inbox.c.id > after, inbox.c.id <= upto)
        if len(numbers) <= LISTED:
            query = query.where(inbox.c.to_number.in_(sorted(numbers)))
        rows = connection.execute(query.order_by(inbox.c.id).limit(PAGE)).all()
        told |= {row.to_number for row in rows}
        after = rows[-1].id if len(rows) == PAGE else upto
    return after, told


def _ended(connection: Connection, leases: Collection[str]) -> set[str]:
    return set(
        connection.execute(
            select(agent_leases.c.lease_id).where(
                agent_leases.c.lease_id.in_(sorted(leases)), agent_leases.c.ended_at.is_not(None)
            )
        ).scalars()
    )
