"""Fields of bodies and queries that JSON has no type for: times, senders, positions."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from enum_backend.clock import from_rfc3339
from enum_backend.errors import wrong_field
from enum_backend.phone import normalize

MAX_POSITION: Final = 2**63 - 1
"""Row ids have 64 bits, with a sign."""


def _read_position(value: Any) -> int:
    text = str(value)
    # The length first: Python takes long over reading very many digits.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_POSITION))):
        raise ValueError("is not a position that a list gave")
    return int(text)


Position = Annotated[int, BeforeValidator(_read_position), Field(ge=0, le=MAX_POSITION)]
"""Where a list goes on: the row that was seen last."""


def read_time(field: str, text: str | None) -> int | None:
    """An RFC 3339 time in milliseconds.

    Raises:
        ValidationFailed: it is none, or has no time zone.
    """
    try:
        return None if text is None else from_rfc3339(text)
    except ValueError as error:
        raise wrong_field(field, str(error)) from None


def read_sender(text: str, region: str, *, field: str = "from") -> str:
    """A number is normalised; an alphanumeric sender (GSM: at most 11 characters) is kept.

    Raises:
        InvalidPhoneFormat: neither.
    """
    if any(character.isalpha() for character in text):
        return text
    return normalize(text, region, field=field)
