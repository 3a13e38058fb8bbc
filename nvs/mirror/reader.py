"""Looking things up in a mirror: a `RecordSource`, in any number of processes.

Every call is a read transaction of its own, so it sees one commit as a whole and
never an older one than the call before. Nothing is cached but the settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from nvs.errors import NvsUnavailable, UnusableAnswer
from nvs.mirror.entries import stored
from nvs.mirror.keys import E164_MARK, NUMBER_END, digits_of, name_of
from nvs.mirror.kinds import NUMBERS, Kinds
from nvs.mirror.layout import HEAD, Head, Info, Past, Stored, owner_key
from nvs.mirror.store import Store
from nvs.mirror.tables import Tables
from nvs.number_record import Entry, Reading, SourceStatus, TrustLevel

GRACE = 60.0
"""Seconds without a successful check of the node after which answers count as stale."""


class MirrorReader:
    """Reads a mirror that a `Mirror` keeps, in this process or in another one.

    `MirrorReader(path)` opens it at the first use. LMDB must not be carried over
    a fork: open after it, in the child. In the writing process use
    `Mirror.reader()` instead, as one process must not open a mirror twice.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        grace: float = GRACE,
        clock: Callable[[], float] = time.time,
        store: Store | None = None,
        failure: Callable[[], str] = str,
    ) -> None:
        """
        Args:
            grace: seconds, see `GRACE`.
            clock: seconds since 1970; the writer's and the readers' must agree.
            store, failure: for `Mirror.reader()`: its open files, and why it
                does not follow just now.
        """
        self._store = store or Store(path)
        self._shared = store is not None
        self._grace = grace
        self._clock = clock
        self._failure = failure

    def attach(self, store: Store, failure: Callable[[], str]) -> None:
        """Read through the files of the writer in this process; see `Mirror.serve`."""
        self.detach()
        self._store, self._failure, self._shared = store, failure, True

    def detach(self) -> None:
        """Open the files by itself again, once the writer in this process has closed them."""
        if not self._shared:
            self._store.close()
        self._store, self._failure, self._shared = Store(self._store.path), str, False

    # RecordSource ---------------------------------------------------------------------

    @property
    def knows_prefixes(self) -> bool:
        """True: every number is at hand."""
        return True

    @property
    def generation(self) -> int:
        """One more with every commit, over restarts too; 1 before the first."""
        try:
            with self._open().read() as tables:
                head = tables.head()
        except NvsUnavailable:
            return 1
        return head.generation if head is not None else 1

    async def read(self, digits: str) -> Reading:
        """Live entries of one number, in reading order.

        Raises:
            NvsUnavailable: there is no complete mirror yet, or it cannot be read.
            UnusableAnswer: the node could not tell about one of the entries.
        """
        return self.read_now(digits)

    def read_now(self, digits: str) -> Reading:
        """`read` without `await`, for callers that are not coroutines; takes microseconds."""
        with self._open().read() as tables:
            height = _height(tables)
            found = _counting(tables, digits.encode(), height)
            entries = tuple([_entry(key, name, height) for key, name in found])
        return Reading(
            digits, entries, "mirror", TrustLevel.UNTRUSTED, height, self._stale_seconds()
        )

    async def entry(self, name: str) -> Entry | None:
        """One live name, a number's or of a kind that was asked for with `also`.

        Raises:
            NvsUnavailable: names of this kind are not kept, or not read completely yet.
            UnusableAnswer: the node could not tell about it.
        """
        with self._open().read() as tables:
            height, info = _height(tables), tables.info()
            key = _kept_key(name, info)
            if key is None:
                raise NvsUnavailable(f"the mirror does not keep {name[:80]!r}")
            found = stored(tables, key)
        if found is None or not found.live(height):
            return None
        return _entry(key, found, height)

    def has_longer(self, digits: str) -> bool:
        """Whether a longer number with entries that count starts with `digits`.

        Raises:
            NvsUnavailable: as `read`.
        """
        prefix = digits.encode()
        with self._open().read() as tables:
            _height(tables)
            following = tables.keys("numbers", prefix + b"0", limit=1)
        return bool(following) and following[0].startswith(prefix)

    def status(self) -> SourceStatus:
        """Health; not ok before the first sync is complete, and when nothing was checked lately.

        Facts: `height`, `tip` (hash), `age` (seconds since the mirror was last in
        step with the node), `names`, `numbers`, `skipped_names`, `generation`,
        `syncing` (None, or what is left to do).
        """
        try:
            with self._open().read() as tables:
                head, info = tables.head(), tables.info()
                todo, shards = tables.count("todo"), tables.count("shards")
                facts = {name: tables.count(name) for name in ("names", "numbers")}
        except NvsUnavailable as exc:
            return SourceStatus("mirror", ok=False, detail=self._failure() or str(exc))
        age = self._age()
        details = [self._failure()]
        if head is None or not head.complete:
            details.append("the first sync is not complete")
        if age is None or age > self._grace:
            since = "yet" if age is None else f"for {age:.0f} s"
            details.append(f"the mirror has not been in step with the node {since}")
        detail = "; ".join(filter(None, details))
        return SourceStatus(
            "mirror",
            ok=not detail,
            detail=detail,
            facts={
                "height": head.height if head is not None else None,
                "tip": head.hash if head is not None else None,
                "age": None if age is None else int(age),
                **facts,
                "skipped_names": info.skipped if info is not None else 0,
                "generation": head.generation if head is not None else 1,
                "syncing": _syncing(todo, shards, info),
            },
        )

    async def close(self) -> None:
        """Close the files, unless they are the writer's."""
        if not self._shared:
            self._store.close()

    # Reverse look-ups -----------------------------------------------------------------

    def names_of_sms(self, digits: str) -> tuple[Entry, ...]:
        """The entries that count and whose SMS goes to the number `14155551234`.

        Raises:
            NvsUnavailable: as `read`.
        """
        with self._open().read() as tables:
            height = _height(tables)
            keys = tables.duplicates("sms", digits.encode())
            owners = {digits_of(key) for key in keys} - {None}
            return tuple(
                _entry(key, name, height)
                for owner in sorted(owner for owner in owners if owner is not None)
                for key, name in _counting(tables, owner, height)
                if key in keys
            )

    def names_of_owner(self, address: str) -> tuple[Entry, ...]:
        """The live names of an owner address, by number.

        Raises:
            NvsUnavailable: as `read`.
        """
        with self._open().read() as tables:
            height = _height(tables)
            found = (
                (key, stored(tables, key))
                for key in tables.duplicates("owners", owner_key(address))
            )
            return tuple(
                _entry(key, name, height)
                for key, name in found
                if name is not None and name.address == address and name.live(height)
            )

    def past(self, name: str) -> Past | None:
        """What a name was before it went away or lapsed; None if that was never seen.

        Raises:
            NvsUnavailable: as `entry`.
        """
        with self._open().read() as tables:
            _height(tables)
            key = _kept_key(name, tables.info())
            if key is None:
                raise NvsUnavailable(f"the mirror does not keep {name[:80]!r}")
            octets = tables.get("ledger", key)
        return None if octets is None else Past.unpack(octets)

    # Inside -----------------------------------------------------------------------------

    def _open(self) -> Store:
        if not self._shared and not self._store.is_open:
            self._store.open_reader()
        return self._store

    def _age(self) -> float | None:
        """Seconds since the mirror was last in step; a time ahead of us is as far from now."""
        followed_at = self._store.followed_at
        return None if followed_at is None else abs(self._clock() - followed_at)

    def _stale_seconds(self) -> float:
        age = self._age()
        return 0.0 if age is not None and age <= self._grace else age or self._grace


