"""SQLite: one writer thread that commits many requests at once, readers beside it.

SQLite allows one writer. Requests that arrive while a commit is on its way to
the disk share the next one, so `synchronous=FULL` costs one flush per group,
not per message. A caller of `write` continues only after its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)

from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage.database import Database, cause

T = TypeVar("T")

MAX_GROUP = 256
"""Most requests in one commit."""

GATHER_SECONDS = 0.002
"""Between two commits, so that under load each holds more; nobody else waits for it."""

_BUSY_SECONDS = 10.0

_OWN_FAULTS = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
"""Errors of one request's statement, after which the transaction goes on without it."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    future: Future[Any]


_Outcome = tuple[_Job, Any, BaseException | None]


class SqliteDatabase(Database):
    """A file that this process alone works on.

    Args:
        url: `sqlite:///FILE`.
        readers: threads for `read`.
    """

    shared: ClassVar[bool] = False

    def __init__(self, url: str, *, readers: int = 4) -> None:
        self._engine = open_engine(url, readers + 2)
        self._writing = self._engine.execution_options(writing=True)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="db-read")
        self._writer = threading.Thread(target=self._write_loop, name="db-write", daemon=True)
        self._closed = False
        self._committed_at = 0.0
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._writer.start()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`; other requests may share the transaction."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(work)))

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """`write` for threads: the future is done after the commit."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise DatabaseUnavailable("The database is closed.")
            self._jobs.put(_Job(work, future))
        return future

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        if self._closed:
            raise DatabaseUnavailable("The database is closed.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise DatabaseUnavailable(f"The database cannot be read: {cause(error)}") from error

    def _write_loop(self) -> None:
        while True:
            group = self._next_group()
            if not group:
                return
            self._commit(group)
            self._committed_at = time.monotonic()

    def _next_group(self) -> list[_Job]:
        """Wait for work, then take what else has arrived; empty = closed."""
        first = self._jobs.get()
        if first is None:
            return []
        # What arrives while its callers still take in the last commit shares the next.
        if (early := self._committed_at + GATHER_SECONDS - time.monotonic()) > 0:
            time.sleep(early)
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _commit(self, group: list[_Job]) -> None:
        alone = len(group) == 1
        try:
            connection = self._connection = self._connection or self._writing.connect()
            outcomes = None if alone else _together(group, connection)
            if outcomes is None:
                with connection.begin():
                    outcomes = [_run(job, connection, alone=alone) for job in group]
        except Exception as error:
            self._let_go()
            failure = DatabaseUnavailable(f"The database cannot be written: {cause(error)}")
            for job in group:
                job.future.set_exception(failure)
            return
        for job, result, problem in outcomes:
            if problem is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(problem)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    async def close(self) -> None:
        """See `Database.close`."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join(timeout=30)
        self._let_go()
        self._readers.shutdown(wait=True)
        self._engine.dispose()


class _OneRaised(Exception):
    """A job of a group raised something."""


def _together(group: list[_Job], connection: Connection) -> list[_Outcome] | None:
    """What all jobs return, committed; None where one raised, and nothing is stored.

    Nearly every group is of this kind, and savepoints are dear.
    """
    try:
        with connection.begin():
            try:
                return [(job, job.work(connection), None) for job in group]
            except BaseException:
                raise _OneRaised from None
    except _OneRaised:
        return None


def _run(job: _Job, connection: Connection, *, alone: bool) -> _Outcome:
    """What a job returns or raises; what it wrote before it raised is undone.

    Args:
        alone: the transaction holds nothing else, so all of it is undone; that spares
            two statements.
    """
    try:
        with _Whole(connection) if alone else connection.begin_nested():
            return job, job.work(connection), None
    except _OWN_FAULTS as problem:
        return job, None, problem
    except SQLAlchemyError as problem:
        if isinstance(problem, StatementError) and not isinstance(problem, DBAPIError):
            return job, None, problem  # a parameter that no column takes
        raise
    except BaseException as problem:
        # Whatever it is, it belongs to its caller and must not end the writer.
        return job, None, problem


class _Whole:
    """Stands for a savepoint: undoes the transaction when something is raised inside."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._connection.rollback()


def open_engine(url: str, connections: int) -> Engine:
    """An engine whose transactions begin when SQLAlchemy says so.

    With the execution option `writing` they take SQLite's write lock at once.
    """
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_BUSY_SECONDS,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
