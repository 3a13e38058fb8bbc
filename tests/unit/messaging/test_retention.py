"""What is old goes: texts first, everything later, and nothing that is still to be sent."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from enum_backend.clock import now_ms
from enum_backend.errors import ValidationFailed
from enum_backend.messaging import retention as module
from enum_backend.messaging.lists import MessageLists, Viewer
from enum_backend.messaging.retention import DAY_MS, Retention
from enum_backend.settings.retention import RetentionSettings
from enum_backend.storage.tables import (
    attempts,
    inbox,
    keyword_answers,
    outbox,
    recipient_retries,
    spend_buckets,
    sticky_senders,
)
from tests.unit.messaging.inbound_world import InboundWorld, sms
from tests.unit.messaging.messaging_world import CANARY, TO, World


@pytest.fixture
def box(world: World) -> InboundWorld:
    world.gateway("office")
    return InboundWorld(world)


async def aged(world: World, message_id: str, days: int, **values: Any) -> None:
    await world.change(message_id, created_at=now_ms() - days * DAY_MS, **values)


async def keep(world: World, bodies: int, rows: int) -> None:
    settings = RetentionSettings(bodies_days=bodies, rows_days=rows)
    await Retention(world.database, settings).round()


async def count(world: World, table: Any) -> int:
    return await world.database.read(lambda c: c.scalar(select(func.count()).select_from(table)))


async def test_texts_that_went_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    world.gateway("one")
    old = [await world.send() for _ in range(5)]
    waiting, young = await world.send(), await world.send()
    for message_id in old:
        await aged(world, message_id, 31, state="failed")
    await aged(world, waiting, 31)
    await keep(world, 30, 0)
    rows = {row.message_id: row for row in await world.rows()}
    assert [rows[message_id].body for message_id in old] == [None] * 5
    assert (rows[waiting].body is not None, rows[waiting].erase_body) == (True, True)
    assert (rows[young].body is not None, rows[young].erase_body) == (True, False)
    with pytest.raises(ValidationFailed, match="erased"):
        await world.service.retry(old[0], "default")
    await aged(world, young, 31, state="sent")
    await keep(world, 30, 0)
    assert (await world.row(young)).body is None
    assert (await world.row(waiting)).body is not None


async def test_texts_that_came_in(box: InboundWorld) -> None:
    await box.endpoint("default", "https://h.example/")
    then = now_ms() - 31 * DAY_MS
    old = await box.one(sms("a", media=("https://h.example/1",)), now=then)
    young = await box.one(sms("b"), now=now_ms())
    await box.change(body=b"sealed", created_at=then)
    await keep(box.world, 30, 0)
    first, second = await box.rows()
    assert (first.body, first.media) == (b"", "[]")
    assert box.text(second) == "canary 5531"
    assert {row.body for row in await box.deliveries()} == {b""}
    lists = MessageLists(box.database, box.world.sealer)
    assert (await lists.one(Viewer("default"), old.inbox_id or "")).text is None
    assert (await lists.one(Viewer("default"), young.inbox_id or "")).text == "canary 5531"


async def test_rows(box: InboundWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    world = box.world
    sent = [await world.send() for _ in range(5)]
    waiting, young = await world.send(), await world.send()
    dispatcher = world.dispatcher()
    await world.change(waiting, state="scheduled", next_attempt_at=now_ms() + DAY_MS)
    await dispatcher.start()
    for message_id in (*sent, young):
        await world.settled(message_id, "sent")
    await dispatcher.stop()
    for message_id in (*sent, waiting):
        await aged(world, message_id, 366)
    for n in range(3):
        await box.one(sms(f"m-{n}"), now=now_ms() - 366 * DAY_MS)
    await box.one(sms("young"), now=now_ms())
    then = now_ms() - 366 * DAY_MS

    def small(connection: Any) -> None:
        known = {"recipient": "+15557654321", "tenant": "default", "gateway": "office"}
        connection.execute(insert(sticky_senders).values(**known, used_at=then))
        answer = {"recipient": "+15557654321", "sender": "+15550100001", "keyword": "STOP"}
        connection.execute(
            insert(keyword_answers).values(**answer, answered_at=then, day=1, answers=1)
        )
        connection.execute(
            insert(recipient_retries).values(destination=TO, recipient_seq=9, created_at=then)
        )
        connection.execute(insert(spend_buckets).values(scope="all", bucket_at=then, micros=1))

    await world.database.write(small)
    await keep(world, 0, 365)
    assert {row.message_id for row in await world.rows()} == {waiting, young}
    tried = await world.database.read(lambda c: c.scalars(select(attempts.c.message_id)).all())
    assert set(tried) == {young}
    assert [row.dedupe_key for row in await box.rows()] == ["young"]
    assert await count(world, sticky_senders) == await count(world, keyword_answers) == 0
    assert await count(world, recipient_retries) == 0
    old_buckets = select(func.count()).where(spend_buckets.c.bucket_at <= then)
    assert await world.database.read(lambda c: c.scalar(old_buckets)) == 0


async def test_kept_for_ever(box: InboundWorld) -> None:
    message_id = await box.world.send()
    await aged(box.world, message_id, 36_000, state="sent")
    await box.one(now=1)
    await keep(box.world, 0, 0)
    assert (await box.world.row(message_id)).body is not None
    (row,) = await box.rows()
    assert row.body


async def test_a_message_that_waits_is_erased_when_it_has_gone(world: World) -> None:
    world.gateway("one")
    message_id = await world.send()
    await aged(world, message_id, 31, valid_until=now_ms() + DAY_MS)
    await keep(world, 30, 365)
    dispatcher = world.dispatcher()
    await dispatcher.start()
    await world.settled(message_id, "sent")
    await dispatcher.stop()
    assert [item.text for item in world.registry.get("one").sent] == [CANARY]
    assert (await world.row(message_id)).body is None


def test_a_day_is_too_short() -> None:
    with pytest.raises(ValueError, match="look back a day"):
        RetentionSettings(rows_days=1)


async def test_nothing_there(world: World) -> None:
    await keep(world, 30, 365)
    assert await count(world, outbox) == await count(world, inbox) == 0
    unchanged = update(outbox).values(body=None)
    assert await world.database.write(lambda c: c.execute(unchanged).rowcount) == 0
