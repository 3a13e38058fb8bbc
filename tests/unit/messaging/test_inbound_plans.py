"""No query of the inbound side reads a whole table, however large it grows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from enum_backend.messaging import inbox, notifications, parts, reports, stream
from enum_backend.messaging.deliveries import letters, queue
from enum_backend.messaging.deliveries.model import State
from enum_backend.messaging.deliveries.targets import endpoints_of
from enum_backend.storage import Sealer
from enum_backend.storage.database import sqlite_url
from enum_backend.storage.sqlite import open_engine
from enum_backend.storage.tables import inbox as table

SEALER = Sealer(bytes(32))
WHOLE_TABLE = re.compile(r"SCAN (inbox|inbox_parts|reports|deliveries|endpoints)$")

QUERIES = {
    "known": lambda c: inbox.known(c, [("a", "b"), ("a", "c"), ("d", "e")]),
    "same content": lambda c: inbox.same_content(c, "a", "b", 1),
    "owners": lambda c: inbox.due_for_owner(c, 1, 2),
    "still open": lambda c: inbox.still_open(c, "in_1"),
    "endpoints": lambda c: endpoints_of(c, ["a", "b"], "message.received"),
    "claim": lambda c: queue.claim(
        c, owner="w", now=1, lease_ms=1, limit=5, room=lambda _target: 1, full=["x", "y"]
    ),
    "next due": queue.next_due_at,
    "defer": lambda c: queue.defer(c, "t", 1, 2),
    "free leases": lambda c: queue.free_leases(c, "w", 1),
    "targets so far": lambda c: queue.targets_so_far(c, "in_1"),
    "counts": letters.count_waiting,
    "dead": lambda c: letters.page(c, state=State.DEAD),
    "of a tenant": lambda c: letters.page(c, tenant="a"),
    "replay": lambda c: letters.replay_dead(c, tenant=None, now=1, validity_ms=1),
    "late reports": lambda c: reports.match_late(c, 10**9),
    "waiting reports": lambda c: reports.apply_waiting(c, [("m", "g", "p"), ("n", "g", "q")], 1),
    "part": lambda c: parts.find(c, "g", "d"),
    "open parts": lambda c: parts._open_group(c, "k", 1, 1),
    "timed-out parts": lambda c: parts.timed_out(c, SEALER, 1, 1),
    "old parts": lambda c: parts.forget(c, 1),
    "latest": stream._latest,
    "page": lambda c: stream._rows(c, table.c.tenant == "a", 1, 2),
    "news": lambda c: stream._rows(c, table.c.tenant.in_(["a", "b"]), 1, 2),
    "notifications": lambda c: notifications._rows(c, "+1", "a", 5),
}


@pytest.fixture
def planned(sqlite_template: Path) -> Iterator[tuple[Connection, list[str]]]:
    """A connection, and the plan of whatever runs on it."""
    engine = open_engine(sqlite_url(sqlite_template.parent), 1)
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def plan(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(row[3] for row in cursor.fetchall())
            cursor.close()

    with engine.connect() as connection:
        yield connection, plans
    engine.dispose()


@pytest.mark.parametrize("name", list(QUERIES))
def test_an_index_serves_it(planned: tuple[Connection, list[str]], name: str) -> None:
    connection, plans = planned
    QUERIES[name](connection)
    assert plans
    assert [step for step in plans if WHOLE_TABLE.search(step)] == []
