from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, StatementError

from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage import Database
from enum_backend.storage import database as module
from enum_backend.storage.tables import api_keys


def adding(key_id: str, **changes: Any) -> Any:
    values = {
        "id": key_id,
        "name": "n",
        "tenant": "t",
        "scopes": "",
        "token_hash": key_id.encode(),
        "created_at": 1,
        **changes,
    }
    return lambda connection: connection.execute(insert(api_keys).values(**values)).rowcount


async def stored(database: Database) -> list[str]:
    query = select(api_keys.c.id).order_by(api_keys.c.id)
    return await database.read(lambda c: list(c.execute(query).scalars()))


def begins(database: Database) -> list[str]:
    seen: list[str] = []

    @event.listens_for(database._engine, "before_cursor_execute")
    def _count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("BEGIN"):
            seen.append(statement)

    return seen


def hold(database: Database) -> threading.Event:
    """Keep the writer busy until the event is set."""
    go = threading.Event()
    database.submit(lambda _connection: go.wait(5))
    return go


async def test_requests_that_wait_share_one_transaction(database: Database) -> None:
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


async def test_a_group_has_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUP", 10)
    seen = begins(database)
    go = hold(database)
    await asyncio.sleep(0.02)
    writes = [asyncio.create_task(database.write(adding(f"k{n:02}"))) for n in range(25)]
    await asyncio.sleep(0.02)
    go.set()
    await asyncio.gather(*writes)
    assert len(seen) == 4


class Odd(BaseException):
    pass


def _raising(problem: BaseException, key_id: str) -> Any:
    def work(connection: Connection) -> None:
        adding(key_id)(connection)
        raise problem

    return work


async def test_one_failure_does_not_take_the_others(database: Database) -> None:
    await database.write(adding("k0"))
    go = hold(database)
    await asyncio.sleep(0.02)
    jobs = [
        adding("k1"),
        adding("k0"),
        _raising(ValueError("own"), "k2"),
        _raising(Odd(), "k3"),
        adding("k4", token_hash=object()),
        adding("k5", name="\ud800"),
        lambda c: c.execute(text("select :a, :b"), {"a": 1}),
        adding("k6"),
    ]
    writes = [asyncio.create_task(database.write(job)) for job in jobs]
    await asyncio.sleep(0.02)
    go.set()
    found = await asyncio.gather(*writes, return_exceptions=True)
    kinds = (int, IntegrityError, ValueError, Odd, (StatementError, TypeError), UnicodeEncodeError)
    for result, kind in zip(found, (*kinds, StatementError, int), strict=True):
        assert isinstance(result, kind), result
    assert await stored(database) == ["k0", "k1", "k6"]


async def test_a_statement_of_its_own_fault(database: Database) -> None:
    with pytest.raises(ProgrammingError):
        await database.write(lambda c: c.exec_driver_sql("select ?", (1, 2)))
    assert await database.write(adding("k")) == 1


async def test_a_broken_transaction_stores_nothing_of_anybody(database: Database) -> None:
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


async def test_a_failing_commit_fails_all(database: Database) -> None:
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


async def test_after_close(url: str) -> None:
    database = Database(url)
    go = hold(database)
    await asyncio.sleep(0.02)
    last = [asyncio.create_task(database.write(adding(f"k{n}"))) for n in range(3)]
    await asyncio.sleep(0.02)
    closing = asyncio.create_task(asyncio.to_thread(database.close))
    await asyncio.sleep(0.02)
    go.set()
    await closing
    assert await asyncio.gather(*last) == [1, 1, 1]
    database.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await database.write(adding("late"))
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await database.read(lambda _connection: None)
    again = Database(url)
    assert len(await stored(again)) == 3
    again.close()


async def test_a_waiter_that_leaves_does_not_undo_the_write(database: Database) -> None:
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


async def test_reads_see_what_is_committed_and_fail_politely(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be read: no such table"):
        await database.read(lambda c: c.execute(text("select * from nowhere")))
    with pytest.raises(ValueError, match="own"):
        await database.read(_raising(ValueError("own"), "k"))
    assert await stored(database) == []


async def test_durable_settings(database: Database) -> None:
    def pragma(name: str) -> Any:
        return lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    assert await database.read(pragma("journal_mode")) == "wal"
    assert await database.read(pragma("synchronous")) == 2
    assert await database.read(pragma("foreign_keys")) == 1


def test_cause_never_fails() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    problem = OperationalError("secret statement", {}, Mute())
    assert module._cause(problem) == "OperationalError"
