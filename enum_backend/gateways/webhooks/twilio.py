"""Twilio webhooks: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from enum_backend.gateways.base import ProviderStatus
from enum_backend.gateways.report_url import own_id_in
from enum_backend.gateways.twilio import TwilioGateway, count_of
from enum_backend.gateways.twilio_errors import BAD_ENDS, STATUSES, code_of, reason_for
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Event,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    NotReady,
    Webhook,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.json_events import kind_of, words

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

_FINAL = BAD_ENDS | {ProviderStatus.DELIVERED, ProviderStatus.CANCELED}
_OptOut = Literal["stop", "start", "help"]


class TwilioWebhook(Webhook[TwilioGateway]):
    """HMAC over the address and the sorted parameters, base64.

    SHA-1 keyed with the account's auth token, never with an API key's secret; or
    SHA-256 keyed with a SharedKey, if the call names one. The key decides the
    algorithm, not the call. No time is signed: repeats are known by their ids.
    """

    provider = "twilio"

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Account, messaging service, and both numbers: one of them is ours."""
        try:
            fields = _fields(request)
        except Malformed:
            return []
        names = ("AccountSid", "MessagingServiceSid", "To", "From")
        return [fields[name] for name in names if fields.get(name)]

    async def verify(self, request: WebhookRequest) -> None:
        """Check the signature over address and parameters as they were sent.

        Raises:
            Forged: the signature lacks or is not the account's, or the body is
                one that it does not cover.
            NotReady: neither `auth_token` nor the kind of key in use is set.
        """
        keys, algorithm = self._keys(request.headers.get(SETTINGS_HEADER, ""))
        given = request.headers.get(SIGNATURE_HEADER, "").encode("utf-8", "surrogatepass")
        parameters = _signed_parameters(request)
        valid = False
        for key in keys:
            for url in _spellings(request.url):
                text = (url + parameters).encode("utf-8", "surrogatepass")
                wanted = b64encode(hmac_digest(key, text, algorithm))
                valid |= compare_digest(wanted, given)
        if not valid:
            raise Forged(f"{SIGNATURE_HEADER} is not the account's signature")

    def parse(self, request: WebhookRequest) -> list[Event]:
        """One event: a received message, or a status callback.

        Raises:
            Malformed: a message without id, sender, receiver or state.
        """
        if request.method == "POST" and not _is_form(request):
            return [Ignored("json" if request.body else "empty")]
        fields = _fields(request)
        sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
        state = (fields.get("MessageStatus") or fields.get("SmsStatus") or "").lower()
        if not sid:
            return [_without_message(fields)]
        if state in {"received", "receiving"} or (not state and "Body" in fields):
            return [_inbound(sid, fields)]
        if not state:
            raise Malformed("a message has neither state nor text")
        status = STATUSES.get(state)
        if status is None:
            return [Ignored(f"status:{kind_of(state)}")]
        code = code_of(fields.get("ErrorCode"))
        return [
            DeliveryReport(
                dedupe_key=f"{sid}:{state}",
                provider_message_id=sid,
                status=status,
                final=status in _FINAL,
                own_id=own_id_in(request.query),
                reason=reason_for(status, code),
                provider_code=code or None,
            )
        ]

    def answer(self, events: Sequence[Event]) -> WebhookAnswer:
        """Empty TwiML: Twilio would send a text in plain words back to the person."""
        del events
        return WebhookAnswer(200, EMPTY_TWIML, "text/xml")

    def _keys(self, settings: str) -> tuple[list[bytes], Literal["sha1", "sha256"]]:
        options = self.gateway.options
        if not settings:
            tokens = options.signing_keys()
            if not tokens:
                raise NotReady("auth_token is not set")
            return tokens, "sha1"
        if not options.webhook_keys:
            raise NotReady("the call is signed with a SharedKey, but webhook_keys is not set")
        named = dict(part.strip().partition("=")[::2] for part in settings.split(","))
        secret = options.webhook_keys.get(named.get("key", ""))
        if secret is None or not secret.get_secret_value():
            raise Forged("the SharedKey is not one of webhook_keys")
        if named.get("algorithm", "").upper() != "HMAC_SHA256":
            raise Forged("a SharedKey signs with HMAC_SHA256 only")
        return [secret.get_secret_value().encode()], "sha256"


def _is_form(request: WebhookRequest) -> bool:
    # As in `WebhookRequest.form`: what is signed and what is read must be the same.
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _signed_parameters(request: WebhookRequest) -> str:
    """Names and values that follow the address in the signed text.

    Raises:
        Forged: the body is neither part of that text nor vouched for by its hash.
    """
    if request.method == "POST" and _is_form(request):
        try:
            # The set: equal values of a name are signed once.
            return "".join(name + value for name, value in sorted(set(request.form)))
        except Malformed as error:
            raise Forged(f"no {error}") from None
    if request.body:
        wanted = [value for name, value in request.query if name == "bodySHA256"]
        found = sha256(request.body).hexdigest().encode()
        given = (wanted or [""])[0].lower().encode("utf-8", "surrogatepass")
        if not compare_digest(found, given):
            raise Forged("nothing vouches for the body")
    return ""


def _spellings(url: str) -> list[str]:
    """The address with and without its port: Twilio signs the one or the other."""
    parts = urlsplit(url)
    host, colon, port = parts.netloc.rpartition(":")
    if colon and port.isdigit():
        return [url, urlunsplit(parts._replace(netloc=host))]
    default = "443" if parts.scheme == "https" else "80"
    return [url, urlunsplit(parts._replace(netloc=f"{parts.netloc}:{default}"))]


def _fields(request: WebhookRequest) -> Mapping[str, str]:
    pairs: Iterable[tuple[str, str]] = request.query
    if request.method == "POST":
        pairs = request.form if _is_form(request) else ()
    return {name: words(value) for name, value in pairs}


def _without_message(fields: Mapping[str, str]) -> Ignored:
    for name in ("EventType", "CallSid", "CallStatus"):
        if fields.get(name):
            return Ignored(kind_of(fields[name]) if name == "EventType" else "call")
    raise Malformed("there is no MessageSid")


def _inbound(sid: str, fields: Mapping[str, str]) -> Event:
    sender, receiver = fields.get("From", ""), fields.get("To", "")
    if not sender or not receiver or "Body" not in fields:
        raise Malformed("a received message lacks From, To or Body")
    channel, colon, _ = receiver.partition(":")
    if colon:
        return Ignored(kind_of(channel))
    pictures = range(count_of(fields.get("NumMedia")) or 0)
    media = (fields.get(f"MediaUrl{number}", "") for number in pictures)
    word = fields.get("OptOutType", "").lower()
    opt_out: _OptOut | None = next((known for known in get_args(_OptOut) if known == word), None)
    return InboundSms(
        dedupe_key=sid,
        provider_message_id=sid,
        sender=sender,
        to=receiver,
        text=fields["Body"],
        segments=count_of(fields.get("NumSegments")),
        media=tuple(filter(None, media)),
        opt_out=opt_out,
    )
