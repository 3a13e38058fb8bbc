"""Phone numbers as people type them -> `+E.164`, or the exact reason why not.

Parsing is libphonenumber's (`phonenumbers`). A number is refused only when it
cannot exist by length and country code; many test ranges are possible without
being "valid", and new ranges reach the metadata late.
"""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from enum_backend.errors import FieldError, InvalidPhoneFormat
from enum_backend.numbering import is_normal

DEFAULT_REGION: Final = "US"
MAX_CHARACTERS: Final = 40

_TYPED = re.compile(r"\+?[\d\s().\-/\u2010-\u2015\u00a0]+")

_PARSE_REASONS: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: "starts with no known country code",
    NumberParseException.NOT_A_NUMBER: "is not a phone number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "ends after the international prefix",
    NumberParseException.TOO_SHORT_NSN: "is too short",
    NumberParseException.TOO_LONG: "is too long",
}
_LENGTH_REASONS: Final = {
    ValidationResult.TOO_SHORT: "is too short for its country",
    ValidationResult.TOO_LONG: "is too long for its country",
    ValidationResult.INVALID_LENGTH: "has a length its country does not use",
    ValidationResult.INVALID_COUNTRY_CODE: "starts with no known country code",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}


def _refuse(field: str, why: str) -> InvalidPhoneFormat:
    return InvalidPhoneFormat(f"{field}: {why}", errors=[FieldError(field, why)])


def normalize(text: str, region: str = DEFAULT_REGION, *, field: str = "number") -> str:
    """`(415) 555-0134` -> `+14155550134`.

    Args:
        text: as typed; digits, blanks, `( ) . - /`, one leading `+`.
        region: ISO 3166 country of numbers written without `+`.
        field: what errors call this input.

    Raises:
        InvalidPhoneFormat: says why, with the number of digits, never the number.
    """
    if is_normal(text):
        return text
    typed = text.strip()
    digits = sum(character.isdigit() for character in typed)
    if not typed:
        raise _refuse(field, "is empty")
    if len(typed) > MAX_CHARACTERS:
        raise _refuse(field, f"has {len(typed)} characters, at most {MAX_CHARACTERS} are read")
    if _TYPED.fullmatch(typed) is None:
        raise _refuse(field, "may hold digits, blanks, ( ) . - / and one leading + only")
    if digits == 0:
        raise _refuse(field, "has no digits")
    if digits > 15:
        raise _refuse(field, f"has {digits} digits, E.164 allows 15")
    try:
        number = phonenumbers.parse(typed, region)
    except NumberParseException as error:
        why = _PARSE_REASONS.get(error.error_type, "is not a phone number")
        raise _refuse(field, f"{why} ({digits} digits)") from None
    verdict = phonenumbers.is_possible_number_with_reason(number)
    if verdict != ValidationResult.IS_POSSIBLE:
        why = _LENGTH_REASONS.get(verdict, "is not a possible number")
        raise _refuse(field, f"{why} ({digits} digits)")
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not 4 <= len(found) - 1 <= 15:
        raise _refuse(field, f"has {len(found) - 1} digits with its country code, not 4 to 15")
    if phonenumbers.parse(found) != number:
        # A doubled trunk prefix, `+31 00...`: each reading drops one more zero.
        raise _refuse(field, f"can be read as several numbers ({digits} digits)")
    return found


def is_valid(text: str, region: str = DEFAULT_REGION) -> bool:
    """Whether `normalize` would take it: a number that can be sent to."""
    try:
        normalize(text, region)
    except InvalidPhoneFormat:
        return False
    return True


def format_display(text: str, region: str = DEFAULT_REGION) -> str:
    """`+14155550134` -> `+1 (415) 555-0134`; other countries in their international form.

    Raises:
        InvalidPhoneFormat: see `normalize`.
    """
    number = phonenumbers.parse(normalize(text, region))
    if number.country_code == 1:
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        if national.startswith("("):
            return f"+1 {national}"
        bare = phonenumbers.national_significant_number(number)
        return f"+1 ({bare[:3]}) {bare[3:6]}-{bare[6:]}"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def lookup_digits(text: str, region: str = DEFAULT_REGION, *, field: str = "number") -> str:
    """NVS digits of a number to look up: any 4 to 15 digits, possible or not.

    With a `+`, or digits alone, the text is the whole E.164 number; otherwise
    (`(415) 555-0134`) it is read as typed in `region`.

    Raises:
        InvalidPhoneFormat: says why.
    """
    typed = text.strip()
    compact = re.sub(r"[\s().\-/\u2010-\u2015\u00a0]", "", typed)
    if typed.startswith("+") or compact == typed:
        bare = compact.removeprefix("+")
        if not (bare.isascii() and bare.isdigit()):
            raise _refuse(field, "may hold digits, blanks, ( ) . - / and one leading + only")
        if not 4 <= len(bare) <= 15:
            raise _refuse(field, f"has {len(bare)} digits, E.164 numbers have 4 to 15")
        return bare
    return normalize(text, region, field=field).removeprefix("+")
