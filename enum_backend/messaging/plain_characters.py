"""Characters that GSM-7 lacks, and what stands for them in plain text.

Quotes, dashes and blanks have plain forms that nobody misses. Letters can lose their
marks, but a name then is spelt wrong, so that is asked for separately.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from enum_backend.gsm import fits_gsm7

_TYPOGRAPHY: Final = {
    character: plain
    for plain, characters in (
        ('"', "“”„‟«»″〝〞"),
        ("'", "‘’‚‛‹›`´′ʼ"),
        ("-", "‐‑‒–—―−⁃"),
        ("...", "…"),
        (" ", "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))),
        ("", "\u00ad\u200b\u2060\ufeff"),
        ("\n", "\u2028\u2029"),
        ("*", "•‣∙·"),
        ("x", "×"),
        ("/", "⁄∕"),
        ("TM", "™"),
        ("(C)", "©"),
        ("(R)", "®"),
        ("No", "№"),
    )
    for character in characters
}

_LETTERS: Final = {
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "Ð": "D",
    "ħ": "h",
    "Ħ": "H",
    "ı": "i",
    "ĸ": "k",
    "ŋ": "n",
    "Ŋ": "N",
    "œ": "oe",
    "Œ": "OE",
    "ŧ": "t",
    "Ŧ": "T",
    "þ": "th",
    "Þ": "Th",
    "ẞ": "SS",
}
"""Letters whose mark is part of them; the marks of all others can be taken off."""


def plain_form(character: str, *, letters: bool) -> str | None:
    """What stands for a character that GSM-7 lacks; None = nothing does.

    Args:
        letters: whether a letter may lose its marks.
    """
    plain = _TYPOGRAPHY.get(character)
    if plain is None and letters:
        plain = _LETTERS.get(character) or _without_marks(character)
    return plain


def _without_marks(letter: str) -> str | None:
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base != letter and base.isalpha() and fits_gsm7(base) else None
