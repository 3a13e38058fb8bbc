"""Transactions that wait for a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nvs.testing.block_tree import BlockTree
from nvs.testing.blocks import Block
from nvs.testing.bulk_names import NAME_PRICE
from nvs.testing.chain_addresses import KeyHash
from nvs.testing.name_script import NameOp, Operation
from nvs.testing.transactions import Outpoint, Output, Transaction

_CHANGE = 5_015_049_300


class Mempool:
    """In the order of arrival; nothing is checked."""

    def __init__(self, tree: BlockTree) -> None:
        self._tree = tree
        self._waiting: dict[str, Transaction] = {}
        self._spent = 0

    def __iter__(self) -> Iterator[Transaction]:
        return iter(tuple(self._waiting.values()))

    def pending(self, name: bytes) -> list[Transaction]:
        """Transactions with an operation on a name."""
        return [t for t in self if any(o.op and o.op.name == name for o in t.outputs)]

    def send(self, operations: Sequence[NameOp]) -> str:
        """One transaction with these operations; its txid.

        It spends the names' last outputs (unless forged) and a coin. The change
        comes first in every second transaction, so names are not always output 0.
        """
        inputs = [spent for op in operations if (spent := self._previous(op))]
        outputs = [Output(NAME_PRICE, op.owner, op) for op in operations]
        return self._add(inputs, outputs, operations[0].owner)

    def pay(self, owner: KeyHash) -> str:
        """An ordinary transaction; its txid."""
        return self._add([], [Output(1_000_000, owner)], owner)

    def take_all(self) -> list[Transaction]:
        """What waits; then nothing does."""
        taken = list(self)
        self._waiting.clear()
        return taken

    def take_back(self, blocks: Iterable[Block]) -> None:
        """The transactions of disconnected blocks (tip first), ahead of what waits."""
        back = [t for block in reversed(list(blocks)) for t in block.make() if not t.coinbase]
        self._waiting = {t.txid: t for t in (*back, *self)}

    def forget(self, block: Block) -> None:
        """The transactions of a block that was connected."""
        for transaction in block.make():
            self._waiting.pop(transaction.txid, None)

    def _add(self, inputs: list[Outpoint], outputs: list[Output], change: KeyHash) -> str:
        self._spent += 1
        coin = Outpoint(f"{self._spent:064x}", 0)
        rest = Output(_CHANGE, change)
        both = [rest, *outputs] if self._spent % 2 == 0 else [*outputs, rest]
        time = self._tree.tip.time
        transaction = Transaction(time, (*inputs, coin), tuple(both))
        self._waiting[transaction.txid] = transaction
        return transaction.txid

    def _previous(self, op: NameOp) -> Outpoint | None:
        if op.kind is Operation.NEW or op.forged:
            return None
        pending = self.pending(op.name)
        if pending:
            outputs = pending[-1].outputs
            vout = next(i for i, o in enumerate(outputs) if o.op and o.op.name == op.name)
            return Outpoint(pending[-1].txid, vout)
        last = self._tree.names.last(op.name)
        return Outpoint(last.txid, last.vout) if last else None
