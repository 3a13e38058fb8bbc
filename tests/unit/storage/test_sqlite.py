"""SQLite: the writer thread and its groups."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage import sqlite as module
from enum_backend.storage.sqlite import SqliteDatabase
from tests.unit.storage.database_jobs import adding, raising, stored

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(database_url)
    yield database
    await database.close()


def begins(database: SqliteDatabase) -> list[str]:
    seen: list[str] = []

    @event.listens_for(database._engine, "before_cursor_execute")
    def _count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("BEGIN"):
            seen.append(statement)

    return seen


def hold(database: SqliteDatabase) -> threading.Event:
    """Keep the writer busy until the event is set."""
    go = threading.Event()
    database.submit(lambda _connection: go.wait(5))
    return go


async def test_requests_that_wait_share_one_transaction(database: SqliteDatabase) -> None:
    seen = begins(database)
    go = hold(database)
    await asyncio.sleep(0.02)
    writes = [asyncio.create_task(database.write(adding(f"k{n:02}"))) for n in range(50)]
    await asyncio.sleep(0.02)
    go.set()
    assert await asyncio.gather(*writes) == [1] * 50
    assert seen == ["BEGIN IMMEDIATE"] * 2
    assert len(await stored(database)) == 50
    assert seen[2:] == ["BEGIN"]


async def test_a_group_has_a_limit(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_GROUP", 10)
    seen = begins(database)
    go = hold(database)
    await asyncio.sleep(0.02)
    writes = [asyncio.create_task(database.write(adding(f"k{n:02}"))) for n in range(25)]
    await asyncio.sleep(0.02)
    go.set()
    await asyncio.gather(*writes)
    assert len(seen) == 4


async def test_a_statement_of_its_own_fault(database: SqliteDatabase) -> None:
    with pytest.raises(ProgrammingError):
        await database.write(lambda c: c.exec_driver_sql("select ?", (1, 2)))
    assert await database.write(adding("k")) == 1


async def test_a_request_without_company_is_undone_as_a_whole(database: SqliteDatabase) -> None:
    with pytest.raises(KeyError):
        await database.write(raising(KeyError("x"), "k1"))
    with pytest.raises(IntegrityError):
        await database.write(lambda c: (adding("k2")(c), adding("k2")(c)))
    assert await stored(database) == []
    assert await database.write(adding("k3")) == 1
    assert await stored(database) == ["k3"]


async def test_a_broken_transaction_stores_nothing_of_anybody(database: SqliteDatabase) -> None:
    go = hold(database)
    await asyncio.sleep(0.02)
    jobs = [adding("k1"), lambda c: c.execute(text("select * from nowhere")), adding("k2")]
    writes = [asyncio.create_task(database.write(job)) for job in jobs]
    await asyncio.sleep(0.02)
    go.set()
    found = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(problem) for problem in found] == [DatabaseUnavailable] * 3
    assert "select" not in str(found[0])
    assert await stored(database) == []


async def test_a_failing_commit_fails_all(database: SqliteDatabase) -> None:
    failing = True

    @event.listens_for(database._engine, "commit")
    def _commit(_connection: Connection) -> None:
        if failing:
            raise OperationalError("COMMIT", {}, Exception("disk is full"))

    found = await asyncio.gather(
        *(database.write(adding(f"k{n}")) for n in range(3)), return_exceptions=True
    )
    assert {type(problem) for problem in found} == {DatabaseUnavailable}
    assert "disk is full" in str(found[0])
    assert await stored(database) == []
    failing = False
    assert await database.write(adding("k")) == 1


async def test_a_waiter_that_leaves_does_not_undo_the_write(database: SqliteDatabase) -> None:
    go = hold(database)
    await asyncio.sleep(0.02)
    waiter = asyncio.create_task(database.write(adding("k")))
    await asyncio.sleep(0.02)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    future = database.submit(adding("thread"))
    assert not future.cancel()
    go.set()
    assert future.result(5) == 1
    assert await stored(database) == ["k", "thread"]


async def test_durable_settings(database: SqliteDatabase) -> None:
    def pragma(name: str) -> Any:
        return lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    assert await database.read(pragma("journal_mode")) == "wal"
    assert await database.read(pragma("synchronous")) == 2
    assert await database.read(pragma("foreign_keys")) == 1


async def test_closing_finishes_what_waits(database: SqliteDatabase) -> None:
    go = hold(database)
    await asyncio.sleep(0.02)
    last = [asyncio.create_task(database.write(adding(f"k{n}"))) for n in range(3)]
    await asyncio.sleep(0.02)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0.02)
    go.set()
    await closing
    assert await asyncio.gather(*last) == [1, 1, 1]
