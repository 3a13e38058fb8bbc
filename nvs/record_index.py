"""Entries by name, and which of them count for a number.

What counts is the e164.arpa name and ENUMER's indexed names up to the first
gap: an index that is missing, expired or deleted hides all later ones, as in
EmerDNS (Emercoin 0.8.6, emcdns.cpp, Answer_ENUM).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from cachetools import LRUCache

from nvs.names import digits_of_nvs_name, e164_nvs_name, enumer_index, enumer_nvs_name
from nvs.number_record import Entry
from nvs.sms_target import sms_target

MAX_ENUMER_INDEX = 32767
"""EmerDNS reads no further."""

_MAX_OF_SMS = 4096
"""Numbers whose reverse look-up is kept."""


def reading_order(digits: str) -> Iterator[str]:
    """`enum:<reversed>.e164.arpa`, then `enum:<digits>:0`, `:1`, ... up to the last possible.

    Whoever follows it stops at the first ENUMER name that is not live; the
    e164.arpa name may be missing.
    """
    yield e164_nvs_name(digits)
    for index in range(MAX_ENUMER_INDEX + 1):
        yield enumer_nvs_name(digits, index)


def is_live(entry: Entry) -> bool:
    """Whether an entry still counts; a name lives while `expires_in` >= 0."""
    return entry.expires_in is None or entry.expires_in >= 0


class RecordIndex:
    """Entries held in memory: quick for a million names, filled at once or one by one."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Take entries with canonical names; of equal names the last one stays."""
        self._by_name = {entry.name: entry for entry in entries}
        # A number has a reading if its e164.arpa name or its index 0 is live.
        self._numbers = sorted(
            {
                digits_of_nvs_name(entry.name) or ""
                for entry in self._by_name.values()
                if is_live(entry) and enumer_index(entry.name) in {None, 0}
            }
        )
        self._of_sms: LRUCache[str, tuple[Entry, ...]] = LRUCache(_MAX_OF_SMS)

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Entry]:
        """Every entry, expired ones included."""
        return iter(tuple(self._by_name.values()))

    @property
    def numbers(self) -> int:
        """How many numbers have at least one entry that counts."""
        return len(self._numbers)

    def find(self, name: str) -> Entry | None:
        """One entry by its name, expired or not."""
        return self._by_name.get(name)

    def read(self, digits: str) -> tuple[Entry, ...]:
        """The entries that count, in reading order."""
        found: list[Entry] = []
        for name in reading_order(digits):
            entry = self._by_name.get(name)
            if entry is not None and is_live(entry):
                found.append(entry)
            elif enumer_index(name) is not None:
                break
        return tuple(found)

    def has_longer(self, digits: str) -> bool:
        """Whether a longer number with entries that count starts with `digits`."""
        at = bisect_right(self._numbers, digits)
        return at < len(self._numbers) and self._numbers[at].startswith(digits)

    def names_of_sms(self, digits: str) -> tuple[Entry, ...]:
        """The entries that count and whose SMS goes to the number `14155551234`.

        The first time a number is asked for, every value is looked through for it.
        """
        found = self._of_sms.get(digits)
        if found is None:
            found = self._of_sms[digits] = self._search_sms(digits)
        return found

    def _search_sms(self, digits: str) -> tuple[Entry, ...]:
        # JSON may write a digit as an escape, so a value with one is read as well.
        needle, escape = digits.encode(), b"\\u"
        owners = {digits}
        for name, entry in self._by_name.items():
            if needle in entry.value or escape in entry.value:
                owners.add(digits_of_nvs_name(name) or "")
        return tuple(
            entry
            for owner in sorted(owners - {""})
            for entry in self.read(owner)
            if sms_target(owner, entry.value) == digits
        )

    def put(self, entry: Entry) -> None:
        """Add or replace one entry; its name is canonical."""
        self._of_sms.clear()
        self._by_name[entry.name] = entry
        self._renumber(digits_of_nvs_name(entry.name) or "")

    def remove(self, name: str) -> None:
        """Take a name away.

        Raises:
            KeyError: there is none.
        """
        self._of_sms.clear()
        del self._by_name[name]
        self._renumber(digits_of_nvs_name(name) or "")

    def _renumber(self, digits: str) -> None:
        at = bisect_left(self._numbers, digits)
        known = at < len(self._numbers) and self._numbers[at] == digits
        live = bool(self.read(digits))
        if live and not known:
            insort(self._numbers, digits)
        elif known and not live:
            del self._numbers[at]
