"""Phone number <-> NVS names <-> DNS owner names.

A number has three spellings: E.164 text (`+14155551234`), NVS digits
(`14155551234`) and the ENUM domain of RFC 6116 section 3.2, digits reversed
and dotted below an apex (`4.3.2.1.5.5.5.5.1.4.1.e164.arpa`).
"""

from __future__ import annotations

import re

from nvs.errors import InvalidNumber

MIN_DIGITS = 4
MAX_DIGITS = 15
MAX_NAME_OCTETS = 80
"""Longer names of numbers are never looked at (the canonical ones need at most 45)."""

ENUM_APEX = "e164.arpa"
ENUM_PREFIX = "enum:"

TOLLFREE_NAME = "enum:tollfree"
"""Where EmerDNS looks for toll-free rules (`-enumtollfree=@enum:tollfree`)."""

MAX_NVS_NAME_OCTETS = 512
"""Emercoin's own limit of a name."""

_NUMBER = re.compile(r"\+?([0-9]+)", re.ASCII)
_ENUMER_NAME = re.compile(r"enum:([0-9]{4,15}):(0|[1-9][0-9]{0,4})", re.ASCII)
_E164_NAME = re.compile(r"enum:((?:[0-9]\.){4,15})e164\.arpa", re.ASCII)


def to_nvs_digits(number: str) -> str:
    """`+14155551234` or `14155551234` -> `14155551234`.

    Raises:
        InvalidNumber: not 4 to 15 ASCII digits after an optional `+`.
    """
    match = _NUMBER.fullmatch(number)
    if match is None:
        raise InvalidNumber(f"number: {number[:40]!r} is not digits after an optional '+'")
    digits = match.group(1)
    if not MIN_DIGITS <= len(digits) <= MAX_DIGITS:
        raise InvalidNumber(
            f"number: has {len(digits)} digits, E.164 numbers have {MIN_DIGITS} to {MAX_DIGITS}"
        )
    return digits


def to_e164_name(number: str, apex: str = ENUM_APEX) -> str:
    """`+14155551234` -> `4.3.2.1.5.5.5.5.1.4.1.e164.arpa` (RFC 6116 section 3.2, no final dot).

    Raises:
        InvalidNumber: see `to_nvs_digits`.
    """
    return ".".join(reversed(to_nvs_digits(number))) + "." + apex


def e164_nvs_name(number: str) -> str:
    """The single NVS name in ENUM spelling: `enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa`."""
    return ENUM_PREFIX + to_e164_name(number)


def enumer_nvs_name(number: str, index: int) -> str:
    """Emercoin ENUMER's indexed name: `enum:14155551234:0`."""
    return f"{ENUM_PREFIX}{to_nvs_digits(number)}:{index}"


def digits_of_nvs_name(name: str) -> str | None:
    """The number's digits of a canonical NVS name, None for every other name.

    Canonical means ASCII, at most 80 octets, 4 to 15 digits, lower case, and
    for ENUMER an index without leading zeros.
    """
    if len(name) > MAX_NAME_OCTETS or not name.startswith(ENUM_PREFIX):
        return None
    if match := _ENUMER_NAME.fullmatch(name):
        return match.group(1)
    if match := _E164_NAME.fullmatch(name):
        return match.group(1).replace(".", "")[::-1]
    return None


def is_readable_name(name: str) -> bool:
    """Whether a name of any kind can be asked for by itself: ASCII, 1 to 512 octets."""
    return name.isascii() and 0 < len(name) <= MAX_NVS_NAME_OCTETS


def enumer_index(name: str) -> int | None:
    """The index of a canonical ENUMER name (`enum:14155551234:7` -> 7), else None."""
    match = _ENUMER_NAME.fullmatch(name)
    return int(match.group(2)) if match else None
