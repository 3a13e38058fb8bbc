"""Whether a text is Unicode text at all."""

from __future__ import annotations

import re
from typing import Final

_HALF: Final = re.compile("[\ud800-\udfff]")


def is_unicode(text: str) -> bool:
    """False for a text with half of a surrogate pair, which JSON can express and UTF-8 cannot."""
    return text.isascii() or _HALF.search(text) is None
