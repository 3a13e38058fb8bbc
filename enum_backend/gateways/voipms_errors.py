"""VoIP.ms's words in ours: a table, to be amended without touching code.

Source: https://voip.ms/m/apidocs.php (account needed) and public integrations; the
service answers every request with HTTP 200 and one of these words in `status`.
"""

from __future__ import annotations

from collections.abc import Sequence

from enum_backend.gateways.base import Reason

REASONS: Sequence[tuple[str, Reason]] = (
    ("invalid_credentials", Reason.AUTH_FAILED),
    ("missing_credentials", Reason.AUTH_FAILED),
    ("invalid_username", Reason.AUTH_FAILED),
    ("invalid_password", Reason.AUTH_FAILED),
    ("ip_not_", Reason.AUTH_FAILED),
    ("api_not_enabled", Reason.AUTH_FAILED),
    ("account_balance", Reason.INSUFFICIENT_FUNDS),
    ("no_credit", Reason.INSUFFICIENT_FUNDS),
    ("insufficient", Reason.INSUFFICIENT_FUNDS),
    ("not_enough_credit", Reason.INSUFFICIENT_FUNDS),
    ("invalid_dst", Reason.INVALID_NUMBER),
    ("missing_dst", Reason.INVALID_NUMBER),
    ("invalid_did", Reason.INVALID_SENDER),
    ("missing_did", Reason.INVALID_SENDER),
    ("no_did", Reason.INVALID_SENDER),
    ("sms_disabled", Reason.INVALID_SENDER),
    ("sms_not_", Reason.INVALID_SENDER),  # _enabled, _available
    ("sms_toolong", Reason.INVALID_REQUEST),
    ("sms_too_long", Reason.INVALID_REQUEST),
    ("missing_", Reason.INVALID_REQUEST),
    ("invalid_", Reason.INVALID_REQUEST),
    ("limit_reached", Reason.RATE_LIMITED),  # messages a day
    ("api_limit_exceeded", Reason.RATE_LIMITED),  # requests a minute
    ("sms_failed", Reason.CARRIER_REJECTED),
)
"""Beginning of `status` -> what it means; the first that fits counts."""


def reason_of(word: str) -> Reason:
    """What a `status` other than `success` means."""
    return next((reason for start, reason in REASONS if word.startswith(start)), Reason.UNKNOWN)
