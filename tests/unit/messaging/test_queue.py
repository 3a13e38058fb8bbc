from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from enum_backend.clock import now_ms
from enum_backend.gateways.base import Cost, GatewayError, ProviderStatus, Reason, SendResult
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.messaging import due, outcomes, queue
from enum_backend.messaging.changes import Hop
from enum_backend.messaging.model import MessageState
from enum_backend.messaging.outcomes import Outcome
from enum_backend.messaging.pacing import Held, Pace
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.stopping import stop
from enum_backend.messaging.queue import Begun, Room, Taken
from tests.unit.messaging.messaging_world import TO, World


@pytest.fixture(autouse=True)
def _two(world: World) -> None:
    world.gateway("one")
    world.gateway("two")


def room(places: int = 5, **changes: Any) -> Room:
    return Room(**{"provider": "scripted", "places": places, "lease_ms": 60_000, **changes})


async def take(world: World, owner: str = "me", **options: Any) -> Taken:
    values = {"now": now_ms(), "room": {"one": room(), "two": room()}, "others": 5, **options}
    return await world.database.write(lambda c: queue.take(c, owner=owner, **values))


async def nothing(world: World, owner: str = "me", **options: Any) -> bool:
    taken = await take(world, owner, **options)
    return not (taken.begun or taken.left)


async def begin(world: World) -> Begun:
    (mine,) = (await take(world)).begun
    return mine


async def store(world: World, outcome: Outcome) -> Any:
    (state,) = await world.database.write(lambda c: outcomes.record_many(c, [outcome], now_ms()))
    return state


async def accepted(world: World, message_id: str, number: int, result: SendResult) -> Any:
    return await store(world, outcomes.accepted(message_id, number, result))


async def refused(world: World, mine: Begun, number: int, **options: Any) -> Any:
    error = options.pop("error", GatewayError(Reason.TEMPORARY_UNAVAILABLE))
    return await store(world, outcomes.refused(mine.message_id, number, error, **options))


async def test_takes_due_messages_once_in_order_with_room(world: World) -> None:
    ids = [await world.send(text=str(n)) for n in range(3)]
    await world.change(ids[0], next_attempt_at=now_ms() + 60_000)
    other = await world.send(gateway="two")
    assert await nothing(world, room={"one": room(0)}, others=0)
    found = (await take(world, room={"one": room(1), "two": room()})).begun
    assert [c.message_id for c in found] == [ids[1], other]
    assert [c.message_id for c in (await take(world)).begun] == [ids[2]]
    assert await nothing(world)
    assert [c.message_id for c in (await take(world, now=now_ms() + 61_000)).begun] == [ids[0]]
    assert (found[0].gateway, found[0].next_gateway, found[0].number) == ("one", "two", 1)
    assert "body" not in repr(found[0])
    assert [t.outcome for t in await world.tries(ids[1])] == ["dispatching"]


async def test_codes_leave_first(world: World) -> None:
    await world.send(text="bulk 1")
    await world.send(text="bulk 2")
    code = await world.send(text="code", is_code=True)
    (first,) = (await take(world, room={"one": room(1)})).begun
    assert first.message_id == code


async def test_scheduled_ones_wait_for_their_time(world: World) -> None:
    at = now_ms() + 60_000
    message_id = await world.send(send_at=at)
    assert (await world.row(message_id)).state == "scheduled"
    assert await nothing(world)
    (mine,) = (await take(world, now=at)).begun
    assert mine.message_id == message_id


async def test_messages_of_gateways_that_are_gone_move_on(world: World) -> None:
    message_id = await world.send()
    assert await nothing(world, room={"two": room()}, others=0)
    (left,) = (await take(world, room={"two": room()})).left
    assert (left.message_id, left.gateway, left.state) == (message_id, "one", "queued")
    (mine,) = (await take(world, room={"two": room()})).begun
    assert (mine.gateway, mine.next_gateway) == ("two", None)
    ended = await world.send(text="other", gateway="two")
    await world.change(ended, chain='["two"]')
    (left,) = (await take(world, room={"one": room()})).left
    assert (left.message_id, left.state) == (ended, "failed")
    row = await world.row(ended)
    assert (row.reason, row.detail) == (
        "temporary_unavailable",
        "gateway two is not configured now",
    )


