"""What one caller may send in an hour and in a day, counted from the outbox itself.

Only the messages of programs that call a shim are counted (`OF_PROGRAMS`); their callers
are the only ones that have such ceilings. A restart forgets nothing.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, select

from enum_backend.errors import RateLimitExceeded
from enum_backend.messaging.limits import DAY, HOUR, reached
from enum_backend.messaging.model import Client
from enum_backend.storage.tables import outbox
from enum_backend.storage.tables.lists import OF_PROGRAMS


class ClientWindows:
    """The ceilings of the callers of one batch, inside the transaction that accepts it."""

    def __init__(self, connection: Connection, now: int) -> None:
        self._connection = connection
        self._now = now
        self._taken: Counter[str] = Counter()

    def refusal(self, client: Client) -> RateLimitExceeded | None:
        """Why one more message of this caller is refused; None = it is not."""
        for name, seconds, limit in _windows(client):
            since = self._now - seconds * 1000
            place = limit - 1 - self._taken[client.id]
            oldest = self._now if place < 0 else self._newest(client.id, since, place)
            if oldest is not None:
                return reached(name, limit, seconds, (oldest - since) / 1000)
        return None

    def take(self, client: Client) -> None:
        """A message of the batch is accepted; it is not in the outbox yet."""
        self._taken[client.id] += 1

    def _newest(self, client: str, since: int, place: int) -> int | None:
        """When the message at that place, newest first, was accepted; None = there is none."""
        at: int | None = self._connection.execute(
            select(outbox.c.created_at)
            .where(
                outbox.c.client == client,
                OF_PROGRAMS,
                outbox.c.created_at > since,
                outbox.c.limited.is_(True),
            )
            .order_by(outbox.c.created_at.desc())
            .offset(place)
            .limit(1)
        ).scalar()
        return at


def _windows(client: Client) -> list[tuple[str, int, int]]:
    wanted = (("per_hour", HOUR, client.per_hour), ("per_day", DAY, client.per_day))
    return [item for item in wanted if item[2]]
