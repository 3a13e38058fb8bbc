"""Vonage webhooks of whichever API a gateway uses.

SMS API: https://developer.vonage.com/en/messaging/sms/guides/inbound-sms and
.../delivery-receipts. Messages API: https://developer.vonage.com/en/api/messages#webhooks
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from enum_backend.gateways.base import Cost, ProviderStatus, Reason
from enum_backend.gateways.digits import number_of
from enum_backend.gateways.vonage import VonageGateway
from enum_backend.gateways.vonage_errors import (
    BAD_ENDS,
    MESSAGES_REASONS,
    MESSAGES_STATUSES,
    RECEIPT_STATUSES,
    messages_code,
    receipt_reason,
)
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Event,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    NotReady,
    SmsPart,
    Webhook,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.json_events import json_body, kind_of, mapping, moment, words
from enum_backend.gateways.webhooks.vonage_signature import (
    check_parameters,
    check_token,
    unproven_claims,
)


class VonageWebhook(Webhook[VonageGateway]):
    """SMS API: `sig` among the parameters of a GET, form or JSON. Messages API: a JWT."""

    provider = "vonage"

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Account, application and both numbers: one of them is ours."""
        token = unproven_claims(request)
        found = [token.get("api_key"), token.get("application_id")]
        try:
            fields = dict(_parameters(request))
        except Malformed:
            fields = {}
        found += map(fields.get, ("api-key", "to", "msisdn", "from"))
        return [number_of(claim) for claim in found if isinstance(claim, str) and claim]

    async def verify(self, request: WebhookRequest) -> None:
        """Check the signature of the gateway's API.

        Raises:
            Forged: it is none of the account's, of another body, or too old.
            NotReady: `signature_secret` is not set, or the Messages API did not sign.
        """
        options = self.gateway.options
        texts = (options.signature_secret, options.previous_signature_secret)
        secrets = [text for text in (item.get_secret_value() for item in texts) if text]
        if not secrets:
            raise NotReady("signature_secret is not set")
        if options.api == "messages":
            accounts = {"api_key": options.api_key, "application_id": options.application_id}
            check_token(request, secrets, accounts, options.signature_age)
            return
        try:
            pairs = _parameters(request)
        except Malformed as error:
            raise Forged(f"no {error}") from None
        check_parameters(
            pairs, secrets, options.signature_method, request.received_at, options.signature_age
        )

    def parse(self, request: WebhookRequest) -> list[Event]:
        """One event: a received message or a part of one, or a report.

        Raises:
            Malformed: a message without id, sender, receiver or text.
        """
        if self.gateway.options.api == "messages":
            data = json_body(request)
            if not isinstance(data, dict):
                raise Malformed("the body is no object")
            return [_messages_event(data)]
        fields = {name: words(value) for name, value in _parameters(request)}
        return [_receipt(fields) if fields.get("status") else _sms(fields)]


