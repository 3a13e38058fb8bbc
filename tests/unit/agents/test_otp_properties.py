"""What holds for any text, and that its time is linear."""

from __future__ import annotations

import importlib
import pkgutil
import re
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enum_backend.agents import otp
from enum_backend.agents.otp import Kind, extract_otp_from_sms
from enum_backend.agents.otp.text import clean

WORDS = st.sampled_from([
    "code", "your", "is", ":", "do not share", "482913", "4 8 2 9", "G-4821", "K9F2QX", "BHKQZT",
    "order", "Ref", "2026", "12.05.2026", "14:30", "+1 415 555 0134", "*4417", "€49.90", "minutes",
    "验证码", "код", "رمز", "कोड", "รหัส", "٤٨٢٩", "@example.org #482913", "\n", ".", "?", "enter",
    "https://example.org/4821", "%", "promo", "(", ")", "-", "kod", "to", "\u200b", "１２３４",
])  # fmt: skip
MESSAGES = st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=25).map(" ".join))
HOSTILE = [
    "1", "1 ", "1-", "1.", "1:", "a", "a1", "a.", "a-", "A", "AAAA aaaaaaaaaa ", " ", "\n", " \n",
    "@", " @a #", "@a", "http://", "www.", "*1234", "+1 ", "(123) ", "G-123456 ", "code ",
    "code 1 ", "code 1234 ", "do not share code ", "verifi", "verifizierungscode", "验证码是",
    "รหัส", "والرمز ", "הובלמשכ", "\u0301\u0323", "\u05b0\u0590", "\u200b", "\ufdfa", "1234. ",
    "111_222_", "₹1 ", "12 ", "G-", "(", "\u200f1",
]  # fmt: skip


@given(MESSAGES)
@example("")
@example("code @example.org #\u0661")
def test_properties_of_an_extraction(text: str) -> None:
    found = extract_otp_from_sms(text)
    assert (found.code is None) == (found.kind is Kind.NONE) == (found.confidence == 0)
    assert 0 <= found.confidence <= 1
    assert found.reason
    if found.code is None or found.kind is Kind.WEBOTP:
        return
    assert 4 <= len(found.code.replace("-", "")) <= 10
    assert found.code == found.code.strip()
    letters = [one for one in found.code if one.isalpha()]
    assert {
        Kind.NUMERIC: found.code.isascii() and found.code.isdigit(),
        Kind.ALPHANUMERIC: letters != [] and any(one.isdigit() for one in found.code),
        Kind.LETTERS: found.code.isalpha() and found.code.isupper(),
    }[found.kind]
    kept = iter(clean(text))
    assert all(one in kept for one in found.code), "its characters are in the text, in order"


@given(MESSAGES)
def test_properties_the_same_text_has_the_same_code(text: str) -> None:
    assert extract_otp_from_sms(text) == extract_otp_from_sms(text)


@given(st.integers(1000, 10**10 - 1))
def test_properties_any_digits_that_are_named_are_found(number: int) -> None:
    assert extract_otp_from_sms(f"Your code is {number}.").code == str(number)


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("length", [10_000, 100_000])
def test_long_hostile_texts_come_to_an_end(part: str, length: int) -> None:
    # With quadratic time the longer one would take hours: the time limit of tests ends it.
    text = part * (length // len(part))
    extract_otp_from_sms(f"{text}!")


def test_a_code_at_the_end_of_a_long_text_is_found() -> None:
    assert extract_otp_from_sms("lorem ipsum " * 5000 + "\nYour code is 482913").code == "482913"


def patterns() -> dict[str, re.Pattern[str]]:
    found = {}
    for module in pkgutil.iter_modules(otp.__path__, f"{otp.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern):
                found[f"{module.name}.{name}"] = value
    return found


def unbounded(tree: Any, *, inside: bool) -> bool:
    """Whether a repeat without an end is within another one."""
    for operator, argument in tree:
        if operator in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            endless = argument[1] is codes.MAXREPEAT
            if (endless and inside) or unbounded(argument[2], inside=inside or endless):
                return True
        elif operator is codes.BRANCH:
            if any(unbounded(branch, inside=inside) for branch in argument[1]):
                return True
        elif operator is codes.SUBPATTERN and unbounded(argument[-1], inside=inside):
            return True
    return False


def test_no_pattern_repeats_a_repeat() -> None:
    found = patterns()
    assert len(found) > 15
    assert [
        name for name, one in found.items()
        if unbounded(parser.parse(one.pattern, one.flags), inside=False)
    ] == []  # fmt: skip


def test_the_check_for_repeated_repeats_sees_them() -> None:
    assert unbounded(parser.parse("(a+b)+"), inside=False)
    assert unbounded(parser.parse("(?:x|(?:a*)*)"), inside=False)
    assert not unbounded(parser.parse("(?:a{1,5}b)+c*"), inside=False)
