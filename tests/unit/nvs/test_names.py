"""Numbers, NVS names and ENUM domains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvs.errors import InvalidNumber
from nvs.names import (
    digits_of_nvs_name,
    e164_nvs_name,
    enumer_index,
    enumer_nvs_name,
    to_e164_name,
    to_nvs_digits,
)

NUMBERS = st.text("0123456789", min_size=4, max_size=15)


def test_the_three_spellings():
    assert to_nvs_digits("+14155551234") == to_nvs_digits("14155551234") == "14155551234"
    assert to_e164_name("+14155551234") == "4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
    assert to_e164_name("+14155551234", "enum") == "4.3.2.1.5.5.5.5.1.4.1.enum"
    assert e164_nvs_name("+14155551234") == "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
    assert enumer_nvs_name("+14155551234", 7) == "enum:14155551234:7"


@pytest.mark.parametrize(
    "number", ["", "+", "123", "+1234567890123456", "٤١٥٥٥", "1 415", "++1415"]
)
def test_not_a_number(number):
    with pytest.raises(InvalidNumber, match="number: "):
        to_nvs_digits(number)


@given(NUMBERS, st.integers(0, 99999))
def test_names_lead_back_to_the_digits(digits, index):
    assert digits_of_nvs_name(e164_nvs_name(digits)) == digits
    name = enumer_nvs_name(digits, index)
    assert digits_of_nvs_name(name) == digits
    assert enumer_index(name) == index
    assert enumer_index(e164_nvs_name(digits)) is None


@pytest.mark.parametrize(
    "name",
    [
        "dns:example.coin",
        "enum:14155551234",
        "enum:14155551234:01",
        "enum:14155551234:0\n",
        "ENUM:14155551234:0",
        "enum:123:0",
        "enum:1.2.3.e164.arpa",
        "enum:1.2.3.4.E164.ARPA",
        "enum:1.2.3.4.e164.arpa.",
        "enum:" + "1" * 80,
    ],
)
def test_other_names_are_skipped(name):
    assert digits_of_nvs_name(name) is None
