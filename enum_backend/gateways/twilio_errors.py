"""Twilio's words and codes in ours: a table, to be amended without touching code.

Source: https://www.twilio.com/docs/api/errors and the message statuses of
https://www.twilio.com/docs/messaging/api/message-resource#message-status-values.
Twilio says that codes may be split: an unknown one falls back on the HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from enum_backend.gateways.base import ProviderStatus, Reason

_CODES: Mapping[Reason, str] = {
    Reason.AUTH_FAILED: "20003",
    Reason.RATE_LIMITED: "20429",
    Reason.INSUFFICIENT_FUNDS: "10001 20005 30002",
    Reason.INVALID_NUMBER: "21211 21217 21401 21614",
    Reason.INVALID_SENDER: "21212 21603 21606 21659 21660 21661 30032 30034",
    Reason.FORBIDDEN: "21408 21612 21631 21649",
    Reason.UNVERIFIED: "21219 21608",
    Reason.OPTED_OUT: "21610",
    Reason.INVALID_REQUEST: "20404 21422 21452 21602 21604 21617 21619",
    Reason.TEMPORARY_UNAVAILABLE: "21611 21730 30001 30410",
    Reason.UNREACHABLE: "30003 30005 30006",
    Reason.CARRIER_REJECTED: "30004 30007",
    Reason.UNKNOWN: "30008",
}

REASONS: Mapping[str, Reason] = {
    code: reason for reason, codes in _CODES.items() for code in codes.split()
}
"""`code` of a refusal, `error_code` of a message -> reason."""

STATUSES: Mapping[str, ProviderStatus] = {
    "accepted": ProviderStatus.QUEUED,
    "scheduled": ProviderStatus.QUEUED,
    "queued": ProviderStatus.QUEUED,
    "sending": ProviderStatus.QUEUED,
    "sent": ProviderStatus.SENT,
    "delivered": ProviderStatus.DELIVERED,
    "read": ProviderStatus.DELIVERED,
    "partially_delivered": ProviderStatus.DELIVERED,
    "undelivered": ProviderStatus.UNDELIVERED,
    "failed": ProviderStatus.FAILED,
    "canceled": ProviderStatus.CANCELED,
}
"""`status` of an outbound message -> how far it got."""

BAD_ENDS = frozenset({ProviderStatus.FAILED, ProviderStatus.UNDELIVERED})


def code_of(value: object) -> str:
    """An error code, number or digits, as text; empty for none and for 0."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if re.fullmatch(r"[1-9][0-9]{0,9}", text, re.ASCII) else ""


def reason_of(code: str) -> Reason | None:
    """What a code means; None if it is not in the table."""
    # A block for carrier trouble that is said to pass.
    if re.fullmatch(r"305[0-9]{2}", code):
        return Reason.TEMPORARY_UNAVAILABLE
    return REASONS.get(code)


def reason_for(status: ProviderStatus, code: str) -> Reason | None:
    """Why a message ended badly; None if it did not."""
    return (reason_of(code) or Reason.UNKNOWN) if status in BAD_ENDS else None
