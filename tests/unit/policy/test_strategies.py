"""Orders of a chain: as declared, by price, in turn; and which of several numbers."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from enum_backend.messaging.strategies import Strategies, number_for

CHAIN = ("one", "two", "three")
TO = "+14155550134"
PRICES = {"one": Decimal("0.0080"), "two": None, "three": Decimal("0.0040")}


def strategies() -> Strategies:
    return Strategies(lambda name, destination: PRICES[name])


def test_priority_is_as_declared() -> None:
    ordered = strategies().order(CHAIN, "priority", TO, take_turn=True)
    assert (ordered.chain, ordered.alike) == (CHAIN, 1)


def test_least_cost_with_unknown_prices_last() -> None:
    ordered = strategies().order(CHAIN, "least_cost", TO, take_turn=True)
    assert ordered.chain == ("three", "one", "two")
    assert ordered.alike == 1
    assert ordered.why == (
        "least_cost: three 0.0040, one 0.0080, two without a price (USD a segment)"
    )


def test_equal_prices_stay_as_declared() -> None:
    same = Strategies(lambda name, destination: Decimal(1))
    assert same.order(CHAIN, "least_cost", TO, take_turn=True).chain == CHAIN


def test_free_is_cheapest() -> None:
    prices = {"one": Decimal("0.1"), "two": Decimal(0), "three": None}
    ordered = Strategies(lambda name, _: prices[name]).order(
        CHAIN, "least_cost", TO, take_turn=True
    )
    assert ordered.chain == ("two", "one", "three")


def test_round_robin_is_fair_and_looking_takes_no_turn() -> None:
    taking = strategies()
    firsts = []
    for _ in range(30):
        seen = taking.order(CHAIN, "round_robin", TO, take_turn=False)
        ordered = taking.order(CHAIN, "round_robin", TO, take_turn=True)
        assert seen == ordered
        assert sorted(ordered.chain) == sorted(CHAIN)
        assert ordered.alike == 3
        assert ordered.why == f"round_robin: the turn of {ordered.chain[0]}"
        firsts.append(ordered.chain[0])
    assert Counter(firsts) == {"one": 10, "two": 10, "three": 10}


def test_each_chain_has_its_own_turns() -> None:
    taking = strategies()
    firsts: list[str] = []
    for _ in range(4):
        firsts.append(taking.order(("one", "two"), "round_robin", TO, take_turn=True).chain[0])
        taking.order(CHAIN, "round_robin", TO, take_turn=True)
    assert Counter(firsts) == {"one": 2, "two": 2}


def test_restarts_take_nothing_from_anybody() -> None:
    firsts = Counter(
        strategies().order(CHAIN, "round_robin", TO, take_turn=True).chain[0] for _ in range(600)
    )
    assert set(firsts) == set(CHAIN)
    assert min(firsts.values()) > 100


def test_nothing_to_order() -> None:
    for chain in ((), ("one",)):
        ordered = strategies().order(chain, "round_robin", TO, take_turn=True)
        assert (ordered.chain, ordered.alike) == (chain, 1)


NUMBERS = tuple(f"+1555010000{digit}" for digit in range(5))


def test_numbers_are_spread_over_recipients() -> None:
    seen = Counter(number_for(f"+1415555{index:04}", NUMBERS) for index in range(1000))
    assert set(seen) == set(NUMBERS)
    assert min(seen.values()) > 120


@given(st.integers(0, 9999), st.permutations(NUMBERS), st.sampled_from(NUMBERS))
def test_a_recipient_keeps_its_number(index: int, order: list[str], gone: str) -> None:
    recipient = f"+1415555{index:04}"
    number = number_for(recipient, NUMBERS)
    assert number_for(recipient, order) == number
    left = [item for item in order if item != gone]
    if number != gone:
        assert number_for(recipient, left) == number
