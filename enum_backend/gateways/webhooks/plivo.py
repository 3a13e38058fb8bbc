"""Plivo webhooks for messages: https://www.plivo.com/docs/messaging/concepts/signature-validation

Messages are signed by the scheme V2; V3 is the voice product's.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import ClassVar, Literal
from urllib.parse import urlsplit, urlunsplit

from enum_backend.gateways.base import ProviderStatus
from enum_backend.gateways.digits import number_of
from enum_backend.gateways.plivo import PlivoGateway, charge
from enum_backend.gateways.plivo_errors import BAD_ENDS, STATUSES, code_of, reason_for
from enum_backend.gateways.report_url import own_id_in
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
from enum_backend.gateways.webhooks.json_events import kind_of, moment, words

SIGNATURE_HEADERS = ("x-plivo-signature-v2", "x-plivo-signature-ma-v2")
"""Signed by the account that owns the number, and by its main account."""
NONCE_HEADER = "x-plivo-signature-v2-nonce"

NONCE_KEPT = 7 * 86400.0
"""Seconds. No time is signed, so this is how long an overheard call stays useless."""

_OPT_OUT: Mapping[str, Literal["stop", "start", "help"]] = {
    "optout": "stop",
    "optin": "start",
    "help": "help",
}


class PlivoWebhook(Webhook[PlivoGateway]):
    """HMAC-SHA256 over the address without its query, and a nonce; base64.

    TRAP: neither body nor query is signed, so whoever has seen one call could
    send any message with its signature. A nonce is therefore good for one
    content only, which is remembered.
    """

    provider = "plivo"
    nonce_kept: ClassVar[float] = NONCE_KEPT

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Powerpack and both numbers: one of them is ours."""
        try:
            fields = _fields(request)
        except Malformed:
            return []
        found = (fields.get("PowerpackUUID", ""), *map(fields.get, ("To", "From")))
        return [number_of(claim) for claim in found if claim]

    async def verify(self, request: WebhookRequest) -> None:
        """Check the signature, then that the nonce did not come with other content.

        Raises:
            Forged: a header lacks, the signature is none of the account's, or
                the nonce was used for another call.
            NotReady: `auth_token` is not set, or nonces cannot be remembered.
        """
        keys = self.gateway.options.signing_keys()
        if not keys:
            raise NotReady("auth_token is not set")
        nonce = request.headers.get(NONCE_HEADER, "")
        if not re.fullmatch(r"[!-~]{1,200}", nonce):
            raise Forged(f"{NONCE_HEADER} lacks or is no nonce")
        signed = (_without_query(request.url) + nonce).encode("utf-8", "surrogatepass")
        valid = False
        for key in keys:
            wanted = b64encode(hmac_digest(key, signed, "sha256"))
            for name in SIGNATURE_HEADERS:
                given = request.headers.get(name, "").encode("utf-8", "surrogatepass")
                valid |= compare_digest(wanted, given)
        if not valid:
            raise Forged("no signature is the account's")
        if self.nonces is None:
            raise NotReady("nonces cannot be remembered")
        # Whether `sms` is form or query, and whose report it is, is part of the content.
        content = sha256(
            f"{request.method} {urlsplit(request.url).query}\n".encode("utf-8", "surrogatepass")
            + request.headers.get("content-type", "").encode("utf-8", "surrogatepass")
            + b"\n"
            + request.body
        ).hexdigest()
        if not await self.nonces.first_use(self.gateway.name, nonce, content, self.nonce_kept):
            raise Forged("the nonce was used for another call")

    def parse(self, request: WebhookRequest) -> list[Event]:
        """One event: a received message, or a delivery report.

        Raises:
            Malformed: a message without id, sender, receiver, state or text.
        """
        fields = _fields(request)
        uuid = fields.get("MessageUUID", "")
        if not uuid:
            if fields.get("CallUUID"):
                return [Ignored("call")]
            raise Malformed("there is no MessageUUID")
        kind = fields.get("Type", "sms").lower()
        if kind not in {"sms", "mms"}:
            return [Ignored(kind_of(kind))]
        if fields.get("Status"):
            return [_report(uuid, fields, own_id_in(request.query))]
        sender, receiver = fields.get("From", ""), fields.get("To", "")
        text = fields.get("Text", fields.get("Body"))
        if not sender or not receiver or text is None:
            raise Malformed("a received message lacks From, To or Text")
        pictures = range(1, (_count(fields.get("MediaCount")) or 0) + 1)
        media = (fields.get(f"Media{number}", "") for number in pictures)
        return [
            InboundSms(
                dedupe_key=uuid,
                provider_message_id=uuid,
                sender=number_of(sender),
                to=number_of(receiver),
                text=text,
                segments=_count(fields.get("Units")),
                media=tuple(filter(None, media)),
                opt_out=_OPT_OUT.get(fields.get("MessageIntent", "").lower()),
            )
        ]


def _report(uuid: str, fields: Mapping[str, str], own_id: str | None) -> Event:
    word = fields["Status"].lower()
    status = STATUSES.get(word)
    if status is None:
        return Ignored(f"status:{kind_of(word)}")
    code = code_of(fields.get("ErrorCode", ""))
    reason = reason_for(status, code)
    # A long message is reported part by part. A lost part spoils it; the others
    # say nothing yet of the whole.
    part = re.fullmatch(r"([0-9]{1,3}) of ([0-9]{1,3})", fields.get("PartInfo", ""), re.ASCII)
    key = f"{uuid}:{word}"
    if part is not None:
        key += f":{part[1]}"
        if status is ProviderStatus.DELIVERED and int(part[1]) < int(part[2]):
            status = ProviderStatus.SENT
    times = (fields.get(f"{name}Time", "") for name in ("DeliveryReport", "Sent", "Queued"))
    return DeliveryReport(
        dedupe_key=key,
        provider_message_id=fields.get("ParentMessageUUID") or uuid,
        status=status,
        final=status in BAD_ENDS or status is ProviderStatus.DELIVERED,
        own_id=own_id,
        reason=reason,
        provider_code=code or None,
        cost=charge(fields.get("TotalAmount")),
        segments=_count(fields.get("Units")),
        occurred_at=next((time for time in map(moment, times) if time is not None), None),
    )


def _fields(request: WebhookRequest) -> Mapping[str, str]:
    pairs = request.form if request.method == "POST" else request.query
    return {name: words(value) for name, value in pairs}


def _count(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch(r"[1-9][0-9]{0,3}", value, re.ASCII) else None


def _without_query(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))
