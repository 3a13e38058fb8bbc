"""Format 2: one regexp and nothing else, bare or quoted: `"!^.*$!sip:user@domain.com!"`.

The enumservice follows from the URI's scheme, order and preference are ours.
"""

from __future__ import annotations

from nvs.formats.draft import Candidate, Draft

_QUOTES = "\"'"
_NOT_DELIMITERS = "\\{[\"'"


def looks_like_regexp(text: str) -> bool:
    """One line that starts with `!`, or that is cut in three by another delimiter."""
    text = _unquoted(text)
    first = text[:1]
    if not first or "\n" in text or "\r" in text or first.isalnum() or first in _NOT_DELIMITERS:
        return False
    return first == "!" or text.count(first) == 3


def read_bare_regexp(text: str, draft: Draft) -> None:
    """The value is one candidate."""
    draft.format = "regexp"
    draft.candidates.append(Candidate("line 1", None, _unquoted(text)))


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0]:
        return text[1:-1]
    return text
