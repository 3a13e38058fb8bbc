"""The figures of the dashboard, kept for some seconds.

The edges of past hours and days never move, and what lies between them hardly changes:
both are remembered, so that a look at the dashboard costs the same on a large outbox.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final, TypeVar

from aiohttp import web
from cachetools import LRUCache, TTLCache
from sqlalchemy import Connection, Table, func, select

from enum_backend.clock import now_ms
from enum_backend.messaging import figures, outbox
from enum_backend.messaging.deliveries import letters
from enum_backend.messaging.figures import Counted
from enum_backend.messaging.list_pages import first_since
from enum_backend.numbers import spending
from enum_backend.storage import Database
from enum_backend.storage.tables import inbox, spend_buckets
from enum_backend.storage.tables import outbox as outbox_table
from enum_backend.web.console.charts import Chart, Point, chart

HOUR: Final = 3_600_000
DAY: Final = 86_400_000
HOURS: Final = 24
DAYS: Final = 14

FRESH_SECONDS: Final = 5.0
"""How old the figures may be."""
SETTLED_SECONDS: Final = 300.0
"""How long a past stretch is believed: states still change a little."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Overview:
    """What the dashboard shows of messages and money.

    Attributes:
        hour, today: outbound of the last 60 minutes, and since midnight UTC.
        pending: not yet handed to a gateway; dead: deliveries that were given up.
        spent: US dollars in 24 hours.
    """

    hour: Counted
    today: Counted
    received_today: Counted
    pending: int
    dead: int
    spent: Decimal
    per_hour: Chart
    per_day: Chart
    spend_per_hour: Chart


class Overviews:
    """Makes overviews; one for all who look at the same time."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._edges: LRUCache[tuple[str, int], int] = LRUCache(200)
        self._past: TTLCache[tuple[int, int], Counted] = TTLCache(200, SETTLED_SECONDS, clock)
        self._latest: TTLCache[str, Overview] = TTLCache(1, FRESH_SECONDS, clock)
        self._lock = asyncio.Lock()

    async def latest(self) -> Overview:
        """The figures, at most `FRESH_SECONDS` old.

        Raises:
            DatabaseUnavailable: they cannot be read.
        """
        async with self._lock:
            found = self._latest.get("overview")
            if found is None:
                found = await self._database.read(lambda c: self._read(c, now_ms()))
                self._latest["overview"] = found
            return found

    def _read(self, connection: Connection, now: int) -> Overview:
        end = (connection.execute(select(func.max(outbox_table.c.id))).scalar() or 0) + 1
        in_end = (connection.execute(select(func.max(inbox.c.id))).scalar() or 0) + 1
        hour, midnight = now - now % HOUR, now - now % DAY
        hours = [hour - HOUR * back for back in range(HOURS - 1, -1, -1)]
        days = [midnight - DAY * back for back in range(DAYS - 1, -1, -1)]
        per_hour = self._stretches(connection, hours, end)
        per_day = self._stretches(connection, days, end)
        received_from = self._edge(connection, midnight, inbox)
        return Overview(
            hour=figures.outbound(connection, first_since(connection, now - HOUR), end),
            today=per_day[-1],
            received_today=figures.inbound(connection, received_from, in_end),
            pending=sum(outbox.count_by_state(connection).values()),
            dead=letters.count_waiting(connection)["dead"],
            spent=spending.spent(connection, now),
            per_hour=_chart("Messages, last 24 hours", hours, "%H:%M", per_hour),
            per_day=_chart("Messages, last 14 days", days, "%d %b", per_day),
            spend_per_hour=_spend_chart(connection, hours),
        )

    def _stretches(self, connection: Connection, edges: list[int], end: int) -> list[Counted]:
        """What lies between each edge and the next, the last one open."""
        ids = [*(min(self._edge(connection, at, outbox_table), end) for at in edges), end]
        found = []
        for place, (first, last) in enumerate(pairwise(ids)):
            is_past = place < len(edges) - 1
            counted = self._past.get((first, last)) if is_past else None
            if counted is None:
                counted = figures.outbound(connection, first, last)
                if is_past:
                    self._past[first, last] = counted
            found.append(counted)
        return found

    def _edge(self, connection: Connection, at: int, table: Table) -> int:
        """The id at which a past hour or day begins."""
        key = (table.name, at)
        found = self._edges.get(key)
        if found is None:
            found = self._edges[key] = first_since(connection, at, table)
        return found


def _chart(title: str, edges: Iterable[int], shape: str, counted: Iterable[Counted]) -> Chart:
    return chart(
        title,
        [
            Point(_label(at, shape), item.total, item.failed)
            for at, item in zip(edges, counted, strict=True)
        ],
        "messages",
    )


def _spend_chart(connection: Connection, hours: list[int]) -> Chart:
    rows = connection.execute(
        select(spend_buckets.c.bucket_at, spend_buckets.c.micros).where(
            spend_buckets.c.scope == spending.ALL, spend_buckets.c.bucket_at >= hours[0]
        )
    )
    micros = dict.fromkeys(hours, 0)
    for at, amount in rows:
        hour = at - at % HOUR
        if hour in micros:
            micros[hour] += int(amount)
    points = [
        Point(_label(at, "%H:%M"), Decimal(max(amount, 0)) / 1_000_000)
        for at, amount in micros.items()
    ]
    return chart("Spend, last 24 hours", points, "US dollars")


def _label(at: int, shape: str) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime(shape)


OVERVIEWS = web.AppKey("overviews", Overviews)
