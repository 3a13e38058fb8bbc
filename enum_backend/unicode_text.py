"""Whether a text is Unicode text at all, and one that can be stored."""

from __future__ import annotations

import re
from typing import Final

_HALF: Final = re.compile("[\ud800-\udfff]")


def is_unicode(text: str) -> bool:
    """False for a text with half of a surrogate pair, which JSON can express and UTF-8 cannot."""
    return text.isascii() or _HALF.search(text) is None


def fault_of(text: str) -> str | None:
    """Why a text can be neither stored nor handed on, None if it can.

    >>> fault_of("a\\x00")
    'holds a NUL character'
    """
    if "\x00" in text:
        return "holds a NUL character"
    if not is_unicode(text):
        return "holds half of a surrogate pair, which is no Unicode text"
    return None
