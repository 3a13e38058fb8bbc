"""The keeper of the inbox: late parts, late owners, late reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from enum_backend.clock import now_ms
from enum_backend.messaging import keeper as module
from enum_backend.messaging.inbound import Stored
from enum_backend.messaging.keeper import InboxKeeper
from tests.unit.messaging.inbound_world import InboundWorld, part, sms
from tests.unit.messaging.messaging_world import World

HOUR_MS = 3600 * 1000


@pytest.fixture
def box(world: World) -> InboundWorld:
    world.gateway("office")
    return InboundWorld(world)


@pytest.fixture
async def keeper(
    box: InboundWorld, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[InboxKeeper, list[Stored]]]:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.02)
    told: list[Stored] = []
    made = InboxKeeper(
        box.database,
        box.intake,
        box.claims,
        box.world.registry,
        after_commit=lambda _gateway, stored: told.extend(stored),
    )
    yield made, told
    await made.stop()


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_owners_are_found_when_the_records_are_back(box: InboundWorld, keeper: Any) -> None:
    made, told = keeper
    await box.endpoint("acme", "https://h.example/")
    box.claim("acme")
    box.source.down = True
    past = now_ms() - HOUR_MS
    await box.arrive(sms("a"), sms("b"), now=past)
    with structlog.testing.capture_logs() as logs:
        await made.look()
        assert told == []
        box.source.down = False
        await made.look()
        assert told == []
        await box.database.write(
            lambda c: c.exec_driver_sql("UPDATE inbox SET owner_check_at = 1").rowcount
        )
        await made.look()
    assert [item.owner.tenant for item in told] == ["acme", "acme"]
    assert {row.tenant for row in await box.rows()} == {"acme"}
    assert len(await box.deliveries()) == 2
    assert "canary" not in str(logs)
    assert "+1555" not in str(logs)


async def test_conflicts_are_told(box: InboundWorld, keeper: Any) -> None:
    made, told = keeper
    box.source.down = True
    await box.one(now=now_ms() - HOUR_MS)
    box.source.down = False
    box.claim("acme")
    box.claim("other", own="14155550002")
    with structlog.testing.capture_logs() as logs:
        await made.look()
    assert [item.owner.reason for item in told] == ["conflict"]
    assert any("alert" in entry["event"] for entry in logs)


async def test_parts_are_released_and_find_their_owner(box: InboundWorld, keeper: Any) -> None:
    made, told = keeper
    await box.endpoint("default", "https://h.example/")
    await box.one(part(1, 2), now=now_ms() - HOUR_MS)
    made.start()

    async def delivered() -> bool:
        await box.database.write(
            lambda c: (
                c.exec_driver_sql(
                    "UPDATE inbox SET owner_check_at = 1 WHERE owner_check_at IS NOT NULL"
                ).rowcount
            )
        )
        return bool(await box.deliveries())

    await until(delivered)
    (row,) = await box.rows()
    assert (row.tenant, row.incomplete) == ("default", True)
    assert [item.owner.reason for item in told] == ["unreadable", "default"]


async def test_a_round_has_its_time(
    box: InboundWorld, keeper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, told = keeper
    monkeypatch.setattr(module, "ROUND_SECONDS", 0.0)
    box.source.down = True
    await box.one(now=now_ms() - HOUR_MS)
    box.source.down = False
    await made.look()
    assert told == []
    assert (await box.rows())[0].owner_check_at > now_ms()


async def test_stopped_before_it_began(keeper: Any) -> None:
    made, _ = keeper
    await made.stop()
