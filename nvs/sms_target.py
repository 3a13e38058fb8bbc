"""Which number takes the SMS of a name."""

from __future__ import annotations

from nvs.errors import InvalidNumber
from nvs.formats import read_draft
from nvs.names import to_nvs_digits


def sms_target(own: str, value: bytes) -> str | None:
    """The digits of the number that takes a name's SMS, None where it takes none.

    Only JSON names an SMS route, so other values are not parsed at all.

    Args:
        own: digits of the name's own number, which a route without a number means.
    """
    if b"{" not in value and b"[" not in value:
        return None
    route = read_draft(value).sms
    if route is None:
        return None
    try:
        return to_nvs_digits(route.number) if route.number else own
    except InvalidNumber:
        return None
