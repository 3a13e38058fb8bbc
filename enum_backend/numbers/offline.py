"""What the numbering plan alone tells about a number, and what it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType, carrier

from enum_backend.gateways.inventory.base import LineType
from enum_backend.numbering import place_and_type

_TYPES: Final = {
    PhoneNumberType.FIXED_LINE: LineType.LANDLINE,
    PhoneNumberType.MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.FIXED_OR_MOBILE,
    PhoneNumberType.TOLL_FREE: LineType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE: LineType.PREMIUM,
    PhoneNumberType.SHARED_COST: LineType.SHARED_COST,
    PhoneNumberType.VOIP: LineType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER: LineType.PERSONAL,
    PhoneNumberType.PAGER: LineType.PAGER,
    PhoneNumberType.UAN: LineType.UAN,
    PhoneNumberType.VOICEMAIL: LineType.VOICEMAIL,
}

MIXED: Final = (
    "in this country mobile, landline and VoIP numbers share their ranges: "
    "only a live look-up can tell them apart"
)
_NO_COUNTRY: Final = "001"

RANGE: Final = "the carrier is the one the range was given to; numbers move between carriers"
NOT_VALID: Final = "no range of the numbering plan holds this number; new ranges are known late"


@dataclass(frozen=True, slots=True)
class OfflineReport:
    """What the numbering plan says.

    Attributes:
        region: ISO 3166, None for numbers of no country.
        valid: whether a range of the plan holds it; possible numbers may not be.
        carrier_of_range: who got the range, empty where it says nothing.
        caveats: what this cannot know, as sentences.
    """

    number: str
    region: str | None
    valid: bool
    line_type: LineType
    carrier_of_range: str
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """Where a number belongs by its numbering plan.

    Attributes:
        region: ISO 3166, or `001` for numbers of no country; of a number in no known
            range the country that its country code mainly stands for. None = no
            country code begins like that.
    """

    region: str | None
    line_type: LineType


@lru_cache(maxsize=8192)
def number_plan(number: str) -> NumberPlan:
    """Country and kind of `+E.164`."""
    if (known := place_and_type(number)) is not None:
        region, kind = known
        return NumberPlan(region, _TYPES.get(kind, LineType.UNKNOWN))
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return NumberPlan(None, LineType.UNKNOWN)
    code = parsed.country_code or 0
    place = phonenumbers.region_code_for_number(parsed)
    return NumberPlan(place or phonenumbers.region_code_for_country_code(code), _line_type(parsed))


def classify_offline(number: str) -> OfflineReport:
    """Classify `+E.164` (as `phone.normalize` returns it) without asking anybody."""
    parsed = phonenumbers.parse(number)
    valid = phonenumbers.is_valid_number(parsed)
    line_type = _line_type(parsed)
    region = phonenumbers.region_code_for_number(parsed)
    holder = carrier.name_for_number(parsed, "en")
    caveats = []
    if not valid:
        caveats.append(NOT_VALID)
    if line_type is LineType.FIXED_OR_MOBILE:
        caveats.append(MIXED)
    if holder:
        caveats.append(RANGE)
    return OfflineReport(
        number=number,
        region=None if region == _NO_COUNTRY else region,
        valid=valid,
        line_type=line_type,
        carrier_of_range=holder,
        caveats=tuple(caveats),
    )


def _line_type(number: phonenumbers.PhoneNumber) -> LineType:
    return _TYPES.get(phonenumbers.number_type(number), LineType.UNKNOWN)
