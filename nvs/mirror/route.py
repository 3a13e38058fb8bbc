"""The way from the block a mirror is in step with to the node's best block.

Back from the mirror's block to one that is still on the node's chain, then
forward. Blocks are asked by their hash, so what each says never changes; that
they follow each other is checked, so a reorganisation in between is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nvs.mirror.kinds import NUMBERS, Kinds
from nvs.mirror.layout import Head
from nvs.mirror.node import Block, Node
from nvs.mirror.reading import Tip, TipMoved
from nvs.mirror.script import Operation
from nvs.mirror.store import Store
from nvs.mirror.touches import Touches

KEEP_BLOCKS = 1000
"""Blocks kept for reorganisations (a week); a deeper one means reading everything anew."""

MAX_BLOCKS = 240
"""Blocks in one route; a longer way is gone in several."""

MAX_TOUCHED = 3000
"""Names in one route, more or less."""

_AT_ONCE = 30
_NUMBERS = NUMBERS.encode()


class TooDeep(Exception):
    """The node's chain leaves ours below the blocks that are kept."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A new block and the keys of the kept names that it touches."""

    hash: str
    height: int
    touched: tuple[bytes, ...]


@dataclass(slots=True)
class Route:
    """What lies between.

    Attributes:
        fork: the last block on both chains.
        blocks: new blocks after it, in order.
        skipped: registrations below `enum:` of names that are nobody's.
    """

    fork: Tip
    blocks: list[Followed] = field(default_factory=list)
    touches: Touches = field(default_factory=Touches)
    skipped: int = 0

    @property
    def end(self) -> Tip:
        """The block where it ends."""
        return Tip(self.blocks[-1].hash, self.blocks[-1].height) if self.blocks else self.fork

    def add(self, block: Block, kinds: Kinds) -> None:
        """Go on by one block."""
        touched: dict[bytes, None] = {}
        for op in block.ops:
            key = kinds.key_of_octets(op.name)
            if key is not None:
                touched[key] = None
                self.touches.apply(key, op, block.height)
            elif op.operation is Operation.NEW and op.name.startswith(_NUMBERS):
                self.skipped += 1
        self.blocks.append(Followed(block.hash, block.height, tuple(touched)))


async def find_route(node: Node, store: Store, kinds: Kinds, head: Head, tip: str) -> Route:
    """The way from `head` to the best block `tip`, or a part of it if it is long.

    Raises:
        TipMoved: the chain changed meanwhile.
        TooDeep: see there.
        NvsUnavailable: no answer, or the node is still behind the mirror.
    """
    try:
        route = await _back(node, store, kinds, head)
    except TooDeep:
        await _wait_for_height(node, head)
        raise
    while route.end.hash != tip:
        start = route.end.height + 1
        hashes = [h for h in await node.hashes(range(start, start + _AT_ONCE)) if h is not None]
        if not hashes:
            raise TipMoved
        for block in await node.blocks(hashes):
            if block is None or block.previous != route.end.hash:
                raise TipMoved
            route.add(block, kinds)
        if len(route.blocks) >= MAX_BLOCKS or len(route.touches) >= MAX_TOUCHED:
            break
    return route


async def _back(node: Node, store: Store, kinds: Kinds, head: Head) -> Route:
    touches = Touches()
    height, block_hash = head.height, head.hash
    at_once = 1  # mostly the block is still there
    while True:
        for active in await node.hashes(range(height, max(height - at_once, -1), -1)):
            if active == block_hash:
                return Route(Tip(block_hash, height), touches=touches)
            if head.height - height >= KEEP_BLOCKS:
                raise TooDeep
            touched, block_hash = await _abandoned(node, store, kinds, height, block_hash)
            touches.undone(touched)
            height -= 1
        at_once = _AT_ONCE


async def _abandoned(
    node: Node, store: Store, kinds: Kinds, height: int, block_hash: str
) -> tuple[list[bytes], str]:
    """The names touched in a block that is no longer followed, and the hash of the one before.

    Raises:
        TooDeep: neither we nor the node have the block.
    """
    with store.read() as tables:
        kept, before = tables.block(height), tables.block(height - 1)
    if kept is not None and before is not None:
        return kept[1], before[0]
    block = await node.block(block_hash)  # from before the mirror's first block
    if block is None or block.previous is None:
        raise TooDeep
    keys = (kinds.key_of_octets(op.name) for op in block.ops)
    return [key for key in keys if key is not None], block.previous


async def _wait_for_height(node: Node, head: Head) -> None:
    """A node that is behind us is still loading its chain; waiting is all that helps.

    Raises:
        NvsUnavailable: it is.
    """
    best = (await node.best_block())[1]
    if best < head.height:
        raise node.unavailable(f"is at height {best}, behind the mirror's {head.height}")
