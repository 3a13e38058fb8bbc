"""Deliveries by SMS: once, not in circles, and not more often than allowed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from enum_backend.clock import now_ms
from enum_backend.errors import (
    CostLimitExceeded,
    Forbidden,
    RateLimitExceeded,
    SmsDisabled,
    ValidationFailed,
)
from enum_backend.messaging.deliveries import opening, outcomes, queue
from enum_backend.messaging.deliveries.forward import HOUR_MS, LOOP_MS, SmsSender, forwarded_text
from enum_backend.messaging.deliveries.model import (
    Claimed,
    Kind,
    Message,
    Result,
    State,
    Target,
    Why,
)
from enum_backend.messaging.deliveries.outcomes import Finished
from enum_backend.messaging.model import MessageKind, SendRequest
from enum_backend.messaging.policy.texts import LONGEST
from enum_backend.storage.tables import deliveries
from tests.unit.messaging.inbound_world import OURS, SENDER, InboundWorld, sms

OWNER = "+14155550134"
TARGET = Target(Kind.SMS, "rec_owner", OWNER)


class Outbox:
    """Takes requests, or refuses them."""

    def __init__(self) -> None:
        self.sent: list[SendRequest] = []
        self.trouble: Exception | None = None

    async def send(self, request: SendRequest) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(request)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def sender(box: InboundWorld, outbox: Outbox) -> SmsSender:
    world = box.world
    return SmsSender(box.database, world.sealer, outbox, world.registry, 3)


async def queued(box: InboundWorld, text: str = "hello", key: str = "m-1", **o: Any) -> Claimed:
    """A message with one delivery to the owner's phone, claimed."""
    stored = await box.one(sms(key, text=text, **o))
    handover = queue.Handover(stored.inbox_id or "", "default", [TARGET])

    def work(connection: Any) -> Any:
        now = now_ms()
        queue.add_many(connection, [handover], now=now, validity_ms=queue.DAY_MS)
        rows = queue.claim(
            connection, owner="w", now=now, lease_ms=1, limit=100, room=lambda _target: 100
        )
        (row,) = [row for row in rows if row.inbox_id == stored.inbox_id]
        return row

    row = await box.database.write(work)
    return opening.opened(row, box.world.sealer, lambda _tenant: ())


async def finish(box: InboundWorld, claimed: Claimed, at: int | None = None) -> None:
    done = [Finished(claimed.id, State.DELIVERED)]
    await box.database.write(lambda c: outcomes.record_many(c, done, owner="w", now=at or now_ms()))


async def forward(
    box: InboundWorld, sms_sender: SmsSender, text: str, key: str, **o: Any
) -> Result:
    claimed = await queued(box, text, key, **o)
    result = await sms_sender.deliver(claimed)
    if result.delivered:
        await finish(box, claimed)
    return result


async def test_a_message_is_forwarded(box: InboundWorld, sender: SmsSender, outbox: Outbox) -> None:
    claimed = await queued(box)
    assert await sender.deliver(claimed) == Result()
    (request,) = outbox.sent
    assert (request.to, request.text) == (OWNER, f"From {SENDER}: hello")
    assert (request.client.tenant, request.kind) == ("default", MessageKind.FORWARD)
    assert request.idempotency_key == f"delivery:{claimed.delivery_id}"
    assert (request.sender, request.gateway, request.is_code) == (None, None, False)


async def test_through_the_outbox_once_however_often_it_is_tried(box: InboundWorld) -> None:
    world = box.world
    real = SmsSender(box.database, world.sealer, world.service, world.registry, 3)
    claimed = await queued(box)
    results = await asyncio.gather(*(real.deliver(claimed) for _ in range(4)))
    assert [result.delivered for result in results] == [True] * 4
    (row,) = await world.rows()
    assert (row.destination, row.tenant, row.kind) == (OWNER, "default", "forward")


def test_a_long_message_is_cut() -> None:
    message = Message("in_1", SENDER, OURS, "x" * 5000)
    assert len(forwarded_text(message)) == LONGEST


async def test_not_to_a_number_of_ours(
    box: InboundWorld, sender: SmsSender, outbox: Outbox
) -> None:
    loop = Result(Why.LOOP, final=True, skip=True)
    claimed = await queued(box)
    assert await sender.deliver(replace(claimed, address=OURS)) == loop
    await box.bind("acme", "+15550100777")
    assert await sender.deliver(replace(claimed, address="+15550100777")) == loop
    assert await sender.deliver(replace(claimed, address=SENDER)) == loop
    assert outbox.sent == []


async def test_what_comes_back_is_not_forwarded_again(
    box: InboundWorld, sender: SmsSender, outbox: Outbox
) -> None:
    assert (await forward(box, sender, "hello", "m-1")).delivered
    for number, text in enumerate(
        [
            f"From {SENDER}: hello",
            f"Fwd: From {SENDER}: hello",
            f"From +15550009999: From {SENDER}: hello",
        ]
    ):
        result = await forward(box, sender, text, f"back-{number}", sender="+15550009999")
        assert (result.why, result.skip) == (Why.LOOP, True)
    assert len(outbox.sent) == 1


