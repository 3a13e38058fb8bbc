"""Limits of callers: counted in memory, in Redis, and without a Redis that was there."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import Storage
from redis.exceptions import ConnectionError as RedisLost
from structlog.testing import capture_logs

from enum_backend.errors import RateLimitExceeded, RedisUnavailable
from enum_backend.messaging import client_limits as module
from enum_backend.messaging.client_limits import ClientLimiter
from enum_backend.redis_link import RedisLink
from enum_backend.settings.models import LimitSettings


@pytest.fixture(params=["memory", "redis"])
def storage(request: pytest.FixtureRequest) -> Storage | None:
    if request.param == "memory":
        return None
    link: RedisLink = request.getfixturevalue("redis_link")
    return link.limit_storage()


def limiter(storage: Storage | None, **lost: Any) -> ClientLimiter:
    return ClientLimiter(LimitSettings(redis_lost=lost), storage)


async def refused(limits: ClientLimiter, client: str, per_minute: int, name: str) -> str:
    with pytest.raises(RateLimitExceeded) as caught:
        await limits.hit(client, per_minute, name=name)
    assert caught.value.retry_after is not None
    assert 1 <= caught.value.retry_after <= 60
    return caught.value.message


async def test_a_limit(storage: Storage | None) -> None:
    limits = limiter(storage)
    for _ in range(3):
        await limits.hit("key:a", 3)
    message = await refused(limits, "key:a", 3, "per_client_minute")
    assert message == "per_client_minute: 3 messages in 60 seconds are reached."
    await limits.hit("key:b", 3)
    await limits.hit("key:a", 3, name="shim_per_minute")
    for _ in range(100):
        await limits.hit("key:a", 0)


async def test_its_state_counts_nothing(storage: Storage | None) -> None:
    limits = limiter(storage)
    assert await limits.state("key:a", 0, "shim_per_minute") is None
    for used in range(3):
        for _ in range(2):
            state = await limits.state("key:a", 2, "shim_per_minute")
            assert state is not None
            assert (state.name, state.window, state.limit) == ("shim_per_minute", 60, 2)
            assert (state.used, state.left) == (used, 2 - used)
            assert (state.retry_after > 0) is (used == 2)
        if used < 2:
            await limits.hit("key:a", 2, name="shim_per_minute")
    assert "shim_per_minute" in await refused(limits, "key:a", 2, "shim_per_minute")


async def test_many_at_once(storage: Storage | None) -> None:
    limits = limiter(storage)
    found = await asyncio.gather(
        *(limits.hit("key:a", 7) for _ in range(40)), return_exceptions=True
    )
    assert [type(item) for item in found].count(RateLimitExceeded) == 33
    assert found.count(None) == 7


async def test_processes_count_together(redis_link: RedisLink) -> None:
    one, two = limiter(redis_link.limit_storage()), limiter(redis_link.limit_storage())
    for limits in (one, two, one, two):
        await limits.hit("key:a", 4)
    await refused(one, "key:a", 4, "per_client_minute")
    await refused(two, "key:a", 4, "per_client_minute")


async def test_the_window_moves(storage: Storage | None, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = limiter(storage)
    real = time.time
    await limits.hit("key:a", 2)
    monkeypatch.setattr(time, "time", lambda: real() + 40)
    await limits.hit("key:a", 2)
    await refused(limits, "key:a", 2, "per_client_minute")
    monkeypatch.setattr(time, "time", lambda: real() + 61)
    state = await limits.state("key:a", 2)
    assert state is not None
    assert state.used == 1
    await limits.hit("key:a", 2)
    await refused(limits, "key:a", 2, "per_client_minute")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=40))
def test_nobody_gets_more_than_the_limit(calls: list[tuple[str, int]]) -> None:
    limits = limiter(None)

    async def run() -> None:
        passed: dict[tuple[str, int], int] = {}
        for client, per_minute in calls:
            try:
                await limits.hit(client, per_minute)
            except RateLimitExceeded:
                assert passed[client, per_minute] == per_minute
            else:
                passed[client, per_minute] = passed.get((client, per_minute), 0) + 1
                assert not per_minute or passed[client, per_minute] <= per_minute

    asyncio.run(run())


class Faulty:
    """A storage that is there, lost or silent."""

    base_exceptions = RedisLost

    def __init__(self) -> None:
        self.state = "lost"
        self.asked = 0

    async def acquire_entry(self, *_: Any, **__: Any) -> bool:
        return bool(await self._answer())

    async def get_moving_window(self, *_: Any) -> tuple[float, int]:
        await self._answer()
        return time.time(), 1

    async def _answer(self) -> bool:
        self.asked += 1
        if self.state == "lost":
            raise RedisLost
        if self.state == "silent":
            await asyncio.sleep(60)
        return True


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Faulty:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.02)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(module, "SharedWindow", lambda storage: _Window(storage))
    return Faulty()


class _Window:
    """The library's strategy insists on a storage of its own kind."""

    def __init__(self, storage: Faulty) -> None:
        self._storage = storage

    async def hit(self, item: Any, *names: str) -> bool:
        return await self._storage.acquire_entry(item.key_for(*names), 1, 60)

    async def get_window_stats(self, item: Any, *names: str) -> Any:
        start, count = await self._storage.get_moving_window(item.key_for(*names), 1, 60)
        return module.WindowStats(start + 60, item.amount - count)


@pytest.mark.parametrize("trouble", ["lost", "silent"])
async def test_open_counts_here(faulty: Faulty, trouble: str) -> None:
    faulty.state = trouble
    limits = limiter(faulty, shim_per_minute="closed")  # type: ignore[arg-type]
    with capture_logs() as logs:
        await limits.hit("key:a", 2)
        await limits.hit("key:a", 2)
        state = await limits.state("key:a", 2)
        assert state is not None
        assert state.left == 0
        await refused(limits, "key:a", 2, "per_client_minute")
        assert faulty.asked == 1, "a lost Redis is left alone for a while"
        faulty.state = "there"
        await asyncio.sleep(0.06)
        await limits.hit("key:a", 2)
        assert faulty.asked == 2
    assert [item["event"] for item in logs] == ["Redis is lost", "Redis answers again"]
    assert "key:a" not in str(logs)


@pytest.mark.parametrize("trouble", ["lost", "silent"])
async def test_closed_refuses(faulty: Faulty, trouble: str) -> None:
    faulty.state = trouble
    limits = limiter(faulty, per_client_minute="closed")  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(RedisUnavailable) as caught:
            await limits.hit("key:a", 2)
        assert caught.value.retry_after
    with pytest.raises(RedisUnavailable):
        await limits.state("key:a", 2)
    await limits.hit("key:a", 2, name="shim_per_minute")
    await limits.hit("key:a", 0)
    faulty.state = "there"
    await asyncio.sleep(0.06)
    await limits.hit("key:a", 2)
