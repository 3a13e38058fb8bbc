"""libphonenumber's tables read directly, for numbers that are written `+E.164` already.

`phonenumbers` reads anything people type, step by step, and each step looks for what
such a number cannot hold: letters, extensions, prefixes of exchanges. Here its own
metadata is compiled once per region, and a number that any of those steps would
change is left to it. What it says is the truth: a test compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType

_WRITTEN: Final = re.compile(r"\+[1-9][0-9]{5,14}")
_NO_COUNTRY: Final = "001"

_TYPES: Final = (
    ("premium_rate", PhoneNumberType.PREMIUM_RATE),
    ("toll_free", PhoneNumberType.TOLL_FREE),
    ("shared_cost", PhoneNumberType.SHARED_COST),
    ("voip", PhoneNumberType.VOIP),
    ("personal_number", PhoneNumberType.PERSONAL_NUMBER),
    ("pager", PhoneNumberType.PAGER),
    ("uan", PhoneNumberType.UAN),
    ("voicemail", PhoneNumberType.VOICEMAIL),
)
"""In the order in which libphonenumber asks: the first that matches is the type."""


@dataclass(frozen=True, slots=True)
class _Range:
    """Numbers of one kind: their lengths, empty = any, and their pattern."""

    lengths: frozenset[int]
    pattern: re.Pattern[str] | None

    def holds(self, national: str) -> bool:
        if self.pattern is None or (self.lengths and len(national) not in self.lengths):
            return False
        return self.pattern.fullmatch(national) is not None


@dataclass(frozen=True, slots=True)
class _Region:
    """One region of a country code.

    Attributes:
        leading: how its numbers begin; None = only their ranges tell.
        trunk: what is read as a prefix, not as part of the number.
        possible: lengths that numbers have, of which those of local numbers are left out.
        any_special: what a number matches that is of a special kind; most are not.
    """

    name: str
    leading: re.Pattern[str] | None
    trunk: re.Pattern[str] | None
    possible: frozenset[int]
    general: _Range
    special: tuple[tuple[_Range, int], ...]
    any_special: re.Pattern[str] | None
    fixed: _Range
    mobile: _Range | None

    def type_of(self, national: str) -> int:
        """The `PhoneNumberType`; `UNKNOWN` outside its ranges."""
        if not self.general.holds(national):
            return PhoneNumberType.UNKNOWN
        if self.any_special is not None and self.any_special.fullmatch(national):
            for numbers, kind in self.special:
                if numbers.holds(national):
                    return kind
        mobile = self.mobile is not None and self.mobile.holds(national)
        if self.fixed.holds(national):
            both = self.mobile is None or mobile
            return PhoneNumberType.FIXED_LINE_OR_MOBILE if both else PhoneNumberType.FIXED_LINE
        return PhoneNumberType.MOBILE if mobile else PhoneNumberType.UNKNOWN


def is_normal(number: str) -> bool:
    """Whether a text is a possible number and already as `phone.normalize` writes it.

    False says nothing: `phonenumbers` has to read it.
    """
    found = _split(number)
    return found is not None and len(found[1]) in _regions(found[0])[0].possible


def place_and_type(number: str) -> tuple[str, int] | None:
    """Region and `PhoneNumberType` of `+E.164`; None = `phonenumbers` has to read it.

    A number in no known range is of the region that its country code mainly stands for.
    """
    found = _split(number)
    if found is None:
        return None
    code, national = found
    regions = _regions(code)
    main = regions[0].name
    if len(regions) == 1:
        return main, regions[0].type_of(national)
    for region in regions:
        if region.leading is not None:
            if region.leading.match(national):
                return region.name, region.type_of(national)
        elif (kind := region.type_of(national)) != PhoneNumberType.UNKNOWN:
            return region.name, kind
    return main, PhoneNumberType.UNKNOWN


def _split(number: str) -> tuple[int, str] | None:
    """Country code and national number, if the one is known and the other read as it stands."""
    if _WRITTEN.fullmatch(number) is None:
        return None
    for digits in (1, 2, 3):
        code = int(number[1 : 1 + digits])
        if code in COUNTRY_CODE_TO_REGION_CODE:
            national = number[1 + digits :]
            trunk = _regions(code)[0].trunk
            return None if trunk is not None and trunk.match(national) else (code, national)
    return None


@cache
def _regions(code: int) -> tuple[_Region, ...]:
    """The regions of a country code, its main one first."""
    return tuple(_region(code, name) for name in COUNTRY_CODE_TO_REGION_CODE[code])


def _region(code: int, name: str) -> _Region:
    # Each region that a country code lists is there.
    found: Any = (
        PhoneMetadata.metadata_for_nongeo_region(code)
        if name == _NO_COUNTRY
        else PhoneMetadata.metadata_for_region(name)
    )
    general = found.general_desc
    shared = found.same_mobile_and_fixed_line_pattern
    special = tuple((_range(getattr(found, what)), kind) for what, kind in _TYPES)
    patterns = [numbers.pattern.pattern for numbers, _ in special if numbers.pattern]
    return _Region(
        name=name,
        leading=_pattern(found.leading_digits),
        trunk=_pattern(found.national_prefix_for_parsing),
        possible=frozenset(general.possible_length) - set(general.possible_length_local_only),
        general=_range(general),
        special=special,
        any_special=_pattern("|".join(f"(?:{pattern})" for pattern in patterns)),
        fixed=_range(found.fixed_line),
        mobile=None if shared else _range(found.mobile),
    )


def _range(described: Any) -> _Range:
    if described is None:
        return _Range(frozenset(), None)
    pattern = described.national_number_pattern
    return _Range(frozenset(described.possible_length), _pattern(pattern))


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None
