"""One run of digits and letters -> a possible code, or what it plainly is instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enum_backend.agents.otp.result import Kind

SHORTEST: Final = 4
LONGEST: Final = 10

A: Final = "A-Za-zÀ-ÖØ-öø-ɏ"
_PREFIX: Final = re.compile(rf"(?<![{A}\d])([A-Z]{{1,4}})-$")
_SUFFIX: Final = re.compile(rf"-([A-Z]{{2,5}})(?![{A}\d-])")
_GLUED: Final = re.compile(r"(\d{4,8})[A-Z][a-z]+")
_MASKED: Final = re.compile(r"[xX]{2,}\d|x\d|\d[xX]{2,}")
_MASK_BEFORE: Final = re.compile(r"(?:[*xX•●×#]{2,}|[-.]{2,}|[•●×]) ?$|(?<![*\w])\* ?$")
_CLOCK: Final = re.compile(r"\d{1,2}[hH]\d{0,2}|(?:\d{1,3}[hms]){2,3}")
_SIGNS: Final = "$€£¥₹₽₴₺₫₩₪₦₱฿៛₭₮₸₼₾₲₡₵₨₿"
_MONEY_BEFORE: Final = re.compile(rf"[{_SIGNS}] ?$")
_MONEY_AFTER: Final = re.compile(rf" ?[{_SIGNS}%‰°]")


@dataclass(frozen=True, slots=True)
class Number:
    """Something with digits at [start, end) of the clean text, or letters that may be a code.

    Attributes:
        code: as it would be typed, None when it cannot be a code.
        refused: what it is instead, in words; empty when `code` is set.
        prefix: letters before a dash that belong to the brand: `G` of `G-123456`.
        doubtful: could well be a date or a phone number.
    """

    start: int
    end: int
    code: str | None
    kind: Kind = Kind.NUMERIC
    refused: str = ""
    prefix: str = ""
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Atom:
    """Pieces joined by single signs: `12-34-56`, `10:30`, `X7K9QP`."""

    start: int
    end: int
    parts: tuple[str, ...]
    signs: str

    @property
    def digits(self) -> bool:
        """Digits alone, perhaps with dashes."""
        return not self.signs.strip("-") and all(part.isdigit() for part in self.parts)


def shape(text: str, run: Sequence[Atom]) -> Number:
    """What a run of atoms looks like.

    Args:
        text: clean; the signs around the run are looked at too.
        run: one atom, or several with blanks between them.
    """
    start, end = run[0].start, run[-1].end
    before, after = text[max(0, start - 6) : start], text[end : end + 6]
    if why := _refused_around(before, after, run):
        return Number(start, end, None, refused=why)
    parts = [part for atom in run for part in atom.parts]
    if all(part.isdigit() for part in parts):
        number = _of_digits(text, run, parts)
    else:
        number = _with_letters(start, end, parts, after)
    return _with_prefix(number, before, parts[0])


def _refused_around(before: str, after: str, run: Sequence[Atom]) -> str:
    """Why signs before or after a run keep it from being a code; empty when they do not."""
    bold = before.endswith("*") and after.startswith("*")
    size = sum(len(part) for atom in run for part in atom.parts)
    mask = _MASK_BEFORE.search(before)
    if mask and not bold and (size <= 4 or mask[0][0] not in "-."):
        return "masked"
    if after.startswith("*") and not bold:
        return "masked"
    if before.endswith("*") and after.startswith("#"):
        return "dialled"
    if _MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after):
        return "an amount"
    return ""


def _of_digits(text: str, run: Sequence[Atom], parts: Sequence[str]) -> Number:
    start, end = run[0].start, run[-1].end
    signs = "".join(atom.signs for atom in run)
    sizes = [len(part) for part in parts]
    code = "".join(parts)
    why, doubtful = "", False
    if text[start - 1 : start] == "+":
        why = "a phone number"
    elif signs == "." and sizes == [3, 3]:
        doubtful = True  # an amount, unless a word for a code is right before it
    elif signs.strip("-"):
        why = "a time" if ":" in signs else "a date" if "/" in signs else "an amount"
    elif len(run) > 1 and is_phone(text, run, sizes) and not is_group(sizes):
        why = "a phone number"
    elif is_thousands(run, sizes):
        why = "an amount"
    elif signs:
        why, doubtful = _dashed(parts, sizes)
    elif len(run) > 1:
        doubtful = sizes in ([3, 3, 3], [2, 2, 2, 2], [2, 2, 2, 2, 2])
    if not why and not SHORTEST <= len(code) <= LONGEST:
        why = "too short" if len(code) < SHORTEST else "too long"
    if why:
        return Number(start, end, None, refused=why)
    return Number(start, end, code, doubtful=doubtful)


def is_group(sizes: Sequence[int]) -> bool:
    """Whether blocks of digits of these sizes are a code written with blanks."""
    if len(sizes) < 2 or len(set(sizes)) != 1 or sum(sizes) > LONGEST:
        return False
    return sizes[0] <= 4 and sum(sizes) >= SHORTEST


def is_phone(text: str, run: Sequence[Atom], sizes: Sequence[int]) -> bool:
    """Whether blocks of digits are a phone, card or account number written with blanks."""
    total = sum(sizes)
    if text[run[0].start - 1 : run[0].start] == "(" and total >= 7:
        return True
    if total > LONGEST and max(sizes) <= 6 and len(sizes) > 2:
        return True
    if run[0].parts[0].startswith("0") and sizes[0] <= 5 and 7 <= total <= 12:
        return True
    return len(sizes) >= 3 and 9 <= total <= 13 and max(sizes) <= 4 and min(sizes) >= 2


def is_thousands(run: Sequence[Atom], sizes: Sequence[int]) -> bool:
    """`25 000`, `1 500 000`: blocks of three after a shorter one."""
    return len(run) > 1 and sizes[0] < 3 and all(size == 3 for size in sizes[1:])


def _dashed(parts: Sequence[str], sizes: Sequence[int]) -> tuple[str, bool]:
    """Why digits with dashes are no code, and whether they are doubtful."""
    total = sum(sizes)
    if is_date(parts):
        return ("", True) if sizes == [2, 2, 2] else ("a date", False)
    if list(sizes) == [2, 2] or all(is_year(part) for part in parts):
        return "a range", False
    if list(sizes) == [3, 3, 4] or total > LONGEST:
        return "a phone number", False
    return "", len(set(sizes)) != 1 or total > 8 or list(sizes) == [4, 4]


def is_date(parts: Sequence[str]) -> bool:
    """Whether three blocks are a day, a month and a year in any usual order."""
    if len(parts) != 3 or max(len(part) for part in parts) not in (2, 4):
        return False
    first, second, third = (int(part) for part in parts)
    if len(parts[0]) == 4:
        return second <= 12 and third <= 31
    if len(parts[2]) not in (2, 4) or len(parts[1]) > 2:
        return False
    return 0 < min(first, second) <= 12 and max(first, second) <= 31


def is_year(code: str) -> bool:
    """Whether four digits look like a year people write about."""
    return len(code) == 4 and code[:2] in ("13", "14", "19", "20", "25")


def _with_letters(start: int, end: int, parts: Sequence[str], after: str) -> Number:
    joined = "-".join(parts)
    if len(parts) == 1 and (glued := _GLUED.fullmatch(joined)):
        return Number(start, start + len(glued[1]), glued[1])
    if _MASKED.search(joined):
        return Number(start, end, None, refused="masked")
    if _CLOCK.fullmatch(joined):
        return Number(start, end, None, refused="a time")
    if (suffix := _SUFFIX.match(after)) and joined.upper() == joined:
        joined += suffix[0]
        end += len(suffix[0])
    length = len(joined.replace("-", ""))
    if not SHORTEST <= length <= LONGEST:
        why = "too short" if length < SHORTEST else "too long"
        return Number(start, end, None, refused=why)
    if after[:1] in ("+", "/", "=") or ("-" in joined and joined.upper() != joined):
        return Number(start, end, None, refused="a hash")
    return Number(start, end, joined, Kind.ALPHANUMERIC)


def _with_prefix(number: Number, before: str, digits: str) -> Number:
    """`G-123456`: the letters are the brand's; `ABC-123`: they belong to the code."""
    if before.endswith(("+", "=")) and number.kind is Kind.ALPHANUMERIC and number.code:
        return Number(number.start, number.end, None, refused="a hash")
    match = _PREFIX.search(before)
    if match is None or (number.code is None and number.refused != "too short"):
        return number
    letters, start = match[1], number.start - len(match[0])
    if number.code is None:
        whole = f"{letters}-{digits}"
        if len(whole) - 1 < SHORTEST or not digits.isdigit():
            return number
        return Number(start, number.end, whole, Kind.ALPHANUMERIC)
    if not letters.strip("X"):
        return Number(start, number.end, None, refused="masked")
    brand = len(letters) <= 2 or len(number.code) > 4
    if number.kind is Kind.NUMERIC and brand:
        return Number(start, number.end, number.code, prefix=letters)
    whole = f"{letters}-{number.code}"
    if len(whole) - whole.count("-") > LONGEST:
        return Number(start, number.end, None, refused="too long")
    return Number(start, number.end, whole, Kind.ALPHANUMERIC)
