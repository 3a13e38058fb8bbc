"""The figures of the dashboard: right, and not asked for again at every look."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from enum_backend.numbers import spending
from enum_backend.storage import Database
from enum_backend.storage.tables import inbox, outbox
from enum_backend.web.console import overview
from enum_backend.web.console.overview import DAY, HOUR, Overviews
from tests.unit.messaging.test_lists import come, out

NOW = 1_767_225_600_000 + 22 * HOUR + 1000
"""22 hours and a second into a day."""


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "now_ms", lambda: NOW)


async def put(database: Database, *rows: dict[str, Any]) -> None:
    table = outbox if "message_id" in rows[0] else inbox
    await database.write(lambda connection: connection.execute(insert(table), rows).rowcount)


async def test_messages_stand_in_their_hour_and_day(database: Database) -> None:
    times = [NOW - 20 * DAY, NOW - 3 * DAY, NOW - 2 * HOUR, NOW - 10, NOW]
    await put(database, *(out(index, at) for index, at in enumerate(times)))
    await put(database, out(9, NOW, state="failed"), out(10, NOW, state="queued"))
    await put(database, come(1, NOW - 2 * DAY), come(2, NOW))
    amounts = {("all", NOW): 1_500_000, ("all", NOW - 2 * DAY): 9_000_000}
    await database.write(lambda connection: spending.add(connection, amounts))
    found = await Overviews(database).latest()
    assert [bar.point.value for bar in found.per_day.bars[-4:]] == [1, 0, 0, 5]
    assert [bar.point.value for bar in found.per_hour.bars[-3:]] == [1, 0, 4]
    assert found.per_hour.bars[-1].point.bad == 1
    assert found.per_hour.bars[-1].point.label == "22:00"
    assert (found.hour.total, found.today.total, found.today.failed) == (4, 5, 1)
    assert found.received_today.total == 1
    assert (found.pending, found.dead) == (1, 0)
    assert found.spent == Decimal("1.5")
    assert found.spend_per_hour.bars[-1].point.value == Decimal("1.5")


async def test_an_empty_outbox(database: Database) -> None:
    found = await Overviews(database).latest()
    assert (found.today.total, found.hour.total, found.per_day.top) == (0, 0, 0)


async def test_the_figures_are_kept_for_some_seconds(database: Database) -> None:
    clock = Clock()
    overviews = Overviews(database, clock)
    await put(database, out(1, NOW))
    first = await overviews.latest()
    await put(database, out(2, NOW))
    assert await overviews.latest() is first
    clock.seconds += overview.FRESH_SECONDS + 1
    assert (await overviews.latest()).today.total == 2
