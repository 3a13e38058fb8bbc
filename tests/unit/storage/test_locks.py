"""One writer at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, func, select

from enum_backend.storage import Database
from enum_backend.storage.locks import lock_key, serialize
from enum_backend.storage.tables import api_keys
from tests.unit.storage.database_jobs import adding


def test_keys_are_stable_and_signed() -> None:
    assert lock_key("outbox") == lock_key("outbox") != lock_key("inbox")
    assert all(-(2**63) <= lock_key(f"t{n}") < 2**63 for n in range(100))
    assert lock_key("outbox") == 1882382148705365459, "processes of any version agree"


async def test_counts_stay_true_until_the_commit(database: Database) -> None:
    """Each function counts the rows and adds one only below the limit."""

    def work(number: int) -> Callable[[Connection], bool]:
        def add(connection: Connection) -> bool:
            serialize(connection, "count")
            held = connection.scalar(select(func.count()).select_from(api_keys))
            return bool(held is not None and held < 5 and adding(f"k{number}")(connection))

        return add

    done = await asyncio.gather(*(database.write(work(number)) for number in range(20)))
    assert sorted(done) == [False] * 15 + [True] * 5


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_topics_do_not_wait_for_each_other(database: Database) -> None:
    inside = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        serialize(connection, "one")
        loop.call_soon(inside.set)
        connection.exec_driver_sql("SELECT pg_sleep(0.5)")

    running = asyncio.create_task(database.write(slow))
    await inside.wait()
    await database.write(lambda connection: serialize(connection, "two"))
    assert not running.done()
    await running
