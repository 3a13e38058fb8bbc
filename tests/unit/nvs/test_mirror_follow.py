"""Following the chain: changes, reorganisations, lapses, and a node that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nvs.errors import NvsUnavailable
from nvs.mirror import Mirror, MirrorUnusable, NameChange, Past
from nvs.mirror.entries import sms_digits
from nvs.mirror.wake import Wake
from nvs.rpc import RpcClient
from nvs.testing import Failure, FakeChain, FakeChainNode
from tests.unit.nvs.mirror_kit import ALSO, DirectClient, dump, kept, tables

NAME = "enum:1415:0"
TIMEOUT = 10.0


@pytest.fixture
def chain() -> FakeChain:
    chain = FakeChain(height=20)
    chain.name_new(NAME, "one", 1, address=chain.new_address())
    chain.mine()
    return chain


class Watched(Mirror):
    """A mirror that notes what it tells, and is small."""

    def __init__(self, chain: FakeChain, path: Path) -> None:
        self.changes: list[NameChange] = []
        self.client = DirectClient(chain)
        super().__init__(path / "m", self.client, also=ALSO, on_change=self.changes.extend)

    async def told(self) -> list[NameChange]:
        """What the way to the best block changed."""
        self.changes.clear()
        await self.sync()
        return self.changes


@pytest.fixture
async def mirror(chain: FakeChain, tmp_path: Path) -> AsyncIterator[Watched]:
    async with Watched(chain, tmp_path) as mirror:
        await mirror.sync()
        yield mirror


async def same_as_the_chain(mirror: Mirror, chain: FakeChain) -> bool:
    names = {
        name.decode(): (shown.value, shown.address, shown.expires_at)
        for name, shown in chain.snapshot().items()
        if not shown.deleted
    }
    found = {
        name: (stored.value, stored.address, stored.expires_at)
        for name, stored in kept(mirror).items()
    }
    return names == found and [d async for d in mirror.verify()] == []


# What changes are told --------------------------------------------------------------------


async def test_nothing_is_told_of_the_first_sync(mirror: Watched) -> None:
    assert mirror.changes == []
    assert await mirror.told() == []


async def test_a_name_that_moves(chain: FakeChain, mirror: Watched) -> None:
    owner = chain.find(NAME).address
    chain.name_update(NAME, "two", address=owner)
    chain.mine()
    (change,) = await mirror.told()
    assert not change.moved
    chain.name_update(NAME, "three")
    chain.mine()
    (change,) = await mirror.told()
    assert change.moved
    assert change.before is not None
    assert change.after is not None
    assert (change.name, change.before.address) == (NAME, owner)
    assert change.after.address == chain.find(NAME).address != owner
    chain.name_delete(NAME)
    chain.mine()
    (change,) = await mirror.told()
    assert (change.before_live, change.live, change.after, change.moved) == (
        True,
        False,
        None,
        False,
    )


async def test_expiry_needs_no_transaction(chain: FakeChain, mirror: Watched) -> None:
    reader = mirror.reader()
    chain.mine(175)
    assert chain.height == chain.find(NAME).expires_at
    assert await mirror.told() == []
    assert (await reader.read("1415")).entries[0].expires_in == 0
    assert reader.has_longer("14")
    chain.mine()
    (change,) = await mirror.told()
    assert (change.before_live, change.live, change.moved) == (True, False, False)
    assert change.before == change.after
    assert (await reader.read("1415")).entries == ()
    assert not reader.has_longer("14")
    assert await reader.entry(NAME) is None
    chain.invalidate()
    (change,) = await mirror.told()
    assert (change.before_live, change.live) == (False, True)
    assert reader.has_longer("14")


async def test_what_a_listener_raises_is_logged(chain, mirror: Watched, caplog) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("secret")

    mirror.on_change = fail
    chain.name_update(NAME, "two")
    chain.mine()
    with caplog.at_level(logging.ERROR):
        await mirror.sync()
    assert "on_change failed: RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    mirror.on_change = None
    chain.name_update(NAME, "three")
    chain.mine()
    await mirror.sync()


# Registrations and lapses -----------------------------------------------------------------


async def test_a_lapse_is_remembered(chain: FakeChain, mirror: Watched) -> None:
    reader, first = mirror.reader(), chain.find(NAME).address
    entry = await reader.entry(NAME)
    assert entry is not None
    assert entry.registered_at == 21
    assert reader.past(NAME) is None
    chain.name_update(NAME, "moved")
    chain.mine()
    await mirror.sync()
    second = chain.find(NAME).address
    assert reader.past(NAME) is None
    chain.mine(175)
    chain.name_new(NAME, "squatted", 1)
    chain.mine()
    await mirror.sync()
    entry = await reader.entry(NAME)
    assert entry is not None
    assert entry.registered_at == chain.height
    assert reader.past(NAME) == Past(second, 21, second, 1, chain.height)
    assert first != second


@pytest.mark.parametrize(("same_owner", "lapses"), [(True, 0), (False, 1)])
async def test_deleted_and_registered_anew(chain, mirror, same_owner: bool, lapses: int) -> None:
    owner = chain.find(NAME).address
    chain.name_delete(NAME)
    chain.mine()
    await mirror.sync()
    assert mirror.reader().past(NAME) == Past(owner, 21, owner)
    chain.name_new(NAME, "anew", 1, address=owner if same_owner else None)
    chain.mine()
    await mirror.sync()
    past = mirror.reader().past(NAME)
    assert past.lapses == lapses
    chain.name_update(NAME, "and on", address=chain.find(NAME).address)
    chain.mine()
    await mirror.sync()
    assert mirror.reader().past(NAME).lapses == lapses


async def test_void_registrations_change_nothing_and_cost_nothing(chain, mirror) -> None:
    chain.name_new(NAME, "squatted")
    chain.mine()
    await mirror.sync()
    assert kept(mirror)[NAME].registered_at == 21
    assert kept(mirror)[NAME].value == b"one"
    chain.name_new(NAME, "squatted")
    chain.name_new(NAME, "squatted twice")
    chain.mine()
    await mirror.sync()
    assert await same_as_the_chain(mirror, chain)


async def test_registered_and_updated_on_the_way(chain: FakeChain, mirror: Watched) -> None:
    chain.name_new("enum:1416:0", "a")
    chain.mine()
    chain.name_update("enum:1416:0", "b")
    chain.mine()
    await mirror.sync()
    assert kept(mirror)["enum:1416:0"].registered_at == 22


# Long ways, reorganisations ---------------------------------------------------------------


async def test_a_long_way_is_gone_in_parts(chain, mirror: Watched, monkeypatch) -> None:
    monkeypatch.setattr("nvs.mirror.route.MAX_BLOCKS", 5)
    for number in range(40):
        chain.name_new(f"enum:15{number:02}:0", "x")
        if number % 3 == 0:
            chain.name_update(f"enum:15{number // 2:02}:0", "y")
            chain.name_new(f"enum:15{number // 3:02}:0", "z")
        chain.mine(3)
    told = await mirror.told()
    assert await same_as_the_chain(mirror, chain)
    assert {change.name for change in told} == {f"enum:15{number:02}:0" for number in range(40)}


async def test_many_names_are_put_off(chain, mirror: Watched, monkeypatch) -> None:
    monkeypatch.setattr("nvs.mirror.work.MAX_TOUCHED", 3)
    for number in range(9):
        chain.name_new(f"enum:15{number:02}:0", "x")
    chain.mine()
    chain.before_call("name_show", lambda: chain.mine(), after=2)
    chain.name_delete("enum:1500:0")
    await mirror.sync()
    assert await same_as_the_chain(mirror, chain)


async def test_deeper_than_kept(chain: FakeChain, mirror: Watched, monkeypatch) -> None:
    monkeypatch.setattr("nvs.mirror.route.KEEP_BLOCKS", 4)
    monkeypatch.setattr("nvs.mirror.commits.KEEP_BLOCKS", 4)
    reader = mirror.reader()
    for number in range(8):
        chain.name_new(f"enum:15{number:02}:0", "x")
        chain.mine()
        await mirror.sync()
    with tables(mirror) as found:
        assert found.count("blocks") == 5
    generation = reader.generation
    chain.reorg(6, 4)
    with pytest.raises(NvsUnavailable, match="is at height 27, behind the mirror's 29"):
        await mirror.sync()
    assert (await reader.read("1507")).entries, "still served"
    chain.mine(3)
    told = await mirror.told()
    assert await same_as_the_chain(mirror, chain)
    assert told == []
    assert reader.generation > generation
    with pytest.raises(KeyError):
        kept(mirror)["enum:1507:0"]


async def test_below_the_first_block(chain: FakeChain, mirror: Watched) -> None:
    chain.mine()
    await mirror.sync()
    chain.reorg(4, keep=False)
    await mirror.sync()
    assert kept(mirror) == {}
    chain.invalidate(12)
    await mirror.sync()
    assert mirror.reader().status().facts["height"] == chain.height


async def test_a_node_that_lost_the_abandoned_blocks(chain, mirror, monkeypatch) -> None:
    async def nothing(_: object) -> None:
        return None

    chain.reorg(3, 4)
    with monkeypatch.context() as patch:
        patch.setattr(mirror._node, "block", nothing)
        worker = mirror._worker
        assert not (await worker.step()).settled
        with pytest.raises(NvsUnavailable, match="not complete"):
            await mirror.reader().read("1415")
    await mirror.sync()
    assert await same_as_the_chain(mirror, chain)


@pytest.mark.parametrize("method", ["getblockhash", "getblock", "getbestblockhash"])
@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("depth", [1, 2, 4])
async def test_the_chain_changes_on_the_way(chain, mirror, method, after, depth) -> None:
    chain.mine(2)
    chain.before_call(method, lambda: chain.reorg(depth, depth - 1, keep=True), after=after)
    await mirror.sync()
    await mirror.sync()
    assert await same_as_the_chain(mirror, chain)


async def test_nothing_of_another_branch_is_committed(chain, mirror: Watched) -> None:
    """A branch of the same height, so that only the hash tells."""
    chain.name_update(NAME, "this branch")
    chain.mine()
    before = dump(mirror, ("meta", "names"))
    chain.before_call(
        "name_show", lambda: chain.reorg(1, 1, change=lambda c: c.name_update(NAME, "that branch"))
    )
    assert not (await mirror._worker.step()).settled
    assert dump(mirror, ("meta", "names")) == before
    await mirror.sync()
    assert kept(mirror)[NAME].value == b"that branch"


async def test_a_part_of_a_way_never_mixes_branches(chain, mirror: Watched, monkeypatch) -> None:
    monkeypatch.setattr("nvs.mirror.route.MAX_BLOCKS", 1)
    chain.name_update(NAME, "abandoned")
    chain.mine()
    await mirror.sync()
    chain.mine(3)
    chain.before_call("getblockhash", lambda: chain.reorg(4, 5), after=1)
    await mirror.sync()
    assert kept(mirror)[NAME].value == b"one"
    assert await same_as_the_chain(mirror, chain)


async def test_registered_anew_between_listing_and_reading(chain, tmp_path: Path) -> None:
    def lapse() -> None:
        chain.mine(176)
        chain.name_new(NAME, "squatted", 1)
        chain.mine()

    chain.before_call("name_show", lapse)
    async with Watched(chain, tmp_path) as mirror:
        await mirror.sync()
        assert kept(mirror)[NAME].registered_at == chain.height
        assert await same_as_the_chain(mirror, chain)


async def test_verify_splits_shards(chain: FakeChain, mirror: Watched, monkeypatch) -> None:
    from nvs.mirror.node import TooMany

    listed = mirror._node.listed

    async def refuse(shard):
        if shard.prefix in {"enum:1", "ver:"} and not shard.exact:
            raise TooMany
        return await listed(shard)

    monkeypatch.setattr(mirror._node, "listed", refuse)
    assert [d async for d in mirror.verify()] == []


async def test_verify_finds_what_is_wrong(chain: FakeChain, mirror: Watched) -> None:
    chain.name_new("enum:1416:0", "x")
    chain.name_new("enum:1417:0", "x")
    chain.mine()
    await mirror.sync()
    from nvs.mirror.entries import put_name, stored
    from nvs.mirror.keys import number_key

    def spoil(found) -> None:
        key = number_key("enum:1416:0")
        name = stored(found, key)
        put_name(found, number_key(NAME), None, chain.height)
        put_name(found, number_key("enum:1418:0"), name, chain.height)
        from dataclasses import replace

        put_name(found, key, replace(name, value=b"wrong"), chain.height)
        key = number_key("enum:1417:0")
        put_name(found, key, replace(stored(found, key), registered_at=5), chain.height)

    mirror._store.write(spoil)
    chain.before_call("name_filter", lambda: chain.mine(), after=2)
    found = [d async for d in mirror.verify()]
    assert {d.name: (d.mirror is None, d.node is None) for d in found} == {
        NAME: (True, False),
        "enum:1416:0": (False, False),
        "enum:1417:0": (False, False),
        "enum:1418:0": (False, True),
    }
    chain.before_call("name_show", lambda: chain.mine(), times=None)
    with pytest.raises(NvsUnavailable, match="too fast to compare"):
        _ = [d async for d in mirror.verify()]


# The background task ----------------------------------------------------------------------


async def until(condition, seconds: float = TIMEOUT) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_follows_a_real_connection(chain: FakeChain, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("nvs.mirror.mirror._FIRST_WAIT", 0.01)
    monkeypatch.setattr("nvs.mirror.mirror._LONGEST_WAIT", 0.02)
    with FakeChainNode(chain) as node:
        mirror = Mirror(tmp_path / "m", RpcClient.from_url(node.url, timeout=1.0), poll=0.01)
        await mirror.start()
        await mirror.start()
        reader = mirror.reader()
        await until(lambda: reader.status().ok)
        chain.mine()
        await until(lambda: reader.status().facts["height"] == chain.height)
        for failure in (Failure.WARMING_UP, Failure.DOWNLOADING_BLOCKS, Failure.WORK_QUEUE):
            node.fail_with(failure)
            chain.name_update(NAME, failure.value)
            chain.mine()
            await until(lambda: not reader.status().ok)
            assert "Emercoin node" in reader.status().detail
            await asyncio.sleep(0.05)
            node.heal()
            await until(lambda: reader.status().ok)
            assert (await reader.read("1415")).entries[0].value == failure.value.encode()
        node.refuse_connections()
        await until(lambda: not reader.status().ok)
        chain.mine()
        node.accept_connections()
        await until(lambda: reader.status().ok)
        await mirror.close()
        await mirror.close()
        with pytest.raises(NvsUnavailable, match="not open"):
            await reader.read("1415")
        assert not reader.status().ok
        assert reader.generation == 1


async def test_stumbles_are_no_end(chain, tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr("nvs.mirror.mirror._FIRST_WAIT", 0.01)
    async with Mirror(tmp_path / "m", DirectClient(chain), poll=0.01) as mirror:
        with monkeypatch.context() as patch:
            patch.setattr(mirror._node, "best_hash", None)
            patch.setattr(mirror._node, "best_block", None)
            mirror.start_following()
            await until(lambda: "stumbled over TypeError" in mirror.reader().status().detail)
        await until(lambda: mirror.reader().status().ok)
    assert "stumbled over TypeError" in caplog.text


async def test_closed_while_waiting(chain: FakeChain, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "m", DirectClient(chain), poll=60.0)
    await mirror.start()
    await until(lambda: mirror.reader().status().ok)
    async with asyncio.timeout(TIMEOUT):
        await mirror.close()
    mirror._turn = asyncio.Lock()
    with pytest.raises(NvsUnavailable, match="is closed"):
        await mirror._settle(None)


async def test_wakes_by_zmq(chain: FakeChain, tmp_path: Path) -> None:
    address = chain.publish_hashblock()
    try:
        mirror = Mirror(tmp_path / "m", DirectClient(chain), zmq=address, poll=0.5)
        await mirror.start()
        reader = mirror.reader()
        await until(lambda: reader.status().ok)
        wake = Wake(address)
        async with asyncio.timeout(TIMEOUT):
            waiting = asyncio.create_task(wake.wait(30.0))
            while not waiting.done():
                chain.mine()
                await asyncio.sleep(0.05)
        await wake.wait(0.01)
        wake.close()
        wake.close()
        await until(lambda: reader.status().facts["height"] == chain.height)
        await mirror.close()
    finally:
        chain.close()


def test_zmq_that_cannot_be_used(monkeypatch) -> None:
    with pytest.raises(MirrorUnusable, match=r"nvs\.rpc\.zmq: 'nonsense'"):
        Wake("nonsense")
    monkeypatch.setitem(sys.modules, "zmq", None)
    with pytest.raises(MirrorUnusable, match="pyzmq is not installed"):
        Wake("tcp://127.0.0.1:1")


# Hostile values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"voice":"sip:a@b","sms":"telnyx:+14155550000"}', b"14155550000"),
        (b'{"voice":"sip:a@b","sms":{"provider":"telnyx"}}', b"1415"),
        (b'{"sms_provider":"telnyx","sms_number":"14155550000"}', b"14155550000"),
        (b'{"voice":"sip:a@b"}', None),
        (b"E2U+sms:tel=1|1|!^.*$!tel:+1!", None),
        (b"[" * 20_000, None),
        (b"{\xff", None),
    ],
)
def test_sms_numbers(value: bytes, expected: bytes | None) -> None:
    assert sms_digits(b"1415!", value) == expected
    assert sms_digits(b"=ver:a", value) is None


def test_an_sms_number_that_is_none(monkeypatch) -> None:
    from nvs.formats.draft import Draft
    from nvs.number_record import SmsRoute

    monkeypatch.setattr("nvs.sms_target.read_draft", lambda _: Draft(sms=SmsRoute("telnyx", "+1")))
    assert sms_digits(b"1415!", b"{}") is None


async def test_32767_indexes_and_20_kilobytes(chain: FakeChain, mirror: Watched) -> None:
    for index in (*range(1, 60), 32766, 32767, 32768):
        chain.name_new(f"enum:1415:{index}", b"\xc3\xa4" * 10_240)
    chain.mine()
    await mirror.sync()
    reader = mirror.reader()
    reading = await reader.read("1415")
    assert [entry.name for entry in reading.entries] == [f"enum:1415:{i}" for i in range(60)]
    assert len(kept(mirror)) == 62
    with contextlib.suppress(KeyError):
        assert not kept(mirror)["enum:1415:32768"]
    assert dump(mirror, ("numbers",)) == {"numbers": [(b"1415", b"")]}
