"""Output scripts: to whom a coin goes, and the name operation in front of that.

    OP_1 OP_DROP push(name) push(days) OP_2DROP push(value chunk).. OP_2DROP.. [OP_DROP] pay-to
    OP_3 OP_DROP push(name) OP_DROP pay-to                                (a deletion)

OP_1 is name_new, OP_2 name_update, OP_3 name_delete; days are a script number;
the value is cut into chunks of 520 octets. Emercoin Core 0.8.6, script.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from nvs.testing.chain_addresses import KeyHash

CHUNK = 520
"""Octets of a value in one push."""

_OPCODES = {"OP_DROP": 0x75, "OP_2DROP": 0x6D, "OP_DUP": 0x76, "OP_HASH160": 0xA9}
_OPCODES |= {"OP_EQUAL": 0x87, "OP_EQUALVERIFY": 0x88, "OP_CHECKSIG": 0xAC}
_OPCODES |= {"1": 0x51, "2": 0x52, "3": 0x53}


class Operation(IntEnum):
    """The three name operations, by their opcode's number."""

    NEW = 1
    UPDATE = 2
    DELETE = 3

    @property
    def word(self) -> str:
        """`name_new`, `name_update` or `name_delete`."""
        return f"name_{self.name.lower()}"


@dataclass(frozen=True, slots=True)
class NameOp:
    """One operation as it stands in a transaction, sound or not.

    Attributes:
        days: rental in days of 175 blocks; means nothing in a deletion.
        owner: whom the name belongs to afterwards.
        forged: not signed by the present owner, so without effect.
    """

    kind: Operation
    name: bytes
    value: bytes
    days: int
    owner: KeyHash
    forged: bool = False


class Script(NamedTuple):
    """Elements in order: `bytes` are pushed, `str` are opcodes' names."""

    elements: tuple[bytes | str, ...]
    type: str

    def octets(self) -> bytes:
        """The serialised script."""
        return b"".join(
            push(element) if isinstance(element, bytes) else bytes([_OPCODES[element]])
            for element in self.elements
        )

    def asm(self) -> str:
        """As the node prints it: pushes of up to 4 octets as decimal numbers, which misleads."""
        return " ".join(
            element if isinstance(element, str) else _asm(element) for element in self.elements
        )


def pay_to(owner: KeyHash) -> Script:
    """P2PKH, P2WPKH or P2SH."""
    if owner.script:
        return Script(("OP_HASH160", owner.digest, "OP_EQUAL"), "scripthash")
    if owner.legacy:
        words = ("OP_DUP", "OP_HASH160", owner.digest, "OP_EQUALVERIFY", "OP_CHECKSIG")
        return Script(words, "pubkeyhash")
    return Script((b"", owner.digest), "witness_v0_keyhash")


def name_script(op: NameOp) -> Script:
    """The whole output script of a name operation."""
    tail, kind = pay_to(op.owner)
    head: tuple[bytes | str, ...] = (str(int(op.kind)), "OP_DROP", op.name)
    if op.kind is Operation.DELETE:
        head = (*head, "OP_DROP")
    else:
        chunks = [op.value[i : i + CHUNK] for i in range(0, len(op.value), CHUNK)]
        drops = ["OP_2DROP"] * (len(chunks) // 2) + ["OP_DROP"] * (len(chunks) % 2)
        head = (*head, script_number(op.days), "OP_2DROP", *chunks, *drops)
    return Script(head + tail, f"name_{kind}")


def script_number(number: int) -> bytes:
    """Least octets, little end first, the top bit is the sign; 0 is empty."""
    if number == 0:
        return b""
    size = (abs(number).bit_length() + 8) // 8
    octets = bytearray(abs(number).to_bytes(size, "little"))
    if number < 0:
        octets[-1] |= 0x80
    return bytes(octets)


def push(data: bytes) -> bytes:
    """What puts these octets onto the stack."""
    size = len(data)
    if size < 0x4C:
        return bytes([size]) + data
    if size < 0x100:
        return bytes([0x4C, size]) + data
    return b"\x4d" + size.to_bytes(2, "little") + data


def _asm(data: bytes) -> str:
    if len(data) > 4:
        return data.hex()
    magnitude = int.from_bytes(data, "little")
    sign_bit = 1 << 8 * len(data) - 1 if data else 0
    return str(-(magnitude - sign_bit) if magnitude & sign_bit else magnitude)
