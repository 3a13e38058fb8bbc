"""Name operations in output scripts.

    OP_1|OP_2|OP_3 OP_DROP push(name) ...

OP_1 is name_new, OP_2 name_update, OP_3 name_delete (Emercoin 0.8.6,
script.cpp:398). Only the head is read: an operation in a block may be void, so
the name is asked from the node afterwards, and what else the script says does
not matter. Scripts are read as hex, never as `asm`, which prints pushes of up
to four octets as decimal numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

_OP_1, _OP_3 = 0x51, 0x53
_DROPS = frozenset({0x61, 0x6D, 0x75})  # OP_NOP, OP_2DROP, OP_DROP
_PUSHDATA = {0x4C: 1, 0x4D: 2, 0x4E: 4}

_HEADS = ("51", "52", "53")


class Operation(IntEnum):
    """What is done to a name, by its opcode's number."""

    NEW = 1
    UPDATE = 2
    DELETE = 3


@dataclass(frozen=True, slots=True)
class NameOp:
    """One operation as it stands in a block, valid or not.

    Attributes:
        name: any octets, empty possible.
        txid: transaction it stands in.
    """

    operation: Operation
    name: bytes
    txid: str


def read_script(script: bytes) -> tuple[Operation, bytes] | None:
    """The operation and the name of an output script, None for every other script."""
    if len(script) < 3 or not _OP_1 <= script[0] <= _OP_3 or script[1] not in _DROPS:
        return None
    size, start = script[2], 3
    if size in _PUSHDATA:
        start += _PUSHDATA[size]
        size = int.from_bytes(script[3:start], "little")
    elif size > 0x4E:
        return None
    if len(script) < start + size:
        return None
    return Operation(script[0] - _OP_1 + 1), script[start : start + size]


def operations(transactions: Any) -> Iterator[NameOp]:
    """Every operation in the `tx` of `getblock(hash, 2)`, in order.

    Whatever has another shape than expected is no operation; nothing is raised,
    so that one odd transaction cannot keep the others from being followed.
    """
    for transaction in _objects(transactions):
        txid = transaction.get("txid")
        for output in _objects(transaction.get("vout")):
            script = output.get("scriptPubKey")
            text = script.get("hex") if isinstance(script, dict) else None
            if not isinstance(text, str) or not text.startswith(_HEADS):
                continue
            try:
                found = read_script(bytes.fromhex(text))
            except ValueError:
                continue
            if found is not None:
                yield NameOp(*found, txid if isinstance(txid, str) else "")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
