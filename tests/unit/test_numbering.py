"""The compiled tables agree with `phonenumbers` wherever they say anything."""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from enum_backend.numbering import is_normal, place_and_type
from enum_backend.numbers.offline import number_plan
from enum_backend.phone import normalize

codes = st.sampled_from(sorted(COUNTRY_CODE_TO_REGION_CODE))


def written(code: int, national: str) -> str:
    return f"+{code}{national}"


def examples() -> Iterator[str]:
    """One number of each kind in each region, as far as the metadata has one."""
    kinds = PhoneNumberType.values()
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        found = [phonenumbers.example_number_for_non_geo_entity(code)]
        found += [
            phonenumbers.example_number_for_type(name, kind) for name in regions for kind in kinds
        ]
        found += [phonenumbers.invalid_example_number(name) for name in regions]
        for number in found:
            if number is not None:
                yield phonenumbers.format_number(number, PhoneNumberFormat.E164)


def check(number: str) -> None:
    known, normal = place_and_type(number), is_normal(number)
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        assert known is None
        assert not normal
        return
    if known is not None:
        code = parsed.country_code or 0
        region = phonenumbers.region_code_for_number(parsed)
        main = phonenumbers.region_code_for_country_code(code)
        assert known == (region or main, phonenumbers.number_type(parsed))
    if normal:
        assert phonenumbers.format_number(parsed, PhoneNumberFormat.E164) == number
        verdict = phonenumbers.is_possible_number_with_reason(parsed)
        assert verdict == ValidationResult.IS_POSSIBLE


def test_every_kind_of_every_region() -> None:
    for number in examples():
        check(number)


@given(codes, st.text("0123456789", max_size=14))
@example(1, "5550001234")
@example(39, "06698812345")
@example(44, "07700900123")
@example(52, "15512345678")
@example(54, "91123456789")
@example(979, "123456789")
@example(800, "12345678")
@example(1, "2684601234")
@example(7, "7710009998")
@example(599, "7151234")
def test_any_number_of_a_country(code: int, national: str) -> None:
    check(written(code, national))


@given(st.text("+0123456789 \n٣", max_size=18))
@example("+15550001234\n")
@example("+0123456789")
@example("+2109876543")
@example("+1555٠٠٠١٢٣٤")
def test_any_text(text: str) -> None:
    check(text)


@pytest.mark.parametrize("number", ["+15550001234", "+447700900123", "+390669881234"])
def test_a_normal_number_is_its_own_normal_form(number: str) -> None:
    assert is_normal(number)
    assert normalize(number) == number


@given(codes, st.from_regex(r"[0-9]{4,12}", fullmatch=True))
def test_what_is_normal_stays_so(code: int, national: str) -> None:
    number = written(code, national)
    if is_normal(number):
        assert normalize(f"  {number} ") == number


def test_a_number_that_is_read_otherwise_is_left_to_the_parser() -> None:
    trunk = "+4407700900123"
    assert place_and_type(trunk) is None
    assert not is_normal(trunk)
    assert normalize(trunk) == "+447700900123"
    assert number_plan(trunk) == number_plan("+447700900123")


def test_a_length_that_only_local_numbers_have_is_not_normal() -> None:
    assert not is_normal("+15550001")
