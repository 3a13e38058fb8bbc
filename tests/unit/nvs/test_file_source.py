"""A records file, and everything that can happen to it while we run."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

import nvs.file_source
from nvs.errors import NvsUnavailable, RecordsFileError
from nvs.number_record import Entry, TrustLevel
from nvs.sources import FileSource

NAME = "enum:14155551234:0"
NUMBER = "14155551234"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.json"


@pytest.fixture
def source(path: Path, clock: Clock) -> FileSource:
    write(path, {NAME: "first"})
    return FileSource(path, clock=clock)


def write(path: Path, content: Any) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


async def values(source: FileSource, clock: Clock) -> list[bytes]:
    clock.now += 0.2
    return [entry.value for entry in (await source.read(NUMBER)).entries]


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        ("E2U+sip=100|10|!^.*$!sip:a@b!", b"E2U+sip=100|10|!^.*$!sip:a@b!"),
        ("é", "é".encode()),
        ({"voice": "sip:ü@b", "ttl": 5}, '{"voice":"sip:ü@b","ttl":5}'.encode()),
        ([1, [2.5, None]], b"[1,[2.5,null]]"),
        ({"value": "text"}, b"text"),
        ({"value": {"value": 1, "x": {}}}, b'{"value":1,"x":{}}'),
    ],
)
async def test_value_shapes(path: Path, value: Any, octets: bytes) -> None:
    write(path, {NAME: value})
    reading = await FileSource(path).read(NUMBER)
    assert [(entry.value, entry.address) for entry in reading.entries] == [(octets, None)]
    assert (reading.source, reading.source_trust) == ("file", TrustLevel.OPERATOR)


async def test_wrapper_and_byte_order_mark(path: Path) -> None:
    content = {NAME: {"value": "v", "address": "E1", "expires_in": 7}}
    path.write_text(json.dumps(content), encoding="utf-8-sig")
    source = FileSource(str(path), trust=TrustLevel.UNTRUSTED)
    reading = await source.read(NUMBER)
    assert (reading.entries[0].address, reading.entries[0].expires_in) == ("E1", 7)
    assert reading.source_trust is TrustLevel.UNTRUSTED
    assert source.knows_prefixes
    assert source.has_longer("1415")
    assert not source.has_longer(NUMBER)


DEEP = "[" * 70 + "]" * 70


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON at line 1"),
        ('{"a": ', "not JSON at line 1"),
        ("[]", "not an object"),
        ("NaN", "NaN is not JSON"),
        ("1" * 5000, "not JSON"),
        ("[" * 100_000, "nested too deep"),
        (f'{{"{NAME}": "a", "{NAME}": "b"}}', f"{NAME}.*the name stands twice"),
        (f'{{"{NAME}": 5}}', f"{NAME}.*not a text"),
        (f'{{"{NAME}": null}}', f"{NAME}.*not a text"),
        (f'{{"{NAME}": {{"value": true}}}}', f"{NAME}.*value: not a text"),
        (f'{{"{NAME}": {{"value": "v", "adress": "E"}}}}', f"{NAME}.*adress: unknown"),
        (f'{{"{NAME}": {{"value": "v", "address": 5}}}}', f"{NAME}.*address: not"),
        (f'{{"{NAME}": {{"value": "v", "address": ""}}}}', f"{NAME}.*address: not"),
        (f'{{"{NAME}": {{"value": "v", "expires_in": "5"}}}}', f"{NAME}.*expires_in: not"),
        (f'{{"{NAME}": {{"value": "v", "expires_in": 1e3}}}}', f"{NAME}.*expires_in: not"),
        (f'{{"{NAME}": {{"value": "v", "expires_in": {2**31}}}}}', f"{NAME}.*expires_in: not"),
        (f'{{"{NAME}": {{"value": "v", "value": "w"}}}}', f"{NAME}.*value: stands twice"),
        (f'{{"{NAME}": {{"a": [{{"b": 1, "b": 2}}]}}}}', f"{NAME}.*b: stands twice"),
        (f'{{"{NAME}": "\\ud800"}}', f"{NAME}.*surrogate"),
        (f'{{"{NAME}": ["\\ud800"]}}', f"{NAME}.*surrogate"),
        (f'{{"{NAME}": [1e999]}}', f"{NAME}.*no word"),
        (f'{{"{NAME}": {DEEP}}}', f"{NAME}.*deeper than 64"),
    ],
)
def test_first_load_names_file_name_and_field(path: Path, text: str, said: str) -> None:
    write(path, text)
    with pytest.raises(RecordsFileError, match=rf"records\.json.*{said}"):
        FileSource(path)


def test_first_load_of_what_is_no_text_file(path: Path, monkeypatch: Any) -> None:
    with pytest.raises(RecordsFileError, match="No such file"):
        FileSource(path)
    with pytest.raises(RecordsFileError, match="not a regular file"):
        FileSource(path.parent)
    path.write_bytes(b'{"\xff": 1}')
    with pytest.raises(RecordsFileError, match="not UTF-8 at octet 2"):
        FileSource(path)
    monkeypatch.setattr(nvs.file_source, "MAX_FILE_OCTETS", 3)
    with pytest.raises(RecordsFileError, match="larger than 3"):
        FileSource(path)


def test_skipped_names(path: Path) -> None:
    write(path, {NAME: "v", "dns:a": 1, "enum:1:0": 2, "b": 3, "c": 4})
    status = FileSource(path).status()
    assert status.ok
    assert status.facts == {"names": 1, "numbers": 1, "skipped_names": 4}
    assert "skipped 4" in status.detail
    assert "'dns:a', 'enum:1:0', 'b'" in status.detail


async def test_single_names_follow_the_file(path: Path, clock: Clock) -> None:
    write(path, {NAME: "v", "ver:enum": {"value": "words", "address": "E1"}, "srl:a": 5})
    source = FileSource(path, clock=clock)
    assert await source.entry("ver:enum") == Entry("ver:enum", b"words", "E1")
    assert await source.entry("ver:other") is None
    with pytest.raises(NvsUnavailable, match="srl:a"):
        await source.entry("srl:a")
    write(path, {NAME: "v", "ver:enum": {"value": "words", "expires_in": -1}})
    clock.now += 0.2
    assert await source.entry("ver:enum") is None
    assert source.generation == 2


async def test_an_edit_is_seen_after_the_check_interval(
    source: FileSource, path: Path, clock: Clock
) -> None:
    write(path, {NAME: "second"})
    clock.now += 0.1
    assert (await source.read(NUMBER)).entries[0].value == b"first"
    assert await values(source, clock) == [b"second"]
    assert source.generation == 2
    assert await values(source, clock) == [b"second"]
    assert source.generation == 2


async def test_an_edit_within_one_time_stamp_is_seen(
    source: FileSource, path: Path, clock: Clock
) -> None:
    """Same length, same inode, same mtime: the file was younger than its stamp's grain."""
    stamp = path.stat().st_mtime_ns
    write(path, {NAME: "FIRST"})
    os.utime(path, ns=(stamp, stamp))
    assert await values(source, clock) == [b"FIRST"]


