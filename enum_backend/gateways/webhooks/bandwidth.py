"""Bandwidth callbacks: https://dev.bandwidth.com/docs/messaging/webhooks"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any, ClassVar

from enum_backend.gateways.bandwidth import BandwidthGateway, error_code
from enum_backend.gateways.bandwidth_errors import CALLBACKS, NO_REPORT, end_of
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

_UNFINISHED = frozenset({"message-sending", "message-sent"})


class BandwidthWebhook(Webhook[BandwidthGateway]):
    """HTTP Basic with the credentials of the application; nothing else is signed.

    So TLS must end at us, and a captured call could be sent again: repeats have
    the same `dedupe_key`. Bandwidth repeats a call for 24 hours, also after 4xx.
    """

    provider = "bandwidth"
    challenge: ClassVar[str] = 'Basic realm="callbacks", charset="UTF-8"'

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Application, our number, and the other numbers of each event."""
        try:
            body = json_body(request)
        except Malformed:
            return []
        found: list[object] = []
        for event in body if isinstance(body, list) else [body]:
            message = mapping(mapping(event).get("message"))
            found += [message.get("applicationId"), mapping(event).get("to")]
            found += [message.get("owner"), message.get("from"), *items(message.get("to"))]
        return list(dict.fromkeys(filter(None, map(words, found))))

    async def verify(self, request: WebhookRequest) -> None:
        """Compare the Basic credentials.

        Raises:
            Forged: they lack or are others.
            NotReady: `callback_user` or `callback_password` is not set.
        """
        options = self.gateway.options
        now = options.callback_password.get_secret_value()
        before = options.previous_callback_password.get_secret_value()
        if not options.callback_user or not now:
            raise NotReady("callback_user and callback_password are not set")
        valid = [f"{options.callback_user}:{now}"]
        if before:
            valid.append(f"{options.previous_callback_user or options.callback_user}:{before}")
        given = _credentials(request.headers.get("authorization", ""))
        # All are compared, so that the time tells nothing of a rotation.
        if not sum(compare_digest(given, known.encode()) for known in valid):
            raise Forged("the Basic credentials are not the application's")

    def parse(self, request: WebhookRequest) -> list[Event]:
        """The events of an array, or of one object as newer documents have it.

        One event that is not understood does not hold up the others of its call.

        Raises:
            Malformed: no event is one that Bandwidth documents.
        """
        body = json_body(request)
        events: list[Event] = []
        problems: list[Malformed] = []
        for event in body if isinstance(body, list) else [body]:
            try:
                events.append(_event(mapping(event)))
            except Malformed as problem:
                problems.append(problem)
        if problems and not events:
            raise problems[0]
        return [*events, *(Ignored("malformed") for _ in problems)]


def _event(event: Mapping[str, Any]) -> Event:
    kind = words(event.get("type"))
    if not kind:
        raise Malformed("an event has no type")
    if kind != "message-received" and kind not in CALLBACKS:
        return Ignored(kind_of(kind))
    message = mapping(event.get("message"))
    message_id, to = words(message.get("id")), words(event.get("to"))
    if not message_id or not to:
        raise Malformed(f"{kind} lacks message.id or to")
    key = f"{message_id}:{kind}:{to}"
    parts = message.get("segmentCount")
    segments = parts if type(parts) is int and parts > 0 else None
    if kind in CALLBACKS:
        return _report(event, kind, key, segments)
    sender = words(message.get("from"))
    if not sender:
        raise Malformed(f"{kind} lacks message.from")
    return InboundSms(
        dedupe_key=key,
        provider_message_id=message_id,
        sender=sender,
        to=to,
        text=words(message.get("text")),
        sent_at=moment(message.get("time")),
        segments=segments,
        media=tuple(filter(None, map(words, items(message.get("media"))))),
    )


def _report(event: Mapping[str, Any], kind: str, key: str, segments: int | None) -> DeliveryReport:
    message = mapping(event.get("message"))
    code = error_code(event.get("errorCode"))
    status, reason = end_of(CALLBACKS[kind], code)
    return DeliveryReport(
        dedupe_key=key,
        provider_message_id=words(message.get("id")),
        status=status,
        final=kind not in _UNFINISHED,
        own_id=words(message.get("tag")) or None,
        reason=reason,
        provider_code=(code or None) if reason or code == NO_REPORT else None,
        segments=segments,
        occurred_at=moment(event.get("time")),
    )


def _credentials(header: str) -> bytes:
    """`user:password` of an `Authorization` header; empty if it is no Basic one."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return b64decode(value.strip(), validate=True)
    except ValueError:
        return b""
