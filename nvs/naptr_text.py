"""Text fit for a DNS character-string, and what is said when it is not."""

from __future__ import annotations

import re

MAX_TEXT_OCTETS = 255
"""A DNS character-string holds no more (RFC 1035 section 3.3)."""

_UNPRINTABLE = re.compile(r"[^!-~]")


class InvalidNaptr(ValueError):
    """A regexp, service or URI cannot be published; the message says what is wrong with it."""


def shown(value: object) -> str:
    """A hostile value for a message: ASCII only, at most 40 characters."""
    text = ascii(value)
    return text if len(text) <= 40 else text[:36] + "...'"


def check_text(text: str, what: str) -> None:
    """Refuse what no character-string of ours may hold.

    Raises:
        InvalidNaptr: blanks, control characters, non-ASCII, or over 255 octets.
    """
    if bad := _UNPRINTABLE.search(text):
        kind = {" ": "a blank", "\t": "a blank", "\0": "a NUL"}.get(bad.group())
        if kind is None:
            kind = "a control character" if bad.group() < "\x80" else "a non-ASCII character"
        raise InvalidNaptr(f"{what}: has {kind} at character {bad.end()}, expected printable ASCII")
    if len(text) > MAX_TEXT_OCTETS:
        raise InvalidNaptr(f"{what}: has {len(text)} octets, at most {MAX_TEXT_OCTETS} fit")
