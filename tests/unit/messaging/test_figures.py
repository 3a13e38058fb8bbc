"""Counts of messages: exact where there are few, estimated where there are many."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select

from enum_backend.messaging import figures
from enum_backend.messaging.figures import Counted
from enum_backend.storage import Database
from enum_backend.storage.tables import inbox, outbox

from .test_lists import come, out

STATES = ["delivered", "sent", "failed", "queued"]


async def fill(database: Database, count: int) -> int:
    """Messages in every state; the id of the first."""
    rows = [out(index, state=STATES[index % 4]) for index in range(count)]
    return await _put(database, outbox, rows)


async def _put(database: Database, table: Table, rows: list[dict[str, Any]]) -> int:
    await database.write(lambda connection: connection.execute(insert(table), rows).rowcount)
    lowest = select(func.min(table.c.id))
    return await database.read(lambda connection: connection.execute(lowest).scalar_one())


async def test_few_are_counted(database: Database) -> None:
    first = await fill(database, 40)
    found = await database.read(lambda c: figures.outbound(c, first, first + 40))
    assert found == Counted(40, arrived=20, failed=10)
    assert found.success == pytest.approx(100 * 20 / 30)
    part = await database.read(lambda connection: figures.outbound(connection, first, first + 4))
    assert part.total == 4
    none = await database.read(
        lambda connection: figures.outbound(connection, first + 50, first + 99)
    )
    assert none == Counted()
    assert none.success is None


async def test_many_are_estimated(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "EXACT", 10)
    monkeypatch.setattr(figures, "SAMPLE", 8)
    first = await fill(database, 40)
    found = await database.read(lambda c: figures.outbound(c, first, first + 40))
    assert found == Counted(40, arrived=20, failed=10, about=True)


async def test_inbound(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [come(index) for index in range(5)]
    first = await _put(database, inbox, rows)
    assert await database.read(lambda c: figures.inbound(c, first, first + 9)) == Counted(5)
    monkeypatch.setattr(figures, "EXACT", 3)
    about = await database.read(lambda c: figures.inbound(c, first, first + 5))
    assert about == Counted(5, about=True)
