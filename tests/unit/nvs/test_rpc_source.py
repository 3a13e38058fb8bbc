"""The live source: cache, single flight, outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import nvs.record_index
from nvs.errors import InvalidNumber, NvsUnavailable, UnusableAnswer
from nvs.number_record import TrustLevel
from nvs.rpc import RpcClient
from nvs.sources import RpcSource
from nvs.testing import FakeNode

E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
NUMBER = "14155551234"
NAME = f"enum:{NUMBER}:0"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(height=500) as node:
        yield node


Make = Callable[..., RpcSource]


@pytest.fixture
async def make(node: FakeNode, clock: Clock) -> AsyncIterator[Make]:
    made: list[RpcSource] = []

    def make(**options: Any) -> RpcSource:
        client = RpcClient.from_url(node.url, timeout=5.0)
        made.append(RpcSource(client, **{"clock": clock, **options}))
        return made[-1]

    yield make
    for source in made:
        await source.close()


async def test_reading(node: FakeNode, make: Make) -> None:
    node.add(NAME, b"\xff", address="E1", expires_in=9)
    node.add(f"enum:{NUMBER}:1", "one", expires_in=-1)
    node.add(f"enum:{NUMBER}:2", "hidden by the gap")
    node.add(E164, "first", expires_in=0)
    source = make()
    reading = await source.read(NUMBER)
    assert [(e.name, e.value, e.expires_in) for e in reading.entries] == [
        (E164, b"first", 0),
        (NAME, b"\xff", 9),
    ]
    assert reading.entries[1].address == "E1"
    assert (reading.source, reading.source_trust) == ("rpc", TrustLevel.UNTRUSTED)
    assert (reading.height, reading.stale_seconds, reading.digits) == (500, 0.0, NUMBER)
    assert not source.knows_prefixes
    assert not source.has_longer("1")
    with pytest.raises(InvalidNumber):
        await source.read("1x")


async def test_readings_are_kept_and_empty_ones_shorter(node, make, clock) -> None:
    source = make(ttl=30.0, negative_ttl=10.0)
    assert (await source.read(NUMBER)).entries == ()
    node.add(NAME, "v")
    clock.now += 9
    assert (await source.read(NUMBER)).entries == ()
    clock.now += 2
    assert len((await source.read(NUMBER)).entries) == 1
    node.delete(NAME)
    clock.now += 29
    assert len((await source.read(NUMBER)).entries) == 1
    clock.now += 2
    assert (await source.read(NUMBER)).entries == ()


async def test_nothing_is_kept_when_told_so(node, make) -> None:
    source = make(ttl=0.0, negative_ttl=0.0, serve_stale=0.0)
    await source.read(NUMBER)
    await source.read(NUMBER)
    assert len(node.calls("name_show")) == 4
    assert source.status().facts["cached_numbers"] == 0


async def test_one_number_is_read_once_at_a_time(node, make) -> None:
    node.add(NAME, "v")
    node.fail_with("slow", delay=0.05, times=1)
    source = make()
    first = asyncio.create_task(source.read(NUMBER))
    others = [asyncio.create_task(source.read(NUMBER)) for _ in range(5)]
    await asyncio.sleep(0.01)
    first.cancel()
    readings = await asyncio.gather(*others)
    assert all(len(reading.entries) == 1 for reading in readings)
    assert node.calls("name_show").count((NAME, "hex")) == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_height_is_asked_once_a_block(node, make) -> None:
    source = make(negative_ttl=0.0)
    assert source.generation == 1
    await source.read(NUMBER)
    await source.read(NUMBER)
    assert len(node.calls("getblockcount")) == 1
    assert source.generation == 500
    node.mine(2)
    assert (await source.read(NUMBER)).height == 502
    assert source.generation == 502


async def test_a_reading_stands_without_a_height(node, make, monkeypatch) -> None:
    source = make()

    async def fails() -> int:
        raise NvsUnavailable("no height")

    monkeypatch.setattr(source._client, "height", fails)
    assert (await source.read(NUMBER)).height is None
    assert source.status().ok
    assert source.generation == 1


@pytest.mark.parametrize(("hashes", "reads"), [("aa", 1), ("abb", 2), ("abcd", 3)])
async def test_a_reading_that_a_block_cut_in_two_is_repeated(
    node, make, monkeypatch, hashes: str, reads: int
) -> None:
    source = make()
    tips = iter(hashes)
    monkeypatch.setattr(source._client, "best_hash", lambda: asyncio.sleep(0, next(tips)))
    await source.read(NUMBER)
    assert len(node.calls("name_show")) == 2 * reads
    assert next(tips, None) is None


async def test_stale_readings_during_an_outage(node, make, clock) -> None:
    node.add(NAME, "v")
    source = make(ttl=30.0, serve_stale=100.0)
    await source.read(NUMBER)
    await source.read("4400")
    node.refuse_connections()
    clock.now += 40
    reading = await source.read(NUMBER)
    assert (reading.stale_seconds, len(reading.entries)) == (40.0, 1)
    negative = await source.read("4400")
    assert (negative.stale_seconds, negative.entries) == (40.0, ())
    with pytest.raises(NvsUnavailable, match="refused"):
        await source.read("4401")
    status = source.status()
    assert not status.ok
    assert "refused" in status.detail
    assert status.facts["last_success_age"] == 40
    clock.now += 59.5
    assert (await source.read(NUMBER)).stale_seconds == 99.5
    clock.now += 1
    with pytest.raises(NvsUnavailable):
        await source.read(NUMBER)
    node.accept_connections()
    clock.now += 1
    assert (await source.read(NUMBER)).stale_seconds == 0.0
    assert source.status().ok


async def test_a_reading_without_age_is_still_marked_stale(node, make) -> None:
    source = make(negative_ttl=0.0, serve_stale=10.0)
    await source.read(NUMBER)
    node.refuse_connections()
    assert (await source.read(NUMBER)).stale_seconds > 0


async def test_a_node_that_is_down_is_not_hammered(node, make, clock) -> None:
    source = make()
    node.fail_with("warming-up")
    with pytest.raises(NvsUnavailable):
        await source.read(NUMBER)
    asked = len(node.requests)
    for digits in (NUMBER, "4400", "4401"):
        with pytest.raises(NvsUnavailable, match="Loading block index"):
            await source.read(digits)
    assert len(node.requests) == asked
    clock.now += 1
    outcomes = await asyncio.gather(
        *(source.read(str(4400 + index)) for index in range(10)), return_exceptions=True
    )
    assert all(isinstance(outcome, NvsUnavailable) for outcome in outcomes)
    assert len(node.requests) == asked + 1  # one look-up tries for all
    node.heal()
    clock.now += 1
    await source.read(NUMBER)
    assert source.status().ok
    await source.read("4400")


async def test_one_unusable_name_does_not_bring_the_others_down(node, make, clock) -> None:
    node.add(NAME, "v")
    source = make()
    node.fail_with("unreadable")
    for _ in range(2):
        with pytest.raises(UnusableAnswer, match=NAME):
            await source.read(NUMBER)
    assert node.calls("name_show").count((NAME, "hex")) == 1
    await source.read("4400")
    status = source.status()
    assert status.ok
    assert NAME in status.detail
    assert status.facts["unusable_answers"] == 1
    node.heal()
    clock.now += 1
    assert len((await source.read(NUMBER)).entries) == 1


async def test_status_before_the_first_reading(make) -> None:
    status = make().status()
    assert status.ok
    assert "not been asked" in status.detail
    assert status.facts == {
        "height": None,
        "cached_numbers": 0,
        "last_success_age": None,
        "unusable_answers": 0,
    }


async def test_status_of_a_node_that_never_answered(node, make) -> None:
    source = make()
    node.fail_with("forbidden")
    with pytest.raises(NvsUnavailable):
        await source.read(NUMBER)
    status = source.status()
    assert not status.ok
    assert "HTTP 403" in status.detail


async def test_no_index_beyond_the_last_possible_one(node, make, monkeypatch) -> None:
    monkeypatch.setattr(nvs.record_index, "MAX_ENUMER_INDEX", 1)
    for index in range(3):
        node.add(f"enum:{NUMBER}:{index}", "v")
    assert len((await make().read(NUMBER)).entries) == 2


async def test_close_ends_waiting_readers(node, make) -> None:
    source = make()
    node.fail_with("hang")
    waiting = asyncio.create_task(source.read(NUMBER))
    assert await asyncio.to_thread(node.asked.wait, 5)
    async with asyncio.timeout(5):
        await source.close()
        with pytest.raises(NvsUnavailable):
            await waiting


async def test_single_names(node, make, clock) -> None:
    node.add("ver:enum", "words", address="E1", expires_in=5)
    source = make(ttl=30.0, negative_ttl=10.0)
    found = await source.entry("ver:enum")
    assert (found.value, found.address, found.expires_in) == (b"words", "E1", 5)
    assert await source.entry("ver:other") is None
    await source.entry("ver:enum")
    assert node.calls("name_show").count(("ver:enum", "hex")) == 1
    assert source.status().facts["cached_numbers"] == 0
    node.delete("ver:enum")
    node.add("ver:other", "v", expires_in=-1)
    clock.now += 31
    assert await source.entry("ver:enum") is None
    assert await source.entry("ver:other") is None


async def test_single_names_during_an_outage(node, make, clock) -> None:
    node.add("ver:enum", "words")
    source = make(ttl=30.0, serve_stale=100.0)
    await source.entry("ver:enum")
    node.refuse_connections()
    clock.now += 40
    assert (await source.entry("ver:enum")).value == b"words"
    with pytest.raises(NvsUnavailable, match="refused"):
        await source.entry("ver:other")
    with pytest.raises(NvsUnavailable, match="refused"):
        await source.read(NUMBER)  # one outage for names and numbers
    clock.now += 61
    with pytest.raises(NvsUnavailable):
        await source.entry("ver:enum")


async def test_a_single_name_that_the_node_cannot_read_is_not_absent(node, make) -> None:
    node.add("srl:a", "v")
    source = make()
    node.fail_with("unreadable")
    with pytest.raises(UnusableAnswer, match="srl:a"):
        await source.entry("srl:a")
    assert source.status().ok
    for name in ("ver:é", "x" * 513):
        with pytest.raises(NvsUnavailable, match="no name"):
            await source.entry(name)


async def test_a_name_is_never_taken_for_a_number(node, make) -> None:
    node.add(NUMBER, "a name of digits alone")
    source = make()
    assert (await source.entry(NUMBER)).value == b"a name of digits alone"
    assert (await source.read(NUMBER)).entries == ()
