"""Lists of messages: pages, positions, filters, indices, and whose they are."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from enum_backend.errors import NotFound, ValidationFailed
from enum_backend.messaging import list_pages
from enum_backend.messaging.list_pages import Page, Position, Wanted, page
from enum_backend.messaging.lists import MessageLists, ShownPage, Viewer
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import inbox, outbox

SEALER = Sealer(bytes(range(32)))
OURS = "+15550100001"
THEIRS = "+15550100002"
ACME = Viewer("acme")
ADMIN = Viewer("ops", is_admin=True)


def out(index: int, at: int | None = None, **changes: Any) -> dict[str, Any]:
    at = index * 1000 if at is None else at
    return {
        "message_id": f"msg_{index}",
        "tenant": "acme",
        "client": "key:k",
        "state": "delivered",
        "requested_to": THEIRS,
        "destination": THEIRS,
        "encoding": "GSM-7",
        "segments": 1,
        "chain": "[]",
        "route": "{}",
        "request_hash": b"",
        "body": b"canary",
        "gateway": "g",
        "created_at": at,
        "valid_until": at,
        "updated_at": at,
        **changes,
    }


def come(index: int, at: int | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "inbox_id": f"in_{index}",
        "tenant": "acme",
        "gateway": "g",
        "provider": "p",
        "dedupe_key": f"d{index}",
        "sender": THEIRS,
        "to_number": OURS,
        "body": SEALER.seal(f"text {index}", f"in_{index}"),
        "media": json.dumps(["https://media.example/1"]),
        "received_at": index * 1000 if at is None else at,
        **changes,
    }


async def store(database: Database, *rows: dict[str, Any]) -> None:
    def work(connection: Connection) -> None:
        for row in rows:
            connection.execute(insert(outbox if "message_id" in row else inbox).values(**row))

    await database.write(work)


async def read(
    database: Database, wanted: Wanted, after: Position | None = None, limit: int = 50
) -> Page:
    return await database.read(lambda c: page(c, wanted, after or Position(), limit))


async def ids(database: Database, limit: int = 50, **filters: Any) -> list[str]:
    """Every page's ids, one after the other."""
    wanted = Wanted(**{"tenant": "acme", **filters})
    found: list[str] = []
    after = Position()
    while True:
        here = await read(database, wanted, after, limit)
        assert len(here.messages) <= limit
        found += [message.id for message in here.messages]
        if not here.more:
            return found
        assert here.position != after
        after = here.position


async def test_both_directions_by_time(database: Database) -> None:
    await store(database, out(1), come(2), out(3), come(4), out(5))
    assert await ids(database) == ["msg_1", "in_2", "msg_3", "in_4", "msg_5"]
    assert await ids(database, limit=1) == ["msg_1", "in_2", "msg_3", "in_4", "msg_5"]
    assert await ids(database, direction="outbound") == ["msg_1", "msg_3", "msg_5"]
    assert await ids(database, direction="inbound") == ["in_2", "in_4"]
    assert await ids(database, statuses=frozenset({"received"})) == ["in_2", "in_4"]
    assert await ids(database, statuses=frozenset({"delivered"})) == ["msg_1", "msg_3", "msg_5"]
    both = frozenset({"delivered", "received"})
    assert len(await ids(database, statuses=both)) == 5
    assert await ids(database, direction="inbound", statuses=frozenset({"failed"})) == []
    assert await ids(database, tenant="rival") == []


async def test_what_came_late_stays_in_its_tables_order(database: Database) -> None:
    """Ids are the order of commits; a clock that went back does not make anybody miss one."""
    await store(database, out(1, at=9000), out(2, at=1000), come(3, at=5000), come(4, at=2000))
    assert sorted(await ids(database, limit=1)) == ["in_3", "in_4", "msg_1", "msg_2"]


async def test_a_position_at_the_end_is_where_later_messages_are(database: Database) -> None:
    await store(database, out(1), come(2))
    wanted = Wanted("acme")
    first = await read(database, wanted)
    assert not first.more
    again = await read(database, wanted, first.position)
    assert (again.messages, again.position, again.more) == ((), first.position, False)
    await store(database, out(3), come(4))
    later = await read(database, wanted, first.position)
    assert [message.id for message in later.messages] == ["msg_3", "in_4"]


