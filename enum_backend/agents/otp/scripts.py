"""Which scripts a text uses, and how words are found in each of them."""

from __future__ import annotations

from typing import Final

LATIN: Final = "latin"

# First and last code point. Scripts written with the same words (Han, kana) count as one.
_RANGES: Final = (
    ("greek", 0x0370, 0x03FF),
    ("greek", 0x1F00, 0x1FFF),
    ("cyrillic", 0x0400, 0x052F),
    ("armenian", 0x0530, 0x058F),
    ("hebrew", 0x0590, 0x05FF),
    ("arabic", 0x0600, 0x077F),
    ("devanagari", 0x0900, 0x097F),
    ("bengali", 0x0980, 0x09FF),
    ("gurmukhi", 0x0A00, 0x0A7F),
    ("gujarati", 0x0A80, 0x0AFF),
    ("odia", 0x0B00, 0x0B7F),
    ("tamil", 0x0B80, 0x0BFF),
    ("telugu", 0x0C00, 0x0C7F),
    ("kannada", 0x0C80, 0x0CFF),
    ("malayalam", 0x0D00, 0x0D7F),
    ("sinhala", 0x0D80, 0x0DFF),
    ("thai", 0x0E00, 0x0E7F),
    ("lao", 0x0E80, 0x0EFF),
    ("myanmar", 0x1000, 0x109F),
    ("georgian", 0x10A0, 0x10FF),
    ("ethiopic", 0x1200, 0x139F),
    ("khmer", 0x1780, 0x17FF),
    ("han", 0x3005, 0x30FF),
    ("han", 0x3400, 0x9FFF),
    ("hangul", 0xAC00, 0xD7AF),
)

# Scripts in which a word may begin and end anywhere, and how many letters it needs for that:
# shorter ones must stand alone. 1 where no blanks are written between words.
JOINED: Final = {
    **dict.fromkeys(
        ("devanagari", "bengali", "gurmukhi", "gujarati", "odia", "tamil", "telugu", "kannada",
         "malayalam", "sinhala"), 4),
    "ethiopic": 2,
    **dict.fromkeys(("thai", "lao", "myanmar", "khmer", "han", "hangul"), 1),
}  # fmt: skip
# A letter or vowel sign of the scripts that write words apart.
GROWING_LETTER: Final = "[\u0900-\u0963\u0970-\u0dff\u1200-\u135f]"

# What cannot be beside a word of the other scripts. `OTP입니다`: other scripts may be.
LETTER: Final = {LATIN: "[a-zß-ɏ]"}
ANY_LETTER: Final = r"[^\W\d_]"

# Articles, prepositions and conjunctions that are written onto the next word.
PREFIXES: Final = {
    "arabic": "(?:[وف]?(?:بال|كال|ال|لل)|[وفبلك]{1,2})??",
    "hebrew": "[הובלמשכ]{0,3}?",
}

_BLOCK: Final = 7


def _blocks() -> dict[int, frozenset[str]]:
    blocks: dict[int, set[str]] = {}
    for script, first, last in _RANGES:
        for block in range(first >> _BLOCK, (last >> _BLOCK) + 1):
            blocks.setdefault(block, set()).add(script)
    return {block: frozenset(scripts) for block, scripts in blocks.items()}


_BLOCKS: Final = _blocks()


def scripts_of(folded: str) -> set[str]:
    """The scripts a text may use: its own, Latin, and now and then a neighbour of its own."""
    found = {LATIN}
    if not folded.isascii():
        for block in {ord(character) >> _BLOCK for character in folded}:
            found |= _BLOCKS.get(block, frozenset())
    return found


def script_of_word(folded: str) -> str:
    """The script of a word: that of its first letter which is not Latin."""
    for character in folded:
        for script, first, last in _RANGES:
            if first <= ord(character) <= last:
                return script
    return LATIN
