from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.agents.otp.text import clean, fold


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  code\t4821\r\n\r\n next ", "code 4821\nnext"),
        ("４８２９１３", "482913"),
        ("٤٨٢۴۸۲४८२", "482482482"),
        ("𝟒𝟖𝟐", "482"),
        ("4\ufe0f\u20e38\ufe0f\u20e3", "48"),
        ("4\u200b8\u200d2\u2060\ufeff9", "4829"),
        ("\u200f482\u200e", "482"),
        ("«482–913»", '"482-913"'),
        ("d’accès", "d'accès"),
        ("验证码：482，有效", "验证码:482, 有效"),
        ("e\u0301", "é"),
        ("رَمْز", "رمز"),
        ("İ", "I"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ÇÃO", "cao"),
        ("Đỗ Łódź Øst Weiß", "do lodz ost weis"),
        ("Ёлка Й", "елка и"),
        ("ΚΩΔΙΚΌΣ", "κωδικοσ"),
        ("أُرسل إلى", "ارسل الي"),
        ("one-time\ncode's", "one time code s"),
        ("ŞİFRE ılık", "sifre ilik"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(clean(text)) == folded


def test_every_decimal_digit_becomes_ascii() -> None:
    for point in range(sys.maxunicode + 1):
        value = unicodedata.decimal(chr(point), None)
        if value is not None and clean(chr(point)):
            assert clean(chr(point)) == str(value)


@given(st.text(max_size=200))
def test_properties_positions_are_the_same_in_both_forms(text: str) -> None:
    cleaned = clean(text)
    assert len(fold(cleaned)) == len(cleaned)
    assert cleaned == cleaned.strip(" \n")
    assert "  " not in cleaned


@given(st.text(alphabet=st.characters(max_codepoint=0x17FF), max_size=80))
def test_properties_clean_twice_is_clean(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_long_runs_of_marks_are_cut_before_they_are_sorted() -> None:
    assert len(clean("a" + "\u0323\u0301" * 20_000)) < 20
