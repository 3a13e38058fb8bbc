"""Many rows in one statement: what a batch costs is mostly its number of statements.

Each statement is built once, in the words of both databases, and a list of any length
is one parameter, so that drivers and databases keep it prepared. One statement is also
one time that SQLite's thread gives Python's lock away and waits to have it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    CursorResult,
    Executable,
    Integer,
    LargeBinary,
    Table,
    TextClause,
    text,
)

Build = Callable[[TextClause], Executable]

_SIZES = (64, 32, 16, 8, 4, 3, 2, 1)
"""Rows of one INSERT into SQLite: few sizes, so that all of them stay prepared."""


class Listed:
    """A statement about the rows whose `column` is in a list.

    Args:
        build: the statement, given the condition.
        kind: PostgreSQL's type of the column.
    """

    def __init__(self, column: Column[Any], build: Build, kind: str = "text") -> None:
        listed = "IN (SELECT value FROM json_each(:items))"
        self._sqlite = build(text(f"{column} {listed}"))
        self._postgres = build(text(f"{column} = ANY(CAST(:items AS {kind}[]))"))

    def run(
        self, connection: Connection, items: Collection[str] | Collection[int], **values: Any
    ) -> CursorResult[*tuple[Any, ...]]:
        """Execute it for these items; `values` are its other parameters."""
        if connection.dialect.name == "postgresql":
            return connection.execute(self._postgres, {"items": list(items), **values})
        return connection.execute(self._sqlite, {"items": json.dumps(list(items)), **values})


class Each:
    """A statement about each of a list of texts.

    Args:
        sql: reads them as the column `value` of the table `{wanted}`; other parameters as `:name`.
    """

    def __init__(self, sql: str) -> None:
        self._sqlite = text(sql.format(wanted="json_each(:items) AS wanted"))
        self._postgres = text(sql.format(wanted="unnest(CAST(:items AS text[])) AS wanted(value)"))

    def run(
        self, connection: Connection, items: Collection[str], **values: Any
    ) -> CursorResult[*tuple[Any, ...]]:
        """Execute it for these texts; `values` are its other parameters."""
        if connection.dialect.name == "postgresql":
            return connection.execute(self._postgres, {"items": list(items), **values})
        return connection.execute(self._sqlite, {"items": json.dumps(list(items)), **values})


class FromRows:
    """A statement that reads rows of values as the table `given`.

    Args:
        sql: `UPDATE ... FROM {given} WHERE ...`; other parameters as `:name`.
        columns: name -> PostgreSQL's type, of each value of a row.
    """

    def __init__(self, sql: str, columns: Mapping[str, str]) -> None:
        lite = ", ".join(
            f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(columns)
        )
        given = f"(SELECT {lite} FROM json_each(:rows)) AS given"  # noqa: S608 - our names
        self._sqlite = text(sql.format(given=given))
        given = f"{_unnested(columns.values(), ':c{}')} AS given({', '.join(columns)})"
        self._postgres = text(sql.format(given=given))

    def run(
        self, connection: Connection, rows: Sequence[Sequence[Any]], **values: Any
    ) -> CursorResult[*tuple[Any, ...]]:
        """Execute it for these rows: texts, integers, booleans and None."""
        if connection.dialect.name == "postgresql":
            lists = {f"c{n}": list(column) for n, column in enumerate(zip(*rows, strict=True))}
            return connection.execute(self._postgres, lists | values)
        return connection.execute(self._sqlite, {"rows": json.dumps(rows), **values})


def kind(column: Column[Any]) -> str:
    """PostgreSQL's type of a column of texts, octets, integers or booleans."""
    if isinstance(column.type, Boolean):
        return "boolean"
    if isinstance(column.type, LargeBinary):
        return "bytea"
    return "bigint" if isinstance(column.type, Integer) else "text"


def _unnested(kinds: Iterable[str], parameter: str) -> str:
    """Columns of values as a table: one array each."""
    arrays = (f"CAST({parameter.format(n)} AS {kind}[])" for n, kind in enumerate(kinds))
    return f"unnest({', '.join(arrays)})"


class Inserted:
    """`INSERT` of rows into some columns of a table.

    Args:
        tail: what follows the values (`ON CONFLICT ...`).
    """

    def __init__(self, table: Table, columns: Sequence[str], tail: str = "") -> None:
        self._head = f"INSERT INTO {table.name} ({', '.join(columns)})"
        self._tail = f" {tail}" if tail else ""
        self._group = f"({', '.join('?' * len(columns))})"
        self._texts: dict[int, str] = {}
        source = _unnested((kind(table.c[name]) for name in columns), ":c{}")
        self._postgres = text(f"{self._head} SELECT * FROM {source}{self._tail}")  # noqa: S608

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows in their order; values as the driver takes them."""
        if connection.dialect.name == "postgresql":
            if rows:
                lists = {f"c{n}": list(column) for n, column in enumerate(zip(*rows, strict=True))}
                connection.execute(self._postgres, lists)
            return
        for part in _parts(rows):
            values = tuple(value for row in part for value in row)
            connection.exec_driver_sql(self._text(len(part)), values)

    def _text(self, rows: int) -> str:
        if rows not in self._texts:
            groups = ", ".join([self._group] * rows)
            self._texts[rows] = f"{self._head} VALUES {groups}{self._tail}"
        return self._texts[rows]


def _parts(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    start = 0
    while start < len(rows):
        left = len(rows) - start
        size = next(size for size in _SIZES if size <= left)
        yield rows[start : start + size]
        start += size
