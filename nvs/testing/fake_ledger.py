"""The names a fake node knows, and its height.

`FakeChain`, with blocks and reorganisations, can stand in its stead: the RPC side
asks both for no more than `rpc_method.Ledger`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nvs.testing.rpc_method import Method

BLOCKS_A_DAY = 175
"""Emercoin counts rental days as 175 blocks."""

FIRST_TIME = 1795224646
"""Time of every fake transaction unless told otherwise, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class FakeName:
    """One name as `name_show` prints it; `orphaned` answers "no result returned".

    `height` (of its last operation) and `registered_at` (of its last name_new) are
    known to a chain only, 0 otherwise; `name_show` prints neither.
    """

    name: bytes
    value: bytes
    txid: str
    address: str
    vout: int
    expires_at: int
    time: int
    deleted: bool = False
    orphaned: bool = False
    height: int = 0
    registered_at: int = 0


class FakeLedger:
    """Names by their octets. Changes count at once, without a block.

    Attributes:
        downloading: True answers code -10 to `name_show`, as before the chain is complete.
        lock: held while a call is answered.
    """

    def __init__(self, height: int = 100) -> None:
        self.height = height
        self.downloading = False
        self.lock = threading.RLock()
        self._names: dict[bytes, FakeName] = {}
        self._changes = 0

    def best_hash(self) -> str:
        """64 hex digits that differ for each height."""
        return hashlib.sha256(b"block %d" % self.height).hexdigest()

    def find(self, name: bytes) -> FakeName | None:
        """The name, however expired or deleted, or None."""
        return self._names.get(name)

    def methods(self) -> Mapping[str, Method]:
        """No RPCs but the three of every ledger."""
        return {}

    def calling(self, method: str) -> None:
        """Told before each call is answered."""

    def mine(self, blocks: int = 1) -> None:
        """Let the chain grow, which brings names nearer to their expiry."""
        self.height += blocks

    def add(
        self,
        name: str | bytes,
        value: str | bytes,
        *,
        address: str | None = None,
        days: int = 365,
        expires_in: int | None = None,
        expires_at: int | None = None,
        txid: str | None = None,
        vout: int = 0,
        time: int = FIRST_TIME,
    ) -> FakeName:
        """Register a name, or register it anew.

        Args:
            address: owner's address, by default one derived from the name.
            days: rental in days of 175 blocks, unless `expires_in` (blocks) or
                `expires_at` (height) is given.
        """
        key = as_octets(name)
        if expires_at is None:
            expires_at = self.height + (BLOCKS_A_DAY * days if expires_in is None else expires_in)
        made = FakeName(
            name=key,
            value=as_octets(value),
            txid=txid or self._next_txid(),
            address=address or "E" + hashlib.sha256(key).hexdigest()[:33],
            vout=vout,
            expires_at=expires_at,
            time=time,
        )
        self._names[key] = made
        return made

    def update(
        self, name: str | bytes, value: str | bytes, *, days: int = 0, address: str | None = None
    ) -> FakeName:
        """Change the value, add `days`, and move the name when an address is given.

        Raises:
            KeyError: no such name.
        """
        old = self._names[as_octets(name)]
        return self._keep(
            replace(
                old,
                value=as_octets(value),
                txid=self._next_txid(),
                address=address or old.address,
                expires_at=old.expires_at + BLOCKS_A_DAY * days,
            )
        )

    def expire(self, name: str | bytes) -> FakeName:
        """Put the expiry one block back: `expires_in` is -1, the old value still shows.

        Raises:
            KeyError: no such name.
        """
        return self._keep(replace(self._names[as_octets(name)], expires_at=self.height - 1))

    def delete(self, name: str | bytes) -> FakeName:
        """Delete as the owner would: an empty value, `expires_at` 0.

        Raises:
            KeyError: no such name.
        """
        old = self._names[as_octets(name)]
        return self._keep(
            replace(old, value=b"", txid=self._next_txid(), expires_at=0, deleted=True)
        )

    def orphan(self, name: str | bytes) -> FakeName:
        """Take back a registration as a reorganisation does, leaving an empty index record.

        Raises:
            KeyError: no such name.
        """
        return self._keep(replace(self._names[as_octets(name)], orphaned=True))

    def forget(self, name: str | bytes) -> None:
        """Leave no trace of a name.

        Raises:
            KeyError: no such name.
        """
        del self._names[as_octets(name)]

    def _keep(self, made: FakeName) -> FakeName:
        self._names[made.name] = made
        return made

    def _next_txid(self) -> str:
        self._changes += 1
        return hashlib.sha256(b"transaction %d" % self._changes).hexdigest()


def as_octets(text: str | bytes) -> bytes:
    """Text in UTF-8, octets as they are."""
    return text.encode() if isinstance(text, str) else text
