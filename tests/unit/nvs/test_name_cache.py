"""Shared reading of single names."""

from __future__ import annotations

import asyncio

import pytest

from nvs.errors import NvsUnavailable, UnusableAnswer
from nvs.name_cache import NameCache
from nvs.number_record import Entry
from nvs.sources import MemorySource


class Slow(MemorySource):
    """Answers when told to."""

    def __init__(self) -> None:
        super().__init__({"ver:enum": "v"})
        self.calls = 0
        self.go = asyncio.Event()

    async def entry(self, name: str) -> Entry | None:
        self.calls += 1
        before = await super().entry(name)
        await self.go.wait()
        return before


async def test_one_reading_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Slow()
    names = NameCache(source)
    first = asyncio.create_task(names.entry("ver:enum"))
    others = [asyncio.create_task(names.entry("ver:enum")) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    source.go.set()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*others)
    assert {entry.value for entry in found if entry} == {b"v"}
    assert source.calls == 1
    assert await names.entry("ver:enum") is found[0]
    assert source.calls == 1


async def test_absent_names_are_kept_until_the_time_is_up() -> None:
    now = 100.0
    source = Slow()
    source.go.set()
    names = NameCache(source, ttl=300.0, clock=lambda: now)
    assert await names.entry("ver:none") is None
    assert await names.entry("ver:none") is None
    assert source.calls == 1
    now = 401.0
    assert await names.entry("ver:none") is None
    assert source.calls == 2


async def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    source = Slow()
    names = NameCache(source)
    early = asyncio.create_task(names.entry("ver:enum"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.put("ver:enum", "new")
    late = asyncio.create_task(names.entry("ver:enum"))
    await asyncio.sleep(0)
    source.go.set()
    async with asyncio.timeout(5):
        answers = [await early, await late, await names.entry("ver:enum")]
    assert [entry.value for entry in answers if entry] == [b"v", b"new", b"new"]
    assert source.calls == 2


async def test_a_reading_that_hangs_is_given_up() -> None:
    names = NameCache(Slow(), read_seconds=0.01)
    with pytest.raises(NvsUnavailable, match=r"ver:enum: no answer within 0\.01 s"):
        await names.entry("ver:enum")


async def test_the_sources_own_error_comes_through() -> None:
    class Odd(MemorySource):
        async def entry(self, name: str) -> Entry | None:
            raise UnusableAnswer(f"{name} is odd")

    names = NameCache(Odd())
    with pytest.raises(UnusableAnswer, match="ver:enum is odd"):
        await names.entry("ver:enum")
    answers = await names.answers(["ver:enum"])
    assert isinstance(answers["ver:enum"], UnusableAnswer)
