"""Cutting a text into the single messages that VoIP.ms takes."""

from __future__ import annotations

import unicodedata

OCTETS = 160
"""UTF-8 octets of one message: an accent counts 2, an emoji 4 and more."""

LOOK_BACK = 24
"""Octets a part may stay below the limit, so that no word, and no code, is cut."""

_JOINERS = "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}\N{VARIATION SELECTOR-15}"


def split_octets(text: str, limit: int = OCTETS) -> list[str]:
    """Parts of at most `limit` octets each; joined they are the text.

    A character is never cut, nor a mark from its letter, nor an emoji that is made
    of several; words only where they are longer than `LOOK_BACK`.
    """
    parts: list[str] = []
    while text:
        end = _fitting(text, limit)
        if end < len(text):
            end = _between_words(text, end) or _between_characters(text, end) or end
        parts.append(text[:end])
        text = text[end:]
    return parts


def _fitting(text: str, limit: int) -> int:
    """How many code points from the beginning fit."""
    octets = 0
    for place, character in enumerate(text):
        octets += len(character.encode())
        if octets > limit:
            return place
    return len(text)


def _between_words(text: str, end: int) -> int:
    """The last place after a blank, not too far before `end`; 0 = there is none."""
    for place in range(end, 0, -1):
        if len(text[place:end].encode()) > LOOK_BACK:
            return 0
        if text[place - 1] in " \n":
            return place
    return 0


def _between_characters(text: str, end: int) -> int:
    """The last place up to `end` at which one visible character ends; 0 = there is none."""
    for place in range(end, 0, -1):
        if not _continues(text[place]) and text[place - 1] != "\N{ZERO WIDTH JOINER}":
            return place
    return 0


def _continues(character: str) -> bool:
    return (
        character in _JOINERS
        or unicodedata.combining(character) != 0
        or "\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}"
        <= character
        <= "\N{EMOJI MODIFIER FITZPATRICK TYPE-6}"
    )
