"""A message as it was sent -> text that rules can read, and the same text for looking up words.

Two forms of equal length, so that a position in one is a position in the other:

* `clean`: NFKC (Unicode Annex 15), decimal digits of every script as ASCII, without invisible
  characters and vowel points, one kind of blank, dash and quotation mark. Codes are cut from it.
* `fold`: the clean text in lower case without accents, dashes and apostrophes as blanks. Words
  are looked up in it; the words of the packs are folded the same way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

# Sorting a run of combining marks (part of NFKC) takes time quadratic in its length. No language
# stacks more than a few; Unicode's stream-safe format (Annex 15, 13) allows 30.
_LONG: Final = 500
_MARKS: Final = re.compile(
    "([\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u06d6-\u06ed"
    "\u0730-\u074a\u07eb-\u07f3\u0816-\u082d\u08d3-\u08ff\u093c\u094d\u0e38-\u0e4b"
    "\u0eb8-\u0ecb\u0f18-\u0f87\u1037-\u103a\u135d-\u135f\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20f0\u302a-\u302f\u3099\u309a\ufe20-\ufe2f]{8})"
    "[^\\w\\s\\x00-\\x7f]+"
)
_BLANKS: Final = re.compile(" {2,}")
_LINES: Final = re.compile("[ \n]*\n[ \n]*")

_INVISIBLE: Final = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x0300, 0x036F),  # accents that compose with nothing
    (0x0591, 0x05BD),  # Hebrew points
    (0x05BF, 0x05C7),
    (0x0610, 0x061C),  # Arabic signs and the letter mark
    (0x0640, 0x0640),  # tatweel
    (0x064B, 0x065F),  # harakat
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x180B, 0x180E),
    (0x200B, 0x200F),  # zero-width and direction marks
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20E3, 0x20E3),  # keycap
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),
    (0xE0000, 0xE007F),
)
# Dots below or beside Indic letters, which many keyboards leave out.
_NUKTA: Final = "\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc"
_SAME: Final = {
    "-": "\u05be\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u30fb\u2500",
    "'": "\u02bb\u02bc\u2018\u2019\u201b\u055a\u05f3`\u2032",
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u05f4\u2033\u300c\u300d\u300e\u300f",
    " ": "\t\v\f\u00a0\u1680\u2028\u3000",
    "\n": "\r\u0085\u2029",
    "I": "\u0130",  # its lower case has two characters
}
_FOLDED: Final = {
    " ": "\n-_'",
    "d": "đɖɗ",
    "l": "ł",
    "o": "øɔ",
    "s": "ß",
    "a": "æ",
    "e": "əɛ",
    "i": "ı",
    "t": "þŧ",
    "n": "ŋ",
    "h": "ħ",
    "b": "ɓ",
    "k": "ƙ",
    "y": "ƴ",
    "σ": "ς",
    "ا": "أإآٱ",
    "ي": "ىیئ",
    "ك": "ک",
    "ه": "ةۀەہھۂۃ",
    "و": "ؤ",
    "ن": "ں",
    "ے": "ۓ",
    "ं": "ँ",
}


def _digits() -> dict[int, str]:
    table = {}
    for point in range(0x0660, 0x1FC00):
        value = unicodedata.decimal(chr(point), None)
        if value is not None:
            table[point] = str(value)
    return table


def _without(ranges: Iterable[tuple[int, int]]) -> dict[int, None]:
    return {point: None for first, last in ranges for point in range(first, last + 1)}


def _each(table: Mapping[str, str]) -> dict[int, str]:
    return {ord(other): one for one, others in table.items() for other in others}


def _accents() -> dict[int, str]:
    table = {}
    for first, last in ((0x00C0, 0x0530), (0x1E00, 0x2000)):
        for point in range(first, last):
            base = unicodedata.normalize("NFD", chr(point))[0]
            if ord(base) != point:
                table[point] = base
    return table


_CLEAN: Final[dict[int, str | None]] = {
    **_digits(),
    **_without(_INVISIBLE),
    **{ord(mark): None for mark in _NUKTA},
    **_each(_SAME),
}
_FOLD: Final[dict[int, str]] = {
    **_accents(),
    **_each(_FOLDED),
}


def clean(text: str) -> str:
    """`text` in NFKC with ASCII digits, without what cannot be seen.

    Takes time linear in the length of `text`.
    """
    if not text.isascii():
        if len(text) > _LONG:
            text = _MARKS.sub(r"\1", text)
        # NFKC makes it a comma without a blank, which would join the numbers beside it.
        text = unicodedata.normalize("NFKC", text.replace("，", ", "))
    text = text.translate(_CLEAN)
    if "  " in text:
        text = _BLANKS.sub(" ", text)
    if "\n" in text:
        text = _LINES.sub("\n", text)
    return text.strip(" \n")


def fold(cleaned: str) -> str:
    """A clean text for looking up words; as long as `cleaned`."""
    return cleaned.lower().translate(_FOLD)
