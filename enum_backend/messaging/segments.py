"""How many SMS segments a text needs (GSM 03.38 / 3GPP TS 23.038, 23.040).

One character outside the GSM-7 alphabet switches the whole text to UCS-2. A
part never ends inside an escape pair (`ESC` + `€`) or a surrogate pair, so
parts can be shorter than their maximum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from enum_backend.gsm import GSM7_EXTENSION, fits_gsm7

Encoding = Literal["GSM-7", "UCS-2"]

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
    weights = _septets(text) if encoding == "GSM-7" else _utf16_units(text)
    sizes = list(weights)
    total = sum(sizes)
    single, several = _LIMITS[encoding]
    return Segmentation(encoding, total, 1 if total <= single else _parts(sizes, several))


def _septets(text: str) -> Iterable[int]:
    return (2 if character in GSM7_EXTENSION else 1 for character in text)


def _utf16_units(text: str) -> Iterable[int]:
    return (2 if ord(character) > 0xFFFF else 1 for character in text)


def _parts(sizes: Iterable[int], capacity: int) -> int:
    parts, used = 1, 0
    for size in sizes:
        if used + size > capacity:
            parts, used = parts + 1, 0
        used += size
    return parts
