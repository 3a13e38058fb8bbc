from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.errors import InvalidPhoneFormat
from enum_backend.phone import format_display, is_valid, lookup_digits, normalize


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("(415) 555-0134", "US", "+14155550134"),
        ("  +1 415.555/0134 ", "US", "+14155550134"),
        ("1-415-555-0134", "US", "+14155550134"),
        ("011 44 7700 900123", "US", "+447700900123"),
        ("07700 900123", "GB", "+447700900123"),
        ("+44 (0)7700\u00a0900\u2011123", "US", "+447700900123"),
        ("+٤٤٧٧٠٠٩٠٠١٢٣", "US", "+447700900123"),
    ],
)
def test_normalize(text: str, region: str, number: str) -> None:
    assert normalize(text, region) == number
    assert is_valid(text, region)


@pytest.mark.parametrize(
    ("text", "region", "why"),
    [
        ("", "US", "is empty"),
        ("  ", "US", "is empty"),
        ("5" * 41, "US", "has 41 characters"),
        ("+1415555CALL", "US", "may hold digits"),
        ("4155550134 ext 5", "US", "may hold digits"),
        ("++14155550134", "US", "may hold digits"),
        ("²", "US", "may hold digits"),
        ("()", "US", "has no digits"),
        ("+1415555013400000", "US", "has 16 digits"),
        ("+999 5550134", "US", "no known country code"),
        ("4155550134", "ZZ", "no known country code"),
        ("5550134", "US", "lacks its area code"),
        ("+1415555", "US", "too short for its country"),
        ("+141555501345", "US", "too long for its country"),
        ("+1", "US", "not a phone number"),
        ("011", "US", "ends after|too short|not a phone"),
        ("0" + "1" * 14, "DE", "16 digits with its country code"),
        ("+31 00 644 6794", "US", "several numbers"),
    ],
)
def test_refusals_say_why_but_never_the_number(text: str, region: str, why: str) -> None:
    with pytest.raises(InvalidPhoneFormat, match=why) as refused:
        normalize(text, region, field="to")
    assert refused.value.errors[0].field == "to"
    assert len(text) < 5 or text not in refused.value.message
    assert not is_valid(text, region)


TYPED = st.text("0123456789+() .-/", max_size=42)


@given(st.text(max_size=60) | TYPED, st.sampled_from(["US", "GB", "DE", "IT", "ZZ", ""]))
def test_any_text_is_a_number_or_an_error(text: str, region: str) -> None:
    try:
        number = normalize(text, region)
    except InvalidPhoneFormat:
        return
    assert number[0] == "+"
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert 4 <= len(number) - 1 <= 15
    assert normalize(number) == normalize(number, "GB") == number
    assert format_display(number).startswith("+")


@given(st.integers(1, 999), st.text("0123456789", min_size=3, max_size=13))
def test_normalize_is_idempotent(code: int, rest: str) -> None:
    try:
        number = normalize(f"+{code}{rest}")
    except InvalidPhoneFormat:
        return
    assert normalize(number) == number
    assert lookup_digits(number) == number[1:]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+14155550134", "+1 (415) 555-0134"),
        ("+10155550134", "+1 (015) 555-0134"),
        ("+447700900123", "+44 7700 900123"),
    ],
)
def test_format_display(number: str, shown: str) -> None:
    assert format_display(number) == shown


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+14155550134", "14155550134"),
        ("1415", "1415"),
        ("(415) 555-0134", "14155550134"),
        ("+1 415 555 0134", "14155550134"),
    ],
)
def test_lookup_digits(text: str, digits: str) -> None:
    assert lookup_digits(text) == digits


@pytest.mark.parametrize("text", ["", "+", "123", "1" * 16, "+1+2", "abc", "+٤٤٧٧", "(5) x"])
def test_lookup_digits_refuses(text: str) -> None:
    with pytest.raises(InvalidPhoneFormat):
        lookup_digits(text)


@given(st.text(max_size=60) | TYPED)
def test_lookup_digits_never_raises_anything_else(text: str) -> None:
    try:
        digits = lookup_digits(text)
    except InvalidPhoneFormat:
        return
    assert 4 <= len(digits) <= 15
