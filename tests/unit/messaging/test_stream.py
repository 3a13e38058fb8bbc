"""Streams of inbound messages: every message once, in order, to whoever owns it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from enum_backend.errors import DatabaseUnavailable
from enum_backend.messaging import stream as module
from enum_backend.messaging.stream import (
    InboxStreams,
    Listener,
    StreamEvent,
    StreamsClosed,
    TooManyListeners,
)
from enum_backend.storage.tables import inbox
from tests.unit.messaging.inbound_world import NOW, OURS, SECOND, InboundWorld, sms
from tests.unit.messaging.messaging_world import World


@pytest.fixture
async def box(world: World) -> InboundWorld:
    world.gateway("office", numbers=[SECOND])
    made = InboundWorld(world)
    await made.bind("acme", OURS)
    await made.bind("other", SECOND)
    return made


@pytest.fixture
async def streams(
    box: InboundWorld, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[InboxStreams]:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)
    made = InboxStreams(box.database, box.world.sealer, most=20)
    await made.start()
    yield made
    await made.stop()


def texts(events: list[StreamEvent]) -> list[str]:
    return [json.loads(event.body)["data"]["message"] for event in events]


async def collect(listener: Listener, after: int, count: int) -> tuple[list[str], int]:
    found: list[str] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            events, after = await listener.next(after, 5)
            found += texts(events)
    return found, after


async def test_what_comes_is_told_to_its_owner(box: InboundWorld, streams: InboxStreams) -> None:
    await box.one(sms("old", text="before"))
    latest = await streams.latest()
    with streams.listen("acme", latest) as mine, streams.listen("other", latest) as theirs:
        await box.arrive(sms("a", text="one"), sms("b", to=SECOND, text="theirs"))
        streams.notify()
        assert await collect(mine, latest, 1) == (["one"], latest + 1)
        assert await collect(theirs, latest, 1) == (["theirs"], latest + 2)
        events, after = await mine.next(latest + 1, 0.05)
        assert (events, after) == ([], latest + 1)


async def test_an_event_as_documented(box: InboundWorld, streams: InboxStreams) -> None:
    stored = await box.one(sms(media=("https://m.example/1",)))
    with streams.listen("acme", 0) as listener:
        (event,), _ = await listener.next(0, 5)
    assert json.loads(event.body) == {
        "id": stored.inbox_id,
        "type": "message.received",
        "timestamp": "1970-01-01T00:16:40.000Z",
        "data": {
            "message_id": stored.inbox_id,
            "from": "+15557654321",
            "to": OURS,
            "message": "canary 5531",
            "received_at": "1970-01-01T00:16:40.000Z",
            "provider": "scripted",
            "gateway": "office",
            "media": ["https://m.example/1"],
        },
    }
    assert "canary" not in repr(event)


async def test_resumed_where_it_was_over_many_pages(
    box: InboundWorld, streams: InboxStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    monkeypatch.setattr(module, "KEPT", 4)
    await box.arrive(*(sms(f"k{n}", text=str(n)) for n in range(20)))
    latest = await streams.latest()
    rows = await box.rows()
    with streams.listen("acme", latest) as listener:
        found, after = await collect(listener, rows[4].id, 15)
        assert found == [str(n) for n in range(5, 20)]
        await box.arrive(*(sms(f"l{n}", text=f"new {n}") for n in range(10)))
        streams.notify()
        await asyncio.sleep(0.2)
        found, _ = await collect(listener, after, 10)
        assert found == [f"new {n}" for n in range(10)]


async def test_nobody_hears_of_repeats_strangers_and_the_ownerless(
    box: InboundWorld, streams: InboxStreams
) -> None:
    latest = await streams.latest()
    with streams.listen("acme", latest) as listener:
        await box.one(sms("a", content_key="c", text="once"))
        await box.one(sms("b", content_key="c", text="again"))
        await box.one(sms("c", to="+15550100099", text="foreign"))
        await box.one(sms("d", text="last"))
        streams.notify()
        assert (await collect(listener, latest, 2))[0] == ["once", "last"]


async def test_an_owner_found_late_is_told_late(box: InboundWorld, streams: InboxStreams) -> None:
    box.world.gateway("shared", **{"from": "+15550100050"})
    box.source.down = True
    stored = await box.one(sms("late", to="+15550100050", text="late"), gateway="shared")
    box.source.down = False
    await box.one(sms("a", text="meanwhile"))
    latest = await streams.latest()
    with streams.listen("default", latest) as listener:
        claims = await box.claims.of("+15550100050")
        made = box.intake
        await box.database.write(
            lambda c: made.settle(c, box.world.registry, stored.inbox_id, claims, NOW)
        )
        streams.notify()
        assert (await collect(listener, latest, 1))[0] == ["late"]


async def test_slow_and_quick_listeners_miss_nothing(
    box: InboundWorld, streams: InboxStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    latest = await streams.latest()

    async def listen(pause: float) -> list[str]:
        found: list[str] = []
        after = latest
        with streams.listen("acme", latest) as listener:
            while len(found) < 40:
                events, after = await listener.next(after, 5)
                found += texts(events)
                await asyncio.sleep(pause)
        return found

    listening = [asyncio.create_task(listen(pause)) for pause in (0, 0.01, 0.1)]
    await asyncio.sleep(0)
    for n in range(40):
        await box.one(sms(f"k{n}", text=str(n)))
        streams.notify()
    async with asyncio.timeout(20):
        for found in await asyncio.gather(*listening):
            assert found == [str(n) for n in range(40)]


async def test_other_processes_are_noticed_without_a_word(
    box: InboundWorld, streams: InboxStreams
) -> None:
    latest = await streams.latest()
    with streams.listen("acme", latest) as listener:
        await box.one(sms("a", text="quiet"))
        assert (await collect(listener, latest, 1))[0] == ["quiet"]


async def test_texts_that_do_not_open_are_passed_over(
    box: InboundWorld, streams: InboxStreams
) -> None:
    await box.one(sms("a", text="broken"))
    await box.database.write(lambda c: c.execute(update(inbox).values(body=b"x" * 40)).rowcount)
    await box.one(sms("b", text="fine"))
    with streams.listen("acme", 0) as listener:
        assert (await collect(listener, 0, 1))[0] == ["fine"]


async def test_places_and_the_end(box: InboundWorld, streams: InboxStreams) -> None:
    small = InboxStreams(box.database, box.world.sealer, most=1)
    with small.listen("acme", 0), pytest.raises(TooManyListeners), small.listen("acme", 0):
        pass
    with small.listen("acme", 0):
        pass
    with streams.listen("acme", 0) as listener:
        waiting = asyncio.create_task(listener.next(0, 30))
        await asyncio.sleep(0.02)
        await streams.stop()
        with pytest.raises(StreamsClosed):
            await waiting
        with pytest.raises(StreamsClosed):
            await listener.next(0, 1)
    assert streams.closed
    with pytest.raises(StreamsClosed), streams.listen("acme", 0):
        pass
    await small.stop()


async def test_the_reader_outlives_trouble(
    box: InboundWorld, streams: InboxStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble: list[Exception] = [DatabaseUnavailable("away"), RuntimeError("odd")]
    real = streams._follow

    async def follow() -> bool:
        if trouble:
            raise trouble.pop()
        return await real()

    monkeypatch.setattr(streams, "_follow", follow)
    latest = await streams.latest()
    with streams.listen("acme", latest) as listener:
        await box.one(sms("a", text="after all"))
        assert (await collect(listener, latest, 1))[0] == ["after all"]
    assert trouble == []


async def test_who_joins_while_others_are_read_misses_nothing(
    box: InboundWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = InboxStreams(box.database, box.world.sealer, most=9)
    latest = await streams.latest()
    with streams.listen("other", latest):
        await box.one(sms("a", text="early"))
        reading = asyncio.create_task(streams._follow())
        await asyncio.sleep(0)
        with streams.listen("acme", latest) as late:
            await reading
            await box.one(sms("b", text="later"))
            await streams._follow()
            assert (await collect(late, latest, 2))[0] == ["early", "later"]
    await streams.stop()


def test_cursors(world: World) -> None:
    streams = InboxStreams(world.database, world.sealer, most=1)
    cursor = streams.cursor("acme", 77)
    assert streams.position("acme", cursor) == 77
    for tenant, text in (("other", cursor), ("acme", "77"), ("acme", ""), ("acme", "\xff" * 9)):
        with pytest.raises(ValueError, match=r".*"):
            streams.position(tenant, text)
