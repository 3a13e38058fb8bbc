"""Entries held in memory, for tests, demos and programs with records of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nvs.names import digits_of_nvs_name
from nvs.number_record import Reading, SourceStatus, TrustLevel
from nvs.records_json import entry_of, records_of

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
    ) -> None:
        """Add or replace one name.

        Args:
            value: text, `bytes`, or JSON (an object is the value itself, never a wrapper).
            expires_in: blocks; a negative figure is an expired name.

        Raises:
            ValueError: the name is no canonical enum name.
            RecordsFileError: a value of another shape.
        """
        if digits_of_nvs_name(name) is None:
            raise ValueError(f"{name[:60]!r} is no canonical enum name")
        wrapper = {"value": value, "address": address, "expires_in": expires_in}
        self._records.index.put(entry_of(name, wrapper, _WHERE))
        self._generation += 1

    def remove(self, name: str) -> None:
        """Take one name away.

        Raises:
            KeyError: there is none.
        """
        self._records.index.remove(name)
        self._generation += 1

    async def read(self, digits: str) -> Reading:
        """Live entries of one number, in reading order."""
        entries = self._records.index.read(digits)
        return Reading(digits, entries, source="memory", source_trust=self._trust)

    def has_longer(self, digits: str) -> bool:
        """Whether some live number starts with `digits` and is longer."""
        return self._records.index.has_longer(digits)

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
