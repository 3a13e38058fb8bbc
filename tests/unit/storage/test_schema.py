from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from enum_backend.errors import SettingsError
from enum_backend.storage import schema
from enum_backend.storage.database import sqlite_url
from enum_backend.storage.schema import revisions, upgrade
from enum_backend.storage.tables import metadata


def test_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    upgrade(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_upgrade_twice_and_revisions(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    assert revisions(url)[0] is None
    upgrade(url)
    upgrade(url)
    current, newest = revisions(url)
    assert current == newest is not None


def test_downgrade_leaves_nothing(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    upgrade(url)
    command.downgrade(schema._config(url), "base")
    engine = create_engine(url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    upgrade(url)


def test_two_programs_at_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        # Alembic's environment is one per process, so the second comes from outside.
        holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        waiting = pool.submit(upgrade, url)
        holder.execute("COMMIT")
        holder.close()
        waiting.result(20)
    assert revisions(url)[0] == revisions(url)[1]


def test_a_crash_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = sqlite_url(tmp_path)
    real, made = op.create_table, []

    def create(name: str, *columns: Any, **options: Any) -> Any:
        if made:
            raise RuntimeError("the power is gone")
        made.append(name)
        return real(name, *columns, **options)

    with monkeypatch.context() as patched:
        patched.setattr(op, "create_table", create)
        with pytest.raises(SettingsError, match="migration failed"):
            upgrade(url)
    assert len(made) == 1
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    assert connection.execute("select name from sqlite_master").fetchall() == []
    connection.close()
    upgrade(url)


def test_databases_that_cannot_be_used(tmp_path: Path) -> None:
    missing = sqlite_url(tmp_path / "none")
    for act in (upgrade, revisions):
        with pytest.raises(SettingsError, match=r"database\.url: cannot be opened"):
            act(missing)
    (tmp_path / "enum-backend.sqlite3").write_bytes(b"not a database, surely" * 100)
    with pytest.raises(SettingsError, match="not a database"):
        upgrade(sqlite_url(tmp_path))


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    upgrade(url)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    with pytest.raises(SettingsError, match="9999"):
        upgrade(url)


def test_a_percent_sign_in_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "100%"
    folder.mkdir()
    upgrade(sqlite_url(folder))
    assert (folder / "enum-backend.sqlite3").exists()
