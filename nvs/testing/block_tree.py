"""The active chain, the blocks off it, and the names as of the tip."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from nvs.testing.blocks import BLOCK_SECONDS, NO_HASH, Block
from nvs.testing.bulk_names import BulkLayer, NameSource
from nvs.testing.chain_addresses import KeyHash, Network
from nvs.testing.fake_ledger import FIRST_TIME
from nvs.testing.name_index import NameIndex
from nvs.testing.name_script import script_number
from nvs.testing.transactions import Output, Transaction

_REWARD = 5_013_948_600
_MINER = KeyHash(hashlib.sha256(b"miner").digest()[:20], legacy=True)


class BlockTree:
    """Connects and disconnects blocks.

    Attributes:
        names: what the active blocks' operations made of the names.
    """

    def __init__(self, network: Network, seed: int, height: int) -> None:
        self.network = network
        self.names = NameIndex()
        self._seed = seed
        self._made = 0
        self._active: list[Block] = []
        self._known: dict[str, Block] = {}
        self._applied: dict[str, list[bytes]] = {}
        self._gone: list[Block] = []
        self._transactions: dict[str, tuple[Transaction, Block]] = {}
        for _ in range(height + 1):
            self.mine([])

    @property
    def tip(self) -> Block:
        """The best block."""
        return self._active[-1]

    @property
    def height(self) -> int:
        """Of the best block."""
        return len(self._active) - 1

    def at(self, height: int) -> Block:
        """The active block at a height; raises IndexError."""
        if height < 0:
            raise IndexError(height)
        return self._active[height]

    def known(self, block_hash: str) -> Block | None:
        """Any block ever made, active or not."""
        return self._known.get(block_hash)

    def transaction(self, txid: str) -> tuple[Transaction, Block] | None:
        """A transaction and the block that got it last; not of those loaded in bulk."""
        return self._transactions.get(txid)

    def active(self, block: Block) -> bool:
        """Whether a block is in the chain of the tip."""
        return block.height <= self.height and self._active[block.height] is block

    def mine(self, transactions: Iterable[Transaction]) -> Block:
        """A new block on the tip."""
        content = (self._coinbase(), *transactions)
        root = hashlib.sha256("".join(t.txid for t in content).encode()).digest()
        block = self._block(root, lambda: content)
        self._connect(block)
        return block

    def load(self, source: NameSource, per_block: int) -> None:
        """New blocks of names in bulk; their transactions are computed when asked for."""
        first = self.height + 1
        layer = BulkLayer(source, self.network, first, self._time(first), per_block)
        for number in range(layer.blocks):
            root = hashlib.sha256(b"bulk %d of %d" % (number, self._seed)).digest()
            block = self._block(root, _Bulk(self._coinbase(), layer, number), fixed=True)
            self._known[block.hash] = block
            self._active.append(block)
        self.names.add_layer(layer)

    def disconnect(self, depth: int) -> list[Block]:
        """Take the top blocks off; tip first.

        Raises:
            ValueError: there are not that many, or one of them was loaded in bulk.
        """
        if depth < 0 or depth > self.height or any(b.fixed for b in self._top(depth)):
            raise ValueError(f"cannot disconnect {depth} blocks")
        gone = self._top(depth)[::-1]
        for block in gone:
            self._active.pop()
            self.names.disconnect(self._applied.pop(block.hash))
        if gone:
            self._gone = gone[::-1]
        return gone

    def reconnect(self) -> list[Block]:
        """Put the blocks of the last `disconnect` in place again, off with those since.

        Raises:
            ValueError: there are none, or they fit nowhere any more.
        """
        back = self._gone
        parent = self.known(back[0].previous) if back else None
        if parent is None or not self.active(parent):
            raise ValueError("no blocks to reconsider")
        self.disconnect(self.height - parent.height)
        for block in back:
            self._connect(block)
        return back

    def _top(self, depth: int) -> list[Block]:
        return self._active[len(self._active) - depth :]

    def _block(
        self, root: bytes, make: Callable[[], Sequence[Transaction]], *, fixed: bool = False
    ) -> Block:
        height = len(self._active)
        previous = self._active[-1].hash if height else NO_HASH
        self._made += 1
        return Block(height, self._time(height), previous, root, self._made, make, fixed)

    def _connect(self, block: Block) -> None:
        self._known[block.hash] = block
        self._active.append(block)
        content = block.make()
        self._applied[block.hash] = self.names.connect(block.height, content)
        self._transactions |= {transaction.txid: (transaction, block) for transaction in content}

    def _coinbase(self) -> Transaction:
        height = len(self._active)
        mark = script_number(height) + b"/%d.%d/" % (self._seed, self._made)
        return Transaction(self._time(height), (), (Output(_REWARD, _MINER),), coinbase=mark)

    @staticmethod
    def _time(height: int) -> int:
        return FIRST_TIME + BLOCK_SECONDS * height


class _Bulk:
    """Transactions of one block of a layer."""

    def __init__(self, coinbase: Transaction, layer: BulkLayer, number: int) -> None:
        self._coinbase = coinbase
        self._layer = layer
        self._number = number

    def __call__(self) -> Sequence[Transaction]:
        return (self._coinbase, *self._layer.transactions(self._number))
