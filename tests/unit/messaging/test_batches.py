from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from enum_backend.errors import DatabaseUnavailable, EnumBackendError, NotFound
from enum_backend.messaging.batches import MOST, Batcher
from tests.unit.messaging.messaging_world import World


class Work:
    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(
        self, connection: Connection, items: Sequence[int]
    ) -> list[int | EnumBackendError]:
        self.batches.append(list(items))
        if 13 in items:
            raise ZeroDivisionError
        return [NotFound(str(item)) if item < 0 else item * 2 for item in items]


async def test_what_arrives_together_is_written_together(world: World) -> None:
    work = Work()
    batcher = Batcher(world.database, work)
    assert await asyncio.gather(*(batcher.put(n) for n in range(50, 100))) == [
        n * 2 for n in range(50, 100)
    ]
    assert len(work.batches) == 1
    await asyncio.gather(*(batcher.put(1) for _ in range(MOST + 5)))
    assert [len(batch) for batch in work.batches[1:]] == [MOST, 5]


async def test_what_comes_before_its_turn_is_written_with_it(world: World) -> None:
    work, began, go_on = Work(), threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        began.set()
        go_on.wait(30)

    if world.database.shared:
        pytest.skip("others are not waited for")
    batcher = Batcher(world.database, work)
    before = asyncio.create_task(world.database.write(slow))
    await asyncio.to_thread(began.wait, 30)
    first = asyncio.create_task(batcher.put(1))
    for _ in range(5):
        await asyncio.sleep(0)
    second = asyncio.create_task(batcher.put(2))
    for _ in range(5):
        await asyncio.sleep(0)
    go_on.set()
    assert [await first, await second] == [2, 4]
    await before
    assert work.batches == [[1, 2]]


async def test_each_gets_its_own_result(world: World) -> None:
    batcher = Batcher(world.database, Work())
    first, second = await asyncio.gather(batcher.put(-1), batcher.put(4), return_exceptions=True)
    assert isinstance(first, NotFound)
    assert second == 8


async def test_one_that_breaks_the_batch_falls_alone(world: World) -> None:
    batcher = Batcher(world.database, Work())
    found = await asyncio.gather(*(batcher.put(n) for n in (12, 13, 14)), return_exceptions=True)
    assert found[0] == 24
    assert isinstance(found[1], ZeroDivisionError)
    assert found[2] == 28


async def test_an_absent_database_fails_all(world: World) -> None:
    await world.database.close()
    batcher = Batcher(world.database, Work())
    found = await asyncio.gather(batcher.put(1), batcher.put(2), return_exceptions=True)
    assert all(isinstance(item, DatabaseUnavailable) for item in found)


async def test_a_caller_that_left_disturbs_nobody(world: World) -> None:
    batcher = Batcher(world.database, Work())
    gone = asyncio.create_task(batcher.put(-1))
    stays = asyncio.create_task(batcher.put(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
