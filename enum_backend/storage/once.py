"""One transaction for a program that keeps no database open: migrations, examinations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from enum_backend.storage.database import is_shared, scale_extra
from enum_backend.storage.sqlite import open_engine

T = TypeVar("T")


def in_transaction(url: str, work: Callable[[Connection], T], *, writing: bool = False) -> T:
    """Run `work` in a transaction of its own, however long it takes; blocks until then.

    Raises:
        OSError, SQLAlchemyError: the database cannot be used.
        SettingsError: PostgreSQL's driver is not installed.
    """
    if is_shared(url):
        # A thread of its own, as the caller's may run an event loop.
        with ThreadPoolExecutor(1, thread_name_prefix="db-once") as pool:
            return pool.submit(lambda: asyncio.run(_on_server(url, work))).result()
    engine = open_engine(url, 1)
    try:
        with engine.execution_options(writing=writing).begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


async def _on_server(url: str, work: Callable[[Connection], T]) -> T:
    with scale_extra("database.url"):
        from enum_backend.storage import postgres
    engine = postgres.open_engine(url, 1, statement_timeout="0")
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()
