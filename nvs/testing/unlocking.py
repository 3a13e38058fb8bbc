"""What an input shows to spend an output: signature and public key, in the place they belong.

The public keys are those of the addresses. The signatures only have the form of
one, with the last octet of SIGHASH_ALL: whoever reads a chain leaves checking
them to the node.
"""

from __future__ import annotations

from typing import NamedTuple

from nvs.testing.chain_addresses import KeyHash, hash160
from nvs.testing.name_script import pay_to, push

_SIGNATURE = (
    bytes.fromhex("30440220") + b"\x11" * 32 + bytes.fromhex("0220") + b"\x22" * 32 + b"\x01"
)
_SIGNATURE_SHOWN = _SIGNATURE[:-1].hex() + "[ALL]"


class Unlocking(NamedTuple):
    """
    Attributes:
        pushes: what the input's script pushes.
        known: False where the fake has no public key to show.
    """

    pushes: tuple[bytes, ...]
    witness: tuple[bytes, ...] = ()
    known: bool = True

    def script(self) -> bytes:
        """The serialised script."""
        return b"".join(push(item) for item in self.pushes)

    def asm(self) -> str:
        """As the node prints it."""
        return " ".join(
            _SIGNATURE_SHOWN if item == _SIGNATURE else item.hex() for item in self.pushes
        )


NO_KEY = Unlocking((_SIGNATURE,), known=False)
"""As of a coin paid to a bare public key, which the input does not show."""


def unlock(owner: KeyHash, public_key: bytes) -> Unlocking:
    """Spend an output of P2PKH, P2WPKH, or P2SH of P2WPKH."""
    signed = (_SIGNATURE, public_key)
    if owner.script:
        return Unlocking((witness_program(public_key),), signed)
    return Unlocking(signed) if owner.legacy else Unlocking((), signed)


def witness_program(public_key: bytes) -> bytes:
    """The P2WPKH script of a key, whose hash a P2SH address has."""
    return pay_to(KeyHash(hash160(public_key), legacy=False)).octets()