async def test_the_late_expire(world: World) -> None:
    ids = [await world.send(text=str(n)) for n in range(2)]
    for message_id in ids:
        await world.change(message_id, valid_until=1, body=b"x", erase_body=True)
    taken = await take(world, room={"one": room(1)})
    assert [left.state for left in taken.left] == ["expired"]
    await world.change(ids[1], gateway="gone")
    assert [left.state for left in (await take(world)).left] == ["expired"]
    for message_id in ids:
        row = await world.row(message_id)
        assert (row.state, row.reason, row.body) == ("expired", "expired", None)


async def test_messages_of_a_broken_gateway_go_on_or_wait(world: World) -> None:
    goes_on, waits = await world.send(), await world.send(text="alone")
    await world.change(waits, chain='["one"]')
    closed = {"one": room(0, closed_until=now_ms() + 30_000), "two": room(0)}
    taken = await take(world, room=closed)
    assert [(left.message_id, left.why) for left in taken.left] == [
        (goes_on, "gateway one is broken now")
    ]
    assert await nothing(world, room=closed)
    assert (await world.row(waits)).next_attempt_at == closed["one"].closed_until
    assert [c.message_id for c in (await take(world)).begun] == [goes_on]
    short = await world.send(text="short life")
    await world.change(short, chain='["one"]', valid_until=now_ms() + 1000)
    assert await nothing(world, room=closed)
    row = await world.row(short)
    assert row.next_attempt_at == row.valid_until


async def test_a_gateway_broken_for_one_process_is_left_to_the_others(world: World) -> None:
    waits = await world.send()
    await world.change(waits, chain='["one"]')
    moves = await world.send(text="has another way")
    now = now_ms()
    closed = {"one": room(0, closed_until=now + 30_000)}
    assert await nothing(world, now=now, room=closed, others=0, patience=3000)
    rows = [await world.row(message_id) for message_id in (waits, moves)]
    assert all(row.next_attempt_at <= now for row in rows)
    assert {row.gateway for row in rows} == {"one"}
    # Nobody has taken them.
    later = await take(world, now=now + 3001, room=closed, others=0, patience=3000)
    assert [left.message_id for left in later.left] == [moves]
    assert (await world.row(waits)).next_attempt_at == now + 30_000


async def test_one_message_of_each_paced_sender(world: World) -> None:
    ids = [await world.send(text=str(n)) for n in range(3)]
    await world.change(ids[2], sender="+15550100001")
    paced = {"one": room(5, pace=Pace(0, 60))}
    now = now_ms()
    taken = await take(world, now=now, room=paced)
    assert {c.message_id for c in taken.begun} == {ids[0], ids[2]}
    assert taken.held == {"one": Held(sender=now + 60_000)}
    # Whoever asks: another process, or this one after a restart.
    assert await nothing(world, owner="other", room=paced)
    later = await take(world, owner="other", now=now + 60_000, room=paced)
    assert [c.message_id for c in later.begun] == [ids[1]]


async def test_all_processes_share_a_rate(world: World) -> None:
    for n in range(5):
        await world.send(text=str(n))
    paced = {"one": room(5, pace=Pace(20, 0))}
    now = now_ms()
    assert len((await take(world, now=now, room=paced)).begun) == 2
    other = await take(world, owner="other", now=now, room=paced)
    assert not other.begun
    assert other.held == {"one": Held(whole=now + 50)}
    assert len((await take(world, owner="other", now=now + 50, room=paced)).begun) == 1


async def test_attempts_are_numbered(world: World) -> None:
    await world.send()
    mine = await begin(world)
    assert await refused(world, mine, 1, retry_at=now_ms()) == "queued"
    again = await begin(world)
    assert (again.number, again.attempts_at_gateway) == (2, 2)
    assert await refused(world, again, 2, next_hop=Hop("two", 1, None)) == "queued"
    third = await begin(world)
    assert (third.number, third.attempts_at_gateway, third.gateway) == (3, 1, "two")


