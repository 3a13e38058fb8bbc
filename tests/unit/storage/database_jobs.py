"""Rows to write and read in tests of the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, insert, select

from enum_backend.storage import Database
from enum_backend.storage.tables import api_keys


class Odd(BaseException):
    """What nobody expects."""


def adding(key_id: str, **changes: Any) -> Callable[[Connection], int]:
    """A function that stores one row."""
    values = {
        "id": key_id,
        "name": "n",
        "tenant": "t",
        "scopes": "",
        "token_hash": key_id.encode(),
        "created_at": 1,
        **changes,
    }
    return lambda connection: connection.execute(insert(api_keys).values(**values)).rowcount


def raising(problem: BaseException, key_id: str) -> Callable[[Connection], None]:
    """A function that stores one row, then raises."""

    def work(connection: Connection) -> None:
        adding(key_id)(connection)
        raise problem

    return work


async def stored(database: Database) -> list[str]:
    """The ids of all rows."""
    query = select(api_keys.c.id).order_by(api_keys.c.id)
    return await database.read(lambda c: list(c.execute(query).scalars()))
