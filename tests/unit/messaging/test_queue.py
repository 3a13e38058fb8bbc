from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from enum_backend.clock import now_ms
from enum_backend.gateways.base import Cost, GatewayError, ProviderStatus, Reason, SendResult
from enum_backend.messaging import outcomes, queue
from enum_backend.messaging.queue import Claimed
from tests.unit.messaging.messaging_world import World


@pytest.fixture(autouse=True)
def _two(world: World) -> None:
    world.gateway("one")
    world.gateway("two")


async def claim(world: World, owner: str = "me", **options: Any) -> list[Claimed]:
    values = {"now": now_ms(), "lease_ms": 60_000, "room": {"one": 5, "two": 5, "": 5}, **options}
    return await world.database.write(lambda c: queue.claim(c, owner=owner, **values))


async def begin(world: World, claimed: Claimed, owner: str = "me") -> int | None:
    return await world.database.write(
        lambda c: queue.begin_attempt(
            c, claimed, owner=owner, provider="scripted", now=now_ms(), lease_ms=60_000
        )
    )


async def accepted(world: World, message_id: str, number: int, result: SendResult) -> Any:
    return await world.database.write(
        lambda c: outcomes.record_accepted(c, message_id, number, result, now_ms())
    )


async def refused(world: World, claimed: Claimed, number: int, **options: Any) -> Any:
    values = {"now": now_ms(), "retry_at": None, "fail_over": False, **options}
    error = values.pop("error", GatewayError(Reason.TEMPORARY_UNAVAILABLE))
    return await world.database.write(
        lambda c: outcomes.record_failure(c, claimed, number, error, **values)
    )


async def test_claims_due_messages_once_in_order_with_room(world: World) -> None:
    ids = [await world.send(text=str(n)) for n in range(3)]
    await world.change(ids[0], next_attempt_at=now_ms() + 60_000)
    other = await world.send(gateway="two")
    assert await claim(world, room={"one": 0}) == []
    found = await claim(world, room={"one": 1, "two": 5})
    assert [c.message_id for c in found] == [ids[1], other]
    assert [c.message_id for c in await claim(world)] == [ids[2]]
    assert await claim(world) == []
    stale = await claim(world, now=now_ms() + 61_000)
    assert len(stale) == 4
    assert found[0].gateway == "one"
    assert found[0].next_gateway == "two"
    assert "body" not in repr(found[0])


async def test_an_empty_key_stands_for_gateways_that_are_gone(world: World) -> None:
    message_id = await world.send()
    assert await claim(world, room={"one": 1}, now=0) == []
    assert await claim(world, room={"one": 0, "": 3}) == []
    assert [c.message_id for c in await claim(world, room={"two": 1, "": 3})] == [message_id]


async def test_begin_needs_the_lease_and_the_same_hop(world: World) -> None:
    await world.send()
    (mine,) = await claim(world)
    assert await begin(world, mine, owner="other") is None
    await world.change(mine.message_id, lease_until=1)
    assert await begin(world, mine) is None
    await world.change(mine.message_id, lease_until=10**13, chain_position=1)
    assert await begin(world, mine) is None
    await world.change(mine.message_id, chain_position=0, attempts_at_gateway=3)
    assert await begin(world, mine) is None
    await world.change(mine.message_id, attempts_at_gateway=0)
    assert await begin(world, mine) == 1
    assert await begin(world, mine) is None


async def test_a_late_answer_settles_what_waits_to_be_sent_again(world: World) -> None:
    await world.send()
    (mine,) = await claim(world)
    assert await begin(world, mine) == 1
    assert await refused(world, mine, 1, retry_at=now_ms()) == "queued"
    assert await accepted(world, mine.message_id, 1, SendResult(ProviderStatus.SENT)) == "sent"
    assert await accepted(world, mine.message_id, 1, SendResult(ProviderStatus.SENT)) is None
    assert await refused(world, mine, 1, retry_at=now_ms()) is None
    assert await refused(world, mine, 1) is None
    assert (await world.row(mine.message_id)).state == "sent"


async def test_an_unknown_one_may_learn_the_truth(world: World) -> None:
    await world.send()
    (mine,) = await claim(world)
    await begin(world, mine)
    ambiguous = GatewayError(Reason.UNKNOWN, ambiguous=True)
    assert await refused(world, mine, 1, error=ambiguous) == "unknown"
    result = SendResult(ProviderStatus.DELIVERED)
    assert await accepted(world, mine.message_id, 1, result) == "delivered"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-3", "1e40"])
async def test_a_mad_answer_is_still_stored(world: World, amount: str) -> None:
    await world.send()
    (mine,) = await claim(world)
    await begin(world, mine)
    result = SendResult(
        ProviderStatus.SENT, "x\ud800" + "y" * 500, segments=10**30, cost=Cost(Decimal(amount))
    )
    assert await accepted(world, mine.message_id, 1, result) == "sent"
    row = await world.row(mine.message_id)
    assert row.provider_message_id == "x?" + "y" * 126
    assert (row.segments, row.cost_micros) == (1, None)


async def test_a_mad_error_is_still_stored(world: World) -> None:
    await world.send()
    (mine,) = await claim(world)
    await begin(world, mine)
    error = GatewayError(Reason.FORBIDDEN, "\udfff" * 999, provider_code="\ud800" * 99)
    assert await refused(world, mine, 1, error=error, fail_over=True) == "queued"
    row = await world.row(mine.message_id)
    assert (row.detail, row.provider_code, row.gateway) == ("?" * 300, "?" * 64, "two")


async def test_fail_over_at_the_end_of_the_chain_ends_it(world: World) -> None:
    await world.send()
    (mine,) = await claim(world)
    await begin(world, mine)
    last = Claimed(mine.message_id, mine.destination, None, None, None, ("one",))
    assert last.next_gateway is None
    assert await refused(world, last, 1, fail_over=True) == "failed"


async def test_nothing_moves_without_the_lease(world: World) -> None:
    message_id = await world.send(is_code=True)
    (mine,) = await claim(world)
    for step in (outcomes.expire, outcomes.skip_gateway):
        moved = await world.database.write(lambda c, s=step: s(c, mine, "other", now_ms()))  # type: ignore[misc]
        assert moved is None
    row = await world.row(message_id)
    assert row.state == "queued"
    assert row.body is not None


async def test_an_orphan_that_was_finished_meanwhile_stays(world: World) -> None:
    await world.send()
    (mine,) = await claim(world)
    await begin(world, mine)
    await accepted(world, mine.message_id, 1, SendResult(ProviderStatus.SENT, "p"))

    for message_id in (mine.message_id, "msg_none"):
        moved = await world.database.write(
            lambda c, i=message_id: outcomes.settle_orphan(  # type: ignore[misc]
                c, i, queue.MessageState.QUEUED, now_ms(), retry=True
            )
        )
        assert moved is None
    assert [t.outcome for t in await world.tries(mine.message_id)] == ["accepted"]
    assert (await world.row(mine.message_id)).state == "sent"


async def test_next_due(world: World) -> None:
    assert await world.database.read(queue.next_due_at) is None
    message_id = await world.send()
    await world.change(message_id, next_attempt_at=5)
    assert await world.database.read(queue.next_due_at) == 5
