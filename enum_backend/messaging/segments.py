"""How many SMS segments a text needs (GSM 03.38 / 3GPP TS 23.038, 23.040), and how it needs fewer.

One character outside the GSM-7 alphabet switches the whole text to UCS-2. A
part never ends inside an escape pair (`ESC` + `€`) or a surrogate pair, so
parts can be shorter than their maximum.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from enum_backend.gsm import GSM7, GSM7_EXTENSION, fits_gsm7
from enum_backend.messaging.plain_characters import plain_form

Encoding = Literal["GSM-7", "UCS-2"]

Replaced = tuple[tuple[str, str], ...]
"""(character, what stands for it now), each once, in the order they come."""

_LIMITS: Final[dict[Encoding, tuple[int, int]]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}
"""Encoding -> units in a single part, units in each of several parts."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a text costs to carry.

    Attributes:
        units: septets (GSM-7) or UTF-16 code units (UCS-2).
        segments: parts billed; an empty text needs one.
    """

    encoding: Encoding
    units: int
    segments: int


def segment(text: str) -> Segmentation:
    """Encoding, units and number of segments of a text.

    >>> segment("a" * 161)
    Segmentation(encoding='GSM-7', units=161, segments=2)
    """
    encoding: Encoding = "GSM-7" if fits_gsm7(text) else "UCS-2"
    doubles = _doubles(text, encoding)
    units = len(text) + doubles
    single, several = _LIMITS[encoding]
    if units <= single:
        return Segmentation(encoding, units, 1)
    if not doubles:
        return Segmentation(encoding, units, -(-units // several))
    sizes = (2 if _is_double(character, encoding) else 1 for character in text)
    return Segmentation(encoding, units, _parts(sizes, several))


def forcing_ucs2(text: str) -> tuple[str, ...]:
    """The characters that GSM-7 lacks, each once, in the order they come."""
    return tuple(dict.fromkeys(character for character in text if character not in GSM7))


def transliterate(text: str, *, letters: bool = False) -> tuple[str, Replaced]:
    """The text in GSM-7, if characters with a plain form are all that keeps it out.

    A text that would need UCS-2 all the same, or more segments than before (`…`
    becomes three dots), comes back as it is, with nothing replaced.

    Args:
        letters: letters that GSM-7 lacks may lose their marks: `Łódź` -> `Lodz`.

    >>> transliterate("“Hi” – it’s me")
    ('"Hi" - it\\'s me', (('“', '"'), ('”', '"'), ('–', '-'), ('’', "'")))
    """
    if fits_gsm7(text):
        return text, ()
    replaced: dict[str, str] = {}
    parts: list[str] = []
    # Composed first: GSM-7 has é, but not e with a combining accent.
    for character in unicodedata.normalize("NFC", text):
        plain = character if character in GSM7 else plain_form(character, letters=letters)
        if plain is None:
            return text, ()
        if plain != character:
            replaced[character] = plain
        parts.append(plain)
    found = "".join(parts)
    if segment(found).segments > segment(text).segments:
        return text, ()
    return found, tuple(replaced.items())


def _is_double(character: str, encoding: Encoding) -> bool:
    return character in GSM7_EXTENSION if encoding == "GSM-7" else ord(character) > 0xFFFF


def _doubles(text: str, encoding: Encoding) -> int:
    """How many characters take two units."""
    if encoding == "GSM-7":
        return sum(map(text.count, GSM7_EXTENSION))
    return sum(character > "\uffff" for character in text)


def _parts(sizes: Iterable[int], capacity: int) -> int:
    parts, used = 1, 0
    for size in sizes:
        if used + size > capacity:
            parts, used = parts + 1, 0
        used += size
    return parts
