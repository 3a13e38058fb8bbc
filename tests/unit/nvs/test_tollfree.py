"""Toll-free rules, and when a directory asks them."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nvs.tollfree
import nvs.tollfree_source
from nvs.directory import Directory
from nvs.errors import NvsUnavailable, RecordsFileError
from nvs.naptr import published, to_text
from nvs.number_record import NumberRecord, Problem, TrustLevel
from nvs.sources import MemorySource
from nvs.tollfree import parse_tollfree
from nvs.tollfree_source import TollFreeFile, TollFreeName
from nvs.trust import Owner, TrustPolicy

# The value of the record that the node answered from.
VALUE = (
    b"# toll-free rules\n; not a comment\n=^(1?8(?:00|88|77|66|55|44|33)\\d{7})$\n"
    b"E2U+sip=100|10|!^(.*)$!sip:\\1@tollfree.example.net!\n"
    b"E2U+sip=200|10|!^(.*)$!sip:+\\1@tf2.example.net!\n"
    b"=^999$\nE2U+tel=1|1|!^.*$!tel:+999!\n"
)
NUMBER = "18005551212"
OWNER = TrustPolicy((Owner("EOwner", "t", ("+1800",)),))


def uris(value: bytes, digits: str = NUMBER) -> list[str | None]:
    answer = parse_tollfree(value).answer(digits, "enum:tollfree")
    return [service.uri for service in answer.services] if answer else []


def problems(value: bytes) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in parse_tollfree(value).problems]


@pytest.mark.parametrize("digits", ["18005551212", "8885551212"])
def test_the_nodes_own_rules(digits: str) -> None:
    answer = parse_tollfree(VALUE).answer(digits, "enum:tollfree")
    assert answer is not None
    assert answer.name == "enum:tollfree"
    assert answer.ttl == 86400
    assert answer.problems == ()
    # What EmerDNS leaves to the client is expanded, as in every record.
    assert [service.uri for service in answer.services] == [
        f"sip:+{digits}@tollfree.example.net",
        f"sip:++{digits}@tf2.example.net",
    ]


def test_the_whole_number_must_match() -> None:
    assert uris(VALUE, "180055512123") == []
    assert uris(VALUE, "118005551212") == []
    assert uris(b"=1800|1888\nE2U+tel=1|1|!^.*$!tel:+1!") == []


def test_a_semicolon_is_no_comment() -> None:
    assert problems(VALUE) == [("line 2", "'; not a comment' is no rule and no service, ignored")]


def test_the_first_rule_with_an_answer_wins() -> None:
    value = (
        b"=.*\nTTL=5\nE2U+sip=nonsense\n"
        b"=1800.*\r\ne2u+sip=1|1|!^.*$!sip:a@b!\r\nE2U+sip=1|2|!broken\r"
        b"=.*\nE2U+sip=1|1|!^.*$!sip:late@b!"
    )
    answer = parse_tollfree(value).answer(NUMBER, "x")
    assert answer is not None
    assert [service.uri for service in answer.services] == ["sip:a@b"]
    assert answer.ttl == 86400
    assert [problem.field for problem in answer.problems] == ["line 6"]
    assert uris(value, "4400") == ["sip:late@b"]


@pytest.mark.parametrize("pattern", [b"", b"(", b"\xff", b"(a{900}){900}", b"(?<!a)b"])
def test_a_rule_that_does_not_compile_is_skipped_with_its_services(pattern: bytes) -> None:
    value = b"=" + pattern + b"\nE2U+sip=1|1|!^.*$!sip:bad@b!\n=.*\nE2U+sip=1|1|!^.*$!sip:good@b!"
    assert uris(value) == ["sip:good@b"]
    ((where, what),) = problems(value)
    assert where == "line 1"
    assert "rule skipped" in what


def test_services_before_the_first_rule() -> None:
    assert problems(b"E2U+sip=1|1|!^.*$!sip:a@b!") == [
        ("line 1", "a service before the first rule, ignored")
    ]


def test_too_many_rules(monkeypatch: Any) -> None:
    monkeypatch.setattr(nvs.tollfree, "MAX_RULES", 1)
    rules = parse_tollfree(b"=1\n=2\n=3\n")
    assert len(rules.rules) == 1
    assert rules.problems == (Problem("line 2", "more than 1 rules, the rest is unread"),)


def test_catastrophic_patterns_cost_nothing() -> None:
    value = b"=^((([0-9]*)*)*)*x$\n" * 500
    rules = parse_tollfree(value)
    began = time.perf_counter()
    assert rules.answer("1" * 15, "x") is None
    assert time.perf_counter() - began < 1.0


@given(st.binary(max_size=400) | st.lists(st.sampled_from(VALUE.splitlines()), max_size=8))
def test_hostile_rules_never_raise(content: Any) -> None:
    value = content if isinstance(content, bytes) else b"\n".join(content)
    answer = parse_tollfree(value).answer(NUMBER, "x")
    assert answer is None or answer.services


# In a directory -----------------------------------------------------------------------


@pytest.fixture
def chain() -> MemorySource:
    return MemorySource(trust=TrustLevel.UNTRUSTED)


def texts(record: NumberRecord | None) -> list[str]:
    assert record is not None
    return [to_text(service) for service in published(record, "all")]


async def test_rules_on_the_chain_are_believed_as_their_owner_is(chain: MemorySource) -> None:
    over = Directory(chain, OWNER, TollFreeName())
    assert await over.record(NUMBER) is None
    chain.put("enum:tollfree", VALUE, "EMallory")
    record = await over.record(NUMBER)
    assert record is not None
    assert (record.source, record.trust.level) == ("tollfree", TrustLevel.UNTRUSTED)
    assert record.entries[0].entry.name == "enum:tollfree"
    assert texts(record)[0].endswith('"!^.*$!sip:+18005551212@tollfree.example.net!" .')
    chain.put("enum:tollfree", VALUE, "EOwner")
    record = await over.record(NUMBER)
    assert record is not None
    assert (record.trust.level, record.trust.tenant) == (TrustLevel.OPERATOR, "t")
    record = await over.record("8885551212")
    assert record is not None
    assert record.trust.level is TrustLevel.UNTRUSTED  # outside the owner's prefixes
    chain.put("enum:tollfree", VALUE, "EOwner", expires_in=-1)
    assert await over.record(NUMBER) is None


async def test_a_number_with_entries_never_asks_the_rules(chain: MemorySource) -> None:
    chain.put("enum:tollfree", VALUE, "EOwner")
    chain.put(f"enum:{NUMBER}:0", "nothing of use", "EMallory")
    record = await Directory(chain, OWNER, TollFreeName()).record(NUMBER)
    assert record is not None
    assert (record.source, record.services) == ("memory", ())


async def test_rules_in_an_operators_own_source() -> None:
    source = MemorySource({"enum:tollfree": VALUE})
    record = await Directory(source, tollfree=TollFreeName()).record(NUMBER)
    assert record is not None
    assert record.trust.level is TrustLevel.OPERATOR


async def test_rules_that_cannot_be_read_are_no_denial(chain: MemorySource) -> None:
    chain = MemorySource({"rules:odd": 5}, trust=TrustLevel.UNTRUSTED)
    over = Directory(chain, OWNER, TollFreeName("rules:odd"))
    with pytest.raises(NvsUnavailable):
        await over.record(NUMBER)


async def test_what_may_exist_is_not_denied(chain: MemorySource) -> None:
    assert not Directory(chain).may_answer_any("1800")
    over = Directory(chain, OWNER, TollFreeName())
    assert over.may_answer_any("1800")  # nobody knows yet
    await over.record(NUMBER)
    assert not over.may_answer_any("1800")
    chain.put("enum:tollfree", b"# no rules")
    await over.record(NUMBER)
    assert not over.may_answer_any("1800")
    chain.put("enum:tollfree", VALUE)
    assert await over.record("4400") is None
    assert over.may_answer_any("4400")
    assert not over.may_answer_any("1" * 16)


async def test_rules_on_the_chain_are_parsed_once_a_value(
    chain: MemorySource, monkeypatch: Any
) -> None:
    parsed: list[bytes] = []
    monkeypatch.setattr(
        nvs.tollfree_source, "parse_tollfree", lambda value: parsed.append(value) or _rules(value)
    )
    chain.put("enum:tollfree", VALUE)
    over = Directory(chain, OWNER, TollFreeName())
    await over.record(NUMBER)
    await over.record(NUMBER)
    chain.put("enum:tollfree", VALUE + b"\n")
    await over.record(NUMBER)
    assert parsed == [VALUE, VALUE + b"\n"]


_rules = parse_tollfree


# A file -------------------------------------------------------------------------------


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_file_is_the_operators_own(chain: MemorySource, tmp_path: Path) -> None:
    path = tmp_path / "tollfree.txt"
    path.write_bytes(VALUE)
    over = Directory(chain, OWNER, TollFreeFile(path))
    record = await over.record("8885551212")
    assert record is not None
    assert (record.source, record.trust.level) == ("tollfree", TrustLevel.OPERATOR)
    assert record.trust.tenant == "default"


async def test_a_changed_file_counts_after_a_second(
    chain: MemorySource, tmp_path: Path, caplog: Any
) -> None:
    caplog.set_level(logging.WARNING, logger="nvs")
    path, clock = tmp_path / "tollfree.txt", Clock()
    path.write_bytes(VALUE)
    over = Directory(chain, OWNER, TollFreeFile(path, clock=clock))
    assert "tollfree.txt: line 2: " in caplog.text
    path.write_bytes(b"")
    assert await over.record(NUMBER) is not None
    clock.now += 1
    assert await over.record(NUMBER) is None
    assert not over.may_answer_any("1800")
    path.write_bytes(VALUE)
    clock.now += 1
    assert await over.record(NUMBER) is not None
    clock.now += 1
    assert await over.record(NUMBER) is not None  # nothing changed
    path.unlink()
    caplog.clear()
    for _ in range(2):
        clock.now += 1
        assert await over.record(NUMBER) is not None
    assert [record.getMessage() for record in caplog.records] == [
        f"keeping the last good toll-free rules: {path}: no such file"
    ]


def test_a_file_that_cannot_be_read_at_first(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "tollfree.txt"
    with pytest.raises(RecordsFileError, match="no such file"):
        TollFreeFile(path)
    path.write_bytes(VALUE)
    monkeypatch.setattr(nvs.tollfree_source, "MAX_FILE_OCTETS", 3)
    with pytest.raises(RecordsFileError, match="larger than 3"):
        TollFreeFile(path)

    def refuses(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuses)
    with pytest.raises(RecordsFileError, match="Permission denied"):
        TollFreeFile(path)
