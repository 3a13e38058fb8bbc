"""A PostgreSQL server that stops, hangs and comes back, under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage import leadership, open_database, postgres
from enum_backend.storage.leadership import Leadership
from enum_backend.storage.schema import upgrade
from tests.acceptance.faults.own_servers import Postgres, own_postgres
from tests.unit.storage.database_jobs import adding, stored


@pytest.fixture
async def server() -> AsyncIterator[Postgres]:
    async with own_postgres() as server:
        yield server


class Load:
    """Writers that go on whatever happens."""

    def __init__(self, url: str) -> None:
        self.database = open_database(url, connections=6)
        self.kept: set[str] = set()
        self.doubtful: set[str] = set()
        self.number = 0
        self.stopping = False

    async def run(self) -> None:
        await asyncio.gather(*(self._write() for _ in range(8)))

    async def _write(self) -> None:
        while not self.stopping:
            self.number += 1
            name = f"k{self.number:06}"
            try:
                await self.database.write(adding(name))
            except DatabaseUnavailable:
                self.doubtful.add(name)
                await asyncio.sleep(0.02)
            else:
                self.kept.add(name)

    async def more(self, count: int = 30, seconds: float = 40.0) -> None:
        """Wait until so many more are kept."""
        wanted = len(self.kept) + count
        async with asyncio.timeout(seconds):
            while len(self.kept) < wanted:
                await asyncio.sleep(0.01)

    async def refused(self) -> None:
        """Wait until one is refused."""
        seen = len(self.doubtful)
        async with asyncio.timeout(40):
            while len(self.doubtful) == seen:
                await asyncio.sleep(0.01)


async def test_nothing_kept_is_lost(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "TRANSACTION_SECONDS", 1.0)
    await asyncio.to_thread(upgrade, server.url)
    load = Load(server.url)
    running = asyncio.create_task(load.run())
    await load.more()
    for _ in range(2):
        await server.crash()
        await load.more()
    await server.stop()
    await load.refused()
    with pytest.raises(DatabaseUnavailable, match="cannot be read"):
        await stored(load.database)
    await server.start()
    await load.more()
    server.freeze()
    try:
        await load.refused()
        with pytest.raises(DatabaseUnavailable, match=r"no answer in time|in use"):
            await stored(load.database)
    finally:
        server.thaw()
    await load.more()
    load.stopping = True
    await running
    found = await stored(load.database)
    assert len(found) == len(set(found))
    assert load.kept <= set(found) <= load.kept | load.doubtful
    await load.database.close()


class Duty:
    async def take(self) -> bool:
        return True

    async def leave(self) -> None:
        raise AssertionError


async def test_the_leader_stays_when_nobody_else_can_know(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(leadership, "ANSWER_SECONDS", 0.5)
    leader = Leadership(server.url, "a", Duty())
    await leader.start()
    assert leader.on_duty
    await server.crash()
    await asyncio.sleep(0.2)
    server.freeze()
    await asyncio.sleep(1)
    server.thaw()
    await asyncio.sleep(0.2)
    assert leader.on_duty
    await leader.close()