async def test_a_late_answer_settles_what_waits_to_be_sent_again(world: World) -> None:
    await world.send()
    mine = await begin(world)
    assert await refused(world, mine, 1, retry_at=now_ms()) == "queued"
    assert await accepted(world, mine.message_id, 1, SendResult(ProviderStatus.SENT)) == "sent"
    assert await accepted(world, mine.message_id, 1, SendResult(ProviderStatus.SENT)) is None
    assert await refused(world, mine, 1, retry_at=now_ms()) is None
    assert await refused(world, mine, 1) is None
    assert (await world.row(mine.message_id)).state == "sent"


async def test_an_unknown_one_may_learn_the_truth(world: World) -> None:
    await world.send()
    mine = await begin(world)
    ambiguous = GatewayError(Reason.UNKNOWN, ambiguous=True)
    assert await refused(world, mine, 1, error=ambiguous) == "unknown"
    result = SendResult(ProviderStatus.DELIVERED)
    assert await accepted(world, mine.message_id, 1, result) == "delivered"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-3", "1e40"])
async def test_a_mad_answer_is_still_stored(world: World, amount: str) -> None:
    await world.send()
    mine = await begin(world)
    result = SendResult(
        ProviderStatus.SENT, "x\ud800" + "y" * 500, segments=10**30, cost=Cost(Decimal(amount))
    )
    assert await accepted(world, mine.message_id, 1, result) == "sent"
    row = await world.row(mine.message_id)
    assert row.provider_message_id == "x?" + "y" * 126
    assert (row.segments, row.cost_micros) == (1, None)


async def test_a_mad_error_is_still_stored(world: World) -> None:
    await world.send()
    mine = await begin(world)
    error = GatewayError(Reason.FORBIDDEN, "\udfff" * 999, provider_code="\ud800" * 99)
    assert await refused(world, mine, 1, error=error, next_hop=Hop("two", 1, None)) == "queued"
    row = await world.row(mine.message_id)
    assert (row.detail, row.provider_code, row.gateway) == ("?" * 300, "?" * 64, "two")


async def test_an_old_attempt_does_not_move_what_a_newer_one_sends(world: World) -> None:
    await world.send()
    mine = await begin(world)
    await refused(world, mine, 1, retry_at=now_ms())
    await begin(world)
    assert await refused(world, mine, 1, retry_at=now_ms()) is None
    assert await store(world, outcomes.not_sent(mine.message_id, 1, now_ms())) is None
    assert (await world.row(mine.message_id)).state == "dispatching"


async def test_an_orphan_that_was_finished_meanwhile_stays(world: World) -> None:
    await world.send()
    mine = await begin(world)
    await accepted(world, mine.message_id, 1, SendResult(ProviderStatus.SENT, "p"))

    for message_id in (mine.message_id, "msg_none"):
        moved = await store(
            world,
            outcomes.orphaned(message_id, 1, MessageState.QUEUED, retry=True, now=now_ms()),
        )
        assert moved is None
    assert (await world.row(mine.message_id)).state == "sent"


async def test_next_due(world: World) -> None:
    async def next_at(*names: str) -> dict[str, int]:
        return await world.database.read(lambda c: due.next_due(c, names))

    assert await next_at("one", "two") == await next_at() == {}
    message_id = await world.send()
    await world.change(message_id, next_attempt_at=5)
    code = await world.send(is_code=True)
    await world.change(code, next_attempt_at=9)
    assert await next_at("one", "two") == {"one": 5}
    assert await next_at("two") == {}
    other = await world.send(gateway="two")
    await world.change(other, next_attempt_at=7)
    assert await next_at("one", "two") == {"one": 5, "two": 7}
    await world.change(message_id, state="sent")
    assert await next_at("one") == {"one": 9}


