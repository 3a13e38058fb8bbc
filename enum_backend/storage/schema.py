"""Brings a database to the current schema (Alembic), and says where it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from enum_backend.errors import SettingsError
from enum_backend.storage.database import cause
from enum_backend.storage.locks import serialize
from enum_backend.storage.once import in_transaction


def upgrade(url: str) -> None:
    """Run the migrations that are missing; an empty database gets all of them.

    Of several programs that do so at once, one works and the others wait. All
    migrations are one transaction: a crash leaves the old schema.

    Raises:
        SettingsError: the database cannot be opened or belongs to a newer version.
    """
    try:
        migrate(url, lambda config: command.upgrade(config, "head"))
    except SettingsError:
        raise
    except (SQLAlchemyError, OSError) as error:
        raise _unusable(error) from error
    except Exception as error:
        raise SettingsError(f"database.url: migration failed: {error}") from error


def revisions(url: str) -> tuple[str | None, str | None]:
    """(revision of the database, newest revision of this version).

    Raises:
        SettingsError: the database cannot be opened.
    """
    try:
        current = in_transaction(url, _revision)
    except (SQLAlchemyError, OSError) as error:
        raise _unusable(error) from error
    return current, ScriptDirectory.from_config(_config()).get_current_head()


def migrate(url: str, act: Callable[[Config], None]) -> None:
    """Run one of Alembic's commands on a database.

    Raises:
        Exception: whatever it meets; nothing is changed then.
    """
    config = _config()

    def work(connection: Connection) -> None:
        serialize(connection, "migrations")
        config.attributes["connection"] = connection
        act(config)

    in_transaction(url, work, writing=True)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _unusable(error: Exception) -> SettingsError:
    return SettingsError(f"database.url: cannot be opened: {cause(error) or type(error).__name__}")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
