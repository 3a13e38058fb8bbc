"""Emercoin message signatures: what the RPCs `signmessage` and `verifymessage` do.

A signature covers one text and recovers to one public key. Here the text is an
NVS name: nothing says anything about the name's value or its owner, so a
signature can be replayed by whoever registers the name next (see `nvs.ledger`).

Source: Emercoin 0.8.6, emcdns.cpp (CheckEnumSig), pubkey.cpp (RecoverCompact).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from coincurve import PublicKey

MESSAGE_MAGIC = b"EmerCoin Signed Message:\n"

SIGNATURE_OCTETS = 65
"""One of header, 32 of r, 32 of s."""

_BASE64_CHARACTERS = 88
_HEADERS = range(27, 43)
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1's group (SEC 2, section 2.4.1)."""


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """A compact recoverable signature, well-formed but not verified.

    Attributes:
        header: 27 to 42. The node takes the recovery id from the two low bits of
            `header - 27` and "the key is compressed" from the third, so 39 to 42
            (P2WPKH in BIP137) equal 31 to 34.
        r, s: 32 octets each.
    """

    header: int
    r: bytes
    s: bytes

    @classmethod
    def parse(cls, text: str) -> MessageSignature | None:
        """Strict base64 of 65 octets with a known header, else None. Never raises."""
        if len(text) != _BASE64_CHARACTERS or not text.isascii():
            return None
        try:
            octets = base64.b64decode(text, validate=True)
        except binascii.Error:
            return None
        if len(octets) != SIGNATURE_OCTETS or octets[0] not in _HEADERS:
            return None
        return cls(octets[0], octets[1:33], octets[33:])

    @property
    def digest(self) -> bytes:
        """32 octets that stay the same when somebody without the key rewrites the signature.

        Header and the sign of s can be changed by anyone (BIP62, rule 5); what
        remains is hashed, so that a rewritten signature is not a new one.
        """
        s = int.from_bytes(self.s, "big")
        low = min(s, _ORDER - s) if s < _ORDER else s
        return hashlib.sha256(self.r + low.to_bytes(32, "big")).digest()

    def key_hash(self, text: str) -> bytes | None:
        """Hash of the public key that signed `text`, None if there is no such key."""
        return _recovered(self, text)


def message_hash(text: str) -> bytes:
    """Double SHA-256 of the magic and the text, each behind its length."""
    octets = text.encode("utf-8", "surrogatepass")
    packed = _length(MESSAGE_MAGIC) + MESSAGE_MAGIC + _length(octets) + octets
    return hashlib.sha256(hashlib.sha256(packed).digest()).digest()


def can_verify() -> bool:
    """Whether this Python's OpenSSL has RIPEMD-160, without which no address can be compared."""
    try:
        _ripemd160(b"")
    except ValueError:
        return False
    return True


@lru_cache(maxsize=16384)
def _recovered(signature: MessageSignature, text: str) -> bytes | None:
    """Kept, because the same few signatures are looked at with every query."""
    kind = signature.header - 27
    compact = signature.r + signature.s + bytes([kind & 3])
    try:
        key = PublicKey.from_signature_and_message(compact, message_hash(text), hasher=None)
    except ValueError:  # r or s out of range, or no point with this x
        return None
    public = key.format(compressed=bool(kind & 4))
    return hash160(public)


def hash160(octets: bytes) -> bytes:
    """RIPEMD-160 of SHA-256, 20 octets: how an address names a public key or a script.

    Raises:
        ValueError: see `can_verify`.
    """
    return _ripemd160(hashlib.sha256(octets).digest())


def _ripemd160(octets: bytes) -> bytes:
    return hashlib.new("ripemd160", octets).digest()


def _length(octets: bytes) -> bytes:
    """Bitcoin's compact size, as far as texts of an NVS value can need it."""
    if len(octets) < 253:
        return bytes([len(octets)])
    if len(octets) < 0x10000:
        return b"\xfd" + len(octets).to_bytes(2, "little")
    return b"\xfe" + len(octets).to_bytes(4, "little")
