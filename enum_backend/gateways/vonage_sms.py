"""Vonage's SMS API: form in, JSON out, refusals with HTTP status 200."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from enum_backend.gateways.base import (
    Cost,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.gateways.digits import digits_of
from enum_backend.gateways.http_replies import provider_text
from enum_backend.gateways.vonage_errors import SMS_REASONS
from enum_backend.gsm import fits_gsm7

if TYPE_CHECKING:
    from enum_backend.gateways.vonage import VonageOptions


def fields(options: VonageOptions, sms: OutboundSms) -> dict[str, str]:
    """The form.

    TRAP: without `type=unicode` Vonage replaces what GSM-7 lacks by `?`.

    Raises:
        GatewayError: the recipient is no number.
    """
    return {
        "from": (sms.sender or options.sender).removeprefix("+"),
        "to": digits_of(sms.to),
        "text": sms.text,
        "type": "text" if fits_gsm7(sms.text) else "unicode",
        "client-ref": sms.message_id[:100],
        **({"callback": options.webhook_url} if options.webhook_url else {}),
        **({"ttl": str(options.validity * 1000)} if options.validity else {}),
    }


def result(data: Mapping[str, Any], currency: str, hide: Iterable[str]) -> SendResult:
    """What the reply says; it has one entry, with an id and a price of its own, per part.

    Returns:
        The first part's id; reports of the others are known by the client's reference.

    Raises:
        GatewayError: every part was refused; ambiguous if only some were, or if
            the reply is not understood.
    """
    listed = data.get("messages")
    parts = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
    refused = [part for part in parts if str(part.get("status")) != "0"]
    if refused:
        raise _refusal(refused[0], some_sent=len(refused) < len(parts), hide=hide)
    first = parts[0].get("message-id") if parts else None
    if not isinstance(first, str) or not first:
        raise GatewayError(
            Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
        )
    return SendResult(ProviderStatus.QUEUED, first, len(parts), _total(parts, currency))


def _refusal(part: Mapping[str, Any], *, some_sent: bool, hide: Iterable[str]) -> GatewayError:
    code = str(part.get("status"))
    # The message itself keeps what is no code out of logs.
    known = code if re.fullmatch(r"[0-9]{1,4}", code, re.ASCII) else None
    if some_sent:
        return GatewayError(
            Reason.UNKNOWN, "some parts were refused", provider_code=known, ambiguous=True
        )
    if known is None:
        return GatewayError(Reason.UNKNOWN, "the reply has no status", ambiguous=True)
    return GatewayError(
        SMS_REASONS.get(known, Reason.UNKNOWN),
        provider_text(part.get("error-text"), hide),
        provider_code=known,
    )


def _total(parts: Iterable[Mapping[str, Any]], currency: str) -> Cost | None:
    try:
        prices = [Decimal(str(part.get("message-price"))) for part in parts]
    except InvalidOperation:
        return None
    total = sum(prices, Decimal(0))
    return Cost(total, currency) if total.is_finite() else None
