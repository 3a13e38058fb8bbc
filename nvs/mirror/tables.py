"""One transaction's view of the databases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import lmdb

from nvs.mirror.layout import HEAD, INFO, SIGNERS, Head, Info, height_key, unpack_block


class Tables:
    """Typed access to the named databases within one LMDB transaction."""

    __slots__ = ("_dbs", "txn")

    def __init__(self, txn: lmdb.Transaction, dbs: Mapping[str, Any]) -> None:
        self.txn = txn
        self._dbs = dbs

    def get(self, db: str, key: bytes) -> bytes | None:
        """A value, None where there is none."""
        value = self.txn.get(key, db=self._dbs[db])
        return cast("bytes | None", value)

    def put(self, db: str, key: bytes, value: bytes = b"") -> None:
        """Set a value, or add a duplicate where a database has such."""
        self.txn.put(key, value, db=self._dbs[db])

    def delete(self, db: str, key: bytes, value: bytes = b"") -> None:
        """Take a key away (one duplicate of it, if `value` is given); fine if it is not there."""
        self.txn.delete(key, value, db=self._dbs[db])

    def count(self, db: str) -> int:
        """How many keys, or duplicates."""
        return int(self.txn.stat(self._dbs[db])["entries"])

    def clear(self, db: str) -> None:
        """Take every key away."""
        self.txn.drop(self._dbs[db], delete=False)

    def cursor(self, db: str) -> Any:
        """An `lmdb.Cursor`; its keys and values are `bytes`, though the stubs say otherwise."""
        return self.txn.cursor(db=self._dbs[db])

    def keys(self, db: str, start: bytes = b"", limit: int | None = None) -> list[bytes]:
        """The first keys from `start` on."""
        found: list[bytes] = []
        with self.cursor(db) as cursor:
            more = cursor.set_range(start) if start else cursor.first()
            while more and (limit is None or len(found) < limit):
                found.append(cursor.key())
                more = cursor.next()
        return found

    def keys_below(self, db: str, start: bytes, end: bytes) -> list[bytes]:
        """The keys from `start` on, without `end` and what follows it."""
        return list(self._keys_below(db, start, end))

    def _keys_below(self, db: str, start: bytes, end: bytes) -> Iterator[bytes]:
        with self.cursor(db) as cursor:
            more = cursor.set_range(start)
            while more and (key := cursor.key()) < end:
                yield key
                more = cursor.next()

    def duplicates(self, db: str, key: bytes) -> list[bytes]:
        """All values of a key."""
        with self.cursor(db) as cursor:
            return list(cursor.iternext_dup()) if cursor.set_key(key) else []

    # What every step needs ------------------------------------------------------------

    def head(self) -> Head | None:
        """Where the mirror stands, None before its first sync has begun."""
        octets = self.get("meta", HEAD)
        return None if octets is None else Head.unpack(octets)

    def put_head(self, head: Head) -> None:
        """Set where the mirror stands."""
        self.put("meta", HEAD, head.pack())

    def info(self) -> Info | None:
        """What is kept, None before the first sync has begun."""
        octets = self.get("meta", INFO)
        return None if octets is None else Info.unpack(octets)

    def put_info(self, info: Info) -> None:
        """Set what is kept."""
        self.put("meta", INFO, info.pack())

    def signers(self) -> frozenset[str]:
        """Addresses whose names' transactions are looked at."""
        octets = self.get("meta", SIGNERS)
        return frozenset() if octets is None else frozenset(json.loads(octets))

    def put_signers(self, addresses: Iterable[str]) -> None:
        """Set whose."""
        self.put("meta", SIGNERS, json.dumps(sorted(addresses)).encode())

    def block(self, height: int) -> tuple[str, list[bytes]] | None:
        """Hash and touched keys of the block followed at a height, None where none is kept."""
        octets = self.get("blocks", height_key(height))
        return None if octets is None else unpack_block(octets)

    def forget_blocks(self, *, from_height: int = 0, below: int) -> None:
        """Drop the blocks from one height on, below another."""
        for key in self.keys_below("blocks", height_key(from_height), height_key(below)):
            self.delete("blocks", key)
