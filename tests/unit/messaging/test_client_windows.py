"""Ceilings of one caller over an hour and a day."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enum_backend.clock import now_ms
from enum_backend.errors import RateLimitExceeded
from enum_backend.messaging.model import Client, MessageKind
from enum_backend.settings.models import LimitSettings
from tests.unit.messaging.messaging_world import World, accept

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
CALLERS = count()
NO_LIMITS = LimitSettings(per_recipient_hour=0, per_recipient_day=0)


@pytest.fixture(autouse=True)
def _one(world: World) -> None:
    world.gateway("one")


async def at(world: World, now: int, client: Client, **changes: Any) -> Any:
    changes = {"kind": MessageKind.CODE, "is_code": True} | changes
    return await accept(world, NO_LIMITS, now, client=client, **changes)


def caller(name: str = "shim:a", **ceilings: int) -> Client:
    return Client(name, "default", 0, **ceilings)


async def refused(world: World, now: int, client: Client) -> RateLimitExceeded:
    with pytest.raises(RateLimitExceeded) as caught:
        await at(world, now, client)
    return caught.value


async def test_an_hour_moves(world: World) -> None:
    now, client = now_ms(), caller(per_hour=2)
    await at(world, now, client)
    await at(world, now + 60_000, client)
    error = await refused(world, now + 120_000, client)
    assert error.message == "per_hour: 2 messages in 3600 seconds are reached."
    assert error.retry_after == 3600 - 120
    await at(world, now + HOUR_MS, client)
    assert (await refused(world, now + HOUR_MS, client)).retry_after == 60
    await at(world, now, caller("shim:b", per_hour=2))


async def test_a_day_and_an_hour_together(world: World) -> None:
    now, client = now_ms(), caller(per_hour=2, per_day=3)
    for later in (0, 1, HOUR_MS + 1):
        await at(world, now + later, client)
    assert "per_day: 3" in (await refused(world, now + 2 * HOUR_MS, client)).message
    await at(world, now + DAY_MS, client)


async def test_what_does_not_count(world: World) -> None:
    now, client = now_ms(), caller(per_day=1)
    await at(world, now, client, kind=MessageKind.MESSAGE, is_code=False)
    await at(world, now, client, kind=MessageKind.ADMIN, is_code=False)
    await refused(world, now, client)
    await at(world, now, client, skip_rate_limit=True)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(gaps=st.lists(st.integers(0, HOUR_MS), min_size=1, max_size=12), limit=st.integers(1, 4))
async def test_never_more_than_the_limit_in_any_hour(
    world: World, gaps: list[int], limit: int
) -> None:
    client = caller(f"shim:{next(CALLERS)}", per_hour=limit)
    start, taken = now_ms(), []
    for gap in gaps:
        start += gap
        try:
            await at(world, start, client)
        except RateLimitExceeded:
            assert sum(start - then < HOUR_MS for then in taken) >= limit
        else:
            taken.append(start)
    for first in taken:
        assert sum(0 <= then - first < HOUR_MS for then in taken) <= limit
