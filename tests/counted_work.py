"""Counts what a request makes the database and the server key do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

from enum_backend.storage import Sealer


@dataclass
class Work:
    """SQL statements in their order, and keyed hashes by their first part."""

    statements: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)

    @property
    def amount(self) -> tuple[int, int]:
        """How many of each."""
        return len(self.statements), len(self.hashes)


@contextmanager
def counted() -> Iterator[Work]:
    """What is done inside, by every database and sealer of this process."""
    work = Work()

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        work.statements.append(statement)

    digest = Sealer.digest

    def hashed(self: Sealer, *parts: str) -> bytes:
        work.hashes.append(parts[0])
        return digest(self, *parts)

    event.listen(Engine, "before_cursor_execute", executed)
    Sealer.digest = hashed  # type: ignore[method-assign]
    try:
        yield work
    finally:
        Sealer.digest = digest  # type: ignore[method-assign]
        event.remove(Engine, "before_cursor_execute", executed)
