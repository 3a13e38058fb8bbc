"""Many callers, one transaction: what arrives while a commit is on its way shares the next.

A commit costs one flush to the disk however much it holds, and one statement for
many rows costs little more than for one. So callers hand over one item each and
wait; a batch is written as soon as the one before it is, and holds whatever waits when
its turn at the database comes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from enum_backend.errors import DatabaseUnavailable, EnumBackendError
from enum_backend.storage import Database

T = TypeVar("T")
R = TypeVar("R")

Waiting = tuple[T, "asyncio.Future[R]"]

MOST = 256
"""Items in one transaction."""


class Batcher(Generic[T, R]):
    """Writes items in batches.

    Args:
        work: stores a batch; returns for each item its result, or the error its
            caller gets while the others are stored.
        first: what the transaction begins with; what comes while it waits for a lock
            joins the batch.
    """

    def __init__(
        self,
        database: Database,
        work: Callable[[Connection, Sequence[T]], Sequence[R | EnumBackendError]],
        first: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        self._database = database
        self._work = work
        self._first = first
        self._waiting: list[Waiting[T, R]] = []
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: T) -> R:
        """Store one item; returns after the commit.

        Raises:
            DatabaseUnavailable: it is not stored.
            EnumBackendError: it was refused.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="batches")
        return await future

    async def _run(self) -> None:
        while self._waiting:
            await self._store([])

    def _next(self) -> list[Waiting[T, R]]:
        with self._lock:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return batch

    async def _store(self, batch: list[Waiting[T, R]]) -> None:
        """Store a batch; an empty one becomes what waits when its turn at the database comes."""

        def work(connection: Connection) -> Sequence[R | EnumBackendError]:
            self._first(connection)
            if not batch:
                batch.extend(self._next())
            return self._work(connection, [item for item, _ in batch])

        try:
            results = await self._database.write(work)
        except DatabaseUnavailable as error:
            _fail(batch or self._next(), error)
        except Exception as error:
            batch = batch or self._next()
            # One item that cannot be stored must not take the others with it.
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for waiting in batch:
                    await self._store([waiting])
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():
                    continue
                if isinstance(result, EnumBackendError):
                    future.set_exception(result)
                else:
                    future.set_result(result)


def _fail(batch: list[Waiting[T, R]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