def _parameters(request: WebhookRequest) -> list[tuple[str, str]]:
    """Parameters of the SMS API as texts: of the query, a form, or a flat JSON object.

    Raises:
        Malformed: the body is no form, no JSON, or not flat.
    """
    if request.method == "GET":
        return request.query
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        return request.form
    try:
        # Numbers as they are written: that is what was signed.
        pairs = json.loads(
            request.body,
            object_pairs_hook=tuple,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(f"JSON: {type(error).__name__}") from None
    if not isinstance(pairs, tuple):
        raise Malformed("JSON: no object")
    flags = {True: "true", False: "false"}
    texts = [(name, flags[v] if isinstance(v, bool) else v) for name, v in pairs]
    if not all(isinstance(value, str) for _, value in texts):
        raise Malformed("JSON: not flat")
    return texts


def _sms(fields: Mapping[str, str]) -> Event:
    kind = fields.get("type", "text")
    if kind not in {"text", "unicode"}:
        return Ignored(f"type:{kind_of(kind)}")
    message_id = fields.get("messageId", "")
    sender, receiver = fields.get("msisdn", ""), fields.get("to", "")
    if not message_id or not sender or not receiver or "text" not in fields:
        raise Malformed("a received message lacks messageId, msisdn, to or text")
    part = _part(fields) if fields.get("concat", "").lower() == "true" else None
    return InboundSms(
        dedupe_key=message_id,
        provider_message_id=message_id,
        sender=number_of(sender),
        to=number_of(receiver),
        text=fields["text"],
        sent_at=moment(fields.get("message-timestamp")),
        segments=1,
        part=part,
    )


def _part(fields: Mapping[str, str]) -> SmsPart:
    total, number = _count(fields.get("concat-total")), _count(fields.get("concat-part"))
    reference = fields.get("concat-ref", "")
    if total is None or number is None or number > total or not reference:
        raise Malformed("a part lacks concat-ref, concat-total or concat-part")
    return SmsPart(reference, number, total)


def _receipt(fields: Mapping[str, str]) -> Event:
    message_id, word = fields.get("messageId", ""), fields["status"].lower()
    if not message_id:
        raise Malformed("a delivery receipt lacks messageId")
    status = RECEIPT_STATUSES.get(word)
    if status is None:
        return Ignored(f"status:{kind_of(word)}")
    code = fields.get("err-code", "")
    code = code if _count(code) else ""
    return DeliveryReport(
        dedupe_key=f"{message_id}:{word}",
        provider_message_id=message_id,
        status=status,
        final=_final(status),
        own_id=fields.get("client-ref") or None,
        reason=receipt_reason(word, code),
        provider_code=code or None,
        occurred_at=moment(fields.get("message-timestamp")),
        # Its `price` is the part's, too: the answer to the send held the sum.
        one_part=True,
    )


def _messages_event(data: Mapping[str, Any]) -> Event:
    uuid = words(data.get("message_uuid"))
    if words(data.get("channel")) not in {"", "sms"}:
        return Ignored(f"channel:{kind_of(data['channel'])}")
    sms = mapping(data.get("sms"))
    if "status" in data:
        return _status(uuid, data)
    kind = data.get("message_type")
    if kind != "text":
        if not kind:
            raise Malformed("there is neither status nor message_type")
        return Ignored(f"message_type:{kind_of(kind)}")
    sender, receiver = words(data.get("from")), words(data.get("to"))
    text = data.get("text")
    if not uuid or not sender or not receiver or not isinstance(text, str):
        raise Malformed("a received message lacks message_uuid, from, to or text")
    return InboundSms(
        dedupe_key=uuid,
        provider_message_id=uuid,
        sender=number_of(sender),
        to=number_of(receiver),
        text=words(text),
        sent_at=moment(data.get("timestamp")),
        segments=_count(sms.get("num_messages")),
    )


def _status(uuid: str, data: Mapping[str, Any]) -> Event:
    word = words(data.get("status")).lower()
    if not uuid or not word:
        raise Malformed("a status lacks message_uuid or status")
    status = MESSAGES_STATUSES.get(word)
    if status is None:
        return Ignored(f"status:{kind_of(word)}")
    code = messages_code(mapping(data.get("error")))
    reason = MESSAGES_REASONS.get(code, Reason.UNKNOWN) if status in BAD_ENDS else None
    return DeliveryReport(
        dedupe_key=f"{uuid}:{word}",
        provider_message_id=uuid,
        status=status,
        final=_final(status),
        own_id=words(data.get("client_ref")) or None,
        reason=reason,
        provider_code=code or None,
        cost=_usage(mapping(data.get("usage"))),
        segments=_count(mapping(data.get("sms")).get("count_total")),
        occurred_at=moment(data.get("timestamp")),
    )


def _final(status: ProviderStatus) -> bool:
    return status in BAD_ENDS or status is ProviderStatus.DELIVERED


def _usage(usage: Mapping[str, Any]) -> Cost | None:
    currency = words(usage.get("currency"))
    try:
        amount = Decimal(str(usage.get("price")))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not re.fullmatch(r"[A-Z]{3}", currency, re.ASCII):
        return None
    return Cost(amount, currency)


def _count(value: object) -> int | None:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,3}", text, re.ASCII) else None
