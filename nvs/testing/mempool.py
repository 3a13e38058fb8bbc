"""Transactions that wait for a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nvs.testing.block_tree import BlockTree
from nvs.testing.blocks import Block
from nvs.testing.bulk_names import NAME_PRICE
from nvs.testing.chain_addresses import KeyHash
from nvs.testing.fake_ledger import FIRST_TIME
from nvs.testing.fake_wallet import FakeWallet
from nvs.testing.name_script import NameOp, Operation
from nvs.testing.transactions import Input, Output, Transaction
from nvs.testing.unlocking import NO_KEY

_COIN = 5_015_049_500
_CHANGE = 5_015_049_300


class Mempool:
    """In the order of arrival; nothing is checked.

    Attributes:
        coins: what paid the coins that are spent; these transactions stand in no block.
    """

    def __init__(self, tree: BlockTree, wallet: FakeWallet) -> None:
        self.coins: dict[str, Transaction] = {}
        self._tree = tree
        self._wallet = wallet
        self._waiting: dict[str, Transaction] = {}
        self._sent = 0

    def __iter__(self) -> Iterator[Transaction]:
        return iter(tuple(self._waiting.values()))

    def pending(self, name: bytes) -> list[Transaction]:
        """Transactions with an operation on a name."""
        return [t for t in self if any(o.op and o.op.name == name for o in t.outputs)]

    def find(self, txid: str) -> Transaction | None:
        """A transaction that waits."""
        return self._waiting.get(txid)

    def send(self, operations: Sequence[NameOp], payers: Sequence[KeyHash] = ()) -> str:
        """One transaction with these operations; its txid.

        It spends the names' last outputs (unless forged) and a coin of each payer, by
        default of the first name's new owner. The change comes first in every second
        transaction, so names are not always output 0.
        """
        inputs = [spent for op in operations if (spent := self._previous(op))]
        outputs = [Output(NAME_PRICE, op.owner, op) for op in operations]
        return self._add(inputs, outputs, payers or [operations[0].owner])

    def pay(self, owner: KeyHash) -> str:
        """An ordinary transaction; its txid."""
        return self._add([], [Output(1_000_000, owner)], [owner])

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

    def _add(self, inputs: list[Input], outputs: list[Output], payers: Sequence[KeyHash]) -> str:
        self._sent += 1
        coins = [self._coin(payer) for payer in payers]
        rest = Output(_CHANGE, payers[0])
        both = [rest, *outputs] if self._sent % 2 == 0 else [*outputs, rest]
        time = self._tree.tip.time
        transaction = Transaction(time, (*inputs, *coins), tuple(both))
        self._waiting[transaction.txid] = transaction
        return transaction.txid

    def _coin(self, payer: KeyHash) -> Input:
        source = Input(f"{len(self.coins) + 1:064x}", 0)
        paid = Transaction(FIRST_TIME, (source,), (Output(_COIN, payer),))
        self.coins[paid.txid] = paid
        return self._input(paid.txid, 0, payer)

    def _input(self, txid: str, vout: int, owner: KeyHash) -> Input:
        return Input(txid, vout, self._wallet.unlock(owner) or NO_KEY)

    def _previous(self, op: NameOp) -> Input | None:
        if op.kind is Operation.NEW or op.forged:
            return None
        pending = self.pending(op.name)
        if pending:
            outputs = pending[-1].outputs
            vout = next(i for i, o in enumerate(outputs) if o.op and o.op.name == op.name)
            return self._input(pending[-1].txid, vout, outputs[vout].owner)
        last = self._tree.names.last(op.name)
        return self._input(last.txid, last.vout, last.op.owner) if last else None
