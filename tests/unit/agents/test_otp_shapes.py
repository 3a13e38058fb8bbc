"""What a number looks like, before any word is read."""

from __future__ import annotations

import pytest

from enum_backend.agents.otp.candidates import letter_codes, numbers
from enum_backend.agents.otp.protected import addresses
from enum_backend.agents.otp.shapes import Number, is_date
from enum_backend.agents.otp.text import clean


def found(text: str) -> list[Number]:
    cleaned = clean(text)
    return numbers(cleaned, addresses(cleaned))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("4821", "4821"),
        ("0000000000", "0000000000"),
        ("482 913", "482913"),
        ("482-913", "482913"),
        ("482 - 913", "482913"),
        ("482_913", "482913"),
        ("482•913", "482913"),
        ("482.913", "482913"),
        ("12 34 56", "123456"),
        ("31-42-53", "314253"),
        ("1234 5678", "12345678"),
        ("5 8 2 0 9 1", "582091"),
        ("54-234-3", "542343"),
        ("G-482913", "482913"),
        ("FB-48291", "48291"),
        ("WXYZ-482913", "482913"),
        ("ABC-123", "ABC-123"),
        ("ABC-1234", "ABC-1234"),
        ("K7T-9QZ", "K7T-9QZ"),
        ("A8D-291", "A8D-291"),
        ("X7K-QPL", "X7K-QPL"),
        ("jh7112", "jh7112"),
        ("123ķ4", "123ķ4"),
        ("*482913*", "482913"),
        ("482913Do not", "482913"),
        ("482913ваш", "482913"),
        ("码482913码", "482913"),
    ],
)
def test_may_be_a_code(text: str, code: str) -> None:
    assert [number.code for number in found(text)] == [code]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("482", "too short"),
        ("48291337261", "too long"),
        ("A1", "too short"),
        ("G-12", "too short"),
        ("1Z999AA10123456784", "too long"),
        ("+1 415 555 0134", "a phone number"),
        ("(415) 555-0134", "a phone number"),
        ("1-800-555-0199", "a phone number"),
        ("555-010-1234", "a phone number"),
        ("0800 555 010", "a phone number"),
        ("02 1234567", "a phone number"),
        ("1234 5678 9012 3456", "a phone number"),
        ("+447700900123", "a phone number"),
        ("14:30", "a time"),
        ("14h30", "a time"),
        ("5m30s", "a time"),
        ("12/05/2026", "a date"),
        ("2026-05-14", "a date"),
        ("14-05-2026", "a date"),
        ("1-1-01", "a date"),
        ("12.05.2026", "an amount"),
        ("1,250.00", "an amount"),
        ("25 000", "an amount"),
        ("1 500 000", "an amount"),
        ("$4829", "an amount"),
        ("4829 €", "an amount"),
        ("₹4829", "an amount"),
        ("4829%", "an amount"),
        ("203.0.113.45", "an amount"),
        ("10-15", "a range"),
        ("2025-2026", "a range"),
        ("*4417", "masked"),
        ("**** 4417", "masked"),
        ("...4417", "masked"),
        ("XX4417", "masked"),
        ("XXX-4417", "masked"),
        ("x4417", "masked"),
        ("4417****", "masked"),
        ("4417XXXX4417", "masked"),
        ("*4829#", "masked"),
        ("a4829/b", "a hash"),
        ("+a48295", "a hash"),
        ("12ab-cd34", "a hash"),
        ("A12345678-B12", "too long"),
        ("ABCD-1E345678", "too long"),
    ],
)
def test_is_no_code(text: str, why: str) -> None:
    first = found(text)[0]
    assert (first.code, first.refused) == (None, why)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/v/482913?x=7719",
        "www.example.org/482913",
        "example.org/482913",
        "v.example.com/482913",
        "482913.example.org",
        "user482913@example.org",
        "shop4829.com",
    ],
)
def test_addresses_hold_no_numbers(text: str) -> None:
    assert found(text) == []


def test_a_number_before_an_address_counts() -> None:
    assert [one.code for one in found("482913,https://example.org/7719")] == ["482913"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("482913 10 min", ["482913", None]),
        ("482 913 10", ["482913", None]),
        ("4829 then 1188", ["4829", "1188"]),
        ("482913, 118822", ["482913", "118822"]),
        ("482913,118822", ["482913", "118822"]),
        ("+15550100123 482913", [None, "482913"]),
    ],
)
def test_numbers_side_by_side(text: str, codes: list[str | None]) -> None:
    assert [one.code for one in found(text)] == codes


@pytest.mark.parametrize("text", ["482 913 264", "01-02-03", "1234-5678", "482.913", "12 34 56 78"])
def test_may_be_something_else(text: str) -> None:
    assert found(text)[0].doubtful


@pytest.mark.parametrize(
    ("parts", "date"),
    [
        (("14", "05", "26"), True),
        (("05", "14", "2026"), True),
        (("2026", "05", "14"), True),
        (("2026", "13", "14"), False),
        (("32", "05", "26"), False),
        (("00", "05", "26"), False),
        (("12", "34"), False),
        (("1", "234", "56"), False),
        (("12", "34", "56"), False),
        (("1", "2", "3"), False),
        (("12", "123", "2026"), False),
    ],
)
def test_dates(parts: tuple[str, ...], date: bool) -> None:
    assert is_date(parts) is date


def test_letters() -> None:
    assert [
        one.code for one in letter_codes("please note that your code is BHKQZT, not ABC or a B")
    ] == ["BHKQZT"]
    assert letter_codes("YOUR CODE IS ON ITS WAY") == []
    assert letter_codes("see EXAMPLE.org/PATH or user@HOST") == []
