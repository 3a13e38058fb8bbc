"""SMSGate webhooks: https://docs.sms-gate.app/features/webhooks/"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar

from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.android_api import Phone
from enum_backend.gateways.android_errors import failure_of
from enum_backend.gateways.base import ProviderStatus
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

SIGNATURE_HEADER = "x-signature"
TIME_HEADER = "x-timestamp"

REPORTS: Mapping[str, tuple[ProviderStatus, str]] = {
    "sms:sent": (ProviderStatus.SENT, "sentAt"),
    "sms:delivered": (ProviderStatus.DELIVERED, "deliveredAt"),
    "sms:failed": (ProviderStatus.FAILED, "failedAt"),
    "sms:cancelled": (ProviderStatus.CANCELED, "cancelledAt"),
}
"""Event -> what it says of the message, and the field with its time."""

_BATCH = "sms:batch:"


class AndroidWebhook(Webhook[AndroidGateway]):
    """HMAC-SHA256 over the raw body followed by the time, with the key of the phone.

    Each phone has its own key, and a phone's key proves that phone's events only.
    A repeat is signed anew at its own time; its event id stays the same.
    """

    provider = "android"
    replay_window: ClassVar[float] = 300.0

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Phone and receiver."""
        try:
            body = mapping(json_body(request))
        except Malformed:
            return []
        payload = mapping(body.get("payload"))
        found = [words(body.get("deviceId")), _number(words(payload.get("recipient")))]
        return list(filter(None, found))

    async def verify(self, request: WebhookRequest) -> None:
        """Check signature, time, and that the phone named is one whose key this is.

        Raises:
            Forged: a header lacks or is malformed, the signature is of no phone of
                ours or of another one, or it was made too long ago.
            NotReady: no phone has a `signing_key`.
        """
        phones = self.gateway.phones
        if not any(phone.keys for phone in phones):
            raise NotReady("signing_key is not set")
        time = request.headers.get(TIME_HEADER, "")
        if not re.fullmatch(r"[0-9]{1,12}", time):
            raise Forged(f"{TIME_HEADER} lacks or is no time")
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if not re.fullmatch(r"[0-9a-f]{64}", signature):
            raise Forged(f"{SIGNATURE_HEADER} lacks or is malformed")
        signed = request.body + time.encode()
        proven = [phone for phone in phones if _signs(phone.keys, signature, signed)]
        if not proven:
            raise Forged(f"{SIGNATURE_HEADER} is no phone's signature")
        if abs(request.received_at - int(time)) > self.replay_window:
            raise Forged(f"{TIME_HEADER} is outside the window")
        try:
            device = words(mapping(json_body(request)).get("deviceId"))
        except Malformed:
            return  # proven all the same; `parse` says what is wrong with it
        if not any(phone in proven for phone in self._phones(device)):
            raise Forged("the phone named is none whose key this is")

    def parse(self, request: WebhookRequest) -> list[Event]:
        """One event, or those of a batch.

        Raises:
            Malformed: no event, or a message without id or sender.
        """
        body = mapping(json_body(request))
        kind = words(body.get("event"))
        event_id = words(body.get("id"))
        if not kind or not event_id:
            raise Malformed("event or id is missing")
        device = words(body.get("deviceId"))
        payload = mapping(body.get("payload"))
        if not kind.startswith(_BATCH):
            return [self._event(kind, event_id, device, payload)]
        single = f"sms:{kind.removeprefix(_BATCH)}"
        return [
            self._event(single, f"{event_id}:{place}", device, mapping(item))
            for place, item in enumerate(items(payload.get("messages")))
        ]

    def _event(self, kind: str, event_id: str, device: str, payload: Mapping[str, Any]) -> Event:
        if kind == "sms:received":
            return self._inbound(event_id, device, payload)
        if kind in REPORTS:
            return _report(kind, payload)
        return Ignored(kind_of(kind))

    def _inbound(self, event_id: str, device: str, payload: Mapping[str, Any]) -> InboundSms:
        sender = _number(words(payload.get("sender")) or words(payload.get("phoneNumber")))
        if not sender:
            raise Malformed("a received message lacks its sender")
        to = self._receiver(device, payload)
        text = words(payload.get("message"))
        received = payload.get("receivedAt")
        sent_at = moment(received)
        # TRAP: `messageId` is a hash of the content, so two equal texts share it; and
        # an inbox refresh sends old messages again, under new event ids.
        when = words(received) if sent_at is None else f"{sent_at:.3f}"
        content = json.dumps([device, sender, to, text, when])
        return InboundSms(
            dedupe_key=event_id,
            provider_message_id=words(payload.get("messageId")) or None,
            sender=sender,
            to=to,
            text=text,
            sent_at=sent_at,
            content_key=sha256(content.encode()).hexdigest(),
        )

    def _receiver(self, device: str, payload: Mapping[str, Any]) -> str:
        """The number of ours that got a message.

        What the network calls it may lack country or `+`, or be an old number that
        is still on the card; so it counts if it is one of the phone's, then the
        slot does, then being the phone's only number. Else it is taken as it is.
        """
        cards: dict[int | None, set[str]] = {}
        for phone in self._phones(device):
            for slot, number in phone.numbers.items():
                cards.setdefault(slot, set()).add(number)
        ours = set().union(*cards.values())
        told = words(payload.get("recipient"))
        digits = re.sub(r"\D", "", told).lstrip("0")
        alike = {number for number in ours if len(digits) >= 7 and number.endswith(digits)}
        slot = payload.get("simNumber")
        in_slot = cards.get(slot, set()) if type(slot) is int else set()
        for candidates in (alike, in_slot, ours):
            if len(candidates) == 1:
                return next(iter(candidates))
        return _number(told)

    def _phones(self, device: str) -> list[Phone]:
        """The phone of that id; if there is none, those whose id the settings do not tell."""
        named = [phone for phone in self.gateway.phones if device and phone.device_id == device]
        return named or [phone for phone in self.gateway.phones if not phone.device_id]


def _report(kind: str, payload: Mapping[str, Any]) -> DeliveryReport:
    message_id = words(payload.get("messageId"))
    if not message_id:
        raise Malformed("a report lacks the message's id")
    status, time_field = REPORTS[kind]
    reason, code = None, None
    if status is ProviderStatus.FAILED:
        reason, code = failure_of(words(payload.get("reason")))
    parts = payload.get("partsCount")
    return DeliveryReport(
        # `sms:delivered` comes once per part, and no part has a number.
        dedupe_key=f"{message_id}:{kind}",
        provider_message_id=message_id,
        own_id=message_id,
        status=status,
        final=status is not ProviderStatus.SENT,
        reason=reason,
        provider_code=code,
        segments=parts if type(parts) is int and parts > 0 else None,
        occurred_at=moment(payload.get(time_field)),
    )


def _number(text: str) -> str:
    """`+E.164` where the network gives the country; names and national numbers as they are."""
    found = re.fullmatch(r"(?:\+|00)([1-9][0-9]{3,14})", re.sub(r"[ ().-]", "", text), re.ASCII)
    return f"+{found[1]}" if found else text


def _signs(keys: Sequence[str], signature: str, signed: bytes) -> bool:
    # All keys are compared, so that the time tells nothing of a rotation.
    return bool(
        sum(
            hmac.compare_digest(hmac.new(key.encode(), signed, sha256).hexdigest(), signature)
            for key in keys
        )
    )
