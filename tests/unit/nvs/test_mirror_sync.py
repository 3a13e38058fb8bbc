"""The first sync, and what happens when it is interrupted or its settings change."""

from __future__ import annotations

from pathlib import Path

import pytest

from nvs.errors import NvsUnavailable, UnusableAnswer
from nvs.mirror import Mirror, MirrorUnusable, NameChange
from nvs.mirror.node import LIST_LIMIT
from nvs.testing import Failure, FakeChain
from tests.unit.nvs.mirror_kit import Crash, DirectClient, Fuse, dump, kept, tables


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=20)


def many(chain: FakeChain, count: int) -> None:
    for number in range(count):
        chain.name_new(f"enum:1415{number:04}:0", "E2U+sip=1|1|!^.*$!sip:a@b!")
    chain.mine()


async def test_progress_and_few_calls(chain: FakeChain, tmp_path: Path) -> None:
    many(chain, 95)
    client = DirectClient(chain)
    figures: list[tuple[int, int]] = []
    async with Mirror(tmp_path / "m", client) as mirror:
        await mirror.sync(lambda done, total: figures.append((done, total)))
        assert figures[-1] == (95, 95)
        assert figures == sorted(figures)
        assert client.requests < 60
        before = client.requests
        await mirror.sync()
        assert client.requests == before + 1
        assert mirror.reader().status().facts["names"] == 95


async def test_shards_are_split(chain: FakeChain, tmp_path: Path) -> None:
    many(chain, 40)
    chain.name_new("enum:4.3.2.1.e164.arpa", "x")
    for number in range(30):
        chain.name_new(f"ver:{number}", "x")
        chain.name_new(b"enum:1\xff%d" % number, "x")
    chain.name_new("ver:\xe4", "x")
    chain.mine()
    async with Mirror(tmp_path / "m", DirectClient(chain), also=("ver:",)) as mirror:
        await mirror.open()
        assert mirror._worker is not None
        mirror._worker._list_limit = 7
        await mirror.sync()
        assert len(kept(mirror)) == 71
        assert [d async for d in mirror.verify()] == []
        facts = mirror.reader().status().facts
    assert facts["skipped_names"] == 30
    async with Mirror(tmp_path / "n", DirectClient(chain), also=("ver:",)) as mirror:
        await mirror.sync()
        assert mirror.reader().status().facts["skipped_names"] == 31


