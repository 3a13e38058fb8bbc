"""First sights of signatures, against replay after a lapse.

A signature covers only the NVS name. When a name lapses, anybody can register
it and put the old signature, which is public, beside a value of their own. The
name's registration height tells: it changes then, and only then.

Signing is deterministic, so a verifier that vouches for the new owner with the
same key makes the same signature. It has to use another verifier name or key.
"""

from __future__ import annotations

from typing import Protocol

from cachetools import LRUCache

FirstSight = tuple[str | None, int | None]
"""Owner address and height of registration."""


class SignatureLedger(Protocol):
    """Remembers under which registration a valid signature was seen first."""

    def first_seen(
        self, name: str, signature_hash: bytes, address: str | None, registered_at: int | None
    ) -> FirstSight | None:
        """The earlier owner and registration, or None: this is the first sight, and is kept.

        Only signatures that verify are shown to it. It must not raise, and must
        forget what it saw on blocks that a reorganisation takes back: the same
        registration then comes back at another height.

        Args:
            signature_hash: 32 octets, see `MessageSignature.digest`.
        """
        ...


class MemorySignatureLedger:
    """First sights of this process; the least recently asked ones go first."""

    def __init__(self, max_entries: int = 100_000) -> None:
        self._seen: LRUCache[tuple[str, bytes], FirstSight] = LRUCache(max_entries)

    def first_seen(
        self, name: str, signature_hash: bytes, address: str | None, registered_at: int | None
    ) -> FirstSight | None:
        """See `SignatureLedger`."""
        earlier = self._seen.get((name, signature_hash))
        if earlier is None:
            self._seen[name, signature_hash] = (address, registered_at)
        return earlier

    def rewind(self, height: int) -> None:
        """Forget registrations above `height`, the last block both branches share."""
        for key, (_, registered_at) in tuple(self._seen.items()):
            if registered_at is not None and registered_at > height:
                del self._seen[key]
