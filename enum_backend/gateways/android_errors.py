"""SMSGate's words in ours: tables, to be amended without touching code.

Source: https://docs.sms-gate.app/ (message states, error texts) and the result codes of
https://developer.android.com/reference/android/telephony/SmsManager
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from enum_backend.gateways.base import ProviderStatus, Reason

STATUSES: Mapping[str, ProviderStatus] = {
    "Pending": ProviderStatus.QUEUED,
    "Processed": ProviderStatus.QUEUED,
    "Cancelling": ProviderStatus.QUEUED,
    "Sent": ProviderStatus.SENT,  # may be final: Android hides some reports
    "Delivered": ProviderStatus.DELIVERED,
    "Failed": ProviderStatus.FAILED,
    "Cancelled": ProviderStatus.CANCELED,
}
"""`state` of a message."""

FAILURES: Sequence[tuple[str, Reason]] = (
    (r"RESULT_ERROR_GENERIC_FAILURE", Reason.UNKNOWN),  # often no credit, or no network
    (r"LIMIT_EXCEEDED", Reason.RATE_LIMITED),
    (r"SHORT_CODE_(NOT|NEVER)_ALLOWED|FDN_CHECK_FAILURE", Reason.FORBIDDEN),
    (r"NO_SERVICE|RADIO_OFF|MODEM|NETWORK", Reason.TEMPORARY_UNAVAILABLE),
    (r"TTL expired", Reason.EXPIRED),
    (r"Invalid phone number|not mobile phone number", Reason.INVALID_NUMBER),
    (r"No SIMs? found", Reason.TEMPORARY_UNAVAILABLE),
)
"""Pattern in `reason` of `sms:failed`, or `error` of a recipient; the first that fits counts."""

_CODE = re.compile(r"RESULT_[A-Z0-9_]{1,60}")


def failure_of(text: str) -> tuple[Reason, str | None]:
    """Why a phone could not send: our word, and Android's code if it gave one."""
    found = (reason for pattern, reason in FAILURES if re.search(pattern, text, re.IGNORECASE))
    code = _CODE.search(text)
    return next(found, Reason.UNKNOWN), code[0] if code else None


def refusal_of(status: int, text: str) -> Reason | None:
    """What a refused request means; None = what its HTTP status says.

    Args:
        text: `message` of the reply.
    """
    if status == 409:
        return Reason.DUPLICATE
    if status == 400 and re.search(
        r"invalid phone number|not mobile phone number", text, re.IGNORECASE
    ):
        return Reason.INVALID_NUMBER
    return None
