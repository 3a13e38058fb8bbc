"""How pages show things: nothing that is shown can become markup."""

from __future__ import annotations

from decimal import Decimal

import pytest
from markupsafe import Markup

from enum_backend.clock import now_ms
from enum_backend.gateways.base import Cost
from enum_backend.web.console import shown

BAD = "<b>&\"'"


@pytest.mark.parametrize("value", [shown.state(BAD), shown.wrapped(BAD)])
def test_markup_is_escaped(value: Markup) -> None:
    assert "<b>" not in value


def test_times() -> None:
    assert shown.when(0) == '<time datetime="1970-01-01T00:00:00.000Z">1970-01-01 00:00:00</time>'
    assert shown.when(None) == "–"
    assert shown.ago(None) == "never"
    assert "2 h ago" in shown.ago(now_ms() - 7_500_000)
    assert "in 1 d" in shown.ago(now_ms() + 90_000_000)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (7300, "2 h"), (90000, "1 d")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert shown.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [("+14155550134", "+1 (415) 555-0134"), ("BANK", "BANK"), (None, "–"), ("", "–")],
)
def test_numbers(number: str | None, text: str) -> None:
    assert shown.phone(number) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Cost(Decimal("0.004"), "EUR"), "0.0040 EUR"),
        (Decimal("12.5"), "12.50 USD"),
        (None, "–"),
    ],
)
def test_money(amount: Cost | Decimal | None, text: str) -> None:
    assert shown.money(amount) == text


def test_figures() -> None:
    assert shown.thousands(1234567) == "1,234,567"
    assert shown.thousands(None) == "–"


@pytest.mark.parametrize(
    ("word", "tone"),
    [("delivered", "good"), ("failed", "bad"), ("half_open", "wait"), ("canceled", "plain")],
)
def test_states_have_a_tone_and_a_word(word: str, tone: str) -> None:
    assert shown.state(word) == f'<span class="badge {tone}">{word.replace("_", " ")}</span>'
    assert shown.state(None) == "–"
