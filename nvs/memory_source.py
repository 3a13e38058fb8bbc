"""Entries held in memory, for tests, demos and programs with records of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nvs.names import digits_of_nvs_name, is_readable_name
from nvs.number_record import Entry, Reading, SourceStatus, TrustLevel
from nvs.records_json import entry_of, may_be_other, records_of

_WHERE = "memory"


class MemorySource:
    """A source that its owner fills.

    MemorySource({"enum:14155551234:0": "E2U+sip=100|10|!^.*$!sip:a@b.example!"})
    """

    def __init__(
        self,
        entries: Mapping[str, Any] | None = None,
        trust: TrustLevel = TrustLevel.OPERATOR,
    ) -> None:
        """Values have the shapes of a records file, or are raw `bytes`.

        Raises:
            RecordsFileError: a value of another shape, naming NVS name and field.
        """
        self._records = records_of(entries or {}, _WHERE)
        self._trust = trust
        self._generation = 1

    @property
    def knows_prefixes(self) -> bool:
        """True: everything is at hand."""
        return True

    @property
    def generation(self) -> int:
        """One more with every `put` and `remove`."""
        return self._generation

    def put(
        self,
        name: str,
        value: Any,
        address: str | None = None,
        expires_in: int | None = None,
        registered_at: int | None = None,
    ) -> None:
        """Add or replace one name.

        Args:
            value: text, `bytes`, or JSON (an object is the value itself, never a wrapper).
            expires_in: blocks; a negative figure is an expired name.
            registered_at: height of the registration that still runs.

        Raises:
            ValueError: the name is an `enum:` name and not canonical, is not ASCII, or
                has more than 512 octets.
            RecordsFileError: a value of another shape.
        """
        is_number = digits_of_nvs_name(name) is not None
        if not is_number and not (is_readable_name(name) and may_be_other(name)):
            raise ValueError(f"{name[:60]!r} is no canonical enum name")
        wrapper = {"value": value, "address": address, "expires_in": expires_in}
        entry = replace(entry_of(name, wrapper, _WHERE), registered_at=registered_at)
        if is_number:
            self._records.index.put(entry)
        else:
            self._records.others[name] = entry
            self._records.unusable.discard(name)
        self._generation += 1

    def remove(self, name: str) -> None:
        """Take one name away.

        Raises:
            KeyError: there is none.
        """
        if name in self._records.others:
            del self._records.others[name]
        else:
            self._records.index.remove(name)
        self._generation += 1

    async def read(self, digits: str) -> Reading:
        """Live entries of one number, in reading order."""
        entries = self._records.index.read(digits)
        return Reading(digits, entries, source="memory", source_trust=self._trust)

    async def entry(self, name: str) -> Entry | None:
        """One live name of any kind.

        Raises:
            NvsUnavailable: its value had no known shape, or no name can be so.
        """
        return self._records.entry(name)

    def has_longer(self, digits: str) -> bool:
        """Whether some live number starts with `digits` and is longer."""
        return self._records.index.has_longer(digits)

    def names_of_sms(self, digits: str) -> tuple[Entry, ...]:
        """The live entries whose SMS goes to `14155551234`."""
        return self._records.index.names_of_sms(digits)

    def status(self) -> SourceStatus:
        """Always well; `names`, `numbers`, `skipped_names`."""
        index = self._records.index
        facts = {
            "names": len(index),
            "numbers": index.numbers,
            "skipped_names": self._records.skipped,
        }
        return SourceStatus("memory", ok=True, detail=self._records.skipped_sentence, facts=facts)

    async def close(self) -> None:
        """Nothing to release."""