async def test_counting_skipped_names_ends(chain, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("nvs.mirror.work.SKIPPED_LIMIT", 3)
    monkeypatch.setattr("nvs.mirror.commits.SKIPPED_LIMIT", 3)
    for number in range(9):
        chain.name_new(f"enum:x{number}", "x")
    chain.mine()
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        assert mirror.reader().status().facts["skipped_names"] == 3
        chain.name_new("enum:another", "x")
        chain.mine()
        await mirror.sync()
        assert mirror.reader().status().facts["skipped_names"] == 4
    assert LIST_LIMIT > 3


async def test_goes_on_after_a_crash(chain: FakeChain, tmp_path: Path) -> None:
    many(chain, 90)
    fuse, calls = Fuse(), []
    for _ in range(200):
        client = DirectClient(chain, fuse)
        mirror = Mirror(tmp_path / "m", client)
        await mirror.open()
        assert mirror._worker is not None
        mirror._worker._chunk = mirror._worker._most = 30
        fuse.light(24)
        try:
            await mirror.sync()
        except Crash:
            with pytest.raises(NvsUnavailable, match="first sync is not complete"):
                await mirror.reader().read("14150000")
            await mirror.close()
            calls.append(client.requests)
            continue
        break
    fuse.left = None
    assert len(calls) >= 2, "was interrupted"
    assert len(kept(mirror)) == 90
    await mirror.close()


async def test_blocks_during_the_first_sync(chain: FakeChain, tmp_path: Path) -> None:
    many(chain, 60)

    def change() -> None:
        chain.name_update("enum:14150001:0", "other")
        chain.name_delete("enum:14150002:0")
        chain.name_new("enum:9990:0", "new")
        chain.mine()

    chain.before_call("name_show", change, after=35)
    chain.before_call("name_filter", lambda: chain.mine(), after=3)
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        names = kept(mirror)
        assert names["enum:14150001:0"].value == b"other"
        assert "enum:14150002:0" not in names
        assert names["enum:9990:0"].registered_at == chain.height


async def test_a_tip_that_never_rests(chain: FakeChain, tmp_path: Path) -> None:
    many(chain, 200)
    chain.before_call("name_show", lambda: chain.mine(), times=150)
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        assert len(kept(mirror)) == 200


# What is kept ---------------------------------------------------------------------------


async def test_kinds_can_be_added_and_dropped(chain: FakeChain, tmp_path: Path) -> None:
    for name in ("ver:a", "srl:a", "enum:tollfree", "enum:1415:0"):
        chain.name_new(name, "x")
    chain.mine()
    async with Mirror(tmp_path / "m", DirectClient(chain), also=("ver:",)) as mirror:
        await mirror.sync()
        assert set(kept(mirror)) == {"ver:a", "enum:1415:0"}
    chain.name_update("ver:a", "y")
    chain.mine()
    client = DirectClient(chain)
    async with Mirror(tmp_path / "m", client, also=("enum:tollfree", "srl:")) as mirror:
        reader = mirror.reader()
        assert (await reader.read("1415")).entries
        with pytest.raises(NvsUnavailable, match="does not keep 'srl:a'"):
            await reader.entry("srl:a")
        await mirror.sync()
        assert set(kept(mirror)) == {"srl:a", "enum:tollfree", "enum:1415:0"}
        assert await reader.entry("srl:b") is None
        with pytest.raises(NvsUnavailable, match="does not keep 'ver:a'"):
            await reader.entry("ver:a")
        with pytest.raises(NvsUnavailable, match="does not keep 'ver:a'"):
            reader.past("ver:a")
    async with Mirror(tmp_path / "m", DirectClient(chain), also=("ver:", "dns:", "srl:")) as mirror:
        await mirror.open()
        with tables(mirror) as found:
            assert len(found.keys("shards")) == 2
    async with Mirror(tmp_path / "m", DirectClient(chain), also=("dns:", "srl:")) as mirror:
        with tables(mirror) as found:
            assert len(found.keys("shards")) == 1
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        assert set(kept(mirror)) == {"enum:1415:0"}
        assert dump(mirror, ("ledger",)) == {"ledger": []}


async def test_another_chain(chain: FakeChain, tmp_path: Path) -> None:
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
    async with Mirror(tmp_path / "m", DirectClient(FakeChain(seed=7, network="main"))) as mirror:
        with pytest.raises(MirrorUnusable, match="another chain"):
            await mirror.sync()


async def test_another_layout(chain: FakeChain, tmp_path: Path, monkeypatch) -> None:
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
    monkeypatch.setattr("nvs.mirror.commits.LAYOUT", 3)
    with pytest.raises(MirrorUnusable, match="has layout 2"):
        await Mirror(tmp_path / "m", DirectClient(chain)).open()


async def test_a_lost_state_is_said(chain: FakeChain, tmp_path: Path) -> None:
    async with Mirror(tmp_path / "m", DirectClient(chain)) as mirror:
        await mirror.sync()
        mirror._store.write(lambda t: t.delete("meta", b"info"))
        chain.mine()
        with pytest.raises(MirrorUnusable, match="lost its state"):
            await mirror.sync()
        assert mirror.reader().status().facts["skipped_names"] == 0
        with pytest.raises(NvsUnavailable, match="does not keep"):
            await mirror.reader().entry("ver:a")


# Names that the node cannot tell about --------------------------------------------------


async def test_one_unreadable_name_stops_nothing(chain: FakeChain, tmp_path: Path) -> None:
    for name in ("enum:1415:0", "enum:1416:0", "enum:1417:0"):
        chain.name_new(name, "x")
    chain.mine()
    client = DirectClient(chain)
    changes: list[NameChange] = []
    trouble = _Trouble(client, {"enum:1416:0"})
    async with Mirror(tmp_path / "m", client, on_change=changes.extend) as mirror:
        await mirror.sync()
        reader = mirror.reader()
        assert (await reader.read("1415")).entries
        with pytest.raises(UnusableAnswer, match="enum:1416:0"):
            await reader.read("1416")
        with pytest.raises(UnusableAnswer, match="enum:1416:0"):
            await reader.entry("enum:1416:0")
        trouble.names = {"enum:1417:0"}
        chain.name_update("enum:1417:0", "y")
        chain.mine()
        await mirror.sync()
        assert (await reader.read("1416")).entries[0].value == b"x"
        with pytest.raises(UnusableAnswer, match="enum:1417:0"):
            await reader.read("1417")
        trouble.names = set()
        chain.mine()
        await mirror.sync()
        assert (await reader.read("1417")).entries[0].value == b"y"
        assert (await reader.read("1417")).entries[0].registered_at == 21
        assert not any(change.moved for change in changes[:2])
        assert dump(mirror, ("retry",)) == {"retry": []}


async def test_many_unreadable_names_are_the_nodes_trouble(chain, tmp_path: Path) -> None:
    many(chain, 40)
    client = DirectClient(chain)
    client.rpc.failure = Failure.UNREADABLE
    async with Mirror(tmp_path / "m", client) as mirror:
        with pytest.raises(UnusableAnswer):
            await mirror.sync()
        assert kept(mirror) == {}
        client.rpc.failure = None
        await mirror.sync()
        assert len(kept(mirror)) == 40


class _Trouble:
    """Lets `name_show` of some names fail as with a broken disk."""

    def __init__(self, client: DirectClient, names: set[str]) -> None:
        self.names = names
        self._ask = client.call_each
        client.call_each = self.call_each  # type: ignore[assignment]

    async def call_each(self, calls, **named):
        from nvs.errors import RpcError

        answers = await self._ask(calls, **named)
        return [
            RpcError(-4, "failed to decode name")
            if call[0] == "name_show" and call[1] in self.names
            else answer
            for call, answer in zip(calls, answers, strict=True)
        ]
