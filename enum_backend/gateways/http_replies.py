"""What an HTTP reply means where the provider's own codes say nothing better."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from enum_backend.gateways.base import GatewayError, Reason

STATUS_REASONS: Mapping[int, Reason] = {
    400: Reason.INVALID_REQUEST,
    401: Reason.AUTH_FAILED,
    402: Reason.INSUFFICIENT_FUNDS,
    403: Reason.FORBIDDEN,
    404: Reason.INVALID_REQUEST,
    405: Reason.INVALID_REQUEST,
    408: Reason.TEMPORARY_UNAVAILABLE,
    413: Reason.INVALID_REQUEST,
    414: Reason.INVALID_REQUEST,
    415: Reason.INVALID_REQUEST,
    422: Reason.INVALID_REQUEST,
    425: Reason.TEMPORARY_UNAVAILABLE,
    429: Reason.RATE_LIMITED,
}
"""What an HTTP status means when the provider's own code says nothing better."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP reply.

    Attributes:
        status: never a redirect, those are errors.
        headers: names in any case.
        body: at most `BODY_LIMIT` octets; empty when it was not wanted, or
            could not be read and the status alone tells the outcome.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def status_error(
    reply: Reply,
    *,
    reason: Reason | None = None,
    provider_code: str | None = None,
    detail: str = "",
    reset_header: str = "",
) -> GatewayError:
    """The error a refusal becomes.

    Args:
        reply: a reply that is not the provider's success.
        reason: what the provider's own code means; without it the status decides.
        provider_code: the provider's own code; the HTTP status without one.
        detail: what else an operator should know (see `provider_text`).
        reset_header: where the provider says when its rate limit resets.

    Returns:
        Ambiguous only if the status says success and yet was not understood.
    """
    accepted = reason is None and reply.status < 300
    if reason is None:
        fallback = Reason.TEMPORARY_UNAVAILABLE if reply.status >= 500 else Reason.UNKNOWN
        reason = STATUS_REASONS.get(reply.status, fallback)
    return GatewayError(
        reason,
        f"HTTP {reply.status}" + (f": {detail}" if detail else ""),
        provider_code=provider_code or str(reply.status),
        retry_after=retry_after(reply.headers, reset_header),
        ambiguous=accepted,
    )


def proxy_timeout(reply: Reply, reason: Reason | None = None) -> GatewayError | None:
    """The ambiguous error of a 504, with which a proxy says that it does not know either.

    RFC 9110 section 15.6.5.

    Args:
        reason: what the provider's own code means; it knows, so that nothing is ambiguous.
    """
    if reply.status != 504 or reason is not None:
        return None
    return GatewayError(
        Reason.UNKNOWN, "a proxy got no answer", provider_code="504", ambiguous=True
    )


def retry_after(headers: Mapping[str, str], reset_header: str = "") -> float | None:
    """Seconds to wait, never negative: `Retry-After` (RFC 9110 section 10.2.3), else
    `reset_header`. Either may hold seconds, Unix time, or an HTTP date."""
    for value in (headers.get("Retry-After"), headers.get(reset_header)):
        seconds = _seconds(value.strip()) if value else None
        if seconds is not None:
            return max(0.0, seconds)
    return None


def _seconds(value: str) -> float | None:
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value, re.ASCII):
        number = float(value)
        return number if number < 1e9 else number - datetime.now(UTC).timestamp()
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()


def provider_text(value: object, hide: Iterable[str] = ()) -> str:
    """A provider's own words, fit for an operator's eyes.

    Texts of `hide` (message, numbers, keys) and all digits in rows of four or
    more are blotted out: providers echo what they were sent. At most 160 characters.
    """
    if not isinstance(value, str):
        return ""
    for secret in sorted(filter(None, hide), key=len, reverse=True):
        value = value.replace(secret, "***")
    value = re.sub(r"\+?\d(?:[ ().-]{0,2}\d){3,}", "***", value)
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())[:160]
