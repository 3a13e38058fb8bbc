"""What both kinds of database do."""

from __future__ import annotations

import asyncio
import builtins
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from enum_backend.errors import DatabaseUnavailable, SettingsError
from enum_backend.storage import Database, open_database
from enum_backend.storage.database import cause, is_shared, sqlite_file, sqlite_url
from tests.unit.storage.database_jobs import Odd, adding, raising, stored


async def test_kinds(database: Database, database_url: str) -> None:
    assert database.shared is is_shared(database_url) is database_url.startswith("postgresql")


async def test_a_write_returns_what_its_function_returns(database: Database) -> None:
    assert await database.write(adding("k")) == 1
    assert await database.write(lambda connection: None) is None
    assert await stored(database) == ["k"]


async def test_many_at_once(database: Database) -> None:
    writes = [database.write(adding(f"k{n:03}")) for n in range(100)]
    reads = [stored(database) for _ in range(20)]
    found = await asyncio.gather(*writes, *reads)
    assert found[:100] == [1] * 100
    assert len(await stored(database)) == 100


async def test_one_failure_does_not_take_the_others(database: Database) -> None:
    await database.write(adding("k0"))
    jobs = [
        adding("k1"),
        adding("k0"),
        raising(ValueError("own"), "k2"),
        raising(Odd(), "k3"),
        adding("k4", token_hash=object()),
        adding("k5", name="\ud800"),
        adding("k6"),
    ]
    found = await asyncio.gather(*(database.write(job) for job in jobs), return_exceptions=True)
    kinds = (int, IntegrityError, ValueError, Odd, Exception, (DBAPIError, UnicodeEncodeError), int)
    for result, kind in zip(found, kinds, strict=True):
        assert isinstance(result, kind), result
        assert not isinstance(result, DatabaseUnavailable), result
    assert await stored(database) == ["k0", "k1", "k6"]


async def test_a_function_survives_a_failure_in_a_savepoint(database: Database) -> None:
    await database.write(adding("k0"))

    def work(connection: Any) -> str:
        try:
            with connection.begin_nested():
                adding("k0")(connection)
        except IntegrityError:
            adding("k1")(connection)
            return "survived"
        return "not refused"

    assert await database.write(work) == "survived"
    assert await stored(database) == ["k0", "k1"]


async def test_reads_fail_politely(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"cannot be read: .*nowhere"):
        await database.read(lambda c: c.execute(text("select * from nowhere")))
    with pytest.raises(ValueError, match="own"):
        await database.read(lambda c: int("own"))
    assert await stored(database) == []


async def test_a_waiter_that_leaves_does_not_undo_the_write(database: Database) -> None:
    waiter = asyncio.create_task(database.write(adding("k")))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    failing = asyncio.create_task(database.write(raising(ValueError("unseen"), "other")))
    await asyncio.sleep(0)
    failing.cancel()
    await asyncio.gather(failing, return_exceptions=True)
    async with asyncio.timeout(5):
        while await stored(database) != ["k"]:
            await asyncio.sleep(0.01)


async def test_after_close(database_url: str) -> None:
    database = open_database(database_url)
    last = [asyncio.create_task(database.write(adding(f"k{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    await asyncio.gather(database.close(), database.close())
    assert await asyncio.gather(*last) == [1, 1, 1]
    await database.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await database.write(adding("late"))
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await database.read(lambda _connection: None)
    again = open_database(database_url)
    assert len(await stored(again)) == 3
    await again.close()


def test_places(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    assert sqlite_file(url) == tmp_path / "enum-backend.sqlite3"
    shared = ["postgresql://h/d", "postgres://u:p@h/d", "postgresql+asyncpg:///d"]
    assert [is_shared(item) for item in (*shared, url)] == [True, True, True, False]


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "enum_backend.storage.postgres":
            raise ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        SettingsError, match=r"database\.url: its driver is not installed: pip inst"
    ):
        open_database("postgresql://u:secret@db.example/x")


def test_cause_never_fails() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    problem = OperationalError("secret statement", {}, Mute())
    assert cause(problem) == "OperationalError"
