"""Which messages a lease shows, and what reading them leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from enum_backend.agents.model import AgentMessage, Caller
from enum_backend.errors import Forbidden, LeaseEnded, NotFound, ValidationFailed
from enum_backend.gateways.webhooks.base import SmsPart
from enum_backend.storage import Database
from enum_backend.storage.tables import bindings, inbox
from tests.unit.agents.agent_world import ADMIN, ALICE, BOB, ONE, TWO, AgentWorld, Clock


async def test_only_what_came_within_the_lease(world: AgentWorld, clock: Clock) -> None:
    await world.arrive(ONE, "before")
    clock.pass_(1)
    lease, _ = await world.agents.lease(ALICE, "p", 60)
    await world.arrive(ONE, "at once")
    clock.pass_(59_999)
    await world.arrive(ONE, "last moment")
    await world.arrive(TWO, "elsewhere")
    assert await world.texts(ALICE, lease.lease_id) == ["at once", "last moment"]
    await world.arrive(ONE, "too late", now=lease.expires_at)
    assert await world.texts(ALICE, lease.lease_id) == ["at once", "last moment"]
    clock.pass_(1)
    with pytest.raises(LeaseEnded):
        await world.texts(ALICE, lease.lease_id)


async def test_nothing_after_a_release(world: AgentWorld, clock: Clock) -> None:
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE)
    await world.agents.release(ALICE, lease.lease_id)
    with pytest.raises(LeaseEnded) as caught:
        await world.texts(ALICE, lease.lease_id)
    assert caught.value.members["lease_ended_at"]
    again, _ = await world.agents.lease(ALICE, "p")
    assert again.number == ONE
    assert await world.texts(ALICE, again.lease_id) == []


@pytest.mark.parametrize(
    ("tolerance", "earliest"),
    [(0, "in the second the lease began"), (5, "five seconds before that")],
)
async def test_the_provider_s_clock(
    database: Database, clock: Clock, tolerance: float, earliest: str
) -> None:
    world = await AgentWorld(database, clock_tolerance=tolerance).seeded()
    clock.pass_(700)
    lease, _ = await world.agents.lease(ALICE, "p", 60)
    second = lease.started_at - 700 - int(tolerance * 1000)
    until = lease.expires_at + int(tolerance * 1000)
    exact = second + 700
    clock.pass_(100)
    await world.arrive(ONE, "a millisecond too early", sent_at=second - 1)
    await world.arrive(ONE, earliest, sent_at=second)
    await world.arrive(ONE, "too early by a clock that tells it exactly", sent_at=exact - 1)
    await world.arrive(ONE, "exactly when it began", sent_at=exact)
    await world.arrive(ONE, "until its end", sent_at=until)
    await world.arrive(ONE, "from the future", sent_at=until + 1)
    await world.arrive(ONE, "untold")
    shown = await world.texts(ALICE, lease.lease_id)
    assert shown == [earliest, "exactly when it began", "until its end", "untold"]


async def test_repeats_never_show_again(world: AgentWorld, clock: Clock) -> None:
    await world.arrive(ONE, "old", key="k-1", content_key="c-1")
    clock.pass_(1000)
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "old", key="k-1", content_key="c-1")
    await world.arrive(ONE, "old", key="k-2", content_key="c-1")
    await world.arrive(ONE, "new", key="k-3", content_key="c-3")
    await world.arrive(ONE, "new", key="k-4", content_key="c-3")
    assert await world.texts(ALICE, lease.lease_id) == ["new"]


async def test_a_message_of_which_a_part_came_before(world: AgentWorld, clock: Clock) -> None:
    await world.arrive(ONE, "<1>", key="a-1", part=SmsPart("7", 1, 2))
    clock.pass_(1000)
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "<2>", key="a-2", part=SmsPart("7", 2, 2))
    await world.arrive(ONE, "<1>", key="b-1", part=SmsPart("8", 1, 2))
    await world.arrive(ONE, "<2>", key="b-2", part=SmsPart("8", 2, 2))
    page = await world.agents.messages(ALICE, lease.lease_id)
    assert [message.body for message in page.messages] == ["<1><2>"]
    rows = await world.database.read(lambda c: c.execute(select(inbox.c.inbox_id)).all())
    assert len(rows) == 2


async def test_messages_of_another_owner(world: AgentWorld, clock: Clock) -> None:
    """Whoever a number's messages go to: a lease shows only its own tenant's."""
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "ours")
    row = {"number": ONE, "tenant": "acme", "proof": "admin", "created_by": "x", "created_at": 1}
    await world.database.write(lambda c: c.execute(insert(bindings).values(**row)).rowcount)
    await world.arrive(ONE, "acme's")
    assert await world.texts(ALICE, lease.lease_id) == ["ours"]


async def test_pages(world: AgentWorld, clock: Clock) -> None:
    lease, _ = await world.agents.lease(ALICE, "p")
    empty = await world.agents.messages(ALICE, lease.lease_id)
    assert (empty.messages, empty.next, empty.position) == ((), None, None)
    for n in range(5):
        await world.arrive(ONE, str(n))
    first = await world.agents.messages(ALICE, lease.lease_id, limit=2)
    assert [m.body for m in first.messages] == ["0", "1"]
    assert first.next == first.position == first.messages[-1].id
    second = await world.agents.messages(ALICE, lease.lease_id, first.next, limit=3)
    assert ([m.body for m in second.messages], second.next) == (["2", "3", "4"], None)
    last = await world.agents.messages(ALICE, lease.lease_id, second.position)
    assert (last.messages, last.next, last.position) == ((), None, second.position)
    await world.arrive(ONE, "5")
    assert await world.texts(ALICE, lease.lease_id, after=last.position) == ["5"]


async def test_cursors_of_others(world: AgentWorld, clock: Clock) -> None:
    mine, _ = await world.agents.lease(ALICE, "p")
    theirs, _ = await world.agents.lease(BOB, "p")
    await world.arrive(theirs.number)
    page = await world.agents.messages(BOB, theirs.lease_id)
    for cursor in ("x", "", page.position):
        with pytest.raises(ValidationFailed, match="after"):
            await world.agents.messages(ALICE, mine.lease_id, cursor)
    with pytest.raises(NotFound):
        await world.agents.messages(ALICE, theirs.lease_id)
    with pytest.raises(NotFound):
        await world.agents.messages(ADMIN, theirs.lease_id)


async def test_codes_and_withheld_texts(database: Database, clock: Clock) -> None:
    world = await AgentWorld(database, withhold_bodies=True).seeded()
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "Your Acme verification code is 482913.")
    await world.arrive(ONE, "See you at eight")
    first, second = (await world.agents.messages(ALICE, lease.lease_id)).messages
    assert (first.body, first.code) == (None, "482913")
    assert first.confidence > 0.5
    assert (second.body, second.code, second.confidence) == (None, None, 0.0)
    assert "482913" not in repr(first)


async def test_first_reads_are_counted_and_audited_once(world: AgentWorld, clock: Clock) -> None:
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "one")
    for _ in range(3):
        await world.texts(ALICE, lease.lease_id)
    await world.arrive(ONE, "two")
    await world.arrive(ONE, "three")
    await world.texts(ALICE, lease.lease_id)
    reads = [facts["messages"] for event, facts in world.audited if event == "AGENT_MESSAGES_READ"]
    assert reads == [1, 2]
    (day,) = await world.agents.desk.usage(ALICE)
    assert (day.leases, day.messages, day.waits, day.timeouts) == (1, 3, 0, 0)


async def test_erased_texts_are_not_shown(world: AgentWorld, clock: Clock) -> None:
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "gone")
    await world.database.write(lambda c: c.execute(update(inbox).values(body=b"")).rowcount)
    assert await world.texts(ALICE, lease.lease_id) == []


SERVICES = [
    {"name": "shop", "senders": ["SHOP*", "+15557654321"]},
    {"name": "bank", "senders": ["bank"], "tenants": ["default"]},
    {"name": "other", "senders": ["*"], "tenants": ["acme"]},
]


async def test_only_the_owner_s_services(database: Database, clock: Clock) -> None:
    world = await AgentWorld(database, services=SERVICES).seeded()
    lease, _ = await world.agents.lease(ALICE, "p", service="shop")
    anything, _ = await world.agents.lease(ALICE, "q")
    for number in (lease.number, anything.number):
        for sender in ("Shop-24", "+15557654321", "BANK", "Evil", "+15557654322"):
            await world.arrive(number, f"from {sender}", sender=sender)
    shown = [m.sender for m in (await world.agents.messages(ALICE, lease.lease_id)).messages]
    assert shown == ["Shop-24", "+15557654321"]
    page = await world.agents.messages(ALICE, anything.lease_id, limit=2)
    assert [m.sender for m in page.messages] == ["Shop-24", "+15557654321"]
    rest = await world.agents.messages(ALICE, anything.lease_id, page.next, limit=2)
    assert ([m.sender for m in rest.messages], rest.next) == (["BANK"], None)


async def test_services_that_are_not_the_owner_s(database: Database, clock: Clock) -> None:
    world = await AgentWorld(database, services=SERVICES[:2]).seeded()
    with pytest.raises(Forbidden, match="shop, bank"):
        await world.agents.lease(ALICE, "p", service="casino")
    assert world.audited[-1][0] == "AGENT_LEASE_REFUSED"
    world = await AgentWorld(database, services=SERVICES[2:]).seeded()
    with pytest.raises(Forbidden, match="No service"):
        await world.agents.lease(ALICE, "p")


@pytest.mark.parametrize("settings", [{"enabled": False}, {"consent": ["acme"]}])
async def test_without_the_owner_s_consent(
    database: Database, clock: Clock, settings: dict[str, Any]
) -> None:
    lease, _ = await (await AgentWorld(database).seeded()).agents.lease(ALICE, "p")
    world = await AgentWorld(database, **settings).seeded()
    with pytest.raises(Forbidden):
        await world.agents.lease(ALICE, "q")
    with pytest.raises(Forbidden):
        await world.agents.renew(ALICE, lease.lease_id)
    with pytest.raises(Forbidden):
        await world.agents.messages(ALICE, lease.lease_id)
    await world.agents.release(ALICE, lease.lease_id)


async def test_consent_of_one_tenant(database: Database, clock: Clock) -> None:
    world = AgentWorld(database, consent=["acme"])
    await world.agents.desk.seed({ONE: "acme"})
    await world.agents.lease(Caller("key_acme", "acme"), "p")


def test_codes_are_not_in_reprs() -> None:
    message = AgentMessage("in_1", "+1555", ONE, "canary text", "5531", 0.9, None, 1, False)
    assert "canary" not in repr(message)
    assert "5531" not in repr(message)
