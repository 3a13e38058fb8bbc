"""The fake node's keys: addresses, and messages signed as Emercoin does."""

from __future__ import annotations

import base64
import binascii
import hashlib

from coincurve import PrivateKey, PublicKey

from nvs.testing.chain_addresses import KeyHash, Network, hash160, read_address, write_address
from nvs.testing.transactions import compact, double_sha256
from nvs.testing.unlocking import Unlocking, unlock, witness_program

MAGIC = b"EmerCoin Signed Message:\n"
_COMPRESSED = 27 + 4


class FakeWallet:
    """Keys made from a seed and a number, so that every run has the same addresses.

    Besides its own it knows keys of other people, which it never says to be its own:
    they sign transactions, so that a test can let strangers do something.

    Attributes:
        pays_from: whose coins pay for the node's own operations; None: the new owner's.
    """

    def __init__(self, network: Network, seed: int = 0) -> None:
        self._network = network
        self._seed = seed
        self.pays_from: KeyHash | None = None
        self._keys: dict[bytes, PrivateKey] = {}
        self._others: dict[bytes, PrivateKey] = {}
        self._scripts: dict[bytes, bytes] = {}

    def new_owner(
        self, *, legacy: bool = False, script: bool = False, other: bool = False
    ) -> KeyHash:
        """A new key's hash: P2WPKH, P2PKH (`legacy`) or P2SH (`script`); `other`: a stranger's."""
        keys, whose = (self._others, b"stranger's ") if other else (self._keys, b"")
        key = PrivateKey(
            hashlib.sha256(b"%bkey %d of %d" % (whose, len(keys), self._seed)).digest()
        )
        public = key.public_key.format()
        digest = hash160(public)
        keys[digest] = key
        if not script:
            return KeyHash(digest, legacy)
        wrapped = hash160(witness_program(public))
        self._scripts[wrapped] = digest
        return KeyHash(wrapped, legacy=True, script=True)

    def new_address(
        self, *, legacy: bool = False, script: bool = False, other: bool = False
    ) -> str:
        """Address of a new key, see `new_owner`."""
        owner = self.new_owner(legacy=legacy, script=script, other=other)
        return write_address(self._network, owner)

    def owns(self, owner: KeyHash) -> bool:
        """Whether the key is ours."""
        return self._scripts.get(owner.digest, owner.digest) in self._keys

    def unlock(self, owner: KeyHash) -> Unlocking | None:
        """What spends an output of this owner, None where nobody told us the key."""
        digest = self._scripts.get(owner.digest, owner.digest)
        key = self._keys.get(digest) or self._others.get(digest)
        return None if key is None else unlock(owner, key.public_key.format())

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
