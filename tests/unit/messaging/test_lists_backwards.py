"""Lists that are read back from the newest message."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from enum_backend.messaging import history, list_pages
from enum_backend.messaging.list_pages import NEWEST, Wanted, page
from enum_backend.messaging.lists import MessageLists, Viewer
from enum_backend.storage import Database
from enum_backend.storage.tables import inbox, outbox

from .test_lists import OURS, SEALER, THEIRS, come, out

ADMIN = Viewer("ops", is_admin=True)


async def fill(database: Database) -> None:
    sent = [out(index, 2000 * index, gateway=f"g{index % 2}") for index in range(1, 8)]
    received = [come(index, 2000 * index + 1, gateway=f"g{index % 2}") for index in range(1, 8)]
    await database.write(lambda connection: connection.execute(insert(outbox), sent).rowcount)
    await database.write(lambda connection: connection.execute(insert(inbox), received).rowcount)


async def read(database: Database, limit: int, **wanted: Any) -> list[str]:
    """The ids of every page, one after the other."""
    found: list[str] = []
    position, more = NEWEST, True
    asked = Wanted(tenant=None, backwards=True, **wanted)
    while more:
        at = position
        one = await database.read(lambda connection: page(connection, asked, at, limit))  # noqa: B023
        found += [message.id for message in one.messages]
        position, more = one.position, one.more
    return found


BOTH = [f"{kind}_{index}" for index in range(7, 0, -1) for kind in ("in", "msg")]


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, BOTH),
        ({"direction": "outbound"}, BOTH[1::2]),
        ({"number": THEIRS}, BOTH),
        ({"number": OURS}, BOTH[::2]),
        ({"gateway": "g1", "direction": "inbound"}, ["in_7", "in_5", "in_3", "in_1"]),
        ({"gateway": "g0", "direction": "outbound"}, ["msg_6", "msg_4", "msg_2"]),
        ({"since": 10_000}, BOTH[:6]),
        ({"until": 6000, "direction": "inbound"}, ["in_2", "in_1"]),
        ({"since": 4000, "until": 8000, "direction": "outbound"}, ["msg_3", "msg_2"]),
        ({"statuses": frozenset({"failed"})}, []),
    ],
)
async def test_the_newest_come_first(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    wanted: dict[str, Any],
    ids: list[str],
    limit: int,
) -> None:
    monkeypatch.setattr(list_pages, "SKEW_MS", 0)
    monkeypatch.setattr(list_pages, "WINDOW", 2)
    await fill(database)
    assert await read(database, limit, **wanted) == ids


async def test_what_is_before_a_time_is_not_looked_through(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_pages, "SKEW_MS", 0)
    monkeypatch.setattr(list_pages, "WINDOW", 1)
    await fill(database)
    asked = Wanted(tenant=None, backwards=True, direction="outbound", since=14_000)
    first = await database.read(lambda connection: page(connection, asked, NEWEST, 9))
    assert [message.id for message in first.messages] == ["msg_7"]
    then = await database.read(lambda connection: page(connection, asked, first.position, 9))
    assert (then.messages, then.more) == ((), False)


async def test_the_end_is_where_later_messages_are(database: Database) -> None:
    lists = MessageLists(database, SEALER)
    assert (await lists.page(ADMIN, Wanted(tenant=None), await lists.end(ADMIN), 9)).next is None
    await fill(database)
    end = await lists.end(ADMIN)
    assert (await lists.page(ADMIN, Wanted(tenant=None), end, 9)).messages == ()
    row = out(9, 50_000)
    await database.write(lambda connection: connection.execute(insert(outbox), row).rowcount)
    later = await lists.page(ADMIN, Wanted(tenant=None), end, 9)
    assert [shown.message.id for shown in later.messages] == ["msg_9"]
    newest = await lists.page(ADMIN, Wanted(tenant=None, backwards=True), None, 2)
    assert [shown.message.id for shown in newest.messages] == ["msg_9", "in_7"]
    assert newest.next is not None


async def test_the_history_of_a_message(database: Database) -> None:
    route = '{"steps": [["default", true, "no other rule applies"]]}'
    row = out(1, route=route, chain='["a", "b"]', body=None)
    await database.write(lambda connection: connection.execute(insert(outbox), row).rowcount)
    found = await database.read(lambda connection: history.of_message(connection, "msg_1"))
    assert found is not None
    assert [(step.rule, step.applied) for step in found.steps] == [("default", True)]
    assert (found.chain, found.is_erased, found.attempts) == (("a", "b"), True, ())
    assert await database.read(lambda c: history.of_message(c, "msg_2")) is None
