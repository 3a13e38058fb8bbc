"""The RPC `getrawtransaction`, as a node with its transaction index answers it.

Not known are transactions that were loaded in bulk, and those signed by an
address whose key the fake does not have: what their inputs would show cannot be
made up. Texts of errors are those of Emercoin Core 0.8.6, rawtransaction.cpp.
"""

from __future__ import annotations

import re
from typing import Any

from nvs.testing.blocks import Block
from nvs.testing.chain_view import ChainView
from nvs.testing.rpc_method import CallError, Method, octets, whole
from nvs.testing.transactions import Transaction

_TXID = re.compile(rb"[0-9a-fA-F]{64}")
_NO_SUCH = "No such mempool or blockchain transaction. Use gettransaction for wallet transactions."


class TransactionCalls:
    """Answers from mempool and blocks."""

    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def methods(self) -> dict[str, Method]:
        """By name."""
        return {"getrawtransaction": Method(self._getrawtransaction, ("txid", "verbose"), 1)}

    def _getrawtransaction(self, params: list[Any]) -> Any:
        text = octets(params, 0)
        if not _TXID.fullmatch(text):
            raise CallError(-8, b"parameter 1 must be hexadecimal string (not '" + text + b"')")
        transaction, block = self._find(text.decode().lower())
        wanted = params[1] if len(params) > 1 else None
        verbosity = int(wanted) if isinstance(wanted, bool) else whole(params, 1)
        if verbosity <= 0:
            return transaction.octets.hex()
        shown = transaction.to_json(self._chain.network, names=verbosity == 2)
        return shown if block is None else shown | self._place(block)

    def _find(self, txid: str) -> tuple[Transaction, Block | None]:
        if (coin := self._chain.pool.coins.get(txid)) is not None:
            return coin, None
        transaction, block = self._chain.pool.find(txid), None
        if transaction is None:
            transaction, block = self._chain.tree.transaction(txid) or (None, None)
        if transaction is None or not transaction.signers_known:
            raise CallError(-5, _NO_SUCH)
        return transaction, block

    def _place(self, block: Block) -> dict[str, Any]:
        tree = self._chain.tree
        if not tree.active(block):
            return {"blockhash": block.hash, "confirmations": 0}
        confirmations = tree.height - block.height + 1
        return {
            "blockhash": block.hash,
            "confirmations": confirmations,
            "blocktime": block.time,
        }