async def test_the_same_words_again_are_forwarded(
    box: InboundWorld, sender: SmsSender, outbox: Outbox
) -> None:
    assert (await forward(box, sender, "OK", "m-1")).delivered
    assert (await forward(box, sender, "OK", "m-2")).delivered
    assert (await forward(box, sender, "From Berlin: greetings", "m-3")).delivered
    assert len(outbox.sent) == 3


async def test_a_circle_is_forgotten_after_a_day(box: InboundWorld, sender: SmsSender) -> None:
    assert (await forward(box, sender, "hello", "m-1")).delivered
    await box.database.write(
        lambda c: c.execute(update(deliveries).values(created_at=now_ms() - LOOP_MS - 1)).rowcount
    )
    assert (await forward(box, sender, f"From {SENDER}: hello", "m-2")).delivered


async def test_so_many_an_hour_to_one_number(
    box: InboundWorld, sender: SmsSender, outbox: Outbox
) -> None:
    claims = [await queued(box, f"text {n}", f"m-{n}") for n in range(5)]
    for claimed in claims[:3]:
        assert (await sender.deliver(claimed)).delivered
    result = await sender.deliver(claims[3])
    assert (result.why, result.final, result.retry_after) == (Why.LIMIT, False, 60)
    hour_ago = now_ms() - HOUR_MS + 20_000
    for claimed in claims[:3]:
        await finish(box, claimed, hour_ago)
    result = await sender.deliver(claims[3])
    assert result.why is Why.LIMIT
    assert 15 < (result.retry_after or 0) <= 20
    other = replace(claims[3], target="rec_other", address="+14155550199")
    assert (await sender.deliver(other)).delivered
    for claimed in claims[:3]:
        await finish(box, claimed)
        await box.database.write(
            lambda c, i=claimed.id: (
                c.execute(
                    update(deliveries).where(deliveries.c.id == i).values(finished_at=1)
                ).rowcount
            )
        )
    assert (await sender.deliver(claims[4])).delivered
    assert len(outbox.sent) == 5


async def test_the_last_place_is_taken_once(
    box: InboundWorld, sender: SmsSender, outbox: Outbox
) -> None:
    claims = [await queued(box, f"text {n}", f"m-{n}") for n in range(8)]
    results = await asyncio.gather(*(sender.deliver(claimed) for claimed in claims))
    assert sum(result.delivered for result in results) == 3
    assert len(outbox.sent) == 3


async def test_none_at_all(box: InboundWorld, outbox: Outbox) -> None:
    world = box.world
    off = SmsSender(box.database, world.sealer, outbox, world.registry, 0)
    result = await off.deliver(await queued(box))
    assert result == Result(Why.LIMIT, final=True, skip=True)


@pytest.mark.parametrize(
    ("trouble", "final", "wait"),
    [
        (ValidationFailed("no"), True, None),
        (Forbidden("no"), True, None),
        (CostLimitExceeded("no"), False, None),
        (RateLimitExceeded("no", retry_after=9), False, 9),
        (SmsDisabled("no"), False, None),
    ],
)
async def test_refusals(
    box: InboundWorld,
    sender: SmsSender,
    outbox: Outbox,
    trouble: Any,
    final: bool,
    wait: float | None,
) -> None:
    outbox.trouble = trouble
    result = await sender.deliver(await queued(box))
    assert (result.why, result.final, result.retry_after) == (Why.NOT_SENT, final, wait)
    assert result.status == trouble.status


async def test_an_answer_of_our_own(box: InboundWorld, sender: SmsSender, outbox: Outbox) -> None:
    claimed = replace(await queued(box), own_text="You are out.", sender=OURS, address=SENDER)
    assert await sender.deliver(claimed) == Result()
    (request,) = outbox.sent
    assert (request.to, request.sender, request.gateway) == (SENDER, OURS, "office")
    assert (request.text, request.kind) == ("You are out.", MessageKind.REPLY)


async def test_nothing_to_send(box: InboundWorld, sender: SmsSender) -> None:
    claimed = await queued(box)
    unreadable = Result(Why.UNREADABLE, final=True)
    assert await sender.deliver(replace(claimed, message=None)) == unreadable
    assert await sender.deliver(replace(claimed, address=None)) == unreadable


async def test_a_forwarded_message_goes_on_to_each_of_several_numbers(
    box: InboundWorld, sender: SmsSender, outbox: Outbox
) -> None:
    first = await queued(box, "From Berlin: greetings", "m-1")
    handover = queue.Handover(
        first.inbox_id, "default", [Target(Kind.SMS, "rec_other", "+14155550199")]
    )

    def work(connection: Any) -> Any:
        now = now_ms()
        queue.add_many(connection, [handover], now=now, validity_ms=queue.DAY_MS)
        rows = queue.claim(
            connection, owner="w", now=now, lease_ms=1, limit=100, room=lambda _target: 100
        )
        return next(row for row in rows if row.target == "rec_other")

    row = await box.database.write(work)
    second = opening.opened(row, box.world.sealer, lambda _tenant: ())
    assert (await sender.deliver(first)).delivered
    assert (await sender.deliver(second)).delivered
    assert len(outbox.sent) == 2
