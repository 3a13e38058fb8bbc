"""Wake-ups within a process and among several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from enum_backend import wakeups as module
from enum_backend.redis_link import RedisLink
from enum_backend.settings.redis import RedisSettings
from enum_backend.wakeups import INBOX, OUTBOX, MemoryWakeUps, RedisWakeUps
from tests.acceptance.faults.own_servers import Redis, own_redis


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(link: RedisLink) -> AsyncIterator[RedisWakeUps]:
    wakeups = RedisWakeUps(link)
    wakeups.start()
    yield wakeups
    await wakeups.close()


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with own_redis() as server:
        yield server


def test_within_a_process() -> None:
    wakeups, seen = MemoryWakeUps(), list[str]()
    end = wakeups.subscribe(OUTBOX, lambda: seen.append("a"))
    wakeups.subscribe(OUTBOX, lambda: seen.append("b"))
    wakeups.publish(OUTBOX)
    wakeups.publish(INBOX)
    assert seen == ["a", "b"]
    end()
    end()
    wakeups.publish(OUTBOX)
    assert seen == ["a", "b", "b"]


def test_a_reader_that_fails_does_not_stop_the_others() -> None:
    wakeups, seen = MemoryWakeUps(), list[str]()
    wakeups.subscribe(OUTBOX, lambda: 1 / 0)
    wakeups.subscribe(OUTBOX, lambda: seen.append("b"))
    with capture_logs() as logs:
        wakeups.publish(OUTBOX)
    assert seen == ["b"]
    assert logs[0]["error"] == "ZeroDivisionError"


async def test_among_processes(redis_link: RedisLink) -> None:
    seen: list[str] = []
    async with running(redis_link) as one, running(redis_link) as two:
        for name, wakeups in (("one", one), ("two", two)):
            for topic in (OUTBOX, INBOX):
                wakeups.subscribe(topic, lambda said=f"{name} {topic}": seen.append(said))
        await asyncio.wait_for(asyncio.gather(one.listening(), two.listening()), 10)
        seen.clear()
        one.publish(OUTBOX)
        assert seen == ["one outbox"], "its own readers at once"
        await until(lambda: "two outbox" in seen)
        for _ in range(500):
            two.publish(INBOX)
        await until(lambda: "one inbox" in seen)
        await asyncio.sleep(0.1)
    assert seen.count("one outbox") == 1, "its own wake-up does not come back"
    assert seen.count("two inbox") == 500
    assert seen.count("one inbox") < 50, "many at once are one"


async def test_other_installations_are_not_heard(redis_link: RedisLink) -> None:
    seen: list[str] = []
    async with running(redis_link) as ours:
        ours.subscribe(OUTBOX, lambda: seen.append("ours"))
        await asyncio.wait_for(ours.listening(), 10)
        seen.clear()
        await redis_link.client.publish(f"other-{redis_link.prefix}:wake:outbox", b"x")
        await redis_link.client.publish(f"{redis_link.prefix}:wake:outbox", b"x")
        await until(lambda: bool(seen))
    assert seen == ["ours"]


async def test_redis_comes_and_goes(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.05)
    link = RedisLink(RedisSettings(url=SecretStr(redis.url)))
    seen: list[str] = []
    await redis.stop()
    with capture_logs() as logs:
        async with running(link) as one, running(link) as two:
            two.subscribe(OUTBOX, lambda: seen.append("two"))
            one.publish(OUTBOX)
            await asyncio.sleep(0.1)
            assert seen == []
            assert await link.trouble() == "Redis cannot be used (ConnectionError)"
            for _ in range(2):
                await redis.start()
                await asyncio.wait_for(asyncio.gather(one.listening(), two.listening()), 10)
                assert seen, "what was lost meanwhile is made up for"
                assert await link.trouble() == ""
                seen.clear()
                one.publish(OUTBOX)
                await until(lambda: bool(seen))
                await redis.stop()
                await until(lambda: not two._hears.is_set())
                one.publish(OUTBOX)
                await asyncio.sleep(0.1)
                seen.clear()
    await link.close()
    events = [item["event"] for item in logs]
    assert events.count("wake-ups of other processes are lost") == 4
    assert events.count("wake-ups of other processes are heard") == 4


async def test_a_redis_that_hangs(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.1)
    link = RedisLink(RedisSettings(url=SecretStr(redis.url)))
    async with running(link) as wakeups:
        await asyncio.wait_for(wakeups.listening(), 10)
        await asyncio.sleep(0.35)
        assert wakeups._hears.is_set(), "silence alone is no loss"
        redis.freeze()
        await until(lambda: not wakeups._hears.is_set())
        assert await link.trouble() == "Redis does not answer in time"
        redis.thaw()
        await asyncio.wait_for(wakeups.listening(), 10)
    await link.close()


async def test_whatever_it_meets(redis_link: RedisLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
    failures = [ValueError("odd"), None]

    def heard(self: RedisWakeUps, message: object) -> None:
        if failures and (failure := failures.pop(0)):
            raise failure
        real(self, message)  # type: ignore[arg-type]

    real = RedisWakeUps._heard
    monkeypatch.setattr(RedisWakeUps, "_heard", heard)
    with capture_logs() as logs:
        async with running(redis_link) as wakeups:
            await asyncio.wait_for(wakeups.listening(), 10)
    assert [item["error"] for item in logs if item["event"] == "wake-ups failed"] == ["ValueError"]


async def test_a_cancellation_that_is_not_heard_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CANCEL_SECONDS", 0.01)
    deaf = 2

    async def work() -> None:
        nonlocal deaf
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                deaf -= 1
                if deaf < 0:
                    raise

    made = RedisWakeUps(cast(RedisLink, SimpleNamespace(prefix="x")))
    made._tasks = [asyncio.create_task(work())]
    await asyncio.sleep(0)
    await asyncio.wait_for(made.close(), 30)
    assert deaf < 0