async def test_filters(database: Database) -> None:
    await store(
        database,
        out(1, state="failed", client_reference="order-1"),
        out(2, state="unknown", destination="+15550100009"),
        out(3, state="scheduled", send_at=99_000),
        out(4, state="queued", client_reference="order-1", tenant="rival"),
        out(5, state="expired", tenant="rival"),
        come(6, sender="+15550100009"),
        come(7, sender=OURS, to_number="+15550100009"),
        come(8, tenant=None, foreign_number=True),
    )
    dead = list_pages.DEAD
    assert await ids(database, statuses=dead) == ["msg_1", "msg_2"]
    assert await ids(database, statuses=dead, tenant=None) == ["msg_1", "msg_2", "msg_5"]
    assert await ids(database, statuses=frozenset({"scheduled"})) == ["msg_3"]
    assert await ids(database, statuses=frozenset({"queued", "failed"})) == ["msg_1"]
    assert await ids(database, client_reference="order-1") == ["msg_1"]
    assert await ids(database, client_reference="order-1", tenant=None) == ["msg_1", "msg_4"]
    assert await ids(database, number="+15550100009") == ["msg_2", "in_6", "in_7"]
    assert await ids(database, number="+15550100009", limit=1) == ["msg_2", "in_6", "in_7"]
    assert await ids(database, number=OURS) == ["in_6", "in_7"]
    assert await ids(database, number=THEIRS, statuses=dead) == ["msg_1"]
    assert await ids(database, tenant=None, direction="inbound") == ["in_6", "in_7", "in_8"]


async def test_times(database: Database) -> None:
    minute = 60_000
    rows = [out(n, at=n * minute) for n in range(1, 40)]
    await store(database, *rows, come(50, at=10 * minute), come(51, at=20 * minute))
    span = {"since": 10 * minute, "until": 21 * minute}
    expected = [f"msg_{n}" for n in range(10, 21)]
    assert await ids(database, direction="outbound", **span) == expected
    assert await ids(database, direction="inbound", **span) == ["in_50", "in_51"]
    assert len(await ids(database, limit=3, **span)) == 13
    assert await ids(database, since=100 * minute) == []
    assert await ids(database, until=0) == []
    assert len(await ids(database, since=39 * minute)) == 1
    # Clocks of two processes differ.
    await store(database, out(60, at=38 * minute), out(61, at=40 * minute))
    assert await ids(database, since=38 * minute) == ["msg_38", "msg_39", "msg_60", "msg_61"]
    found = await ids(database, since=37 * minute, until=39 * minute)
    assert found == ["msg_37", "msg_38", "msg_60"]


async def test_times_of_an_empty_table(database: Database) -> None:
    assert await ids(database, since=1) == []


async def test_a_filter_without_an_index_looks_through_a_window_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_pages, "WINDOW", 5)
    rows = [out(n, state="sent" if n in (3, 17, 18, 19) else "delivered") for n in range(1, 21)]
    await store(database, *rows, *(come(n) for n in range(30, 36)))
    sent = frozenset({"sent"})
    first = await read(database, Wanted("acme", statuses=sent), limit=2)
    assert [message.id for message in first.messages] == ["msg_3"]
    assert first.more
    second = await read(database, Wanted("acme", statuses=sent), first.position, limit=2)
    assert (second.messages, second.more) == ((), True)
    expected = ["msg_3", "msg_17", "msg_18", "msg_19"]
    for limit in (1, 2, 50):
        assert await ids(database, limit=limit, statuses=sent) == expected
        assert await ids(database, limit=limit, statuses=sent, tenant=None) == expected
        assert await ids(database, limit=limit, since=31_000) == [f"in_{n}" for n in range(31, 36)]


async def test_any_pages_give_each_message_once(database: Database) -> None:
    dice = random.Random(5)
    rows: list[dict[str, Any]] = []
    for index in range(1, 80):
        tenant = dice.choice(["acme", "rival"])
        state = dice.choice(["failed", "delivered", "queued", "scheduled"])
        number = dice.choice([OURS, THEIRS])
        if dice.random() < 0.6:
            rows.append(out(index, tenant=tenant, state=state, destination=number))
        else:
            rows.append(come(index, tenant=tenant, sender=number))
    await store(database, *rows)
    for _ in range(40):
        wanted = {
            "tenant": dice.choice(["acme", "rival", None]),
            "direction": dice.choice([None, "inbound", "outbound"]),
            "number": dice.choice([None, OURS, THEIRS]),
            "statuses": dice.choice(
                [frozenset(), frozenset({"failed"}), frozenset({"received", "queued"})]
            ),
        }
        expected = [row for row in rows if _fits(row, wanted)]
        names = [row.get("message_id") or row["inbox_id"] for row in expected]
        assert sorted(await ids(database, limit=dice.choice([1, 3, 50]), **wanted)) == sorted(names)


def _fits(row: dict[str, Any], wanted: dict[str, Any]) -> bool:
    is_out = "message_id" in row
    numbers = [row["destination"]] if is_out else [row["sender"], row["to_number"]]
    return (
        wanted["tenant"] in (None, row["tenant"])
        and wanted["direction"] in (None, "outbound" if is_out else "inbound")
        and (wanted["number"] is None or wanted["number"] in numbers)
        and (not wanted["statuses"] or row.get("state", "received") in wanted["statuses"])
    )


