"""`enum-backend` that writes down, pickled, each statement SQLite is asked to run."""

from __future__ import annotations

import os
import pickle
import sqlite3
import sqlite3.dbapi2
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

VARIABLE = "BENCHMARK_STATEMENTS"
"""Names the file."""

PROGRAM = [sys.executable, "-P", str(Path(__file__).resolve())]


def statements(file: Path) -> Iterator[tuple[str, Any]]:
    """What was written: statement and values; of several sets of values the first."""
    with file.open("rb") as written:
        while True:
            try:
                yield pickle.load(written)
            except EOFError:
                return


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def main() -> None:
    """The program, its connections watched."""
    file = Path(os.environ[VARIABLE]).open("ab", buffering=0)  # noqa: SIM115 - until the end
    connect = sqlite3.dbapi2.connect

    def write(sql: str, values: Any) -> None:
        if isinstance(values, Mapping):
            values = {name: _plain(value) for name, value in values.items()}
        else:
            values = tuple(_plain(value) for value in values)
        file.write(pickle.dumps((sql, values)))

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, values: Any = ()) -> Any:
            write(sql, values)
            return super().execute(sql, values)

        def executemany(self, sql: str, values: Any) -> Any:
            several = list(values)
            write(sql, several[0] if several else ())
            return super().executemany(sql, several)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

    def watched(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, factory=Connection, **options)

    for module in (sqlite3, sqlite3.dbapi2):
        module.connect = watched  # type: ignore[attr-defined]
    from enum_backend.cli import main as program

    program()


if __name__ == "__main__":
    main()