def _kept_key(name: str, info: Info | None) -> bytes | None:
    kept = () if info is None else info.kinds
    kinds = Kinds(tuple(word for word in kept if word != NUMBERS))
    return kinds.key(name)


def _height(tables: Tables) -> int:
    height = Head.height_in(tables.get("meta", HEAD))
    if height is None:
        raise NvsUnavailable("the mirror's first sync is not complete")
    return height


def _counting(tables: Tables, digits: bytes, height: int) -> list[tuple[bytes, Stored]]:
    """The live entries of a number that count: the e164.arpa name, then :0 to the first gap."""
    found: list[tuple[bytes, Stored]] = []
    index, first, end = 0, digits + E164_MARK, digits + NUMBER_END
    cursor = tables.cursor("names")
    more = cursor.set_range(first)
    while more and (key := cursor.key()) < end:
        name = Stored.unpack(cursor.value())
        if key != first:
            if height > name.expires_at or int.from_bytes(key[-2:], "big") != index:
                break
            index += 1
        if height <= name.expires_at:
            found.append((key, name))
        more = cursor.next()
    return found


def _entry(key: bytes, name: Stored, height: int) -> Entry:
    if not name.readable:
        raise UnusableAnswer(f"the node could not tell what {name_of(key)} holds")
    return Entry(
        name_of(key),
        name.value,
        name.address,
        name.expires_at - height,
        name.registered_at,
        consent=name.consent,
    )


def _syncing(todo: int, shards: int, info: Info | None) -> str | None:
    if not todo and not shards:
        return None
    total = max(info.total if info is not None else 0, todo)
    listing = ", still listing" if shards else ""
    return f"{total - todo} of {total} names{listing}"