async def test_a_settled_file_is_not_read_again(path: Path, clock: Clock, monkeypatch: Any) -> None:
    write(path, {NAME: "v"})
    monkeypatch.setattr(nvs.file_source, "_SETTLED_NS", 0)
    source = FileSource(path, clock=clock)
    monkeypatch.setattr(nvs.file_source, "_load", lambda _path: pytest.fail("was read again"))
    assert await values(source, clock) == [b"v"]


async def test_an_atomic_rename_is_seen(source: FileSource, path: Path, clock: Clock) -> None:
    other = path.with_suffix(".new")
    write(other, {NAME: "renam"})
    other.replace(path)
    assert await values(source, clock) == [b"renam"]


@pytest.mark.parametrize("settled_ns", [0, 100_000_000])
async def test_a_broken_edit_keeps_the_last_good_content(
    path: Path, clock: Clock, caplog: Any, monkeypatch: Any, settled_ns: int
) -> None:
    monkeypatch.setattr(nvs.file_source, "_SETTLED_NS", settled_ns)
    write(path, {NAME: "first"})
    source = FileSource(path, clock=clock)
    caplog.set_level(logging.INFO, logger="nvs")
    write(path, '{"' + NAME + '": "secret')
    assert await values(source, clock) == [b"first"]
    assert await values(source, clock) == [b"first"]
    status = source.status()
    assert not status.ok
    assert "records.json: not JSON at line 1" in status.detail
    assert "since 20" in status.detail
    assert source.generation == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "secret" not in caplog.text

    path.unlink()
    assert await values(source, clock) == [b"first"]
    assert "No such file" in source.status().detail
    assert len(caplog.records) == 1

    write(path, {NAME: "first"})
    assert await values(source, clock) == [b"first"]
    assert source.status().ok
    assert source.generation == 1  # the same content again
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    await source.close()


async def test_a_large_file_is_read_in_a_thread(path: Path, clock: Clock) -> None:
    write(path, {NAME: "first"})
    source = FileSource(path, clock=clock, inline_octets=0)
    write(path, {NAME: "second"})
    assert await values(source, clock) == [b"first"]
    assert await values(source, clock) == [b"first"]  # one load at a time
    await source.close()
    assert (await source.read(NUMBER)).entries[0].value == b"second"
    write(path, "{")
    assert await values(source, clock) == [b"second"]
    await source.close()
    assert not source.status().ok


def test_a_large_file_loads_and_answers_quickly(path: Path) -> None:
    write(path, {f"enum:{10_000_000 + index}:0": "E2U" for index in range(20_000)})
    source = FileSource(path)
    assert source.status().facts["numbers"] == 20_000
    assert source.has_longer("100")
