"""SRL lines and lists, the substring hole closed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvs.revocation import (
    InvalidSrl,
    RevocationLists,
    bucket_hash,
    names_in,
    revocation_lists,
)
from tests.unit.nvs.emercoin_vectors import SECOND_VALUE

ZERO = "enum:17770000011:0"


def test_the_nodes_own_bucket() -> None:
    (lists,) = revocation_lists(SECOND_VALUE)
    assert lists == RevocationLists(2, "srl:second-%02x")
    assert lists.list_of(ZERO) == "srl:second-02"
    assert lists.list_of("enum:17770000011:1") == "srl:second-03"


def test_the_hash_has_32_bits() -> None:
    assert bucket_hash("") == 0x5555
    assert bucket_hash("a") == 0x5555 * 33 + 97
    assert bucket_hash("a" * 500) < 2**32


@pytest.mark.parametrize(
    ("line", "list_name"),
    [
        ("SRL=0|srl:a-%d", "srl:a-0"),
        ("srl = 2 | srl:a-%i ", "srl:a-2"),
        ("Srl=30|%X", "BCDA1B6"),
        ("SRL=30|%x", "bcda1b6"),
        ("SRL=30|srl:%o", "srl:1363320666"),
        ("SRL=30|srl:%u:b", "srl:198025654:b"),
        ("SRL=2|srl:%0d", "srl:2"),
        ("SRL=2|srl:%012x", "srl:000000000002"),
        ("SRL=2|srl:only", "srl:only"),
    ],
)
def test_templates(line: str, list_name: str) -> None:
    (lists,) = revocation_lists(f"words\r\n{line}\nmore".encode())
    assert lists.list_of(ZERO) == list_name


@pytest.mark.parametrize("value", [b"", b"no list\xff", b" SRL=2|x", b"SRL=", b"SRL =  \nSR=x"])
def test_verifiers_without_lists(value: bytes) -> None:
    assert revocation_lists(value) == ()


@pytest.mark.parametrize(
    "line",
    [
        "SRL",
        "SRL|2|srl:%x",
        "SRL=2",
        "SRL=2|",
        "SRL=|srl:%x",
        "SRL=-1|srl:%x",
        "SRL=31|srl:%x",
        "SRL=9999|srl:%x",
        "SRL=x|srl:%x",
        "SRL=2|srl:%",
        "SRL=2|srl:%%",
        "SRL=2|srl:%s",
        "SRL=2|srl:%n",
        "SRL=2|srl:%5x",
        "SRL=2|srl:%0999999999x",
        "SRL=2|srl:%x%x",
        "SRL=2|srl:%x %",
        "SRL=2|srl: %x",
        "SRL=2|srl:é%x",
        "SRL=2|" + "a" * 256,
        "\n".join(["SRL=2|srl:%x"] * 5),
    ],
)
def test_lines_that_cannot_be_followed(line: str) -> None:
    with pytest.raises(InvalidSrl, match="SRL"):
        revocation_lists(line.encode())


ONE, TEN = "enum:17770000011:1", "enum:17770000011:10"


@pytest.mark.parametrize(
    "around", ["{}", "x\n{}\ny", "a,{},b", '"{}"', "revoked: {}.", "[{};]", "\t{}\0", "\xff{}"]
)
def test_a_listed_name(around: str) -> None:
    assert names_in(around.format(ONE).encode("latin-1"), ONE)


def test_one_and_ten_are_different_names() -> None:
    """EmerDNS searches for a part of the text, so that `:10` also revokes `:1`."""
    assert not names_in(TEN.encode(), ONE)
    assert not names_in(ONE.encode(), TEN)
    assert names_in(f"{TEN} {ONE}".encode(), ONE)
    assert not names_in(b"xenum:17770000011:1 enum:17770000011:1.e enum:17770000011:1:0", ONE)
    assert not names_in(b"", ONE)
    dotted = "enum:1.2.3.4.e164.arpa"
    assert names_in(dotted.encode(), dotted)
    assert not names_in(b"enum:1x2.3.4.e164.arpa", dotted)


@given(st.binary(max_size=300) | st.text(max_size=80).map(lambda text: f"SRL=2|{text}".encode()))
def test_hostile_lines_never_raise_anything_else(value: bytes) -> None:
    try:
        found = revocation_lists(value)
    except InvalidSrl:
        return
    for lists in found:
        name = lists.list_of(ZERO)
        assert name.isascii()
        assert 0 < len(name) <= 512
        names_in(value, name)
