"""Numbers of providers that write E.164 without its `+`."""

from __future__ import annotations

import re

from enum_backend.gateways.base import GatewayError, Reason


def digits_of(number: str) -> str:
    """`+E.164` without the `+`.

    Raises:
        GatewayError: it is anything else; separators would join several recipients.
    """
    if not re.fullmatch(r"\+[1-9][0-9]{3,14}", number):
        raise GatewayError(Reason.INVALID_NUMBER, "a number is + and 4 to 15 digits")
    return number[1:]


_WRITING = re.compile(r"^tel:|[\s().\-/\u2010-\u2015]", re.IGNORECASE)
"""What people and systems write around the digits of a number (RFC 3966 section 3)."""


def number_of(text: str) -> str:
    """`+E.164` for digits with or without `+` or `00`; short codes and names as they are."""
    bare = _WRITING.sub("", text)
    found = re.fullmatch(r"(?:\+|00)?([1-9][0-9]{6,14})", bare, re.ASCII)
    return f"+{found[1]}" if found else text
