"""The named databases of a mirror, and the packed records in them.

| database | key | value |
|---|---|---|
| `meta` | `head` | `Head`: what a reader needs first |
| `meta` | `info` | `Info` as JSON: what is kept, listed and counted |
| `meta` | `signers` | addresses, as JSON: whose names' transactions are looked at |
| `names` | name key (`keys.py`) | `Stored`, the only copy of a value |
| `numbers` | digits | empty; numbers with a live entry that counts, for `has_longer` |
| `expiry` | height (4 octets, big end first) + name key | empty |
| `owners` | 8 octets of the address's BLAKE2b | name keys, sorted duplicates |
| `sms` | digits that take the SMS | name keys, sorted duplicates |
| `blocks` | height (4 octets) | hash (32 octets), then the touched names' keys |
| `todo` | name key | `Origin`: to be read from the node |
| `shards` | `Shard.key` | empty: to be listed by the node |
| `retry` | name key | empty; names that the node could not tell about, or their signers |
| `ledger` | name key | `Past`, only for names that went away or lapsed |
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Self

from nvs.consent import Consent

DATABASES = (
    *("meta", "names", "numbers", "expiry", "owners", "sms"),
    *("blocks", "todo", "shards", "retry", "ledger"),
)
DUPLICATES = frozenset({"owners", "sms"})

LAYOUT = 2
"""Grows with every change that an older program could not read.

2: the mark of `Stored` holds the signer, too. What layout 1 wrote reads as "nobody looked".
"""

UPGRADED = frozenset({1})
"""Layouts whose content needs no change to be of this one."""

HEAD = b"head"
INFO = b"info"
SIGNERS = b"signers"

_HEAD = struct.Struct(">II?32s")
_STORED = struct.Struct(">IIBB")
_HEIGHT = struct.Struct(">I")
_MAX_U32 = 2**32 - 1
_UNREADABLE = 1
_CONSENTS = tuple(Consent)  # faster than to call the class, and look-ups spend their time here
_CONSENT_SHIFT = 1


@dataclass(frozen=True, slots=True)
class Head:
    """Where the mirror stands.

    Attributes:
        generation: one more with each commit that readers can notice.
        height, hash: the block that the names are in step with.
        complete: every name has been read at least once; before, nothing is known.
    """

    generation: int
    height: int
    hash: str
    complete: bool

    def pack(self) -> bytes:
        """41 octets."""
        block = bytes.fromhex(self.hash)
        return _HEAD.pack(self.generation, self.height, self.complete, block)

    @staticmethod
    def height_in(octets: bytes | None) -> int | None:
        """The height alone, None while not complete; for look-ups, which need no more."""
        if octets is None:
            return None
        _, height, complete, _ = _HEAD.unpack(octets)
        return int(height) if complete else None

    @classmethod
    def unpack(cls, octets: bytes) -> Self:
        """Inverse of `pack`."""
        generation, height, complete, block = _HEAD.unpack(octets)
        return cls(generation, height, block.hex(), complete)


@dataclass(slots=True)
class Info:
    """What is asked for less often.

    Attributes:
        genesis: hash of block 0, so that another chain's node is noticed.
        kinds: `Kinds.words` that have been listed and read completely.
        wanted: `Kinds.words` that are or will be.
        skipped: names below `enum:` that are nobody's (at least; counting stops at a limit).
        total: names to read in the sync that is under way.
    """

    genesis: str
    kinds: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    skipped: int = 0
    total: int = 0
    layout: int = LAYOUT

    def pack(self) -> bytes:
        """JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, octets: bytes) -> Self:
        """Inverse of `pack`."""
        return cls(**json.loads(octets))


@dataclass(frozen=True, slots=True)
class Stored:
    """One name as the node showed it, expired ones included, deleted ones not.

    Attributes:
        expires_at: last height at which it lives.
        registered_at: height of its last name_new, None while unknown.
        readable: False where the node could not tell what the name holds.
        consent: whether the owner signed what it holds; asked for listed owners only.
    """

    value: bytes
    address: str | None
    expires_at: int
    registered_at: int | None = None
    readable: bool = True
    consent: Consent = Consent.NOT_ASKED

    def live(self, height: int) -> bool:
        """Whether consensus counts the name at a height (Emercoin 0.8.6, NameActive)."""
        return height <= self.expires_at

    def pack(self) -> bytes:
        """Ten octets, address, value."""
        address = (self.address or "").encode()[:255]
        mark = self.consent << _CONSENT_SHIFT | (0 if self.readable else _UNREADABLE)
        head = _STORED.pack(self.expires_at, self.registered_at or 0, mark, len(address))
        return head + address + self.value

    @classmethod
    def unpack(cls, octets: bytes) -> Self:
        """Inverse of `pack`."""
        expires_at, registered_at, mark, size = _STORED.unpack_from(octets)
        end = _STORED.size + size
        address = octets[_STORED.size : end].decode("utf-8", "replace") or None
        return cls(
            octets[end:],
            address,
            expires_at,
            registered_at or None,
            not mark & _UNREADABLE,
            _CONSENTS[mark >> _CONSENT_SHIFT],
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known about the registration of a name that is still to be read.

    `height` None: the node has to be asked; with a `txid`: right if that is
    still the name's transaction; without: right in any case.
    """

    height: int | None = None
    txid: str = ""

    def pack(self) -> bytes:
        """4 or 36 octets."""
        return height_key(self.height or 0) + bytes.fromhex(self.txid)

    @classmethod
    def unpack(cls, octets: bytes) -> Self:
        """Inverse of `pack`."""
        return cls(_HEIGHT.unpack_from(octets)[0] or None, octets[_HEIGHT.size :].hex())


@dataclass(frozen=True, slots=True)
class Past:
    """What a name was before: kept from the moment it goes away or changes hands by lapsing.

    A signature that its first owner obtained covers only the name, so it must
    not count for another owner who registered the name anew.

    Attributes:
        first_address, first_registered_at: the owner and the registration (height)
            that the mirror saw first.
        last_address: the owner before the name went away last.
        lapses: how often it was registered anew by another owner than before.
        lapsed_at: height of the last such registration, None if unknown or none.
    """

    first_address: str | None
    first_registered_at: int | None
    last_address: str | None
    lapses: int = 0
    lapsed_at: int | None = None

    def pack(self) -> bytes:
        """JSON; there are few."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, octets: bytes) -> Self:
        """Inverse of `pack`."""
        return cls(**json.loads(octets))


def height_key(height: int) -> bytes:
    """A height as LMDB sorts it; beyond 32 bits it is the greatest one."""
    return _HEIGHT.pack(min(max(height, 0), _MAX_U32))


def height_of(key: bytes) -> int:
    """Inverse of `height_key`, of a key that starts with it."""
    return int(_HEIGHT.unpack_from(key)[0])


def owner_key(address: str) -> bytes:
    """8 octets, as there are as many as names; the reader compares the address itself as well."""
    return hashlib.blake2b(address.encode(), digest_size=8).digest()


def pack_block(block: str, touched: Iterable[bytes]) -> bytes:
    """A block's hash, and the keys of the names touched in it, each behind its length."""
    parts = [bytes.fromhex(block)]
    for key in touched:
        parts += [len(key).to_bytes(2, "big"), key]
    return b"".join(parts)


def unpack_block(octets: bytes) -> tuple[str, list[bytes]]:
    """Inverse of `pack_block`."""
    touched, at = [], 32
    while at < len(octets):
        end = at + 2 + int.from_bytes(octets[at : at + 2], "big")
        touched.append(octets[at + 2 : end])
        at = end
    return octets[:32].hex(), touched
