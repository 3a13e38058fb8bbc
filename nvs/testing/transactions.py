"""Transactions: ordinary ones, coinbases, and those with name operations in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from nvs.testing.chain_addresses import KeyHash, Network, write_address
from nvs.testing.name_script import NameOp, Script, name_script, pay_to
from nvs.testing.node_json import Number
from nvs.testing.unlocking import NO_KEY, Unlocking

NAME_VERSION = 0x666
"""`version` of every transaction with name operations."""

_SEQUENCE = 0xFFFFFFFF


class Input(NamedTuple):
    """An output of an earlier transaction, and what spends it."""

    txid: str
    vout: int
    unlocking: Unlocking = NO_KEY


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
    """Inputs and outputs.

    Attributes:
        coinbase: what makes a block's first transaction unique; None for others.
        time: seconds since 1970.
    """

    time: int
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    coinbase: bytes | None = None

    @property
    def version(self) -> int:
        """0x666 with a name operation, else 2."""
        return NAME_VERSION if any(output.op for output in self.outputs) else 2

    @property
    def signers_known(self) -> bool:
        """Whether every input shows the key that it should."""
        return all(item.unlocking.known for item in self.inputs)

    @cached_property
    def octets(self) -> bytes:
        """Serialised as the network does: version, time, inputs, outputs, witness, lock time."""
        head, body = self.stripped[:8], self.stripped[8:-4]
        if not any(item.unlocking.witness for item in self.inputs):
            return self.stripped
        parts = [head, b"\x00\x01", body]  # marker and flag of BIP144
        for item in self.inputs:
            parts.append(compact(len(item.unlocking.witness)))
            parts += [compact(len(octets)) + octets for octets in item.unlocking.witness]
        return b"".join(parts) + bytes(4)

    @cached_property
    def stripped(self) -> bytes:
        """The same without witnesses, which is what `txid` is the hash of."""
        parts = [self.version.to_bytes(4, "little"), self.time.to_bytes(4, "little")]
        if self.coinbase is None:
            parts.append(compact(len(self.inputs)))
            for item in self.inputs:
                script = item.unlocking.script()
                parts += [bytes.fromhex(item.txid)[::-1], item.vout.to_bytes(4, "little")]
                parts += [compact(len(script)), script, b"\xff" * 4]
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
        return double_sha256(self.stripped)[::-1].hex()

    @property
    def weight(self) -> int:
        """Four for each octet, one for those of witnesses (BIP141)."""
        return 3 * len(self.stripped) + len(self.octets)

    def to_json(self, network: Network, *, names: bool = False) -> dict[str, Any]:
        """As a member of `tx` in `getblock(hash, 2)`, `names` as `getrawtransaction(txid, 2)`."""
        return {
            "txid": self.txid,
            "hash": double_sha256(self.octets)[::-1].hex(),
            "version": self.version,
            "size": len(self.octets),
            "vsize": -(-self.weight // 4),
            "weight": self.weight,
            "locktime": 0,
            "time": self.time,
            "vin": self._inputs_json(),
            "vout": [
                _output_json(i, output, network, names=names)
                for i, output in enumerate(self.outputs)
            ],
            "hex": self.octets.hex(),
        }

    def _inputs_json(self) -> list[dict[str, Any]]:
        if self.coinbase is not None:
            return [{"coinbase": self.coinbase.hex(), "sequence": _SEQUENCE}]
        return [_input_json(item) for item in self.inputs]


def _input_json(item: Input) -> dict[str, Any]:
    opened = item.unlocking
    shown: dict[str, Any] = {"txid": item.txid, "vout": item.vout}
    shown["scriptSig"] = {"asm": opened.asm(), "hex": opened.script().hex()}
    if opened.witness:
        shown["txinwitness"] = [octets.hex() for octets in opened.witness]
    return shown | {"sequence": _SEQUENCE}


def _output_json(index: int, output: Output, network: Network, *, names: bool) -> dict[str, Any]:
    script, op = output.script(), output.op
    shown = {
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
    return shown | {"nvsname": op.name, "nvsvalue": op.value} if names and op else shown


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
