"""Fills an outbox: copies of a message that the product sent, each with values of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

RECIPIENTS = 100_000
"""Different destinations; those of `system.requests` are among them."""

SPAN_MS = 24 * 3600 * 1000
"""The copies were created within the last day: all of them count in daily windows."""

_DESTINATION = f"printf('+1555%07d', n % {RECIPIENTS} + 1)"
_OWN: Mapping[str, str] = {
    "message_id": "'msg_' || lower(hex(randomblob(12)))",
    "destination": _DESTINATION,
    "requested_to": _DESTINATION,
    "recipient_seq": f"n / {RECIPIENTS} + 1",
    "client_reference": "'copy-' || n",
    "idempotency_key": "'ref:copy-' || n",
    "provider_message_id": "'copy-' || n",
}
"""Columns and the SQL of what differs from copy to copy, where the original has anything."""

_STEP = 200_000
"""Rows in one transaction."""


def fill(file: Path, rows: int) -> None:
    """Add copies of the first message until the outbox has `rows` rows.

    Args:
        file: a database in which a message is final, and which nobody has open.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in ("cache_size=-1000000", "synchronous=OFF", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        first, have = connection.execute("SELECT min(id), count(*) FROM outbox").fetchone()
        while have < rows:
            step = min(_STEP, rows - have)
            _copy(connection, first, have, step, rows)
            have += step
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(connection: sqlite3.Connection, first: int, start: int, step: int, rows: int) -> None:
    connection.execute("BEGIN")
    highest = connection.execute("SELECT max(id) FROM outbox").fetchone()[0]
    numbers = {"first": first, "start": start, "stop": start + step, "rows": rows}
    connection.execute(
        _insert(connection, "outbox", _OWN)
        + ", (WITH RECURSIVE counter(n) AS (SELECT :start UNION ALL SELECT n + 1 FROM counter"
        " WHERE n + 1 < :stop) SELECT n FROM counter)"
        " WHERE outbox.id = :first ORDER BY n",
        numbers,
    )
    connection.execute(
        _insert(connection, "attempts", {"message_id": "copy.message_id"})
        + ", (SELECT message_id, id - :highest + :start AS n FROM outbox WHERE id > :highest)"
        " AS copy WHERE attempts.message_id = (SELECT message_id FROM outbox WHERE id = :first)",
        numbers | {"highest": highest},
    )
    connection.execute("COMMIT")


def _insert(connection: sqlite3.Connection, table: str, own: Mapping[str, str]) -> str:
    """`INSERT INTO table (...) SELECT ... FROM table`, all but the row number."""
    columns = [
        row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "id"
    ]
    values = ", ".join(_value(table, column, own) for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}"


def _value(table: str, column: str, own: Mapping[str, str]) -> str:
    original = f"{table}.{column}"
    if column in own:
        return f"CASE WHEN {original} IS NULL THEN NULL ELSE {own[column]} END"
    if column.endswith("_at") or column == "valid_until":
        return f"{original} - {SPAN_MS} + n * {SPAN_MS} / :rows"
    return (
        f"CASE typeof({original}) WHEN 'blob' THEN randomblob(length({original}))"
        f" ELSE {original} END"
    )
