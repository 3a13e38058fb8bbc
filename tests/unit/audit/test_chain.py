from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.audit.chain import MAX_FAULTS, NOTHING, Head, Verdict, Verifier, mac_of
from enum_backend.storage import Sealer

SEALER = Sealer(b"k" * 32)


@dataclass(frozen=True)
class Entry:
    entry_id: str
    event_type: str = "LOGIN"
    severity: str = "LOW"
    description: str = "Logged in."
    user_id: str | None = None
    details: str = "{}"
    created_at: int = 1
    seq: int = 0
    mac: bytes = b""


def sealed(count: int, **columns: Any) -> list[Entry]:
    chain: list[Entry] = []
    for seq in range(1, count + 1):
        entry = Entry(f"aud_{seq}", seq=seq, **columns)
        before = chain[-1].mac if chain else NOTHING
        chain.append(replace(entry, mac=mac_of(SEALER, before, seq, entry)))
    return chain


def verify(chain: list[Entry], *heads: Head) -> Verdict:
    verifier = Verifier(SEALER, heads)
    verifier.take(sorted(chain, key=lambda entry: entry.seq))
    return verifier.verdict(0)


def head(chain: list[Entry]) -> Head:
    return Head(chain[-1].seq, chain[-1].mac) if chain else Head()


chains = st.integers(1, 20).map(sealed)
words = st.text(max_size=20)
CHANGES = st.one_of(
    st.tuples(st.just("event_type"), words),
    st.tuples(st.just("severity"), st.sampled_from(["LOW", "MEDIUM", "HIGH"])),
    st.tuples(st.just("description"), words),
    st.tuples(st.just("user_id"), words | st.none()),
    st.tuples(st.just("details"), words),
    st.tuples(st.just("created_at"), st.integers(0, 2**62)),
    st.tuples(st.just("entry_id"), words),
    st.tuples(st.just("mac"), st.binary(max_size=40)),
)


@given(chains, st.data())
def test_an_untouched_chain_holds_and_contains_each_of_its_heads(
    chain: list[Entry], data: st.DataObject
) -> None:
    upto = data.draw(st.integers(0, len(chain)))
    verdict = verify(chain, head(chain[:upto]), head(chain))
    assert verdict.holds
    assert verdict.entries == len(chain)
    assert verdict.head == head(chain)


@given(chains, st.data())
def test_a_changed_entry_is_named(chain: list[Entry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    column, value = data.draw(CHANGES)
    changed = replace(chain[place], **{column: value})
    if changed == chain[place]:
        return
    verdict = verify([*chain[:place], changed, *chain[place + 1 :]])
    (fault,) = verdict.faults
    assert (fault.seq, fault.entry_id) == (place + 1, changed.entry_id)
    assert "changed" in fault.problem


@given(st.integers(3, 20).map(sealed), st.data())
def test_what_is_missing_in_between_is_named(chain: list[Entry], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(chain) - 2))
    last = data.draw(st.integers(first, len(chain) - 2))
    verdict = verify([*chain[:first], *chain[last + 1 :]])
    (fault,) = verdict.faults
    assert (fault.seq, fault.entry_id) == (first + 1, None)
    assert "missing" in fault.problem
    assert str(last + 1) in str(fault)


@given(chains, st.data())
def test_a_cut_end_shows_against_an_exported_head(chain: list[Entry], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(chain) - 1))
    assert verify(chain[:kept]).holds  # by itself it cannot be seen
    (fault,) = verify(chain[:kept], head(chain)).faults
    assert fault.seq == kept + 1
    assert "missing from the end" in fault.problem


@given(st.integers(2, 20).map(sealed), st.data())
def test_entries_that_changed_places_are_named(chain: list[Entry], data: st.DataObject) -> None:
    places = st.lists(st.integers(0, len(chain) - 1), min_size=2, max_size=2, unique=True)
    one, other = sorted(data.draw(places))
    moved = list(chain)
    moved[one] = replace(chain[other], seq=one + 1)
    moved[other] = replace(chain[one], seq=other + 1)
    named = {fault.seq for fault in verify(moved).faults}
    assert {one + 1, other + 1} <= named <= {one + 1, one + 2, other + 1, other + 2}


@given(st.integers(2, 20).map(sealed), st.data())
def test_closing_a_gap_by_new_numbers_does_not_help(
    chain: list[Entry], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(0, len(chain) - 2))
    closed = [*chain[:gone], *(replace(e, seq=e.seq - 1) for e in chain[gone + 1 :])]
    assert verify(closed).faults[0].seq == gone + 1


def test_another_history_is_not_the_exported_one() -> None:
    other = sealed(5, description="Something else.")
    (fault,) = verify(other, head(sealed(3))).faults
    assert (fault.seq, fault.problem) == (3, "is not the one of the exported head")


def test_another_key_fits_nothing_and_the_list_ends() -> None:
    verifier = Verifier(Sealer(b"x" * 32))
    verifier.take(sealed(MAX_FAULTS + 50))
    verdict = verifier.verdict(7)
    assert len(verdict.faults) == MAX_FAULTS
    assert (verdict.waiting, verdict.entries) == (7, MAX_FAULTS + 50)


def test_a_head_as_text() -> None:
    there = head(sealed(3))
    assert Head.parse(f" {there}\n") == there
    assert Head.parse(str(Head())) == Head()


@pytest.mark.parametrize(
    "text", ["", "3", "3:", "3:zz", "-1:" + "00" * 32, "3:00", "x:" + "00" * 32]
)
def test_what_is_no_head(text: str) -> None:
    with pytest.raises(ValueError):
        Head.parse(text)
