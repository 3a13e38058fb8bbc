"""Blocks, and how `getblock` and `getblockheader` print them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nvs.testing.chain_addresses import Network
from nvs.testing.node_json import Number
from nvs.testing.transactions import Transaction, coins, compact, double_sha256

BLOCK_SECONDS = 600
"""Between two blocks."""

NO_HASH = "0" * 64
_VERSION = 43646985
_BITS = "207f1377"
_DIFFICULTY = Number("4.690399373389374e-10")
_MINT = 5_013_948_600


@dataclass(frozen=True)
class Block:
    """One block, active or not.

    Attributes:
        root: stands in the header as the Merkle root (a digest of all txids, no tree).
        nonce: differs between blocks, so that competing ones have other hashes.
        make: the transactions; called each time, so that bulk blocks need no memory.
        fixed: cannot be disconnected.
    """

    height: int
    time: int
    previous: str
    root: bytes
    nonce: int
    make: Callable[[], Sequence[Transaction]]
    fixed: bool = False

    @cached_property
    def header(self) -> bytes:
        """80 octets."""
        return (
            _VERSION.to_bytes(4, "little")
            + bytes.fromhex(self.previous)[::-1]
            + self.root
            + self.time.to_bytes(4, "little")
            + bytes.fromhex(_BITS)[::-1]
            + self.nonce.to_bytes(4, "little")
        )

    @cached_property
    def hash(self) -> str:
        """64 hex digits."""
        return double_sha256(self.header)[::-1].hex()

    def octets(self) -> bytes:
        """The whole block, as `getblock(hash, 0)` has it in hex."""
        transactions = self.make()
        body = b"".join(transaction.octets for transaction in transactions)
        return self.header + compact(len(transactions)) + body + b"\x00"  # no block signature

    def header_json(self, confirmations: int, next_hash: str | None) -> dict[str, Any]:
        """Result of `getblockheader(hash)`; `confirmations` is -1 off the active chain."""
        shown = {
            "hash": self.hash,
            "confirmations": confirmations,
            "height": self.height,
            "version": _VERSION,
            "versionHex": f"{_VERSION:08x}",
            "merkleroot": self.root[::-1].hex(),
            "time": self.time,
            "mediantime": self.median_time,
            "nonce": self.nonce,
            "bits": _BITS,
            "difficulty": _DIFFICULTY,
            "chainwork": f"{self.height + 1:064x}",
            "nTx": len(self.make()),
        }
        return shown | self._neighbours(next_hash)

    def to_json(
        self, confirmations: int, next_hash: str | None, network: Network, *, full: bool
    ) -> dict[str, Any]:
        """Result of `getblock(hash, 1)`, or of `getblock(hash, 2)` when `full`."""
        transactions = self.make()
        size = len(self.octets())
        stripped = size - sum(len(t.octets) - len(t.stripped) for t in transactions)
        shown = {
            "hash": self.hash,
            "confirmations": confirmations,
            "strippedsize": stripped,
            "size": size,
            "weight": 3 * stripped + size,
            "height": self.height,
            "version": _VERSION,
            "versionHex": f"{_VERSION:08x}",
            "merkleroot": self.root[::-1].hex(),
            "tx": [t.to_json(network) if full else t.txid for t in transactions],
            "time": self.time,
            "mediantime": self.median_time,
            "nonce": self.nonce,
            "bits": _BITS,
            "difficulty": _DIFFICULTY,
            "mint": coins(_MINT),
            "chainwork": f"{self.height + 1:064x}",
            "nTx": len(transactions),
        }
        signs = {
            "flags": "proof-of-work",
            "proofhash": self.hash,
            "entropybit": int(self.hash[-1], 16) & 1,
            "modifier": self.hash[:16],
            "modifierchecksum": self.hash[16:24],
        }
        return shown | self._neighbours(next_hash) | signs

    @property
    def median_time(self) -> int:
        """Of the last eleven blocks, which is five blocks back."""
        return self.time - min(5, self.height // 2) * BLOCK_SECONDS

    def _neighbours(self, next_hash: str | None) -> dict[str, str]:
        shown = {} if self.previous == NO_HASH else {"previousblockhash": self.previous}
        return shown if next_hash is None else shown | {"nextblockhash": next_hash}
