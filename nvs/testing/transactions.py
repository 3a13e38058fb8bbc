"""Transactions: ordinary ones, coinbases, and those with name operations in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from nvs.testing.chain_addresses import KeyHash, Network, write_address
from nvs.testing.name_script import NameOp, Script, name_script, pay_to
from nvs.testing.node_json import Number

NAME_VERSION = 0x666
"""`version` of every transaction with name operations."""

_SIGNATURE = b"\x47" + b"\x30" * 71  # the size of one; nobody checks it
_SEQUENCE = 0xFFFFFFFF


class Outpoint(NamedTuple):
    """An output of an earlier transaction."""

    txid: str
    vout: int


@dataclass(frozen=True, slots=True)
class Output:
    """`amount` is in millionths of a coin."""

    amount: int
    owner: KeyHash
    op: NameOp | None = None

    def script(self) -> Script:
        """The output script."""
        return pay_to(self.owner) if self.op is None else name_script(self.op)


@dataclass(frozen=True)
class Transaction:
    """Without witnesses, so that `hash` and `txid` are the same.

    Attributes:
        coinbase: what makes a block's first transaction unique; None for others.
        time: seconds since 1970.
    """

    time: int
    inputs: tuple[Outpoint, ...]
    outputs: tuple[Output, ...]
    coinbase: bytes | None = None

    @property
    def version(self) -> int:
        """0x666 with a name operation, else 2."""
        return NAME_VERSION if any(output.op for output in self.outputs) else 2

    @cached_property
    def octets(self) -> bytes:
        """Serialised as the network does: version, time, inputs, outputs, lock time."""
        parts = [self.version.to_bytes(4, "little"), self.time.to_bytes(4, "little")]
        if self.coinbase is None:
            parts.append(compact(len(self.inputs)))
            for txid, vout in self.inputs:
                parts += [bytes.fromhex(txid)[::-1], vout.to_bytes(4, "little")]
                parts += [compact(len(_SIGNATURE)), _SIGNATURE, b"\xff" * 4]
        else:
            parts += [b"\x01", bytes(32), b"\xff" * 4, compact(len(self.coinbase))]
            parts += [self.coinbase, b"\xff" * 4]
        parts.append(compact(len(self.outputs)))
        for output in self.outputs:
            script = output.script().octets()
            parts += [output.amount.to_bytes(8, "little"), compact(len(script)), script]
        return b"".join(parts) + bytes(4)

    @cached_property
    def txid(self) -> str:
        """64 hex digits."""
        return double_sha256(self.octets)[::-1].hex()

    def to_json(self, network: Network) -> dict[str, Any]:
        """As a member of `tx` in `getblock(hash, 2)`."""
        size = len(self.octets)
        return {
            "txid": self.txid,
            "hash": self.txid,
            "version": self.version,
            "size": size,
            "vsize": size,
            "weight": 4 * size,
            "locktime": 0,
            "time": self.time,
            "vin": self._inputs_json(),
            "vout": [_output_json(i, output, network) for i, output in enumerate(self.outputs)],
            "hex": self.octets.hex(),
        }

    def _inputs_json(self) -> list[dict[str, Any]]:
        if self.coinbase is not None:
            return [{"coinbase": self.coinbase.hex(), "sequence": _SEQUENCE}]
        signature = {"asm": _SIGNATURE[1:].hex(), "hex": _SIGNATURE.hex()}
        return [
            {"txid": txid, "vout": vout, "scriptSig": signature, "sequence": _SEQUENCE}
            for txid, vout in self.inputs
        ]


def _output_json(index: int, output: Output, network: Network) -> dict[str, Any]:
    script = output.script()
    return {
        "value": coins(output.amount),
        "n": index,
        "scriptPubKey": {
            "asm": script.asm(),
            "hex": script.octets().hex(),
            "type": script.type,
            "reqSigs": 1,
            "addresses": [write_address(network, output.owner)],
        },
    }


def coins(amount: int) -> Number:
    """`0.000100`, from millionths."""
    return Number(f"{amount // 1_000_000}.{amount % 1_000_000:06}")


def compact(number: int) -> bytes:
    """A length as the network writes it."""
    if number < 0xFD:
        return bytes([number])
    if number < 0x10000:
        return b"\xfd" + number.to_bytes(2, "little")
    return b"\xfe" + number.to_bytes(4, "little")


def double_sha256(octets: bytes) -> bytes:
    """SHA-256 twice."""
    return hashlib.sha256(hashlib.sha256(octets).digest()).digest()
