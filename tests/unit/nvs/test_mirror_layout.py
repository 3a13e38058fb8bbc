"""Keys, packed records, kinds and shards: pure functions and their inverses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvs.mirror.keys import digits_of, name_of, number_key, other_key
from nvs.mirror.kinds import NUMBERS, Kinds
from nvs.mirror.layout import (
    Head,
    Info,
    Origin,
    Past,
    Stored,
    height_key,
    height_of,
    pack_block,
    unpack_block,
)
from nvs.mirror.shards import Shard, first_shards
from nvs.names import digits_of_nvs_name, e164_nvs_name, enumer_nvs_name

digits = st.text("0123456789", min_size=4, max_size=15)
number_names = st.one_of(
    digits.map(e164_nvs_name), st.builds(enumer_nvs_name, digits, st.integers(0, 32767))
)


@given(number_names)
def test_keys_of_numbers(name: str) -> None:
    key = number_key(name)
    assert key is not None
    assert name_of(key) == name
    assert digits_of(key) == (digits_of_nvs_name(name) or "").encode()


@given(number_names, number_names)
def test_keys_sort_by_number_then_in_reading_order(one: str, other: str) -> None:
    def place(name: str) -> tuple[str, int]:
        index = -1 if name.endswith("arpa") else int(name.rpartition(":")[2])
        return digits_of_nvs_name(name) or "", index

    keys = number_key(one) or b"", number_key(other) or b""
    assert (keys[0] < keys[1]) == (place(one) < place(other))


def test_keys_of_others() -> None:
    assert name_of(other_key("ver:enum")) == "ver:enum"
    assert digits_of(other_key("ver:enum")) is None
    assert number_key("ver:enum") is None
    assert number_key("enum:1415:32768") is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("enum:1415:0", NUMBERS),
        ("enum:5.1.4.1.e164.arpa", NUMBERS),
        ("enum:1415:00", None),
        ("enum:tollfree", "enum:tollfree"),
        ("enum:tollfree2", None),
        ("ver:x", "ver:"),
        ("ver:", "ver:"),
        ("ver:" + "x" * 251, "ver:"),
        ("ver:" + "x" * 252, None),
        ("ver:\n", None),
        ("ver:\xe4", None),
        ("", None),
    ],
)
def test_kinds(name: str, kind: str | None) -> None:
    kinds = Kinds(("ver:", "enum:tollfree"))
    assert kinds.kind_of(name) == kind
    assert (kinds.key(name) is not None) == (kind is not None)
    assert (kinds.key_of_octets(name.encode("latin-1")) is not None) == (kind is not None)


def test_kinds_of_wrong_words() -> None:
    for word in ("", "\xe4", "x" * 256, "a\n"):
        with pytest.raises(ValueError, match="printable ASCII"):
            Kinds((word,))
    assert Kinds(("ver:", NUMBERS)).words == {NUMBERS, "ver:"}


@given(st.binary(max_size=50), st.none() | st.text(min_size=1), st.integers(0, 2**32 - 1))
def test_stored(value: bytes, address: str | None, height: int) -> None:
    if address is None or len(address.encode()) <= 255:
        for readable in (True, False):
            name = Stored(value, address, height, height or None, readable)
            assert Stored.unpack(name.pack()) == name


def test_other_records() -> None:
    for head in (Head(1, 2, "ab" * 32, complete=True), Head(2**32 - 1, 0, "00" * 32, False)):
        assert Head.unpack(head.pack()) == head
        assert Head.height_in(head.pack()) == (head.height if head.complete else None)
    assert Head.height_in(None) is None
    info = Info("ab" * 32, ["enum:"], ["enum:", "ver:"], 3, 4)
    assert Info.unpack(info.pack()) == info
    for origin in (Origin(), Origin(7), Origin(7, "ab" * 32)):
        assert Origin.unpack(origin.pack()) == origin
    past = Past("E1", 7, "E2", 3, None)
    assert Past.unpack(past.pack()) == past
    assert unpack_block(pack_block("ab" * 32, [b"x", b"1415#\0\0"])) == (
        "ab" * 32,
        [b"x", b"1415#\0\0"],
    )
    assert height_of(height_key(2**40)) == 2**32 - 1
    assert height_of(height_key(-1) + b"key") == 0


# Shards ---------------------------------------------------------------------------------


def listing(shard: Shard, name: str) -> bool:
    return re.search(shard.pattern(), name) is not None


@given(number_names)
def test_each_level_of_shards_lists_each_number_once(name: str) -> None:
    shards = list(first_shards(NUMBERS))
    while not shards[0].exact:
        fitting = [shard for shard in shards if listing(shard, name)]
        assert len(fitting) == 1
        assert Shard.from_key(fitting[0].key()) == fitting[0]
        if fitting[0].exact:
            break
        shards = list(fitting[0].split())
        shards.sort(key=lambda shard: shard.exact)
        assert not fitting[0].skipped


@pytest.mark.parametrize("name", ["enum:x", "enum:1x", "enum:1415:0x", "enum:1415:0x\xff", "enum:"])
def test_what_is_nobodys_is_listed_to_be_counted(name: str) -> None:
    shards, seen = list(first_shards(NUMBERS)), False
    while shards:
        fitting = [shard for shard in shards if listing(shard, name)]
        assert len(fitting) == 1
        seen = fitting[0].skipped or fitting[0].exact
        shards = [] if seen else list(fitting[0].split())
    assert seen


def test_shards_of_other_kinds() -> None:
    (prefix,) = first_shards("ver:")
    (exact,) = first_shards("enum:toll.free")
    assert (prefix.exact, exact.exact) == (False, True)
    assert exact.pattern() == r"^enum:toll\.free$"
    parts = list(prefix.split())
    assert sum(listing(part, "ver:$x") for part in parts) == 1
    assert sum(listing(part, "ver:") for part in parts) == 1
    assert len(list(Shard("ver:", "v" * 255).split())) == 1
    exact, skipped = Shard(NUMBERS, "enum:1415:0").split()
    assert (exact.exact, skipped.skipped) == (True, True)
