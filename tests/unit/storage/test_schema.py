from __future__ import annotations

import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from enum_backend.errors import SettingsError
from enum_backend.storage import schema
from enum_backend.storage.database import is_shared, sqlite_file, sqlite_url
from enum_backend.storage.locks import serialize
from enum_backend.storage.once import in_transaction
from enum_backend.storage.schema import revisions, upgrade
from enum_backend.storage.tables import metadata


def tables(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()


def test_migrations_make_exactly_the_tables(empty_url: str) -> None:
    upgrade(empty_url)

    def compare(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    assert in_transaction(empty_url, compare) == []


def details(connection: Connection) -> dict[str, str]:
    """Columns with their order, types, defaults; indices with their conditions; constraints."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(
            text("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master")
        )
        return {row[0]: _plain(row[1]) for row in rows if "alembic" not in row[0]}
    queries = (
        "SELECT 'index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT 'column ' || table_name || '.' || column_name, concat_ws(' ', data_type,"
        " character_maximum_length, is_nullable, column_default, is_identity)"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
    )
    found = [row for query in queries for row in connection.execute(text(query))]
    return {row[0]: row[1] for row in found if "alembic" not in row[0]}


def _plain(sql: str) -> str:
    """A statement whatever its blanks, quotes and order of columns."""
    words = re.sub(r'[\s"]+', " ", sql).replace("( ", "(").replace(" )", ")").replace(" ,", ",")
    return " ".join(sorted(re.split(r"[ ,()]+", words)))


def test_indices_defaults_and_conditions_are_the_same_too(empty_url: str) -> None:
    upgrade(empty_url)
    migrated = in_transaction(empty_url, details)

    def anew(connection: Connection) -> dict[str, str]:
        for table in tables(connection):
            cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
            connection.execute(text(f"DROP TABLE {table}{cascade}"))
        metadata.create_all(connection)
        return details(connection)

    if not is_shared(empty_url):
        sqlite_file(empty_url).unlink()
    assert in_transaction(empty_url, anew, writing=True) == migrated


def test_upgrade_twice_and_revisions(empty_url: str) -> None:
    assert revisions(empty_url)[0] is None
    upgrade(empty_url)
    upgrade(empty_url)
    current, newest = revisions(empty_url)
    assert current == newest is not None


def test_downgrade_leaves_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    schema.migrate(empty_url, lambda config: command.downgrade(config, "base"))
    assert in_transaction(empty_url, tables) == ["alembic_version"]
    upgrade(empty_url)


def test_two_programs_at_once(empty_url: str) -> None:
    """The second waits for the first, and finds the work done."""
    # Alembic's environment is one per process, so the first is played by a lock.
    held, go = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        serialize(connection, "migrations")
        held.set()
        assert go.wait(20)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: in_transaction(empty_url, hold, writing=True))
        assert held.wait(20)
        second = pool.submit(upgrade, empty_url)
        assert not second.done()
        go.set()
        first.result(20)
        second.result(20)
    assert revisions(empty_url)[0] == revisions(empty_url)[1]


def test_a_crash_leaves_the_old_schema(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = op.create_table, []

    def create(name: str, *columns: Any, **options: Any) -> Any:
        if made:
            raise RuntimeError("the power is gone")
        made.append(name)
        return real(name, *columns, **options)

    with monkeypatch.context() as patched:
        patched.setattr(op, "create_table", create)
        with pytest.raises(SettingsError, match="migration failed"):
            upgrade(empty_url)
    assert len(made) == 1
    assert in_transaction(empty_url, tables) == []
    upgrade(empty_url)


def test_a_newer_database_is_refused(empty_url: str) -> None:
    upgrade(empty_url)
    newer = text("update alembic_version set version_num = '9999'")
    in_transaction(empty_url, lambda c: c.execute(newer).close(), writing=True)
    with pytest.raises(SettingsError, match="9999"):
        upgrade(empty_url)


async def test_in_a_thread_with_a_running_loop(empty_url: str) -> None:
    upgrade(empty_url)
    assert revisions(empty_url)[0] == revisions(empty_url)[1]


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    missing = sqlite_url(tmp_path / "none")
    for act in (upgrade, revisions):
        with pytest.raises(SettingsError, match=r"database\.url: cannot be opened"):
            act(missing)
    (tmp_path / "enum-backend.sqlite3").write_bytes(b"not a database, surely" * 100)
    with pytest.raises(SettingsError, match="not a database"):
        upgrade(sqlite_url(tmp_path))


def test_a_percent_sign_in_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "100%"
    folder.mkdir()
    upgrade(sqlite_url(folder))
    file = folder / "enum-backend.sqlite3"
    connection = sqlite3.connect(file)
    assert connection.execute("select count(*) from outbox").fetchone() == (0,)
    connection.close()
