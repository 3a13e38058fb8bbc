"""Inbound messages into the inbox: once, with their owner and their deliveries."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import OperationalError

from enum_backend.messaging import inbox
from enum_backend.messaging.deliveries import endpoints
from enum_backend.messaging.deliveries.model import Kind
from enum_backend.messaging.inbound import Stored
from enum_backend.messaging.intake import GIVE_UP_MS
from enum_backend.messaging.owners import Claims, OwnerReason
from enum_backend.storage.tables import inbox as table
from enum_backend.storage.tables import numbers, tenants
from tests.unit.messaging.inbound_world import (
    FOREIGN,
    NOW,
    OURS,
    SENDER,
    TEXT,
    InboundWorld,
    sms,
)
from tests.unit.messaging.messaging_world import World


@pytest.fixture
def box(world: World) -> InboundWorld:
    world.gateway("office")
    world.gateway("private", **{"from": "+15550100003", "tenant": "acme"})
    return InboundWorld(world)


async def test_a_message_is_stored_sealed_with_its_owner(box: InboundWorld) -> None:
    stored = await box.one(sms(sent_at=1.5, media=("https://x",), opt_out="stop", segments=2))
    (row,) = await box.rows()
    assert stored == Stored(row.inbox_id, True, False, stored.owner, 0)
    assert (row.tenant, row.owner_reason, row.owner_check_at) == ("default", "default", None)
    assert (row.sender, row.to_number, row.sent_at, row.received_at) == (SENDER, OURS, 1500, NOW)
    assert (row.opt_out, row.segments, row.media) == ("stop", 2, '["https://x"]')
    assert TEXT.encode() not in row.body
    assert box.text(row) == TEXT
    (seen,) = box.seen
    assert (seen.inbox_id, seen.tenant, seen.text) == (row.inbox_id, "default", TEXT)
    assert (seen.gateway, seen.opt_out, seen.sent_at) == ("office", "stop", 1500)
    assert "canary" not in repr(seen)


async def test_the_same_id_is_stored_once(box: InboundWorld) -> None:
    first = await box.one()
    again = await box.one(sms(text="other"))
    assert (again.inbox_id, again.is_new, again.owner) == (first.inbox_id, False, None)
    both = await box.arrive(sms("m-2"), sms("m-2"), sms("m-1"))
    assert [item.is_new for item in both] == [True, False, False]
    assert both[0].inbox_id == both[1].inbox_id
    assert len(await box.rows()) == 2
    assert len(box.seen) == 2
    other = sms(to="+15550100003")
    assert (await box.one(other, gateway="private")).is_new


async def test_the_same_content_under_another_id_is_linked(box: InboundWorld) -> None:
    await box.endpoint("default", "https://h.example/")
    first = await box.one(sms(content_key="c"))
    repeat = await box.one(sms("m-2", content_key="c"))
    assert (repeat.is_new, repeat.inbox_id == first.inbox_id) == (False, False)
    twice = await box.arrive(sms("m-3", content_key="d"), sms("m-4", content_key="d"))
    assert [item.is_new for item in twice] == [True, False]
    rows = await box.rows()
    assert [row.duplicate_of for row in rows] == [None, first.inbox_id, None, twice[0].inbox_id]
    assert [row.tenant for row in rows] == ["default", None, "default", None]
    assert len(await box.deliveries()) == 2
    assert len(box.seen) == 2
    late = NOW + 1 + inbox.CONTENT_WINDOW_MS
    assert (await box.one(sms("m-5", content_key="c"), now=late)).is_new


async def test_each_rule_finds_its_owner(box: InboundWorld) -> None:
    assert (await box.one()).owner.reason is OwnerReason.DEFAULT
    box.claim("acme")
    stored = await box.one(sms("m-2"))
    assert (stored.owner.tenant, stored.owner.reason) == ("acme", "record")
    box.claim("other", own="14155550002")
    stored = await box.one(sms("m-3"))
    assert (stored.owner.tenant, stored.owner.reason) == (None, "conflict")
    await box.bind("other")
    stored = await box.one(sms("m-4"))
    assert (stored.owner.tenant, stored.owner.reason) == ("other", "binding")
    stored = await box.one(sms("m-5", to="+15550100003"), gateway="private")
    assert (stored.owner.tenant, stored.owner.reason) == ("acme", "gateway")
    assert [message.tenant for message in box.seen] == ["default", "acme", None, "other", "acme"]


async def test_a_number_that_is_not_the_gateway_s_goes_to_nobody(box: InboundWorld) -> None:
    await box.endpoint("acme", "https://h.example/")
    await box.bind("acme", FOREIGN)
    box.claim("acme", FOREIGN)
    stored = await box.one(sms(to=FOREIGN))
    assert (stored.is_new, stored.foreign_number, stored.owner.reason) == (True, True, "foreign")
    (row,) = await box.rows()
    assert (row.tenant, row.foreign_number, row.owner_check_at) == (None, True, None)
    assert (await box.one(sms(to=FOREIGN))).foreign_number
    assert await box.deliveries() == []
    assert box.seen == []


async def test_a_number_that_another_process_bought_is_ours(box: InboundWorld) -> None:
    values = {
        "number": FOREIGN,
        "gateway": "office",
        "provider": "scripted",
        "tenant": "acme",
        "state": "active",
        "source": "bought",
        "features": "sms",
        "created_at": 1,
        "updated_at": 1,
    }
    await box.database.write(lambda c: c.execute(insert(numbers).values(values)).rowcount)
    await box.bind("acme", FOREIGN)
    first, second = await box.arrive(sms(to=FOREIGN), sms("m-2", to=FOREIGN))
    assert (first.owner.tenant, second.owner.tenant) == ("acme", "acme")
    assert (await box.one(sms("m-3", to=FOREIGN), gateway="private")).foreign_number


async def test_deliveries_are_the_owner_s(box: InboundWorld) -> None:
    mine = await box.endpoint("acme", "https://h.example/acme")
    await box.endpoint("other", "https://h.example/other")
    off = await box.endpoint("acme", "off@example.com", Kind.EMAIL)
    await box.database.write(lambda c: endpoints.set_enabled(c, off, enabled=False, now=NOW))
    box.claim("acme", forward_to=["a@example.com", "+15550001111", "https://h.example/acme"])
    stored = await box.one()
    assert stored.targets == 3
    rows = await box.deliveries()
    assert {row.tenant for row in rows} == {"acme"}
    assert [(row.kind, row.address) for row in rows] == [
        ("webhook", None),
        ("email", "a@example.com"),
        ("sms", "+15550001111"),
    ]
    assert rows[0].target == mine
    assert {row.inbox_id for row in rows} == {stored.inbox_id}
    assert {row.state for row in rows} == {"queued"}


async def test_a_binding_gets_nothing_of_another_tenant_s_record(box: InboundWorld) -> None:
    box.claim("other", forward_to="spy@example.com")
    await box.bind("acme")
    await box.one()
    assert await box.deliveries() == []


async def test_records_away_the_message_waits_for_its_owner(box: InboundWorld) -> None:
    await box.endpoint("acme", "https://h.example/acme")
    box.claim("acme", forward_to="a@example.com")
    box.source.down = True
    stored = await box.one()
    assert (stored.is_new, stored.owner.tenant, stored.owner.open) == (True, None, True)
    (row,) = await box.rows()
    assert (row.tenant, row.owner_reason, row.owner_check_at) == (
        None,
        "unreadable",
        NOW + inbox.FIRST_LOOK_MS,
    )
    assert (await box.deliveries(), box.seen) == ([], [])
    later = NOW + 60_000
    assert await settle(box, row, now=later) is None
    (row,) = await box.rows()
    assert row.owner_check_at == later + 60_000
    box.source.down = False
    await box.one(sms("m-2"), now=later)
    settled = await settle(box, row, now=later)
    assert (settled.owner.tenant, settled.targets) == ("acme", 2)
    assert await settle(box, row, now=later) is None
    rows = await box.rows()
    assert [item.inbox_id for item in rows][1] == stored.inbox_id
    assert rows[1].id > rows[0].id > row.id
    assert (rows[1].tenant, rows[1].owner_check_at) == ("acme", None)
    assert box.text(rows[1]) == TEXT
    assert len(await box.deliveries()) == 4
    assert [message.inbox_id for message in box.seen][1] == stored.inbox_id


async def test_records_away_a_bound_message_goes_to_its_endpoints_at_once(
    box: InboundWorld,
) -> None:
    await box.endpoint("acme", "https://h.example/acme")
    await box.bind("acme")
    box.claim("acme", forward_to="a@example.com")
    box.source.down = True
    stored = await box.one()
    assert (stored.owner.tenant, stored.owner.open, stored.targets) == ("acme", True, 1)
    assert len(box.seen) == 1
    (row,) = await box.rows()
    box.source.down = False
    settled = await settle(box, row)
    assert (settled.owner.reason, settled.targets) == ("binding", 1)
    rows = await box.deliveries()
    assert [item.kind for item in rows] == ["webhook", "email"]
    (after,) = await box.rows()
    assert (after.id, after.owner_check_at) == (row.id, None)
    assert len(box.seen) == 1


async def test_a_binding_made_meanwhile_counts(box: InboundWorld) -> None:
    box.source.down = True
    await box.one()
    await box.bind("other")
    (row,) = await box.rows()
    box.source.down = False
    assert (await settle(box, row)).owner.tenant == "other"


async def test_in_the_end_nobody_is_the_owner(box: InboundWorld) -> None:
    box.source.down = True
    stored = await box.one()
    (row,) = await box.rows()
    assert await settle(box, row, now=NOW + GIVE_UP_MS) is None
    settled = await settle(box, row, now=NOW + GIVE_UP_MS + 1)
    assert (settled.owner.tenant, settled.owner.reason) == (None, "unreadable")
    (after,) = await box.rows()
    assert (after.inbox_id, after.tenant, after.owner_check_at) == (stored.inbox_id, None, None)
    assert [message.tenant for message in box.seen] == [None]


async def test_two_claimants_found_late_are_nobody(box: InboundWorld) -> None:
    box.source.down = True
    await box.one()
    (row,) = await box.rows()
    box.source.down = False
    box.claim("acme")
    box.claim("other", own="14155550002")
    assert (await settle(box, row)).owner.reason is OwnerReason.CONFLICT
    assert await box.deliveries() == []


async def test_a_text_that_does_not_open_is_still_delivered_to_its_owner_s_endpoints(
    box: InboundWorld,
) -> None:
    await box.endpoint("default", "https://h.example/")
    box.source.down = True
    await box.one()
    await box.database.write(lambda c: c.execute(update(table).values(body=b"x" * 40)).rowcount)
    (row,) = await box.rows()
    box.source.down = False
    assert (await settle(box, row)).targets == 1
    assert box.seen == []


async def test_a_gateway_that_is_gone_owns_nothing(box: InboundWorld) -> None:
    assert (await box.one(gateway="gone")).foreign_number


def broken(_connection: Connection, message: Any, _now: int) -> None:
    if message.text == TEXT:
        raise LookupError("a follower's fault")


async def test_a_follower_s_fault_harms_no_message(box: InboundWorld) -> None:
    box.followers.insert(0, broken)
    box.followers.append(
        lambda c, message, _now: (
            c.execute(
                update(table).where(table.c.inbox_id == message.inbox_id).values(opt_out="help")
            )
            and None
        )
    )
    stored = await box.arrive(sms(), sms("m-2", text="fine"))
    assert [item.is_new for item in stored] == [True, True]
    rows = await box.rows()
    assert [row.opt_out for row in rows] == [None, "help"]


async def test_a_database_in_trouble_is_told(box: InboundWorld) -> None:
    def fails(*_: Any) -> None:
        raise OperationalError("x", {}, Exception("disk full"))

    box.followers.insert(0, fails)
    with pytest.raises(Exception, match=r"disk full|cannot be written"):
        await box.one()
    assert await box.rows() == []


async def test_ids_grow_and_are_never_given_twice(box: InboundWorld) -> None:
    await box.arrive(sms("a"), sms("b"))
    first, second = await box.rows()
    await box.database.write(
        lambda c: c.execute(table.delete().where(table.c.id == second.id)).rowcount
    )
    await box.one(sms("c"))
    assert (await box.rows())[-1].id > second.id > first.id


async def test_many_at_once_are_each_stored_once(box: InboundWorld) -> None:
    await box.endpoint("default", "https://h.example/")
    keys = [f"k-{number}" for number in range(15)] * 2
    results = await asyncio.gather(*(box.one(sms(key)) for key in keys))
    assert sum(item.is_new for item in results) == 15
    assert len(await box.rows()) == 15
    assert len(await box.deliveries()) == 15


@pytest.mark.parametrize("way", ["record", "binding", "gateway"])
async def test_a_tenant_that_does_not_exist_owns_nothing(box: InboundWorld, way: str) -> None:
    box.missing = {"acme"}
    if way == "record":
        box.claim("acme", forward_to="a@example.com")
    if way == "binding":
        await box.bind("acme")
    await box.endpoint("acme", "https://h.example/acme")
    arriving = {"message": sms(to="+15550100003"), "gateway": "private"} if way == "gateway" else {}
    stored = await box.one(**arriving)
    assert (stored.is_new, stored.owner.tenant, stored.owner.reason) == (True, None, "no_tenant")
    (row,) = await box.rows()
    assert (row.tenant, row.owner_reason, row.owner_check_at) == (None, "no_tenant", None)
    assert await box.deliveries() == []
    assert [message.tenant for message in box.seen] == [None]
    box.missing = set()
    arriving["message"] = replace(arriving.get("message", sms()), dedupe_key="m-2")
    assert (await box.one(**arriving)).owner.tenant == "acme"


async def test_a_tenant_that_was_deleted_meanwhile_gets_nothing(box: InboundWorld) -> None:
    await box.endpoint("acme", "https://h.example/acme")
    box.claim("acme", forward_to="a@example.com")
    box.source.down = True
    await box.one()
    await box.bind("acme")
    await box.one(sms("m-2"))
    waiting, bound = await box.rows()
    await box.database.write(lambda c: c.execute(update(tenants).values(deleted_at=1)).rowcount)
    box.source.down = False
    assert (await settle(box, waiting)).owner.reason is OwnerReason.NO_TENANT
    settled = await settle(box, bound)
    assert (settled.owner.tenant, settled.targets) == ("acme", 0)
    assert len(await box.deliveries()) == 1


async def settle(box: InboundWorld, row: Any, now: int = NOW + 10_000) -> Stored | None:
    claims: Claims = await box.claims.of(row.to_number)
    made = box.intake
    return await box.database.write(
        lambda c: made.settle(c, box.world.registry, row.inbox_id, claims, now)
    )


async def test_arrivals_tell_nothing_in_repr() -> None:
    assert "canary" not in repr(replace(sms(), text=TEXT))