async def test_what_was_not_sent_is_not_unknown(world: World) -> None:
    await world.send()
    mine = await begin(world)
    unknown = outcomes.orphaned(mine.message_id, 1, MessageState.UNKNOWN, retry=False, now=now_ms())
    assert await store(world, unknown) == "unknown"
    assert await store(world, outcomes.not_sent(mine.message_id, 1, now_ms())) == "queued"


@pytest.mark.parametrize("erased", [False, True])
async def test_a_late_refusal_says_that_an_unknown_one_was_not_sent(
    world: World, erased: bool
) -> None:
    await world.send(is_code=erased)
    mine = await begin(world)
    unknown = outcomes.orphaned(mine.message_id, 1, MessageState.UNKNOWN, retry=False, now=now_ms())
    assert await store(world, unknown) == "unknown"
    busy = GatewayError(Reason.RATE_LIMITED, provider_code="429")
    expected = "failed" if erased else "queued"
    assert await refused(world, mine, 1, error=busy, retry_at=now_ms()) == expected
    row = await world.row(mine.message_id)
    assert (row.state, row.reason, row.body is None) == (expected, "rate_limited", erased)


@pytest.mark.parametrize(
    "error", [GatewayError(Reason.UNKNOWN, ambiguous=True), GatewayError(Reason.DUPLICATE)]
)
async def test_what_may_have_been_sent_stays_unknown(world: World, error: GatewayError) -> None:
    await world.send()
    mine = await begin(world)
    unknown = outcomes.orphaned(mine.message_id, 1, MessageState.UNKNOWN, retry=False, now=now_ms())
    await store(world, unknown)
    assert await refused(world, mine, 1, error=error, retry_at=now_ms()) is None
    assert (await world.row(mine.message_id)).state == "unknown"


async def waits_for_its_repeat(world: World, text: str = "one") -> str:
    """A message that a provider may have, and that waits to be sent again."""
    message_id = await world.send(text=text)
    mine = await begin(world)
    ambiguous = GatewayError(Reason.UNKNOWN, ambiguous=True)
    assert await refused(world, mine, 1, error=ambiguous, retry_at=now_ms()) == "queued"
    return message_id


async def test_a_repeat_that_is_canceled_leaves_it_unknown(world: World) -> None:
    world.registry = GatewayRegistry()
    world.gateway("one", price="0.01")
    message_id = await waits_for_its_repeat(world)
    view = await world.service.cancel(message_id, "default")
    assert (view.status, view.reason) == ("unknown", "unknown")
    assert view.cost == Cost(Decimal("0.01"))
    assert await nothing(world)


async def test_a_repeat_that_is_too_late_or_shut_out_leaves_it_unknown(world: World) -> None:
    late = await waits_for_its_repeat(world)
    await world.change(late, valid_until=1)
    assert [left.state for left in (await take(world)).left] == ["unknown"]
    row = await world.row(late)
    assert (row.state, row.reason) == ("unknown", "expired")
    stopped = await waits_for_its_repeat(world, text="other")
    await world.database.write(
        lambda c: stop(c, "default", "*", TO, optouts.Source.MANUAL, now_ms())
    )
    row = await world.row(stopped)
    assert (row.state, row.reason) == ("unknown", "opted_out")


async def test_a_late_refusal_of_the_attempt_itself_says_that_it_was_not_sent(
    world: World,
) -> None:
    await world.send()
    mine = await begin(world)
    again = outcomes.orphaned(mine.message_id, 1, MessageState.QUEUED, retry=True, now=now_ms())
    assert await store(world, again) == "queued"
    second = await begin(world)
    assert await refused(world, mine, 1) is None
    assert await refused(world, second, 2) == "failed"


async def test_a_code_held_too_long_is_known_to_have_failed(world: World) -> None:
    await world.send(is_code=True)
    mine = await begin(world)
    unknown = outcomes.orphaned(mine.message_id, 1, MessageState.UNKNOWN, retry=False, now=now_ms())
    await store(world, unknown)
    assert await store(world, outcomes.not_sent(mine.message_id, 1, now_ms())) == "failed"
