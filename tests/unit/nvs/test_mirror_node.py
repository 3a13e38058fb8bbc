"""What the mirror makes of the node's answers, odd ones too."""

from __future__ import annotations

from typing import Any

import pytest

from nvs.errors import NvsUnavailable, RpcError, UnusableAnswer
from nvs.mirror.node import Node, TooMany
from nvs.mirror.shards import Shard
from nvs.testing import FakeChain
from tests.unit.nvs.mirror_kit import DirectClient

HASH = "ab" * 32


class Canned(DirectClient):
    """Answers every call with the same thing."""

    def __init__(self, answer: Any) -> None:
        super().__init__(FakeChain(height=3))
        self.answer = answer

    async def call_each(self, calls: Any, *, wait: float | None = None) -> list[Any]:
        return [self.answer for _ in calls]

    async def call_rows(self, call: Any, row: Any, *, wait: float) -> Any:
        return [row(r) for r in self.answer] if isinstance(self.answer, list) else self.answer


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (RpcError(-32601, "Method not found"), NvsUnavailable),
        (RpcError(-1, "odd"), None),
        ({"name": "other"}, None),
    ],
)
async def test_names(answer: Any, error: type[Exception] | None) -> None:
    node = Node(Canned(answer))
    if error is None:
        found = await node.names(["enum:1415:0"])
        assert isinstance(found["enum:1415:0"], UnusableAnswer)
    else:
        with pytest.raises(error, match="no Emercoin node"):
            await node.names(f"enum:{number}:0" for number in range(1000, 1300))
    assert await Node(Canned(RpcError(-4, "no result returned"))).names(["a"]) == {"a": None}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (RpcError(-1, "odd"), NvsUnavailable),
        ({}, UnusableAnswer),
        ([{}], UnusableAnswer),
        ([{"name": "a", "registered_at": True}], UnusableAnswer),
        ([7], UnusableAnswer),
    ],
)
async def test_listings(answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await Node(Canned(answer)).listed(Shard("ver:", "ver:"))


async def test_listings_that_are_too_long() -> None:
    rows = [{"name": "ver:a", "registered_at": 1}] * 3
    with pytest.raises(TooMany):
        await Node(Canned(rows)).listed(Shard("ver:", "ver:"), 2)
    assert len(await Node(Canned(rows)).listed(Shard("ver:", "ver:", exact=True), 2)) == 3


async def test_hashes() -> None:
    assert await Node(Canned(RpcError(-8, "Block height out of range"))).hashes([1]) == [None]
    assert await Node(Canned(HASH.upper())).hashes([1]) == [HASH]
    for answer in (RpcError(-1, "odd"), 7, "zz" * 32, "ab"):
        with pytest.raises(NvsUnavailable):
            await Node(Canned(answer)).hashes([1])


async def test_blocks() -> None:
    block = {"height": 3, "previousblockhash": HASH, "tx": 7}
    (found,) = await Node(Canned(block)).blocks([HASH])
    assert found is not None
    assert (found.height, found.previous, found.ops) == (3, HASH, ())
    found = await Node(Canned({"height": 0})).block(HASH)
    assert found is not None
    assert found.previous is None
    assert await Node(Canned(RpcError(-5, "Block not found"))).block(HASH) is None
    for answer in (RpcError(-1, "odd"), 7, {}, {"height": 1, "previousblockhash": 7}):
        with pytest.raises(NvsUnavailable):
            await Node(Canned(answer)).blocks([HASH, HASH])


async def test_no_block_0(tmp_path) -> None:
    from nvs.mirror import Mirror

    async with Mirror(tmp_path, Canned(RpcError(-8, "out of range"))) as mirror:
        with pytest.raises(NvsUnavailable, match="has no block 0"):
            await mirror.sync()
