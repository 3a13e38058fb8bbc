"""The queue of deliveries: leases, several workers, outcomes that do not go backwards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from enum_backend.messaging.deliveries import endpoints, opening, outcomes, queue
from enum_backend.messaging.deliveries.model import Kind, State, Target, Why
from enum_backend.messaging.deliveries.outcomes import Finished, Postponed
from enum_backend.messaging.deliveries.queue import DAY_MS
from enum_backend.storage.tables import inbox
from tests.unit.messaging.inbound_world import NOW, OURS, SENDER, TEXT, InboundWorld, part, sms

LEASE = 60_000


async def claim(box: InboundWorld, owner: str = "w1", now: int = NOW, **options: Any) -> Any:
    values = {"limit": 100, "room": lambda _target: 100, **options}
    return await box.database.write(
        lambda c: queue.claim(c, owner=owner, now=now, lease_ms=LEASE, **values)
    )


async def record(box: InboundWorld, *ended: Any, owner: str = "w1", now: int = NOW) -> None:
    await box.database.write(lambda c: outcomes.record_many(c, ended, owner=owner, now=now))


def opened(box: InboundWorld, rows: Sequence[Any]) -> list[Any]:
    return [
        opening.opened(row, box.world.sealer, lambda tenant: (f"secret of {tenant}",))
        for row in rows
    ]


async def test_a_claimed_delivery_has_all_it_needs(box: InboundWorld) -> None:
    mine = await box.endpoint(
        "default", "https://h.example/", failover_url="https://second.example/"
    )
    stored = await box.one(sms(media=("https://x",)))
    (claimed,) = opened(box, await claim(box))
    assert (claimed.kind, claimed.target, claimed.address) == (
        "webhook",
        mine,
        "https://h.example/",
    )
    assert claimed.failover_url == "https://second.example/"
    assert claimed.secrets == ("whsec_" + "A" * 32,)
    assert (claimed.trusted, claimed.refused, claimed.attempts) == (False, None, 1)
    message = claimed.message
    assert (message.inbox_id, message.sender, message.to) == (stored.inbox_id, SENDER, OURS)
    assert (message.text, message.gateway, message.received_at) == (TEXT, "office", NOW)
    assert (message.media, message.incomplete) == (("https://x",), False)
    assert "canary" not in repr(claimed)
    assert "whsec" not in repr(claimed)


async def test_an_address_of_a_record_uses_its_tenant_s_secret(box: InboundWorld) -> None:
    await box.add_targets(Target(Kind.WEBHOOK, "rec_1", "https://h.example/"), tenant="acme")
    (claimed,) = opened(box, await claim(box))
    assert (claimed.address, claimed.secrets) == ("https://h.example/", ("secret of acme",))


async def test_leased_until_the_lease_is_over(box: InboundWorld) -> None:
    await box.add_targets(Target(Kind.EMAIL, "rec_1", "a@example.com"))
    assert len(await claim(box)) == 1
    assert await claim(box, "w2") == []
    assert await claim(box, "w2", now=NOW + LEASE - 1) == []
    (again,) = await claim(box, "w2", now=NOW + LEASE)
    assert again.attempts == 2


async def test_many_workers_take_each_delivery_once(box: InboundWorld) -> None:
    targets = [Target(Kind.EMAIL, f"rec_{n}", "a@example.com") for n in range(60)]
    await box.add_targets(*targets)
    taken = await asyncio.gather(*(claim(box, f"w{n}", limit=15) for n in range(6)))
    ids = [row.id for rows in taken for row in rows]
    assert len(ids) == len(set(ids))
    rest = await claim(box, "rest")
    assert len(ids) + len(rest) == 60


async def test_room_is_shared_out_by_target(box: InboundWorld) -> None:
    await box.add_targets(
        Target(Kind.EMAIL, "slow", "s@example.com"), Target(Kind.EMAIL, "full", "f@example.com")
    )
    rows = await claim(box, full=["full"], room=lambda target: 0 if target == "slow" else 9)
    assert rows == []
    rows = await claim(box, room=lambda _target: 1, limit=1)
    assert len(rows) == 1
    assert {row.target for row in await claim(box)} == {"full"} | {"slow"} - {rows[0].target}


async def test_what_is_not_due_waits(box: InboundWorld) -> None:
    assert await box.database.read(queue.next_due_at) is None
    await box.add_targets(Target(Kind.EMAIL, "rec_1", "a@example.com"), now=NOW + 500)
    assert await claim(box) == []
    assert await box.database.read(queue.next_due_at) == NOW + 500
    assert len(await claim(box, now=NOW + 500)) == 1


async def test_outcomes(box: InboundWorld) -> None:
    targets = [Target(Kind.EMAIL, f"rec_{n}", "a@example.com") for n in range(4)]
    await box.add_targets(*targets)
    a, b, c, d = (row.id for row in await claim(box))
    await record(
        box,
        Finished(a, State.DELIVERED, status=200),
        Finished(b, State.DEAD, Why.GONE, 410),
        Postponed(c, NOW + 5000, Why.BAD_STATUS, 500),
        Postponed(d, NOW + 9000, Why.LIMIT, counts=False),
        now=NOW + 7,
    )
    rows = await box.deliveries()
    assert [row.state for row in rows] == ["delivered", "dead", "queued", "queued"]
    assert [row.reason for row in rows] == [None, "gone", "bad_status", "limit"]
    assert [row.status for row in rows] == [200, 410, 500, None]
    assert [row.finished_at for row in rows] == [NOW + 7, NOW + 7, None, None]
    assert [row.next_attempt_at for row in rows] == [None, None, NOW + 5000, NOW + 9000]
    assert [row.attempts for row in rows] == [1, 1, 1, 0]
    assert {row.lease_owner for row in rows} == {None}


async def test_delivered_is_final_and_a_lost_lease_postpones_nothing(box: InboundWorld) -> None:
    await box.add_targets(Target(Kind.EMAIL, "rec_1", "a@example.com"))
    (first,) = await claim(box, "w1")
    await claim(box, "w2", now=NOW + LEASE)
    await record(box, Postponed(first.id, NOW + 9, Why.NO_ANSWER), owner="w1")
    assert (await box.delivery()).lease_owner == "w2"
    await record(box, Finished(first.id, State.DELIVERED), owner="w2")
    await record(box, Finished(first.id, State.DEAD, Why.NO_ANSWER), owner="w1")
    await record(box, Postponed(first.id, NOW + 9, Why.NO_ANSWER), owner="w1")
    row = await box.delivery()
    assert (row.state, row.reason, row.next_attempt_at) == ("delivered", None, None)
    await record(box)


async def test_a_crash_s_leases_are_freed(box: InboundWorld) -> None:
    await box.add_targets(Target(Kind.EMAIL, "rec_1", "a@example.com"))
    await claim(box, "dead")
    await box.database.write(lambda c: queue.free_leases(c, "w1", NOW + 1))
    assert len(await claim(box, "w1", now=NOW + 1)) == 1
    await box.database.write(lambda c: queue.free_leases(c, "w1", NOW + 2))
    assert await claim(box, "w2", now=NOW + 2) == []


async def test_a_resting_target_is_put_off(box: InboundWorld) -> None:
    await box.add_targets(
        Target(Kind.EMAIL, "ill", "a@example.com"), Target(Kind.EMAIL, "well", "b@example.com")
    )
    assert await box.database.write(lambda c: queue.defer(c, "ill", NOW, NOW + 30_000)) == 1
    assert [row.target for row in await claim(box)] == ["well"]
    assert await box.database.write(lambda c: queue.defer(c, "ill", NOW, NOW + 30_000)) == 0
    assert [row.target for row in await claim(box, now=NOW + 30_000)] == ["ill"]


async def test_what_cannot_be_delivered_at_all(box: InboundWorld) -> None:
    gone = await box.endpoint("default", "https://a.example/")
    off = await box.endpoint("default", "https://b.example/")
    await box.endpoint("default", "https://c.example/")
    await box.one()

    def change(connection: Any) -> None:
        endpoints.remove(connection, gone, NOW)
        endpoints.set_enabled(connection, off, enabled=False, now=NOW)

    await box.database.write(change)
    refused = {item.target: item.refused for item in opened(box, await claim(box))}
    assert refused.pop(gone) is Why.ENDPOINT_REMOVED
    assert refused.pop(off) is Why.ENDPOINT_DISABLED
    assert list(refused.values()) == [None]


@pytest.mark.parametrize("lost", ["altered", "removed"])
async def test_texts_that_are_lost(box: InboundWorld, lost: str) -> None:
    await box.add_targets(Target(Kind.EMAIL, "rec_1", "a@example.com"))
    change = inbox.delete() if lost == "removed" else update(inbox).values(body=b"x" * 40)
    await box.database.write(lambda c: c.execute(change).rowcount)
    (claimed,) = opened(box, await claim(box))
    assert (claimed.message, claimed.refused) == (None, Why.UNREADABLE)


async def test_answers_of_our_own(box: InboundWorld) -> None:
    stored = await box.one()
    values = {
        "tenant": "default",
        "inbox_id": stored.inbox_id,
        "sender": OURS,
        "to": SENDER,
        "text": "You are opted out. canary 77",
        "reason": "stop",
        "now": NOW,
    }
    for text in (values["text"], "another"):
        await box.database.write(
            lambda c, t=text: queue.add_sms(c, sealer=box.world.sealer, **{**values, "text": t})
        )
    row = await box.delivery()
    assert b"canary" not in row.body
    assert (row.target, row.expires_at) == ("reply:stop", NOW + DAY_MS)
    (claimed,) = opened(box, await claim(box))
    assert (claimed.own_text, claimed.sender) == (values["text"], OURS)
    assert (claimed.address, claimed.message.gateway) == (SENDER, "office")
    await box.change(body=b"y" * 40)
    (claimed,) = opened(box, await claim(box, now=NOW + LEASE))
    assert (claimed.own_text, claimed.refused) == (None, Why.UNREADABLE)


async def test_an_incomplete_message_says_so(box: InboundWorld) -> None:
    await box.endpoint("default", "https://h.example/")
    await box.bind("default")
    await box.one(part(1, 2))
    made = box.intake
    await box.database.write(lambda c: made.release(c, box.world.registry, NOW + 10**7))
    (claimed,) = opened(box, await claim(box, now=NOW + 10**7))
    assert claimed.message.incomplete
