"""Brings a database to the current schema (Alembic), and says where it stands."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from enum_backend.errors import SettingsError


def upgrade(url: str) -> None:
    """Run the migrations that are missing; an empty database gets all of them.

    Raises:
        SettingsError: the database cannot be opened or belongs to a newer version.
    """
    try:
        command.upgrade(_config(url), "head")
    except (SQLAlchemyError, OSError) as error:
        raise _unusable(error) from error
    except Exception as error:
        raise SettingsError(f"database.url: migration failed: {error}") from error


def revisions(url: str) -> tuple[str | None, str | None]:
    """(revision of the database, newest revision of this version).

    Raises:
        SettingsError: the database cannot be opened.
    """
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise _unusable(error) from error
    finally:
        engine.dispose()
    return current, ScriptDirectory.from_config(_config(url)).get_current_head()


def _unusable(error: Exception) -> SettingsError:
    reason = getattr(error, "orig", None) or error
    return SettingsError(f"database.url: cannot be opened: {reason}")


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config
