"""Numbers and codes as those see them who need not know them."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\+[0-9]{4,15}(?![0-9])", re.ASCII)
_CODE = re.compile(r"(?<![0-9+])[0-9]{6}(?![0-9])", re.ASCII)


def mask_numbers(text: str) -> str:
    """Every number in a text with its country and its last two digits only.

    >>> mask_numbers("the record names +15557654321")
    'the record names +15*******21'
    """
    return _NUMBER.sub(lambda found: mask_number(found[0]), text)


def mask_number(number: str) -> str:
    """One `+E.164` number; short ones lose more of their beginning."""
    hidden = max(len(number) - 5, 2)
    return number[: len(number) - 2 - hidden] + "*" * hidden + number[-2:]


def mask_codes(text: str) -> str:
    """A text without numbers of six digits, which MeshCentral's codes are."""
    return _CODE.sub("******", text)
