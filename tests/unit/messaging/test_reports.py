"""Delivery reports: in any order, of whole messages and of parts, and never backwards."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from enum_backend.gateways.base import Cost, ProviderStatus
from enum_backend.gateways.webhooks.base import DeliveryReport
from enum_backend.messaging import reports
from enum_backend.messaging.reports import LATE_MS
from enum_backend.storage.tables import attempts, outbox
from enum_backend.storage.tables import reports as table
from tests.unit.messaging.messaging_world import World

NOW = 10_000_000
SENT, DELIVERED = ProviderStatus.SENT, ProviderStatus.DELIVERED
FAILED, UNDELIVERED = ProviderStatus.FAILED, ProviderStatus.UNDELIVERED


class Message:
    """One message that gateway `vonage` was asked to send, in three parts."""

    def __init__(self, world: World, message_id: str) -> None:
        self.world = world
        self.id = message_id

    async def report(self, number: int, status: ProviderStatus, **changes: Any) -> bool:
        values = {
            "dedupe_key": f"p-{number}:{status}",
            "provider_message_id": f"p-{number}",
            "status": status,
            "own_id": self.id,
            "one_part": True,
            **changes,
        }
        report = DeliveryReport(**values)
        gateway = "vonage"
        return await self.world.database.write(lambda c: reports.store(c, gateway, report, NOW))

    @property
    async def state(self) -> str:
        return (await self.world.row(self.id)).state

    async def answered(self, segments: int = 3) -> None:
        """The provider's answer to the request comes: it names the first part only."""

        def work(connection: Any) -> None:
            connection.execute(
                update(outbox)
                .where(outbox.c.message_id == self.id)
                .values(state="sent", segments=segments)
            )
            connection.execute(
                update(attempts)
                .where(attempts.c.message_id == self.id)
                .values(provider_message_id="p-1", outcome="accepted")
            )
            reports.apply_waiting(connection, [(self.id, "vonage", "p-1")], NOW)

        await self.world.database.write(work)


@pytest.fixture
async def message(world: World) -> Message:
    world.gateway("vonage")
    message_id = await world.send()
    await world.change(message_id, state="dispatching", segments=2)
    await world.database.write(
        lambda c: (
            c.execute(
                insert(attempts).values(
                    message_id=message_id,
                    number=1,
                    gateway="vonage",
                    provider="vonage",
                    outcome="dispatching",
                    started_at=1,
                )
            ).rowcount
        )
    )
    return Message(world, message_id)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3, "answer"))))
async def test_delivered_when_every_part_is(message: Message, order: Any) -> None:
    for step in order[:-1]:
        await (message.answered() if step == "answer" else message.report(step, DELIVERED))
        assert await message.state in ("dispatching", "sent")
    await (message.answered() if order[-1] == "answer" else message.report(order[-1], DELIVERED))
    assert await message.state == "delivered"


@pytest.mark.parametrize(("status", "state"), [(FAILED, "failed"), (UNDELIVERED, "undelivered")])
@pytest.mark.parametrize("early", [False, True])
async def test_failed_as_soon_as_one_part_is(
    message: Message, status: ProviderStatus, state: str, early: bool
) -> None:
    if not early:
        await message.answered()
    await message.report(1, DELIVERED)
    await message.report(2, status)
    if early:
        await message.answered()
    assert await message.state == state
    for number in (2, 3):
        await message.report(number, DELIVERED)
    assert await message.state == state


async def test_repeats_and_late_words_of_parts(message: Message) -> None:
    await message.answered()
    assert await message.report(1, DELIVERED)
    for _ in range(3):
        assert not await message.report(1, DELIVERED)
    await message.report(2, SENT)
    await message.report(2, DELIVERED)
    assert await message.state == "sent"
    await message.report(3, DELIVERED)
    await message.report(3, SENT)
    await message.report(3, FAILED)
    assert await message.state == "delivered"


async def test_an_unknown_message_was_sent_if_a_part_arrived(message: Message) -> None:
    await message.world.change(message.id, state="unknown", segments=2)
    await message.report(1, DELIVERED)
    assert await message.state == "sent"
    await message.report(2, DELIVERED)
    assert await message.state == "delivered"


async def test_parts_of_another_gateway_count_for_nothing(message: Message) -> None:
    await message.answered(segments=1)
    report = DeliveryReport("k", "p-1", DELIVERED, own_id=message.id, one_part=True)
    await message.world.database.write(lambda c: reports.store(c, "other", report, NOW))
    assert await message.state == "sent"


async def test_a_report_without_our_id_is_applied_once_the_provider_s_is_known(
    message: Message,
) -> None:
    whole = {"own_id": None, "one_part": False, "cost": Cost(Decimal(1)), "segments": 3}
    await message.report(1, DELIVERED, **whole)
    assert await message.state == "dispatching"
    await message.answered()
    row = await message.world.row(message.id)
    assert (row.state, row.cost_micros, row.segments) == ("delivered", 1_000_000, 3)
    found = await message.world.database.read(
        lambda c: c.execute(select(table.c.message_id)).scalar_one()
    )
    assert found == message.id


async def test_a_report_that_missed_the_answer_is_matched_later(message: Message) -> None:
    await message.report(1, DELIVERED, own_id=None, one_part=False)
    await message.world.database.write(
        lambda c: c.execute(update(attempts).values(provider_message_id="p-1")).rowcount
    )
    await message.world.change(message.id, state="sent")
    assert await match(message.world, NOW + LATE_MS) == 0
    assert await match(message.world, NOW) == 1
    assert await message.state == "delivered"
    assert await match(message.world, NOW) == 0


async def test_a_delivered_message_still_learns_its_cost(message: Message) -> None:
    await message.answered()
    whole = {"one_part": False}
    await message.report(1, DELIVERED, **whole)
    await message.report(1, DELIVERED, dedupe_key="again", cost=Cost(Decimal(2)), **whole)
    row = await message.world.row(message.id)
    assert (row.state, row.cost_micros) == ("delivered", 2_000_000)


async def test_nothing_was_accepted(world: World) -> None:
    await world.database.write(lambda c: reports.apply_waiting(c, [], NOW))


async def match(world: World, now: int) -> int:
    return await world.database.write(lambda c: reports.match_late(c, now))
