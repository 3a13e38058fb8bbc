"""How SQLite runs the statements of a message: `EXPLAIN QUERY PLAN` of each that was seen."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.messaging.traced import statements

GROWING = ("outbox", "attempts", "inbox", "deliveries")
"""Tables that have a row or more per message: none of them may be read from end to end."""

SHORT = 50
"""An index that holds less than one row in so many may be read from end to end."""

_EXPLAINED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_LIST = re.compile(r"\(\?(?:, ?\?)+\)")


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement, and how SQLite runs it.

    Attributes:
        lines: of `EXPLAIN QUERY PLAN`.
        times: how often it was run.
        scans: lines that read a growing table from end to end.
    """

    statement: str
    lines: tuple[str, ...]
    times: int
    scans: tuple[str, ...] = ()


def plans(file: Path, seen: Path) -> list[Plan]:
    """A plan per statement, those run most first; those without any plan are left out.

    Args:
        file: the database.
        seen: what `traced` wrote.
    """
    times: Counter[str] = Counter()
    examples: dict[str, tuple[str, Any]] = {}
    for statement, values in statements(seen):
        if _EXPLAINED.match(statement):
            kind = _LIST.sub("(?, ...)", re.sub(r"\s+", " ", statement).strip())
            times[kind] += 1
            examples.setdefault(kind, (statement, values))
    with closing(sqlite3.connect(file)) as connection:
        short = _short_indices(connection)
        found = []
        for kind, count in times.most_common():
            lines = _explain(connection, *examples[kind])
            scans = tuple(line for line in lines if _scans(line, kind, short))
            found.append(Plan(kind, lines, count, scans))
    return [plan for plan in found if plan.lines]


def _scans(line: str, statement: str, short: set[str]) -> bool:
    if not line.startswith("SCAN "):
        return False
    names = set(GROWING)
    for table in GROWING:
        names.update(re.findall(rf"\b{table} AS (\w+)", statement))
    _, name, *rest = line.split()
    return name in names and not (rest and rest[-1] in short)


def _short_indices(connection: sqlite3.Connection) -> set[str]:
    """Indices of a condition that next to no row meets, such as what waits to be sent."""
    short = set()
    conditional = "SELECT tbl_name, name, sql FROM sqlite_master WHERE sql LIKE 'CREATE % WHERE %'"
    for table, index, sql in connection.execute(f"{conditional} AND type = 'index'").fetchall():
        condition = re.split(" WHERE ", sql, maxsplit=1)[1]
        counts = f"SELECT count(*) FILTER (WHERE {condition}), count(*) FROM {table}"
        within, rows = connection.execute(counts).fetchone()
        if within * SHORT <= rows:
            short.add(index)
    return short


def _explain(connection: sqlite3.Connection, statement: str, values: Any) -> tuple[str, ...]:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return tuple(str(row[3]) for row in rows)
