"""The RPCs of the fake chain that list names."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nvs.testing import FakeChain, FakeRpc, ListedNames, SyntheticNames
from nvs.testing.chain_addresses import NETWORKS
from nvs.testing.name_calls import literal_start

SHARED = Path(
    os.environ.get("EMERCOIN_TRANSCRIPTS", "")
    or Path(__file__).parents[4] / "shared" / "facts" / "emercoin-transcripts"
)
VERIFIER = "mqZYo461aC5KbPjHA7JYEfDQRn2bQ5UB5p"
FULL = "...(value too large - use name_show to see full value)"


def answer(chain: FakeChain, method: str, *params: Any) -> tuple[int, Any]:
    body = json.dumps({"id": 1, "method": method, "params": params}, ensure_ascii=False).encode()
    status, reply = FakeRpc(chain).answer(body)
    return status, json.loads(reply.decode("latin-1"))


def ask(chain: FakeChain, method: str, *params: Any) -> Any:
    status, reply = answer(chain, method, *params)
    assert status == 200, reply
    return reply["result"]


def error(chain: FakeChain, method: str, *params: Any) -> tuple[int, str]:
    status, reply = answer(chain, method, *params)
    assert status == (404 if reply["error"]["code"] == -32601 else 500)
    return reply["error"]["code"], reply["error"]["message"]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=40)


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


# name_filter -------------------------------------------------------------------------------


@pytest.fixture
def mixed(chain) -> FakeChain:
    """At 44: `old` (41) expires at 216, `enum:2` `enum:10` (42), `x:del` deleted, `b` updated."""
    chain.name_new("b", "b" * 20, 30)
    chain.name_new("old", "o", 1)
    chain.mine()
    chain.name_new("enum:10", "E2U", 30)
    chain.name_new("enum:2", "E2U", 30)
    chain.name_new("x:del", "x", 30)
    chain.mine()
    chain.name_delete("x:del")
    chain.name_update("b", "bb", 0)
    chain.mine()
    chain.mine()
    return chain


def test_filter_sorts_by_registration_and_leaves_out_deleted_names(mixed) -> None:
    assert ask(mixed, "name_filter") == [
        {"name": "b", "value": "bb", "registered_at": 41, "expires_in": 5247},
        {"name": "old", "value": "o", "registered_at": 41, "expires_in": 172},
        {"name": "enum:2", "value": "E2U", "registered_at": 42, "expires_in": 5248},
        {"name": "enum:10", "value": "E2U", "registered_at": 42, "expires_in": 5248},
    ]


def test_filter_counts_age_from_the_registration(mixed) -> None:
    assert names(ask(mixed, "name_filter", "", 3)) == ["enum:2", "enum:10"]
    assert names(ask(mixed, "name_filter", "", 2)) == []


def test_filter_keeps_expired_names_with_their_flag(mixed) -> None:
    mixed.mine(216 - 44)
    (old,) = ask(mixed, "name_filter", "^old$")
    assert (old["expires_in"], old["expired"]) == (0, True)
    mixed.mine()
    assert ask(mixed, "name_filter", "^old$")[0]["expires_in"] == -1
    assert ask(mixed, "name_show", "old")["expired"] is True


def test_filter_cuts_the_list_and_the_values(mixed) -> None:
    assert names(ask(mixed, "name_filter", "^enum:", 0, 0, 1)) == ["enum:2"]
    assert names(ask(mixed, "name_filter", "^enum:", 0, 1, 1)) == ["enum:10"]
    assert names(ask(mixed, "name_filter", "^enum:", 0, 5)) == []
    (item,) = ask(mixed, "name_filter", "^enum:2", 0, 0, 0, "", "hex", 2)
    assert item["value"] == f"45\n{FULL}"
    assert ask(mixed, "name_filter", "2$", 0, 0, 0, "", "base64", 4)[0]["value"] == "RTJV"
    assert ask(mixed, "name_filter", "^enum:", 0, 0, 0, "stat") == {"blocks": 44, "count": 0}


def test_filter_finds_octets(chain) -> None:
    chain.name_new(b"enum:\xff\x00", b"\xfe")
    chain.mine()
    assert names(ask(chain, "name_filter", "^enum:\\xff")) == ["enum:\xff\x00"]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(", "mismatched parenthesis"), ("a)", "mismatched parenthesis"), ("*", "no argument")],
)
def test_filter_refuses_bad_patterns(chain, pattern, text) -> None:
    code, message = error(chain, "name_filter", pattern)
    assert code == -1
    assert text in message


@pytest.mark.parametrize(
    ("pattern", "start"),
    [
        (b"^enum:14", b"enum:14"),
        (b"^enum:14?", b"enum:1"),
        (b"^enum:1{2}", b"enum:"),
        (b"^enum:[0-4]", b"enum:"),
        (b"^enum:1|^dns", b""),
        (b"enum:1", b""),
        (b"", b""),
    ],
)
def test_a_literal_beginning(pattern, start) -> None:
    assert literal_start(pattern) == start


def test_filter_over_bulk_names(chain) -> None:
    source = SyntheticNames(1000, chain.network)
    home = chain.new_address()
    chain.load(source, per_block=100)
    chain.load([(b"dns:a", b"A", 1, home), (b"enum:9", b"E", 1, home)])
    assert len(ask(chain, "name_filter", "^enum:1")) == 1000
    assert len(ask(chain, "name_filter", "^enum:17")) == 100
    assert len(ask(chain, "name_filter", ":0$")) == 1000
    assert names(ask(chain, "name_filter", "^dns:")) == ["dns:a"]
    assert ask(chain, "name_show", "dns:a")["address"] == home
    assert names(ask(chain, "name_filter", "^enum:9")) == ["enum:9"]


# Sources of bulk names ---------------------------------------------------------------------


def test_synthetic_names_know_their_numbers() -> None:
    source = SyntheticNames(1000, NETWORKS["regtest"])
    assert [source.number(source[i].name) for i in range(1000)] == list(range(1000))
    for name in (
        b"enum:10000000001:0",
        b"enum:1123:0",
        b"enum:1x000000000:0",
        b"0000000000",
        b"enum:19999999999:0",
    ):
        assert source.number(name) is None
    assert SyntheticNames(999, NETWORKS["regtest"]).number(b"enum:19999999990:0") is None
    assert list(source.starting(b"enum:100")) == list(range(10))
    assert list(source.starting(b"zzz")) == []


def test_listed_names_start_with_a_prefix() -> None:
    listed = ListedNames([(b"b", b"", 1, ""), (b"aa", b"", 1, ""), (b"ab", b"", 1, "")])
    assert list(listed.starting(b"a")) == [1, 2]
    assert list(listed.starting(b"b")) == [0]
    assert list(listed.starting(b"")) == [0, 1, 2]


# name_scan, name_history -------------------------------------------------------------------


def test_scan_goes_by_length_and_ignores_the_maximum(mixed) -> None:
    assert names(ask(mixed, "name_scan")) == ["b", "old", "enum:2", "enum:10"]
    assert names(ask(mixed, "name_scan", "enum:2", 1)) == ["enum:2", "enum:10"]
    (item,) = ask(mixed, "name_scan", "enum:10", 1, 1, "hex")
    assert item["value"] == f"4\n{FULL}"


def test_history_of_a_name(chain) -> None:
    chain.name_new("a", "v1", 5)
    chain.mine()
    chain.name_delete("a")
    chain.mine()
    assert error(chain, "name_history", "a") == (
        -1,
        "record for this name exists, but this name is not active",
    )
    chain.name_new("a", "v2", 5, address=VERIFIER)
    chain.mine()
    (now,) = ask(chain, "name_history", "a")
    assert (now["operation"], now["value"], now["days_added"]) == ("name_new", "v2", 5)
    assert "address_is_mine" not in now
    first, second, _ = ask(chain, "name_history", "a", True, "hex")
    assert (first["value"], first["address_is_mine"], first["height"]) == ("7631", "true", 41)
    assert second["operation"] == "name_delete"
    assert "value" not in second
    chain.name_new("b", "v", 5)
    chain.mine()
    chain.invalidate()
    assert error(chain, "name_history", "b") == (
        -20,
        "record for this name exists, but transaction list is empty",
    )
    assert error(chain, "name_show", "b") == (-4, "no result returned")
    assert error(chain, "name_history", "c") == (-20, "failed to read from name DB")


# Transcripts -------------------------------------------------------------------------------


def recorded() -> list[tuple[str, list[Any], int, str]]:
    """`(method, params, status, reply)` of every plain call."""
    path = SHARED / "01-basic-name-rpcs.txt"
    if not path.is_file():
        pytest.skip("no transcripts here")
    calls = []
    lines = path.read_text().splitlines()
    for asked, told in itertools.pairwise(lines):
        if asked.startswith(">>> ") and told.startswith("<<< HTTP ") and "[cut]" not in asked:
            method, _, params = asked[4:].partition(" ")
            status, _, reply = told[9:].partition(" ")
            calls.append((method, json.loads(params), int(status), reply))
    return calls


def test_recorded_lists_word_for_word(chain) -> None:
    calls = recorded()
    new = {c[1][0]: c[1] for c in reversed(calls) if c[0] == "name_new" and c[2] == 200}
    chain.name_new(*new.pop("enum:14155551234:0"))
    chain.mine()
    later = {name: new.pop(name) for name in ("tmp:del", "")}
    for params in new.values():
        chain.name_new(*params)
    chain.mine()
    for call in calls:
        if call[0] == "name_update" and call[2] == 200:
            chain.name_update(*call[1])
            chain.mine()
    for params in later.values():
        chain.name_new(*params)
    chain.mine()
    chain.name_delete("tmp:del")
    chain.mine()
    assert chain.height == 46
    start = calls.index(next(c for c in calls if c[0] == "name_delete" and c[2] == 200))
    compared = 0
    for method, params, status, reply in calls[start:]:
        if (method, params[:2]) == ("name_new", ["tmp:del", "v2"]):
            chain.name_new(*params)
            chain.mine()
        if method in {"name_scan", "name_filter"}:
            body = json.dumps({"id": 1, "method": method, "params": params}).encode()
            made = FakeRpc(chain).answer(body)
            assert made == (status, reply.encode() + b"\n"), (method, params)
            compared += 1
    assert compared >= 12


def test_recorded_errors_word_for_word(chain) -> None:
    compared = 0
    for method, params, status, reply in recorded():
        if status != 200 and 'name_new \\"name' not in reply and "pending" not in reply:
            if "unexpired" in reply:
                chain.name_new(*params)
                chain.mine()
            if method == "name_scan_address" or "not active" in reply:
                continue
            body = json.dumps({"id": 1, "method": method, "params": params}).encode()
            assert FakeRpc(chain).answer(body) == (status, reply.encode() + b"\n"), (method, params)
            compared += 1
    assert compared >= 12
