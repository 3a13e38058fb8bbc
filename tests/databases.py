"""Real servers for tests: PostgreSQL databases of this session's own, a Redis.

`TEST_POSTGRES_URL` and `TEST_REDIS_URL` say where; without them the usual local ports
are tried, then servers of the session's own are started. Where their programs are not
installed either, the test is skipped, and fails when `CI=true`.
"""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr
from sqlalchemy import Connection, text

from enum_backend.redis_link import RedisLink
from enum_backend.settings.redis import RedisSettings
from enum_backend.storage.once import in_transaction
from enum_backend.storage.postgres_url import connect
from enum_backend.storage.schema import upgrade
from tests.acceptance.faults.own_servers import missing, own_postgres
from tests.ports import free_ports

T = TypeVar("T")

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
NAME = f"enum_backend_test_{os.getpid()}"
START_SECONDS = 30.0

_EMPTY = text(
    "DO $$ DECLARE name text; BEGIN"
    " SET LOCAL session_replication_role = replica;"  # in any order
    " FOR name IN SELECT tablename FROM pg_tables"
    " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    " LOOP EXECUTE format('DELETE FROM %I', name); END LOOP; END $$"
)
_BARE = (text("DROP SCHEMA public CASCADE"), text("CREATE SCHEMA public"))
_ALONE = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@functools.cache
def answers(url: str) -> bool:
    """Whether a server is there, and lets us in."""
    if url.startswith("postgres"):
        try:
            _apart(lambda: _execute(url, "SELECT 1"))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True
    return _listens(url)


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), 2).close()
    except OSError:
        return False
    return True


class PostgresServer:
    """Databases for the session, made at the first use and emptied for each test."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._server = POSTGRES
        self._urls: dict[str, str] = {}
        if not answers(POSTGRES):
            runner = self._stack.enter_context(asyncio.Runner())
            own = own_postgres()
            self._server = runner.run(own.__aenter__()).url
            self._stack.callback(lambda: runner.run(own.__aexit__(None, None, None)))

    def fresh(self) -> str:
        """The URL of one with all tables and no rows."""
        url = self._urls.get(NAME) or self._create(NAME)
        if NAME not in self._urls:
            upgrade(url)
            self._urls[NAME] = url
        in_transaction(url, _emptied)
        return url

    def bare(self) -> str:
        """The URL of one without tables."""
        name = f"{NAME}_bare"
        self._urls[name] = url = self._urls.get(name) or self._create(name)
        in_transaction(url, _bared)
        return url

    def close(self) -> None:
        """At the end of the session."""
        for name in self._urls:
            drop(name, self._server)
        self._stack.close()

    def _create(self, name: str) -> str:
        # Commits do not wait for the disk.
        return f"{create(name, self._server)}?synchronous_commit=off"


class RedisServer:
    """The one that answers, or one of the session's own."""

    def __init__(self) -> None:
        self.url = REDIS
        self._process: subprocess.Popen[bytes] | None = None
        if answers(REDIS):
            return
        if shutil.which("redis-server") is None:
            missing("redis-server")
        (port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{port}/0"
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_SECONDS
        while not _listens(self.url):
            assert time.monotonic() < until
            time.sleep(0.02)

    def settings(self, prefix: str) -> RedisSettings:
        """It, under a prefix of the test's own."""
        return RedisSettings(url=SecretStr(self.url), key_prefix=prefix)

    def close(self) -> None:
        """At the end of the session."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_SECONDS)


def create(name: str, server: str = POSTGRES) -> str:
    """An empty database on a server; returns its URL."""
    drop(name, server)
    _apart(lambda: _execute(server, f'CREATE DATABASE "{name}"'))
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def drop(name: str, server: str = POSTGRES) -> None:
    """Remove a database, whoever is connected to it."""
    _apart(lambda: _execute(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def seen(url: str, work: Callable[[Connection], T]) -> T:
    """Look into a database from outside."""
    return in_transaction(url, work)


async def forget(link: RedisLink) -> None:
    """Remove what a test left in Redis."""
    async for key in link.client.scan_iter(f"*{link.prefix}*"):
        await link.client.delete(key)


def _emptied(connection: Connection) -> None:
    connection.execute(_ALONE)
    connection.execute(_EMPTY)


def _bared(connection: Connection) -> None:
    connection.execute(_ALONE)
    for statement in _BARE:
        connection.execute(statement)


async def _execute(url: str, statement: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _apart(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine function to its end, also from within a running loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()
