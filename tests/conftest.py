"""What all tests share."""

from __future__ import annotations

import base64
import logging
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from enum_backend.numbers.currency import use_rates
from enum_backend.redis_link import RedisLink
from enum_backend.storage import Database, open_database
from enum_backend.storage.database import sqlite_file, sqlite_url
from enum_backend.storage.schema import upgrade
from tests import databases
from tests.databases import PostgresServer, RedisServer

settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=20_000,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands configure logging for their process; here the next test gets it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _rates_as_they_were() -> Iterator[None]:
    """A server takes the exchange rates of its price list for the whole process."""
    yield
    use_rates(None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL databases of this session."""
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis that tests share."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    url = sqlite_url(tmp_path_factory.mktemp("template"))
    upgrade(url)
    return sqlite_file(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, of each kind in turn."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.bare()
    return sqlite_url(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with all tables, of each kind in turn."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.fresh()
    url = sqlite_url(tmp_path)
    shutil.copy(request.getfixturevalue("sqlite_template"), sqlite_file(url))
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, opened."""
    database = open_database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def redis_link(redis_server: RedisServer) -> AsyncIterator[RedisLink]:
    """Redis under a prefix of the test's own."""
    link = RedisLink(redis_server.settings(f"test-{secrets.token_hex(6)}"))
    yield link
    await databases.forget(link)
    await link.close()


@pytest.fixture(params=["sqlite", "postgresql+redis"])
def storage_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of a server: everything in its data directory, or on shared servers."""
    if request.param == "sqlite":
        return {}
    server: PostgresServer = request.getfixturevalue("postgres_server")
    redis: RedisLink = request.getfixturevalue("redis_link")
    redis_server: RedisServer = request.getfixturevalue("redis_server")
    return {
        "server_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "database": {"url": server.fresh(), "connections": 4},
        "redis": {"url": redis_server.url, "key_prefix": redis.prefix},
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the ledgers of the fault tests."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    kept = [
        value for report in reports for name, value in report.user_properties if name == "ledger"
    ]
    if kept:
        terminalreporter.section("fault ledgers")
    for ledger in kept:
        terminalreporter.line(ledger)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share a slow server run on one worker."""
    if config.getvalue("dist") != "load":
        return None
    from tests.workers import SharedServers

    return SharedServers(config, log)
