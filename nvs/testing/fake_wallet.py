"""The fake node's keys: addresses, and messages signed as Emercoin does."""

from __future__ import annotations

import base64
import binascii
import hashlib

from coincurve import PrivateKey, PublicKey

from nvs.testing.chain_addresses import KeyHash, Network, hash160, read_address, write_address
from nvs.testing.transactions import compact, double_sha256

MAGIC = b"EmerCoin Signed Message:\n"
_COMPRESSED = 27 + 4


class FakeWallet:
    """Keys made from a seed and a number, so that every run has the same addresses."""

    def __init__(self, network: Network, seed: int = 0) -> None:
        self._network = network
        self._seed = seed
        self._keys: dict[bytes, PrivateKey] = {}

    def new_owner(self, *, legacy: bool = False) -> KeyHash:
        """A new key."""
        secret = hashlib.sha256(b"key %d of %d" % (len(self._keys), self._seed)).digest()
        key = PrivateKey(secret)
        digest = hash160(key.public_key.format())
        self._keys[digest] = key
        return KeyHash(digest, legacy)

    def new_address(self, *, legacy: bool = False) -> str:
        """Address of a new key."""
        return write_address(self._network, self.new_owner(legacy=legacy))

    def owns(self, owner: KeyHash) -> bool:
        """Whether the key is ours."""
        return owner.digest in self._keys

    def sign(self, address: str, message: bytes) -> str:
        """65 octets in Base64: key recovery number, r, s.

        Raises:
            ValueError: not an address of this network.
            KeyError: not our key.
        """
        key = self._keys[read_address(self._network, address).digest]
        signature = key.sign_recoverable(message_hash(message), hasher=None)
        return base64.b64encode(bytes([_COMPRESSED + signature[64]]) + signature[:64]).decode()


def message_hash(message: bytes) -> bytes:
    """What is signed: 32 octets."""
    return double_sha256(compact(len(MAGIC)) + MAGIC + compact(len(message)) + message)


def verify(owner: KeyHash, signature: bytes, message: bytes) -> bool:
    """Whether the owner's key signed the message.

    Raises:
        ValueError: `signature` is no Base64.
    """
    try:
        packed = base64.b64decode(signature, validate=True)
    except binascii.Error:
        raise ValueError("malformed Base64") from None
    if len(packed) != 65 or not 27 <= packed[0] < 35:
        return False
    recovery, compressed = (packed[0] - 27) & 3, packed[0] >= _COMPRESSED
    try:
        key = PublicKey.from_signature_and_message(
            packed[1:] + bytes([recovery]), message_hash(message), hasher=None
        )
    except Exception:  # whatever the curve library calls it: no such point
        return False
    return hash160(key.format(compressed=compressed)) == owner.digest
