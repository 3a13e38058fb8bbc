"""Telnyx's words and codes in ours: a table, to be amended without touching code.

Source: https://developers.telnyx.com/development/api-fundamentals/api-errors and the
message statuses of https://developers.telnyx.com/api-reference/messages/retrieve-a-message
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from enum_backend.gateways.base import ProviderStatus, Reason

_CODES: Mapping[Reason, str] = {
    Reason.AUTH_FAILED: "10009 40312 40314",
    Reason.FORBIDDEN: "10010 20015 20016 20017 40301 40309 40319",
    Reason.RATE_LIMITED: "10011 40011",
    Reason.INVALID_SENDER: (
        "10001 40010 40013 40100 40150 40151 40300 40305 40306 40308 40315 40320 40321 40329"
    ),
    Reason.INVALID_NUMBER: "10002 10016 40012 40310",
    Reason.INVALID_REQUEST: "10004 10005 10015 10023 40302 40304 40316 40317 40328",
    Reason.TEMPORARY_UNAVAILABLE: "10007 10008 40318",
    Reason.INSUFFICIENT_FUNDS: "20100",
    Reason.UNREACHABLE: "40001 40006",
    Reason.CARRIER_REJECTED: "40002 40003 40004 40008 40009 40015 40322",
    Reason.EXPIRED: "40005 40014",
}

REASONS: Mapping[str, Reason] = {
    code: reason for reason, codes in _CODES.items() for code in codes.split()
}
"""`errors[].code` -> reason."""

STATUSES: Mapping[str, ProviderStatus] = {
    "queued": ProviderStatus.QUEUED,
    "sending": ProviderStatus.QUEUED,
    "scheduled": ProviderStatus.QUEUED,
    "sent": ProviderStatus.SENT,
    "delivered": ProviderStatus.DELIVERED,
    "delivery_unconfirmed": ProviderStatus.SENT,  # final: the carrier reports nothing
    "delivery_failed": ProviderStatus.UNDELIVERED,
    "sending_failed": ProviderStatus.FAILED,
    "expired": ProviderStatus.UNDELIVERED,
    "cancelled": ProviderStatus.CANCELED,
}
"""`to[].status` of an outbound message -> how far it got."""


def reason_of(code: str, explanation: str = "", http_status: int = 0) -> Reason | None:
    """What an error means; None if its code is not in the table.

    Args:
        code: `errors[].code`.
        explanation: its `title` and `detail`. 40300 is an opt-out only if they
            speak of STOP, else the sender is blocked.
        http_status: 422 with a used idempotency key has no code of its own.
    """
    if http_status == 422 and re.search(r"idempoten", explanation, re.IGNORECASE):
        return Reason.DUPLICATE
    if code == "40300" and re.search(r"\bSTOP\b", explanation, re.IGNORECASE):
        return Reason.OPTED_OUT
    return REASONS.get(code)
