"""Fields of bodies and queries that JSON has no type for: times, senders."""

from __future__ import annotations

from enum_backend.clock import from_rfc3339
from enum_backend.errors import wrong_field
from enum_backend.phone import normalize


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
