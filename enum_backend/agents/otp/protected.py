"""Stretches of a text whose digits are never a code: addresses of pages, mailboxes and hosts.

Every pattern is bounded and starts only where a word starts, so the time is linear.
"""

from __future__ import annotations

import re
from typing import Final

_HINT: Final = re.compile(r"[@/]|www\.|\.[a-z]{2}", re.IGNORECASE)
_HOST: Final = r"(?:[A-Za-z0-9-]{1,63}\.){1,5}"
_TOP: Final = (
    "(?:com|net|org|info|biz|app|dev|io|co|me|tv|ly|gl|gg|ai|xyz|site|online|shop|bank|page|link"
    "|example|test|[a-z]{2}(?=[/:?]))"
)
_SPANS: Final = re.compile(
    r"(?:https?://|www\.)[!-~]{1,500}"
    r"|(?<![\w.+@-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}"
    rf"|(?<![A-Za-z0-9.@-]){_HOST}(?:{_TOP}(?![A-Za-z0-9])(?:[/:?][!-~]{{0,500}})?"
    r"|[a-z]{2,12}/[!-~]{0,500})",
    re.IGNORECASE | re.ASCII,
)


def addresses(cleaned: str) -> list[tuple[int, int]]:
    """[start, end) of URLs, host names and mail addresses, left to right."""
    if not _HINT.search(cleaned):
        return []
    return [match.span() for match in _SPANS.finditer(cleaned)]
