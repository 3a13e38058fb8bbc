"""Entries in memory, and the reading order they share with the records file."""

from __future__ import annotations

from typing import Any

import pytest

import nvs.record_index
from nvs.errors import InvalidNumber, NvsUnavailable, RecordsFileError
from nvs.number_record import Entry, TrustLevel
from nvs.record_index import RecordIndex
from nvs.sources import MemorySource, RecordSource

E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
NUMBER = "14155551234"


async def names(source: RecordSource, digits: str = NUMBER) -> list[str]:
    return [entry.name for entry in (await source.read(digits)).entries]


async def test_reading_order_and_the_gap_that_hides_the_rest() -> None:
    source = MemorySource(
        {
            f"enum:{NUMBER}:0": "zero",
            f"enum:{NUMBER}:1": "one",
            f"enum:{NUMBER}:3": "hidden by the gap",
            E164: {"voice": "sip:a@b.example"},
        }
    )
    reading = await source.read(NUMBER)
    assert [entry.name for entry in reading.entries] == [
        E164,
        f"enum:{NUMBER}:0",
        f"enum:{NUMBER}:1",
    ]
    assert [entry.value for entry in reading.entries] == [
        b'{"voice":"sip:a@b.example"}',
        b"zero",
        b"one",
    ]
    assert (reading.source, reading.source_trust) == ("memory", TrustLevel.OPERATOR)
    assert (reading.height, reading.stale_seconds) == (None, 0.0)
    source.put(f"enum:{NUMBER}:2", "two")
    assert len(await names(source)) == 5


async def test_expired_names_count_as_absent_and_zero_blocks_is_not_expired() -> None:
    source = MemorySource()
    source.put(E164, "e", expires_in=-1)
    source.put(f"enum:{NUMBER}:0", "zero", address="E1", expires_in=0)
    source.put(f"enum:{NUMBER}:1", "one", expires_in=-1)
    source.put(f"enum:{NUMBER}:2", "two")
    entries = (await source.read(NUMBER)).entries
    assert [(entry.value, entry.address, entry.expires_in) for entry in entries] == [
        (b"zero", "E1", 0)
    ]


async def test_longer_numbers_are_those_with_entries_that_count() -> None:
    source = MemorySource({"enum:1415:0": "v", "enum:14155:0": "v", "enum:1416:1": "hidden"})
    assert source.knows_prefixes
    assert source.has_longer("1415")
    assert source.has_longer("1")
    assert not source.has_longer("14155")
    assert not source.has_longer("1416")
    assert not source.has_longer("9")
    source.put("enum:1416:0", "v")
    assert source.has_longer("141")
    source.put("enum:1416:0", "again")
    source.remove("enum:1416:0")
    source.remove("enum:14155:0")
    assert not source.has_longer("1415")
    source.remove("enum:1415:0")
    assert not source.has_longer("")


async def test_generation_grows_with_each_change() -> None:
    source = MemorySource()
    seen = [source.generation]
    source.put(E164, b"\xff")
    seen.append(source.generation)
    source.remove(E164)
    seen.append(source.generation)
    assert seen == [1, 2, 3]
    with pytest.raises(KeyError):
        source.remove(E164)
    assert source.generation == 3


async def test_names_that_cannot_be_used_are_skipped_and_counted() -> None:
    source = MemorySource(
        {
            "dns:example.coin": "A=192.0.2.1",
            "enum:tollfree": "=^800$",
            "enum:1:0": "v",
            "ver:é": "v",
            "x" * 513: "v",
            "": "v",
            f"enum:{NUMBER}:0": "v",
        }
    )
    status = source.status()
    assert status.ok
    assert status.facts == {"names": 1, "numbers": 1, "skipped_names": 4}
    assert "'enum:1:0', 'ver:é'" in status.detail
    assert MemorySource().status().detail == ""
    for name in ("enum:14155551234:00", "ver:é", "x" * 513):
        with pytest.raises(ValueError, match="canonical"):
            source.put(name, "v")
    await source.close()


async def test_single_names_of_any_kind() -> None:
    source = MemorySource({"ver:enum": "words", "enum:1:0": "v", "srl:odd": 5})
    found = await source.entry("ver:enum")
    assert found == Entry("ver:enum", b"words")
    assert (await source.entry("enum:1:0")) is not None
    assert await source.entry("srl:other") is None
    source.put("ver:enum", "new", address="E1", expires_in=0, registered_at=7)
    assert await source.entry("ver:enum") == Entry("ver:enum", b"new", "E1", 0, 7)
    source.put("ver:enum", "new", expires_in=-1)
    assert await source.entry("ver:enum") is None
    source.put("enum:tollfree", "=^800$")
    assert await source.entry("enum:tollfree") is not None
    source.remove("ver:enum")
    assert await source.entry("ver:enum") is None
    assert source.generation == 5
    source.put(f"enum:{NUMBER}:0", "zero")
    assert (await source.entry(f"enum:{NUMBER}:0")) is not None
    source.put(f"enum:{NUMBER}:0", "zero", expires_in=-1)
    assert await source.entry(f"enum:{NUMBER}:0") is None


async def test_a_name_that_cannot_be_read_is_not_absent() -> None:
    """Absent is "not revoked"; unreadable must not be."""
    source = MemorySource({"srl:odd": 5})
    assert source.status().facts["skipped_names"] == 1
    for name in ("srl:odd", "ver:é", "x" * 513, ""):
        with pytest.raises(NvsUnavailable, match="cannot be read"):
            await source.entry(name)
    source.put("srl:odd", "now a text")
    assert await source.entry("srl:odd") == Entry("srl:odd", b"now a text")


async def test_trust_and_raw_octets() -> None:
    source = MemorySource({E164: b"\xff\x00"}, trust=TrustLevel.UNTRUSTED)
    reading = await source.read(NUMBER)
    assert reading.entries[0].value == b"\xff\x00"
    assert reading.source_trust is TrustLevel.UNTRUSTED


async def test_wrong_values_and_numbers() -> None:
    source = MemorySource()
    with pytest.raises(RecordsFileError, match="expires_in"):
        source.put(E164, "v", expires_in=True)
    with pytest.raises(RecordsFileError, match="not a text"):
        source.put(E164, 5)
    with pytest.raises(RecordsFileError, match="no word"):
        source.put(E164, {"a": object()})
    with pytest.raises(InvalidNumber):
        await source.read("12x")


async def test_no_index_beyond_the_last_possible_one(monkeypatch: Any) -> None:
    monkeypatch.setattr(nvs.record_index, "MAX_ENUMER_INDEX", 1)
    source = MemorySource({f"enum:{NUMBER}:{index}": "v" for index in range(3)})
    assert len(await names(source)) == 2


def test_an_index_lists_expired_entries_too() -> None:
    entries = [Entry(E164, b"e", expires_in=-1), Entry(f"enum:{NUMBER}:0", b"v")]
    index = RecordIndex(entries)
    assert list(index) == entries
    assert index.read(NUMBER) == (entries[1],)
