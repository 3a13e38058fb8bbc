"""Bandwidth's words and codes in ours: tables, to be amended without touching code.

Source: https://dev.bandwidth.com/docs/messaging/errors/ (codes) and the message list of
https://dev.bandwidth.com/apis/messaging/ (statuses)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from enum_backend.gateways.base import ProviderStatus, Reason

_CODES: Mapping[Reason, str] = {
    Reason.FORBIDDEN: "4001 4431 4432 4433 4434 4700 4730",
    Reason.INVALID_REQUEST: "4301 4435",
    Reason.INVALID_SENDER: "4302 4403 4405 4407 4409 4481 4740 4772 4773 4774 4795",
    Reason.INVALID_NUMBER: "4303 4404 4406 4408 4720 4721",
    Reason.EXPIRED: "4360",
    Reason.CARRIER_REJECTED: "4470 4750 4751 4752 4753 4770 4771 4790 4791 4792 4793",
    Reason.OPTED_OUT: "4482 4775",
    Reason.AUTH_FAILED: "4493",
    Reason.UNREACHABLE: "4701 4702",
    Reason.RATE_LIMITED: "4780 4781 4785",
}

REASONS: Mapping[str, Reason] = {
    code: reason for reason, codes in _CODES.items() for code in codes.split()
}
"""`errorCode` of reports -> reason; not the codes of the numbers API."""

STATUSES: Mapping[str, ProviderStatus] = {
    "QUEUED": ProviderStatus.QUEUED,
    "SENDING": ProviderStatus.QUEUED,
    "ACCEPTED": ProviderStatus.QUEUED,
    "SENT": ProviderStatus.SENT,
    "DELIVERED": ProviderStatus.DELIVERED,
    "FAILED": ProviderStatus.FAILED,
    "UNDELIVERED": ProviderStatus.UNDELIVERED,
}
"""`messageStatus` of the message list -> how far it got."""

CALLBACKS: Mapping[str, ProviderStatus] = {
    "message-sending": ProviderStatus.QUEUED,
    "message-sent": ProviderStatus.SENT,
    "message-delivered": ProviderStatus.DELIVERED,
    "message-read": ProviderStatus.DELIVERED,
    "message-failed": ProviderStatus.FAILED,
}
"""`type` of a status callback -> how far the message got."""

NO_REPORT = "9902"
"""The carrier did not report in time: the message stays `sent`, for good."""

_TEMPORARY = re.compile(r"5[1256]\d\d", re.ASCII)
_CARRIERS = re.compile(r"47\d\d|56\d\d|9999", re.ASCII)


def reason_of(code: str) -> Reason:
    """What the `errorCode` of a failed message means."""
    if _TEMPORARY.fullmatch(code):
        return Reason.TEMPORARY_UNAVAILABLE
    return REASONS.get(code, Reason.UNKNOWN)


def end_of(status: ProviderStatus, code: str) -> tuple[ProviderStatus, Reason | None]:
    """Status and reason of a message, given its `errorCode` (empty if there is none).

    A failure is `failed` where Bandwidth refused the message, `undelivered`
    where a carrier did.
    """
    if status not in (ProviderStatus.FAILED, ProviderStatus.UNDELIVERED):
        return status, None
    if code == NO_REPORT:
        return ProviderStatus.SENT, None
    if _CARRIERS.fullmatch(code):
        status = ProviderStatus.UNDELIVERED
    return status, reason_of(code)


def refusal_of(http_status: int, body: Mapping[str, Any]) -> Reason | None:
    """What a refused request means by the fields it complains about; None = its status says it."""
    if http_status == 406:
        return Reason.INVALID_REQUEST
    listed = body.get("fieldErrors") if http_status == 400 else None
    errors = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    # A wrong receiver is wrong at every provider, so it counts before the sender.
    for field, reason in (("to", Reason.INVALID_NUMBER), ("from", Reason.INVALID_SENDER)):
        if any(re.match(rf"{field}\b", str(item.get("fieldName"))) for item in errors):
            return reason
    return None
