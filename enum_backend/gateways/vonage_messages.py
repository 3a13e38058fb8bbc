"""Vonage's Messages API v1: JSON, and a JWT of the application that sends."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt

from enum_backend.gateways.base import (
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.gateways.digits import digits_of

if TYPE_CHECKING:
    from enum_backend.gateways.vonage import VonageOptions

TOKEN_LIFE = 300
"""Seconds; Vonage takes 15 minutes at most."""


def body(options: VonageOptions, sms: OutboundSms) -> dict[str, Any]:
    """The JSON; Vonage chooses the encoding by the text.

    Raises:
        GatewayError: the recipient is no number.
    """
    return {
        "channel": "sms",
        "message_type": "text",
        "to": digits_of(sms.to),
        "from": (sms.sender or options.sender).removeprefix("+"),
        "text": sms.text,
        "client_ref": sms.message_id[:100],
        "sms": {"encoding_type": "auto"},
        **({"ttl": options.validity} if options.validity else {}),
        **(
            {"webhook_url": options.webhook_url, "webhook_version": "v1"}
            if options.webhook_url
            else {}
        ),
    }


def result(data: Mapping[str, Any]) -> SendResult:
    """What a 202 says.

    Raises:
        GatewayError: it has no id: ambiguous, the message was most likely taken.
    """
    uuid = data.get("message_uuid")
    if not isinstance(uuid, str) or not uuid:
        raise GatewayError(
            Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
        )
    return SendResult(ProviderStatus.QUEUED, uuid)


def token(application_id: str, private_key: str) -> str:
    """A JWT (RS256) good for a few minutes.

    Args:
        private_key: PEM.
    """
    now = int(time.time())
    claims = {
        "application_id": application_id,
        "iat": now,
        "exp": now + TOKEN_LIFE,
        "jti": str(uuid4()),
    }
    return jwt.encode(claims, private_key, algorithm="RS256")
