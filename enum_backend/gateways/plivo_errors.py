"""Plivo's words and codes in ours: a table, to be amended without touching code.

Source: https://www.plivo.com/docs/messaging/troubleshooting/error-codes and
https://www.plivo.com/docs/messaging/api/message#message-states. Refusals carry a
text and no code, so they are told apart by their words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from enum_backend.gateways.base import ProviderStatus, Reason

REASONS: Mapping[str, Reason] = {
    "10": Reason.CARRIER_REJECTED,
    "20": Reason.TEMPORARY_UNAVAILABLE,
    "30": Reason.CARRIER_REJECTED,
    "40": Reason.INVALID_SENDER,
    "50": Reason.INVALID_NUMBER,
    "60": Reason.UNKNOWN,
    "70": Reason.UNREACHABLE,
    "80": Reason.UNREACHABLE,
    "90": Reason.FORBIDDEN,
    "100": Reason.CARRIER_REJECTED,
    "110": Reason.INVALID_REQUEST,
    "200": Reason.OPTED_OUT,
    "201": Reason.FORBIDDEN,
    "300": Reason.TEMPORARY_UNAVAILABLE,
    "420": Reason.EXPIRED,
    "450": Reason.FORBIDDEN,
    "900": Reason.INSUFFICIENT_FUNDS,
    "910": Reason.AUTH_FAILED,
    "1000": Reason.UNKNOWN,
}
"""`error_code` of a message that ended badly -> reason; others mean a carrier's refusal."""

STATUSES: Mapping[str, ProviderStatus] = {
    "queued": ProviderStatus.QUEUED,
    "sent": ProviderStatus.SENT,  # final where the network reports nothing
    "delivered": ProviderStatus.DELIVERED,
    "read": ProviderStatus.DELIVERED,
    "undelivered": ProviderStatus.UNDELIVERED,
    "failed": ProviderStatus.FAILED,
    "rejected": ProviderStatus.FAILED,
}
"""`message_state` of an outbound message -> how far it got."""

BAD_ENDS = frozenset({ProviderStatus.FAILED, ProviderStatus.UNDELIVERED})

_FUNDS = re.compile(r"insufficient (credit|fund|balance)", re.IGNORECASE)

_TEXTS: tuple[tuple[Reason, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        (Reason.OPTED_OUT, r"opted[ -]?out|\bunsubscribed\b|\bSTOP\b"),
        (Reason.UNVERIFIED, r"\btrial\b|\bsandbox\b|\bunverified\b|not (been )?verified"),
        (
            Reason.INVALID_SENDER,
            r"\b(src|source|sender|from)\b.*\b(invalid|incorrect|not|cannot|does ?n.t)\b"
            r"|\b(invalid|incorrect)\b.*\b(src|source|sender)\b",
        ),
        (
            Reason.INVALID_NUMBER,
            r"\b(dst|destination|recipient)\b.*\b(invalid|incorrect|not (a )?valid)\b"
            r"|\b(invalid|incorrect)\b.*\b(dst|destination|recipient)\b",
        ),
    )
)

_STATUSES: Mapping[int, Reason] = {409: Reason.INVALID_REQUEST}


def code_of(value: object) -> str:
    """An error code without leading zeros as text; empty for none and for `000`."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text.lstrip("0") if re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) else ""


def reason_for(status: ProviderStatus, code: str) -> Reason | None:
    """Why a message ended badly; None if it did not."""
    if status not in BAD_ENDS:
        return None
    return REASONS.get(code, Reason.CARRIER_REJECTED) if code else Reason.UNKNOWN


def reason_of(http_status: int, text: str) -> Reason | None:
    """What a refusal means, None if its HTTP status says as much.

    Args:
        http_status: of the reply. What lack of credit is answered with is not
            documented, so those words count with any.
        text: Plivo's `error`.
    """
    if _FUNDS.search(text):
        return Reason.INSUFFICIENT_FUNDS
    if http_status in {400, 403, 409, 422}:
        for reason, pattern in _TEXTS:
            if pattern.search(text):
                return reason
    return _STATUSES.get(http_status)
