"""One writer at a time for what must be counted exactly or numbered in order."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, text

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def serialize(connection: Connection, topic: str) -> None:
    """Wait until no other transaction holds `topic`, and hold it until this one ends.

    So a count read after it is still true at the commit, and row ids given out after
    it grow in the order of commits. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"key": lock_key(topic)})


def lock_key(topic: str) -> int:
    """The signed 64-bit number that stands for a topic."""
    digest = hashlib.sha256(f"enum-backend {topic}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
