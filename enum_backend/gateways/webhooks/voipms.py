"""VoIP.ms SMS URL callback: https://wiki.voip.ms/article/SMS-MMS"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import parse_qsl, urlsplit

from enum_backend.gateways.voipms import VoipmsGateway, e164
from enum_backend.gateways.webhooks.base import (
    Event,
    Forged,
    InboundSms,
    Malformed,
    NotReady,
    Webhook,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.json_events import json_body, words

PLACEHOLDERS: Mapping[str, str] = {
    "to": "{TO}",
    "from": "{FROM}",
    "message": "{MESSAGE}",
    "id": "{ID}",
    "date": "{TIMESTAMP}",
    "media": "{MEDIA}",
}
"""Our parameter -> what VoIP.ms puts in its place."""

MAX_FIELDS = 50


def callback_url(webhook_url: str, token: str) -> str:
    """What to enter as "SMS/MMS URL Callback" of a number, with retry on."""
    fields = "&".join(f"{name}={place}" for name, place in PLACEHOLDERS.items())
    return f"{webhook_url}?token={token}&{fields}"


class VoipmsWebhook(Webhook[VoipmsGateway]):
    """Nothing is signed: a long random text in the query, or in the path, is the proof.

    So TLS must end at us, and a captured call could be sent again: repeats have
    the same `dedupe_key`. VoIP.ms repeats a call every 30 minutes until it reads `ok`.
    """

    provider = "voipms"

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Receiver and sender."""
        fields = _query(request)
        found = [_told(fields, "to"), _told(fields, "from")]
        return [e164(number) for number in found if number]

    async def verify(self, request: WebhookRequest) -> None:
        """Compare the token.

        Raises:
            Forged: it lacks or is another.
            NotReady: `inbound_token` is not set.
        """
        options = self.gateway.options
        now = options.inbound_token.get_secret_value()
        if not now:
            raise NotReady("inbound_token is not set")
        valid = [now, options.previous_inbound_token.get_secret_value()]
        path = urlsplit(request.url).path.split("/")
        given = [
            part.encode("utf-8", "replace") for part in (_query(request).get("token", ""), *path)
        ]
        # All are compared, so that the time tells nothing of a rotation.
        if not sum(compare_digest(g, v.encode()) for v in filter(None, valid) for g in given):
            raise Forged("the token is not the gateway's")

    def parse(self, request: WebhookRequest) -> list[Event]:
        """One message, from the query, or from a form or JSON with the same names.

        Raises:
            Malformed: sender or receiver lacks.
        """
        fields = {**_query(request), **_body(request)}
        sender, to = e164(_told(fields, "from")), e164(_told(fields, "to"))
        if not sender or not to:
            raise Malformed("a message lacks from or to")
        text, message_id = _told(fields, "message"), _told(fields, "id")
        content = json.dumps([sender, to, text, _told(fields, "date")])
        return [
            InboundSms(
                dedupe_key=message_id or sha256(content.encode()).hexdigest(),
                provider_message_id=message_id or None,
                sender=sender,
                to=to,
                text=text,
                # `{TIMESTAMP}` has no zone: the account's, which we do not know.
                media=tuple(re.findall(r"https?://[^\s,;]+", _told(fields, "media"))),
            )
        ]

    def answer(self, events: Sequence[Event]) -> WebhookAnswer:
        """The two letters that end the repeats."""
        del events
        return WebhookAnswer(body="ok")


def _query(request: WebhookRequest) -> dict[str, str]:
    """The query; some numbers separate its parameters by `;`."""
    try:
        query = urlsplit(request.url).query
        fields = _fields(query)
        return fields if {"to", "from"} <= set(fields) else _fields(query.replace(";", "&"))
    except ValueError:
        return {}


def _fields(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    return {name: words(value) for name, value in pairs}


def _body(request: WebhookRequest) -> dict[str, str]:
    if request.headers.get("content-type", "").startswith("application/json"):
        body = json_body(request)
        if not isinstance(body, dict):
            raise Malformed("the JSON is no object")
        return {name: words(value) for name, value in body.items()}
    return {name: words(value) for name, value in request.form}


def _told(fields: Mapping[str, str], name: str) -> str:
    """A parameter; empty if its placeholder was left as it is."""
    value = fields.get(name, "")
    return "" if value == PLACEHOLDERS[name] else value
