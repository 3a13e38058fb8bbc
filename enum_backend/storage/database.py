"""The database: functions of a connection, run inside transactions.

    database = open_database("sqlite:////var/lib/enum-backend/enum-backend.sqlite3")
    row = await database.read(lambda connection: connection.execute(query).first())

Two kinds behind one interface: SQLite for one process (`sqlite.py`), PostgreSQL for
any number of them (`postgres.py`). The functions are the same for both, so they
keep to what both can do:

* A function may be run again after a conflict with another process. It changes
  nothing but the database.
* PostgreSQL ends a transaction at its first failing statement. A failure that a
  function wants to survive belongs into `connection.begin_nested()`.
* Two processes may both find that a row is missing. A unique index decides, and the
  loser's function is run again; where nothing is unique, use `locks.serialize`.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, TypeVar

from sqlalchemy import URL, Connection, make_url

from enum_backend.errors import SettingsError

T = TypeVar("T")

CONNECTIONS = 12
"""PostgreSQL connections of one process, unless the settings say otherwise."""

_POSTGRES = ("postgresql://", "postgres://", "postgresql+asyncpg://")


class Database(ABC):
    """Runs functions of a connection inside transactions.

    Attributes:
        shared: other processes may work on it at the same time; False = this one
            is alone.
    """

    shared: ClassVar[bool]

    @abstractmethod
    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; return after the commit.

        An exception from `work` undoes its own changes only and is raised here. A
        caller that is cancelled meanwhile does not undo anything.

        Raises:
            DatabaseUnavailable: it is not stored. Where the connection ends while a
                commit is under way, nobody knows whether it is.
        """

    @abstractmethod
    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on what is committed; it must not write.

        Between two of its statements others may commit.

        Raises:
            DatabaseUnavailable: the database cannot be read.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun, then let go of connections and threads."""


def open_database(url: str, *, readers: int = 4, connections: int = CONNECTIONS) -> Database:
    """The database of a URL; its tables are there already (`schema.upgrade`).

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`.
        readers: SQLite: threads for `read`.
        connections: PostgreSQL: most connections at once, at least 2.

    Raises:
        SettingsError: PostgreSQL's driver is not installed.
    """
    if not is_shared(url):
        from enum_backend.storage.sqlite import SqliteDatabase

        return SqliteDatabase(url, readers=readers)
    with scale_extra("database.url"):
        from enum_backend.storage.postgres import PostgresDatabase
    return PostgresDatabase(url, connections=connections)


@contextlib.contextmanager
def scale_extra(setting: str) -> Iterator[None]:
    """Say which extra is needed when what is imported inside is not installed."""
    try:
        yield
    except ImportError:
        raise SettingsError(
            f"{setting}: its driver is not installed: pip install 'enum-backend[scale]'"
        ) from None


def is_shared(url: str) -> bool:
    """Whether other processes may work on the database of a URL at the same time."""
    return url.startswith(_POSTGRES)


def sqlite_url(data_dir: Path) -> str:
    """The embedded database of a data directory."""
    return str(URL.create("sqlite", database=str(data_dir / "enum-backend.sqlite3")))


def sqlite_file(url: str) -> Path:
    """The file of a `sqlite:///` URL."""
    return Path(make_url(url).database or "")


def cause(error: BaseException) -> str:
    """The driver's words without the statement and its parameters."""
    original = getattr(error, "orig", None)
    original = getattr(original, "__cause__", None) or original
    with contextlib.suppress(Exception):
        return str(original or type(error).__name__)
    return type(error).__name__
