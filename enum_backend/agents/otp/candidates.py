"""The numbers of a text: which have the shape of a code, and what the others plainly are.

A shape is decided on a whole run of digits with its separators, so that a part of a phone number,
a date or an amount never looks like a code by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from enum_backend.agents.otp.result import Kind
from enum_backend.agents.otp.shapes import A, Atom, Number, is_group, is_phone, is_thousands, shape

_PHONE_LONGEST: Final = 15  # E.164
_MOST_PARTS: Final = 12
# Digits after a sign that joins two numbers: decimals, thousands, a year, minutes.
_WIDEST: Final = {".": 4, ",": 3, ":": 2, "/": 6}

# A word that holds a digit. Starts only where a word starts: linear.
_PIECE: Final = re.compile(rf"(?<![{A}\d])[{A}]*\d[{A}\d]*")
_LETTERS: Final = re.compile(rf"(?<![{A}\d@/.-])[A-Z]{{4,10}}(?![{A}\d@/]|-[{A}\d])")
_PAIR_GAPS: Final = frozenset({" - ", "_", "•", "·", " • ", " · "})
_GAP_IN_PHONE: Final = frozenset({" ", ") ", " (", "(", ")", ")-"})


def numbers(text: str, spans: Sequence[tuple[int, int]]) -> list[Number]:
    """Everything with a digit, left to right.

    Args:
        text: clean.
        spans: where no digit counts (`addresses`); numbers inside are left out.
    """
    found: list[Number] = []
    atoms = _atoms(text, spans)
    at = 0
    while at < len(atoms):
        run = _run(text, atoms, at)
        found.append(shape(text, run))
        at += len(run)
    return found


def letter_codes(text: str) -> list[Number]:
    """Words in capitals that may be codes; none in a text that is mostly in capitals."""
    small = sum(character.islower() for character in text)
    if small < 2 * sum(character.isupper() for character in text):
        return []
    return [
        Number(match.start(), match.end(), match[0], Kind.LETTERS)
        for match in _LETTERS.finditer(text)
    ]


def _atoms(text: str, spans: Sequence[tuple[int, int]]) -> list[Atom]:
    starts = [start for start, _ in spans]
    atoms: list[Atom] = []
    for match in _PIECE.finditer(text):
        start, end = match.span()
        if spans:
            span = bisect_right(starts, start) - 1
            if span >= 0 and start < spans[span][1]:
                continue
        piece = match[0]
        if atoms and start == atoms[-1].end + 1:
            last, sign = atoms[-1], text[start - 1]
            digits = piece.isdigit() and last.parts[-1].isdigit()
            if sign == "-" or (digits and sign in ".,:/" and len(piece) <= _WIDEST[sign]):
                parts = (*last.parts, piece)[:_MOST_PARTS]
                atoms[-1] = Atom(last.start, end, parts, (last.signs + sign)[:_MOST_PARTS])
                continue
        atoms.append(Atom(start, end, (piece,), ""))
    return atoms


def _run(text: str, atoms: Sequence[Atom], at: int) -> Sequence[Atom]:
    """The atoms from `at` on that are one number written with blanks."""
    first = atoms[at]
    if not first.digits:
        return atoms[at : at + 1]
    if _is_pair(text, atoms[at : at + 3]):
        return atoms[at : at + 2]
    most = at + 1
    while (
        most < min(len(atoms), at + _MOST_PARTS)
        and atoms[most].digits
        and text[atoms[most - 1].end : atoms[most].start] in _GAP_IN_PHONE
    ):
        most += 1
    run = atoms[at:most]
    if text[first.start - 1 : first.start] == "+":
        return _at_most(run, _PHONE_LONGEST)
    while len(run) > 1:
        sizes = [len(part) for atom in run for part in atom.parts]
        if is_group(sizes) or is_phone(text, run, sizes) or is_thousands(run, sizes):
            return run
        run = run[:-1]
    return run


def _is_pair(text: str, atoms: Sequence[Atom]) -> bool:
    """`482 - 913`, `482_913`: two blocks of three with a sign that is rare elsewhere."""
    if len(atoms) < 2 or any(len(atom.parts[0]) != 3 or atom.signs for atom in atoms[:2]):
        return False
    if text[atoms[0].end : atoms[1].start] not in _PAIR_GAPS:
        return False
    return len(atoms) < 3 or text[atoms[1].end : atoms[2].start] not in _PAIR_GAPS


def _at_most(run: Sequence[Atom], digits: int) -> Sequence[Atom]:
    total = 0
    for count, atom in enumerate(run):
        total += sum(map(len, atom.parts))
        if total > digits:
            return run[: max(count, 1)]
    return run
