"""Vonage's words and codes in ours: a table, to be amended without touching code.

Sources: https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms
(status codes), https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts,
https://developer.vonage.com/en/api-errors/messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from enum_backend.gateways.base import ProviderStatus, Reason

SMS_REASONS: Mapping[str, Reason] = {
    "1": Reason.RATE_LIMITED,
    "2": Reason.INVALID_REQUEST,
    "3": Reason.INVALID_REQUEST,
    "4": Reason.AUTH_FAILED,
    "5": Reason.TEMPORARY_UNAVAILABLE,
    "6": Reason.INVALID_NUMBER,
    "7": Reason.CARRIER_REJECTED,
    "8": Reason.FORBIDDEN,
    "9": Reason.INSUFFICIENT_FUNDS,
    "10": Reason.TEMPORARY_UNAVAILABLE,
    "11": Reason.FORBIDDEN,
    "12": Reason.INVALID_REQUEST,
    "14": Reason.AUTH_FAILED,
    "15": Reason.INVALID_SENDER,
    "22": Reason.INVALID_REQUEST,
    "23": Reason.INVALID_REQUEST,
    "29": Reason.UNVERIFIED,
    "32": Reason.AUTH_FAILED,
    "33": Reason.INVALID_NUMBER,
}
"""SMS API: `messages[].status` of a refused part."""

RECEIPT_REASONS: Mapping[str, Reason] = {
    "1": Reason.UNKNOWN,
    "2": Reason.UNREACHABLE,
    "3": Reason.UNREACHABLE,
    "4": Reason.CARRIER_REJECTED,
    "5": Reason.UNREACHABLE,
    "6": Reason.CARRIER_REJECTED,
    "7": Reason.UNREACHABLE,
    "8": Reason.TEMPORARY_UNAVAILABLE,
    "9": Reason.INVALID_NUMBER,
    "10": Reason.INVALID_REQUEST,
    "11": Reason.UNREACHABLE,
    "12": Reason.UNREACHABLE,
    "13": Reason.CARRIER_REJECTED,
    "14": Reason.CARRIER_REJECTED,
    "15": Reason.UNREACHABLE,
    "99": Reason.UNKNOWN,
}
"""SMS API: `err-code` of a delivery receipt."""

RECEIPT_STATUSES: Mapping[str, ProviderStatus] = {
    "accepted": ProviderStatus.SENT,
    "buffered": ProviderStatus.SENT,
    "unknown": ProviderStatus.SENT,
    "delivered": ProviderStatus.DELIVERED,
    "failed": ProviderStatus.UNDELIVERED,
    "expired": ProviderStatus.UNDELIVERED,
    "rejected": ProviderStatus.FAILED,
}
"""SMS API: `status` of a delivery receipt."""

MESSAGES_REASONS: Mapping[str, Reason] = {
    "1000": Reason.RATE_LIMITED,
    "1010": Reason.INVALID_REQUEST,
    "1020": Reason.INVALID_REQUEST,
    "1030": Reason.TEMPORARY_UNAVAILABLE,
    "1040": Reason.INVALID_NUMBER,
    "1050": Reason.CARRIER_REJECTED,
    "1060": Reason.FORBIDDEN,
    "1070": Reason.INSUFFICIENT_FUNDS,
    "1080": Reason.FORBIDDEN,
    "1090": Reason.INVALID_REQUEST,
    "1100": Reason.TEMPORARY_UNAVAILABLE,
    "1120": Reason.INVALID_SENDER,
    "1130": Reason.INVALID_REQUEST,
    "1140": Reason.FORBIDDEN,
    "1150": Reason.INVALID_REQUEST,
    "1160": Reason.UNVERIFIED,
    "1170": Reason.INVALID_NUMBER,
    "1180": Reason.UNREACHABLE,
    "1190": Reason.UNREACHABLE,
    "1200": Reason.UNREACHABLE,
    "1210": Reason.CARRIER_REJECTED,
    "1220": Reason.UNREACHABLE,
    "1230": Reason.TEMPORARY_UNAVAILABLE,
    "1240": Reason.OPTED_OUT,
    "1241": Reason.RATE_LIMITED,
    "1250": Reason.UNREACHABLE,
    "1260": Reason.UNREACHABLE,
    "1270": Reason.CARRIER_REJECTED,
    "1280": Reason.CARRIER_REJECTED,
    "1290": Reason.UNREACHABLE,
    "1330": Reason.UNREACHABLE,
    "1331": Reason.TEMPORARY_UNAVAILABLE,
    "1360": Reason.EXPIRED,
}
"""Messages API: the fragment of `type`, or `error.title` of a status."""

MESSAGES_STATUSES: Mapping[str, ProviderStatus] = {
    "submitted": ProviderStatus.SENT,
    "delivered": ProviderStatus.DELIVERED,
    "read": ProviderStatus.DELIVERED,
    "rejected": ProviderStatus.UNDELIVERED,
    "undeliverable": ProviderStatus.FAILED,
}
"""Messages API: `status` of a status webhook."""

BAD_ENDS = frozenset({ProviderStatus.FAILED, ProviderStatus.UNDELIVERED})


def receipt_reason(word: str, code: str) -> Reason | None:
    """Why a receipt's message ended badly; None if it did not.

    Args:
        word: `status`.
        code: `err-code`.
    """
    if RECEIPT_STATUSES.get(word) not in BAD_ENDS:
        return None
    if word == "expired" and code in {"", "0", "1", "99"}:
        return Reason.EXPIRED
    return RECEIPT_REASONS.get(code, Reason.UNKNOWN)


def messages_code(problem: Mapping[str, object]) -> str:
    """The code of a problem document, or of the `error` of a status; empty for none."""
    for value in (problem.get("type"), problem.get("title")):
        found = re.search(r"(?:^|#)([0-9]{4})$", str(value), re.ASCII)
        if found:
            return found[1]
    return ""
