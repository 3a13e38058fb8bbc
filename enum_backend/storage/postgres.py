"""PostgreSQL: a pool of connections, each write a transaction of its own.

Conflicts with other processes (deadlock, serialisation failure, a row that both
inserted) and connections that ended while nobody used them are met by running the
function again; the caller sees neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage.database import Database, cause
from enum_backend.storage.postgres_errors import Phase, Verdict, judge
from enum_backend.storage.postgres_url import connect

T = TypeVar("T")

POOL_SECONDS = 10.0
"""Longest wait for a connection that others use."""
TRANSACTION_SECONDS = 20.0
"""Longest time of one transaction; longer than the server lets a statement take."""
CLOSE_SECONDS = 30.0
TRIES = 4
PAUSE = 0.01
"""Seconds; doubled before each further try."""

_PREPARED = 500
"""Statements that each connection keeps prepared."""


class PostgresDatabase(Database):
    """A server that any number of processes work on.

    Args:
        url: see `postgres_url.connect`.
        connections: most at once; a third of them only read.
    """

    shared: ClassVar[bool] = True

    def __init__(self, url: str, *, connections: int) -> None:
        reading = max(1, connections // 3)
        self._writing = open_engine(url, max(1, connections - reading))
        # Nearly every read is one statement; without BEGIN it takes one round trip.
        self._reading = open_engine(url, reading, autocommit=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        return await self._apart(_persist(self._writing, work, "written"))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        try:
            return await self._apart(_persist(self._reading, work, "read"))
        except SQLAlchemyError as error:
            raise _unavailable("read", error) from error

    async def _apart(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in a task of its own: a caller that leaves must not leave half a transaction."""
        if self._closed:
            work.close()
            raise DatabaseUnavailable("The database is closed.")
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, although its caller may have left

    async def close(self) -> None:
        """See `Database.close`."""
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        for engine in (self._writing, self._reading):
            await engine.dispose()


async def _persist(engine: AsyncEngine, work: Callable[[Connection], T], verb: str) -> T:
    """Run `work`, again if need be.

    Raises:
        DatabaseUnavailable: the server cannot do it now.
    """
    tries = 0
    while True:
        tries += 1
        trial = _Trial(engine)
        try:
            return await trial.run(work)
        except Exception as error:
            verdict = judge(error, trial.phase)
            if verdict is Verdict.OWN_FAULT or (verdict is Verdict.TAKEN and tries == TRIES):
                raise
            if verdict is Verdict.TROUBLE or tries == TRIES:
                raise _unavailable(verb, error) from error
        await asyncio.sleep(PAUSE * 2**tries)


class _Trial:
    """One try; `phase` tells how far it came."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.phase = Phase.CONNECT

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(TRANSACTION_SECONDS), self._engine.connect() as connection:
            self.phase = Phase.WORK
            result = await connection.run_sync(work)
            self.phase = Phase.COMMIT
            await connection.commit()
            return result


def _unavailable(verb: str, error: Exception) -> DatabaseUnavailable:
    why = "no answer in time" if isinstance(error, TimeoutError) else cause(error)
    if isinstance(error, PoolTimeout):
        why = "every connection is in use"
    return DatabaseUnavailable(f"The database cannot be {verb}: {why}")


def open_engine(
    url: str, connections: int, *, autocommit: bool = False, **session: str
) -> AsyncEngine:
    """An engine with at most so many connections; `session` as of `postgres_url.connect`."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, **session),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
        connect_args={"prepared_statement_cache_size": _PREPARED},
    )
