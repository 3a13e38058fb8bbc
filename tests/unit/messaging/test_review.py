"""What would lose, double or misdirect a message: races between answers, reports and orders."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from enum_backend.access import KeyStore
from enum_backend.clock import now_ms
from enum_backend.errors import CostLimitExceeded, Forbidden, OptedOut
from enum_backend.gateways.base import (
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.gateways.webhooks.base import DeliveryReport
from enum_backend.messaging import outcomes, queue, reports
from enum_backend.messaging.model import MessageState
from enum_backend.messaging.pacing import Pace
from enum_backend.messaging.policy.optouts import Source
from enum_backend.messaging.policy.stopping import stop
from enum_backend.messaging.queue import Room
from enum_backend.messaging.service import key_client
from enum_backend.numbers import spending
from enum_backend.settings.policy import PolicySettings
from tests.unit.messaging.messaging_world import OTHER, TO, World

OURS = "+15550100001"
THIRD = "+14155550136"


def report(message_id: str, status: ProviderStatus, **changes: Any) -> DeliveryReport:
    values = {
        "dedupe_key": f"p-1:{status}",
        "provider_message_id": "p-1",
        "status": status,
        "own_id": message_id,
        **changes,
    }
    return DeliveryReport(**values)


async def told(world: World, gateway: str, what: DeliveryReport) -> None:
    await world.database.write(lambda c: reports.store(c, gateway, what, now_ms()))


async def shut(world: World, sender: str, gateway: str) -> None:
    await world.database.write(
        lambda c: stop(c, "default", sender, TO, Source.KEYWORD, now_ms(), gateway=gateway)
    )


async def test_a_paced_sender_sends_one_at_a_time(world: World) -> None:
    one = world.gateway("one", sender_pause=60)
    for to in (TO, OTHER, THIRD):
        await world.send(to=to)
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await asyncio.sleep(0.2)
    await dispatcher.stop()
    assert len(one.sent) == 1


async def test_a_gateway_keeps_its_rate(world: World) -> None:
    one = world.gateway("one", per_second=0.01)
    for to in (TO, OTHER, THIRD):
        await world.send(to=to)
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await asyncio.sleep(0.2)
    await dispatcher.stop()
    assert len(one.sent) == 1


async def test_of_paced_senders_the_first_in_line_goes_first(world: World) -> None:
    world.gateway("one", numbers=("+15550100002",), sender_pause=1)
    code = await world.send(is_code=True)
    await world.send(sender="+15550100002")
    room = {"one": Room("scripted", 1, 1000, pace=Pace(0, 1))}
    taken = await world.database.write(
        lambda c: queue.take(c, owner="w", now=now_ms() + 1, room=room, others=0)
    )
    assert [begun.message_id for begun in taken.begun] == [code]


@pytest.mark.parametrize("ambiguous", ["unknown", "resend"])
async def test_a_report_that_overtakes_a_lost_answer(world: World, ambiguous: str) -> None:
    async def lost(sms: OutboundSms) -> SendResult:
        await told(world, "one", report(sms.message_id, ProviderStatus.DELIVERED))
        raise GatewayError(Reason.UNKNOWN, "no answer in time", ambiguous=True)

    one = world.gateway("one", lost, ambiguous=ambiguous)
    message_id = await world.send()
    dispatcher = world.dispatcher()
    await dispatcher.start()
    try:
        await world.settled(message_id, "delivered")
        await asyncio.sleep(0.1)
    finally:
        await dispatcher.stop()
    assert len(one.sent) == 1


async def test_a_report_before_the_answer_leaves_what_the_answer_tells(world: World) -> None:
    async def early(sms: OutboundSms) -> SendResult:
        await told(world, "one", report(sms.message_id, ProviderStatus.DELIVERED))
        return SendResult(ProviderStatus.QUEUED, "p-1", segments=3)

    world.gateway("one", early)
    message_id = await world.send()
    dispatcher = world.dispatcher()
    await dispatcher.start()
    try:
        row = await world.settled(message_id, "delivered")
    finally:
        await dispatcher.stop()
    row = await world.row(message_id)
    assert (row.state, row.provider_message_id, row.segments) == ("delivered", "p-1", 3)


async def test_a_report_that_came_before_a_crash(world: World) -> None:
    world.gateway("one")
    message_id = await world.send()
    room = {"one": Room("scripted", 1, 1000)}
    await world.database.write(
        lambda c: queue.take(c, owner="dead", now=now_ms() + 1, room=room, others=0)
    )
    await told(world, "one", report(message_id, ProviderStatus.DELIVERED))
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await dispatcher.stop()
    assert (await world.row(message_id)).state == "delivered"


async def test_a_stop_counts_for_what_is_tried_again(world: World) -> None:
    async def refused(sms: OutboundSms) -> SendResult:
        await shut(world, OURS, "one")
        raise GatewayError(Reason.TEMPORARY_UNAVAILABLE)

    one = world.gateway("one", refused, **{"from": OURS})
    message_id = await world.send()
    dispatcher = world.dispatcher()
    await dispatcher.start()
    try:
        row = await world.settled(message_id, "failed", "sent")
    finally:
        await dispatcher.stop()
    assert (row.state, row.reason) == ("failed", "opted_out")
    assert len(one.sent) == 1


async def test_a_stop_counts_for_the_gateway_that_follows(world: World) -> None:
    two = "+15550100002"

    async def refused(sms: OutboundSms) -> SendResult:
        await shut(world, two, "two")
        raise GatewayError(Reason.FORBIDDEN)

    world.gateway("one", refused, **{"from": OURS})
    follower = world.gateway("two", **{"from": two})
    message_id = await world.send()
    dispatcher = world.dispatcher()
    await dispatcher.start()
    try:
        row = await world.settled(message_id, "failed", "sent")
    finally:
        await dispatcher.stop()
    assert (row.state, row.reason) == ("failed", "opted_out")
    assert follower.sent == []


async def test_a_stop_to_a_number_the_provider_picks_counts_for_retries(world: World) -> None:
    one = world.gateway("one", **{"from": "", "numbers": (OURS,)})
    one.required = ()
    message_id = await world.send()
    await world.change(message_id, state="unknown")
    await shut(world, OURS, "one")
    with pytest.raises(OptedOut):
        await world.service.retry(message_id, "default")


@pytest.mark.parametrize("state", ["unknown", "undelivered"])
async def test_what_is_sent_again_is_paid_again(world: World, state: str) -> None:
    world.gateway("one", price="0.5")
    message_id = await world.send()
    await world.change(message_id, state=state)
    await world.service.retry(message_id, "default")
    spent = await world.database.read(
        lambda c: spending.totals(c, ["all", "client:key:k1"], now_ms())
    )
    assert spent == {"all": Decimal(1), "client:key:k1": Decimal(1)}


async def test_an_old_message_that_is_sent_again_counts_today(world: World) -> None:
    world.gateway("one", price="0.5")
    message_id = await world.send()
    await world.service.cancel(message_id, "default")
    await world.change(message_id, created_at=now_ms() - 3 * spending.WINDOW_MS)
    await world.service.retry(message_id, "default")
    spent = await world.database.read(lambda c: spending.spent(c, now_ms()))
    assert spent == Decimal("0.5")


async def test_a_late_look_does_not_undo_an_answer(world: World) -> None:
    world.gateway("one")
    message_id = await world.send()
    room = {"one": Room("scripted", 1, 1000)}
    await world.database.write(
        lambda c: queue.take(c, owner="slow", now=now_ms() + 1, room=room, others=0)
    )
    answer = outcomes.accepted(message_id, 1, SendResult(ProviderStatus.QUEUED, "p-1"))
    looked = outcomes.orphaned(message_id, 1, MessageState.UNKNOWN, retry=False, now=now_ms())
    await world.database.write(lambda c: outcomes.record_many(c, [answer], now_ms()))
    await world.database.write(lambda c: outcomes.record_many(c, [looked], now_ms()))
    (attempt,) = await world.tries(message_id)
    assert (attempt.outcome, attempt.provider_message_id) == ("accepted", "p-1")
    await told(world, "one", report(message_id, ProviderStatus.DELIVERED, own_id=None))
    assert (await world.row(message_id)).state == "delivered"


async def test_retries_go_where_messages_may_go(world: World) -> None:
    world.gateway("one")
    message_id = await world.send()
    await world.change(message_id, state="failed")
    service = world.service
    service._policy = PolicySettings(countries=("GB",))
    with pytest.raises(Forbidden):
        await service.retry(message_id, "default")
    assert (await world.row(message_id)).state == "failed"


async def test_the_ceiling_of_a_key_holds_for_retries(world: World) -> None:
    world.gateway("one", price="0.6")
    keys = KeyStore(world.database)
    key, _ = await keys.create("k", ["sms:send"], daily_cost=Decimal(1))
    client = key_client(key, world.limits)
    message_id = await world.send(client=client)
    await world.change(message_id, state="unknown")
    with pytest.raises(CostLimitExceeded):
        await world.service.retry(message_id, "default")


async def test_a_message_of_another_mode_is_not_swallowed(world: World) -> None:
    world.gateway("one")
    message_id = await world.send()
    world.mode = "simulation"
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await asyncio.sleep(0.2)
    await dispatcher.stop()
    assert (await world.row(message_id)).state == "queued"


async def test_what_waits_for_the_mode_still_expires(world: World) -> None:
    world.gateway("one")
    message_id = await world.send()
    await world.change(message_id, valid_until=1)
    world.mode = "disabled"
    dispatcher = world.dispatcher()
    await dispatcher.start()
    try:
        await world.settled(message_id, "expired")
    finally:
        await dispatcher.stop()
