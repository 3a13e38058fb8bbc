"""Telnyx webhooks v2: https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from enum_backend.gateways.telnyx import TelnyxGateway, outcome
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Event,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    NotReady,
    Webhook,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.json_events import (
    items,
    json_body,
    kind_of,
    mapping,
    moment,
    words,
)

SIGNATURE_HEADER = "telnyx-signature-ed25519"
TIME_HEADER = "telnyx-timestamp"

_REPORTS = frozenset({"message.sent", "message.finalized"})
_OptOut = Literal["stop", "start", "help"]


class TelnyxWebhook(Webhook[TelnyxGateway]):
    """Ed25519 over `<timestamp>|<raw body>`, checked with the account's public key.

    TRAP: widely copied code compares an HMAC that is keyed with the public key.
    That key is no secret: whoever accepts such a call accepts anybody's. Only
    the asymmetric signature counts here, and there is no fallback.
    """

    provider = "telnyx"
    replay_window: ClassVar[float] = 300.0

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Messaging profile, sender and receivers."""
        try:
            payload = _payload(mapping(json_body(request)))
        except Malformed:
            return []
        found = [payload.get("messaging_profile_id"), _number(payload.get("from"))]
        found += map(_number, items(payload.get("to")))
        return [words(claim) for claim in found if words(claim)]

    async def verify(self, request: WebhookRequest) -> None:
        """Check signature, then time.

        Raises:
            Forged: a header lacks or is malformed, the signature is none of the
                account's, or it was made more than `replay_window` seconds ago.
            NotReady: `public_key` is not set.
        """
        options = self.gateway.options
        keys = [key for key in (options.public_key, options.previous_public_key) if key]
        if not keys:
            raise NotReady("public_key is not set")
        time = request.headers.get(TIME_HEADER, "")
        if not re.fullmatch(r"[0-9]{1,12}", time):
            raise Forged(f"{TIME_HEADER} lacks or is no time")
        signature = _octets(request.headers.get(SIGNATURE_HEADER, ""))
        signed = time.encode() + b"|" + request.body
        if not any(_signs(key, signature, signed) for key in keys):
            raise Forged(f"{SIGNATURE_HEADER} is not the account's signature")
        if abs(request.received_at - int(time)) > self.replay_window:
            raise Forged(f"{TIME_HEADER} is outside the window")

    def parse(self, request: WebhookRequest) -> list[Event]:
        """One event: `data.event_type` says which.

        Raises:
            Malformed: no object `data`, or a message without id, sender or receiver.
        """
        data = mapping(mapping(json_body(request)).get("data"))
        kind = words(data.get("event_type"))
        if not kind:
            raise Malformed("data.event_type is missing")
        if kind == "message.received":
            return [self._inbound(_payload({"data": data}))]
        if kind in _REPORTS:
            return [_report(data, kind)]
        return [Ignored(kind_of(kind))]

    def _inbound(self, payload: Mapping[str, Any]) -> InboundSms:
        own_id = words(payload.get("id"))
        sender = _number(payload.get("from"))
        receivers = [number for number in map(_number, items(payload.get("to"))) if number]
        if not own_id or not sender or not receivers:
            raise Malformed("a received message lacks id, from or to")
        parts = payload.get("parts")
        media = (words(mapping(item).get("url")) for item in items(payload.get("media")))
        return InboundSms(
            dedupe_key=own_id,
            provider_message_id=own_id,
            sender=sender,
            # A group message names all its receivers, ours anywhere among them.
            to=next(filter(self.gateway.owns, receivers), receivers[0]),
            text=words(payload.get("text")),
            sent_at=moment(payload.get("received_at")),
            segments=parts if type(parts) is int and parts > 0 else None,
            media=tuple(filter(None, media)),
            opt_out=_opt_out(payload.get("autoresponse_type")),
        )


def _report(data: Mapping[str, Any], kind: str) -> Event:
    payload = mapping(data.get("payload"))
    message_id = words(payload.get("id"))
    if not message_id:
        raise Malformed("a report lacks the message's id")
    result = outcome(payload)
    if result is None:
        return Ignored(f"{kind}:unknown-status")
    parts = payload.get("parts")
    return DeliveryReport(
        dedupe_key=words(data.get("id")) or f"{message_id}:{kind}:{result.status}",
        provider_message_id=message_id,
        status=result.status,
        final=kind == "message.finalized",
        reason=result.reason,
        provider_code=result.provider_code,
        cost=result.cost,
        segments=parts if type(parts) is int and parts > 0 else None,
        occurred_at=moment(data.get("occurred_at")),
    )


def _payload(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(body.get("data")).get("payload"))


def _number(value: object) -> str:
    return words(mapping(value).get("phone_number"))


def _opt_out(value: object) -> _OptOut | None:
    """`autoresponse_type`: the keyword that Telnyx answered, and acted on, by itself."""
    word = words(value).lower()
    return next((known for known in get_args(_OptOut) if known == word), None)


def _octets(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def _signs(key: str, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(signature, signed)
    except InvalidSignature:
        return False
    return True