class Statements:
    """What SQLite was asked, and how it means to find it."""

    def __init__(self, connection: Connection) -> None:
        self.plans: list[str] = []
        self._busy = False
        event.listen(connection, "after_cursor_execute", self._explain)

    def _explain(self, connection: Any, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        if self._busy or not statement.startswith("SELECT"):
            return
        self._busy = True
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        self._busy = False
        self.plans.append(" | ".join(row[3] for row in rows))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "ix_outbox_tenant_id (tenant=? AND id>?)"),
        ({}, "ix_inbox_tenant_id (tenant=? AND id>?)"),
        ({"tenant": None}, "USING INTEGER PRIMARY KEY (rowid>?)"),
        ({"statuses": list_pages.DEAD}, "ix_outbox_tenant_id_ended_badly"),
        ({"statuses": frozenset({"failed"})}, "ix_outbox_tenant_id_ended_badly"),
        ({"statuses": frozenset({"scheduled"})}, "ix_outbox_tenant_id_scheduled"),
        ({"statuses": frozenset({"sent"})}, "ix_outbox_tenant_id (tenant=? AND id>?"),
        ({"client_reference": "r"}, "ix_outbox_client_reference_tenant_id"),
        ({"number": OURS}, "ix_outbox_destination_recipient_seq (destination=?"),
        ({"number": OURS}, "ix_inbox_to_number_id (to_number=? AND id>?)"),
        ({"number": OURS}, "ix_inbox_sender_id (sender=? AND id>?)"),
        ({"since": 5000}, "USING INTEGER PRIMARY KEY (rowid>?)"),
    ],
)
async def test_every_filter_has_its_index(
    database: Database, filters: dict[str, Any], index: str
) -> None:
    await store(database, *(out(n) for n in range(1, 50)), *(come(n) for n in range(60, 99)))
    plans: list[str] = []

    def work(connection: Connection) -> None:
        seen = Statements(connection)
        page(connection, Wanted(**{"tenant": "acme", **filters}), Position(3, 3), 5)
        plans.extend(seen.plans)

    await database.read(work)
    assert any(index in plan for plan in plans), plans
    for plan in plans:
        assert "SCAN outbox" not in plan, plan
        assert "SCAN inbox" not in plan, plan


async def shown(lists: MessageLists, viewer: Viewer, after: str | None = None) -> ShownPage:
    whose = None if viewer.is_admin else viewer.tenant
    return await lists.page(viewer, Wanted(whose), after, 2)


@pytest.fixture
def lists(database: Database) -> MessageLists:
    return MessageLists(database, SEALER)


async def test_texts_are_of_ones_own_inbox_only(database: Database, lists: MessageLists) -> None:
    await store(database, out(1), come(2), come(3, tenant="ops"), come(4, tenant=None))
    found = await shown(lists, ACME)
    assert [item.text for item in found.messages] == [None, "text 2"]
    assert "text 2" not in repr(found)
    assert found.messages[1].message.media == ("https://media.example/1",)
    texts = {
        name: (await lists.one(ADMIN, name)).text for name in ("msg_1", "in_2", "in_3", "in_4")
    }
    assert texts == {"msg_1": None, "in_2": None, "in_3": "text 3", "in_4": "text 4"}
    # A repeat has no tenant of its own; what nobody owns is no tenant's to read.
    await store(database, come(5, tenant=None, duplicate_of="in_2"))
    assert (await lists.one(ADMIN, "in_5")).text is None
    with pytest.raises(NotFound):
        await lists.one(ACME, "in_4")
    other = MessageLists(database, Sealer(bytes(32)))
    assert (await other.one(ACME, "in_2")).text is None


async def test_nobody_sees_anothers(database: Database, lists: MessageLists) -> None:
    await store(database, out(1), come(2), come(3, tenant=None))
    rival = Viewer("rival")
    for name in ("msg_1", "in_2", "in_3", "msg_none", "in_none", "x"):
        with pytest.raises(NotFound, match=r"^There is no message of that id\.$"):
            await lists.one(rival, name)
    for tenant in ("acme", None):
        with pytest.raises(NotFound):
            await lists.page(rival, Wanted(tenant), None, 5)
    assert (await shown(lists, rival)).messages == ()


async def test_cursors_are_opaque_and_ones_own(database: Database, lists: MessageLists) -> None:
    await store(database, *(out(n) for n in range(1, 6)))
    first = await shown(lists, ACME)
    assert first.next is not None
    second = await shown(lists, ACME, first.next)
    assert [item.message.id for item in second.messages] == ["msg_3", "msg_4"]
    last = await shown(lists, ACME, second.next)
    assert (len(last.messages), last.next) == (1, None)
    assert (await shown(lists, ACME, last.position)).messages == ()
    for cursor in ("x", "ä", "MC4w", first.next[:-2], "a" * 60):
        with pytest.raises(ValidationFailed) as refused:
            await shown(lists, ACME, cursor)
        assert refused.value.errors[0].field == "after"
    with pytest.raises(ValidationFailed):
        await shown(lists, Viewer("rival"), first.next)
