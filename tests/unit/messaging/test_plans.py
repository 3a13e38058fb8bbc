"""What accepting and taking look up, they find by an index, however many rows there are."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from enum_backend.clock import now_ms
from enum_backend.messaging import due, outcomes, queue
from enum_backend.messaging.queue import Room
from enum_backend.settings.models import LimitSettings
from tests.unit.messaging.messaging_world import OTHER, World, accept_all


class Plans:
    """Collects SQLite's plan of each statement that reads or changes rows."""

    def __init__(self) -> None:
        self.scans: list[str] = []
        self._asking = False

    def __call__(self, connection: Any, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        if self._asking or not statement.startswith(("SELECT", "UPDATE", "DELETE")):
            return
        self._asking = True
        values = parameters[0] if isinstance(parameters, list) else parameters
        found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        plan = [row[3] for row in found]
        self._asking = False
        self.scans += [
            f"{line}: {statement}"
            for line in plan
            if line.startswith(("SCAN outbox", "SCAN attempts"))
        ]


@pytest.fixture
def plans(world: World) -> Plans:
    if world.database.shared:
        pytest.skip("SQLite's plans")
    world.gateway("one", price="0.01")
    return Plans()


async def test_no_table_is_looked_through(world: World, plans: Plans) -> None:
    limits = LimitSettings()
    wanted = [{"text": str(n), "idempotency_key": f"k{n}"} for n in range(4)]
    wanted += [{"text": f"s{n}", "repeat_window": 10.0, "to": OTHER} for n in range(4)]
    await accept_all(world, limits, now_ms(), wanted)

    def work(connection: Connection) -> None:
        event.listen(connection, "after_cursor_execute", plans)
        room = {"one": Room("scripted", 9, 60_000)}
        taken = queue.take(connection, owner="me", now=now_ms(), room=room, others=0)
        done = [outcomes.not_sent(item.message_id, item.number, now_ms()) for item in taken.begun]
        outcomes.record_many(connection, done, now_ms())
        due.next_due(connection, ["one"])
        queue.orphans(connection, "me", now_ms(), alone=False)
        event.remove(connection, "after_cursor_execute", plans)

    await world.database.write(work)
    engine = world.database._engine  # type: ignore[attr-defined]
    event.listen(engine, "after_cursor_execute", plans)
    await accept_all(world, limits, now_ms(), wanted)
    event.remove(engine, "after_cursor_execute", plans)
    assert plans.scans == []


async def test_the_plans_would_show_a_scan(world: World, plans: Plans) -> None:
    def work(connection: Connection) -> None:
        event.listen(connection, "after_cursor_execute", plans)
        connection.execute(text("SELECT count(body) FROM outbox WHERE body IS NOT NULL"))
        event.remove(connection, "after_cursor_execute", plans)

    await world.database.write(work)
    assert len(plans.scans) == 1
