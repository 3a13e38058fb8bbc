"""Twilio's webhook: signatures made by the official SDK, inbound messages, status callbacks."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlencode

import pytest

from enum_backend.gateways import ProviderStatus, Reason, TwilioGateway
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    NotReady,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.twilio import TwilioWebhook
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, WebhookCases

ACCOUNT = "AC" + "0" * 32
SID = "SM" + "1" * 32
FROM = "+15550100001"
PERSON = "+15550100002"
URL = f"{PUBLIC_URL}/sms/webhook/twilio"
FORM = "application/x-www-form-urlencoded"
OPTIONS = {"account_sid": ACCOUNT, "auth_token": "canary-1", "from": FROM}
EMPTY = WebhookAnswer(200, '<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def inbound(**changes: str) -> bytes:
    fields = {
        "MessageSid": SID,
        "SmsSid": SID,
        "SmsMessageSid": SID,
        "AccountSid": ACCOUNT,
        "From": PERSON,
        "To": FROM,
        "Body": "CANARY é & = 😀",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "FromCity": "",
        "ApiVersion": "2010-04-01",
    }
    return form(**{**fields, **changes})


def report(status: str, **changes: str) -> bytes:
    fields = {
        "MessageSid": SID,
        "SmsSid": SID,
        "AccountSid": ACCOUNT,
        "From": FROM,
        "To": PERSON,
        "MessageStatus": status,
        "SmsStatus": status,
        "ApiVersion": "2010-04-01",
    }
    return form(**{**fields, **changes})


def call(body: bytes, signature: str = "x", url: str = URL, **headers: str) -> WebhookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebhookRequest(
        "POST", url, {"content-type": FORM, "x-twilio-signature": signature, **named}, body, NOW
    )


class _Many:
    """Parameters as web frameworks hand them to the SDK."""

    def __init__(self, body: bytes) -> None:
        self._values = parse_qs(body.decode(), keep_blank_values=True)

    def __iter__(self) -> Any:
        return iter(self._values)

    def getall(self, name: str) -> list[str]:
        return self._values[name]


def sdk_signature(token: str, url: str, body: bytes = b"", algorithm: str | None = None) -> str:
    validator = pytest.importorskip(
        "twilio.request_validator", reason="signatures are made by the SDK 'twilio'"
    )
    return str(
        validator.RequestValidator(token).compute_signature(
            url, _Many(body) if body else {}, algorithm
        )
    )


class TestTwilioWebhook(WebhookCases):
    gateway_class = TwilioGateway
    webhook_class = TwilioWebhook
    options: ClassVar = OPTIONS
    rotated: ClassVar = {**OPTIONS, "auth_token": "canary-2", "secondary_auth_token": "canary-1"}
    other: ClassVar = {**OPTIONS, "account_sid": "AC" + "9" * 32, "auth_token": "canary-3"}
    keyless: ClassVar = {
        "account_sid": ACCOUNT,
        "api_key_sid": "SK" + "3" * 32,
        "api_key_secret": "canary-1",
        "from": FROM,
    }
    keys: ClassVar = {"current": "canary-1", "new": "canary-2", "other": "canary-3"}
    signature_headers = ("x-twilio-signature",)
    covers_url = True
    claimed = (ACCOUNT, FROM)
    inbound = inbound()
    message = InboundSms(
        dedupe_key=SID,
        provider_message_id=SID,
        sender=PERSON,
        to=FROM,
        text="CANARY é & = 😀",
        segments=1,
    )
    reports: ClassVar = {
        ProviderStatus.QUEUED: report("sending"),
        ProviderStatus.SENT: report("sent"),
        ProviderStatus.DELIVERED: report("delivered", RawDlrDoneDate="2611211200"),
    }
    unknown = form(CallSid="CA" + "1" * 32, CallStatus="ringing")
    malformed = (
        b"",
        b"a=b",
        form(MessageSid=SID),
        form(MessageSid=SID, SmsStatus="received", From=PERSON, To=FROM),
        form(MessageSid=SID, Body="CANARY", From=PERSON),
        form(MessageSid=SID, Body="CANARY", To=FROM),
    )
    expected_answer = EMPTY
    sdk = "twilio"

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        request = call(payload, sdk_signature(self.keys[key], URL, payload))
        return replace(request, received_at=at)


def webhook(**options: Any) -> TwilioWebhook:
    return TwilioWebhook(TwilioGateway(**{**OPTIONS, **options}))


async def refused(request: WebhookRequest, **options: Any) -> None:
    with pytest.raises(Forged):
        await webhook(**options).verify(request)


VECTOR_URL = "https://gw.example/webhooks/twilio?a=1"
VECTOR = form(
    MessageSid="SM" + "1" * 32,
    From="+14155550100",
    To="+15005550006",
    Body="Hé & = 😀",
    NumMedia="0",
)
SHARED = {"x_twilio_webhooks_signature_settings": "key=k1,algorithm=HMAC_SHA256"}


async def test_vector_sha1() -> None:
    signature = "ybDtcl/6Wa6pR2qUec5xvsc6WW4="
    await webhook(auth_token="12345").verify(call(VECTOR, signature, VECTOR_URL))
    await refused(call(VECTOR, signature, VECTOR_URL), auth_token="12346")
    await refused(call(VECTOR, signature, VECTOR_URL.replace("a=1", "a=2")), auth_token="12345")


async def test_vector_shared_key() -> None:
    request = call(VECTOR, "gh/aMqoi8tp08CmW5ecPoLQkEnznbAGe2AZS/5rZkSI=", VECTOR_URL, **SHARED)
    await webhook(webhook_keys={"k1": "12345"}).verify(request)
    await refused(request, webhook_keys={"k2": "12345"})
    await refused(request, webhook_keys={"k1": ""})
    await refused(request, webhook_keys={"k1": "12346"})
    with pytest.raises(NotReady):
        await webhook(auth_token="12345").verify(request)


async def test_the_call_does_not_choose_the_algorithm() -> None:
    sha256_by_token = "gh/aMqoi8tp08CmW5ecPoLQkEnznbAGe2AZS/5rZkSI="
    sha1_by_token = "ybDtcl/6Wa6pR2qUec5xvsc6WW4="
    keys = {"k1": "other", "k2": "12345"}
    await refused(call(VECTOR, sha256_by_token, VECTOR_URL), auth_token="12345")
    for settings, signature in (
        ("algorithm=HMAC_SHA256", sha256_by_token),
        ("key=,algorithm=HMAC_SHA256", sha256_by_token),
        ("key=k1,algorithm=HMAC_SHA256", sha256_by_token),
        ("key=k2,algorithm=HMAC_SHA1", sha1_by_token),
        ("key=k2", sha1_by_token),
        ("nonsense", sha1_by_token),
    ):
        request = call(VECTOR, signature, VECTOR_URL, x_twilio_webhooks_signature_settings=settings)
        await refused(request, auth_token="12345", webhook_keys=keys)


async def test_api_key_secret_signs_nothing() -> None:
    body = inbound()
    request = call(body, sdk_signature("canary-secret", URL, body))
    await refused(request, api_key_sid="SK" + "3" * 32, api_key_secret="canary-secret")


@pytest.mark.parametrize(
    ("ours", "signed"),
    [
        (URL, URL.replace(".org", ".org:443")),
        (URL.replace(".org", ".org:443"), URL),
        (URL.replace(".org", ".org:8443"), URL),
        (URL.replace("https", "http"), URL.replace("https", "http").replace(".org", ".org:80")),
        (f"{URL}?a=%20b+c&d=", f"{URL}?a=%20b+c&d="),
    ],
)
async def test_address_with_and_without_port(ours: str, signed: str) -> None:
    body = inbound()
    await webhook().verify(call(body, sdk_signature("canary-1", signed, body), ours))


async def test_blank_and_repeated_parameters_are_signed() -> None:
    body = b"B=2&A=&B=1&B=2&a=3&A=%C3%A9+x"
    signature = sdk_signature("canary-1", URL, body)
    await webhook().verify(call(body, signature))
    for other in (b"B=2&B=1&a=3&A=%C3%A9+x", b"B=2&A=&B=1&a=4&A=%C3%A9+x", body + b"&C="):
        await refused(call(other, signature))


async def test_body_that_is_no_form() -> None:
    for body in (b"a=\xff", b"&".join(b"a%d=1" % n for n in range(300))):
        await refused(call(body, sdk_signature("canary-1", URL)))


async def test_json_body_is_covered_by_its_hash() -> None:
    body = '{"a": "é"}'.encode()
    url = f"{URL}?bodySHA256={sha256(body).hexdigest()}"
    signature = sdk_signature("canary-1", url)
    request = replace(
        call(body, signature, url),
        headers={"content-type": "application/json", "x-twilio-signature": signature},
    )
    await webhook().verify(request)
    assert webhook().parse(request) == [Ignored("json")]
    await refused(replace(request, body=b"{}"))
    # A form's body must not hide behind another content type.
    bare = sdk_signature("canary-1", URL)
    for kind in ("application/json", "text/plain", "", "Application/x-www-form-urlencoded"):
        headers = {"content-type": kind, "x-twilio-signature": bare}
        await refused(WebhookRequest("POST", URL, headers, inbound()))


async def test_post_without_body() -> None:
    headers = {"x-twilio-signature": sdk_signature("canary-1", URL)}
    request = WebhookRequest("POST", URL, headers, b"")
    await webhook().verify(request)
    assert webhook().parse(request) == [Ignored("empty")]


async def test_get() -> None:
    url = f"{URL}?{inbound().decode()}"
    headers = {"x-twilio-signature": sdk_signature("canary-1", url)}
    request = WebhookRequest("GET", url, headers, b"", NOW)
    await webhook().verify(request)
    assert webhook().parse(request) == [TestTwilioWebhook.message]
    await refused(replace(request, url=url.replace("CANARY", "FORGED")))
    await refused(replace(request, body=inbound()))


def parsed(body: bytes, url: str = URL) -> Any:
    (event,) = webhook().parse(call(body, url=url))
    return event


def test_pictures_and_opt_out() -> None:
    event = parsed(
        inbound(
            NumMedia="2",
            MediaUrl0="https://media.example.org/0",
            MediaUrl1="https://media.example.org/1",
            OptOutType="STOP",
            Body="",
        )
    )
    assert event.media == ("https://media.example.org/0", "https://media.example.org/1")
    assert (event.opt_out, event.text) == ("stop", "")
    assert parsed(inbound(OptOutType="?")).opt_out is None


def test_nul_does_not_reach_the_database() -> None:
    assert parsed(inbound(Body="a\0b")).text == "a\N{REPLACEMENT CHARACTER}b"


def test_another_channel_is_no_sms() -> None:
    event = parsed(inbound(To=f"whatsapp:{FROM}", From=f"whatsapp:{PERSON}"))
    assert event == Ignored("whatsapp")


def test_inbound_without_state() -> None:
    body = form(MessageSid=SID, From="12345", To=FROM, Body="x")
    assert (parsed(body).sender, parsed(body).text) == ("12345", "x")


@pytest.mark.parametrize(
    ("word", "code", "status", "reason", "final"),
    [
        ("undelivered", "30005", ProviderStatus.UNDELIVERED, Reason.UNREACHABLE, True),
        ("failed", "21610", ProviderStatus.FAILED, Reason.OPTED_OUT, True),
        ("failed", "", ProviderStatus.FAILED, Reason.UNKNOWN, True),
        ("canceled", "", ProviderStatus.CANCELED, None, True),
        ("queued", "", ProviderStatus.QUEUED, None, False),
        ("delivered", "0", ProviderStatus.DELIVERED, None, True),
    ],
)
def test_report(
    word: str, code: str, status: ProviderStatus, reason: Reason | None, final: bool
) -> None:
    assert parsed(report(word, ErrorCode=code)) == DeliveryReport(
        dedupe_key=f"{SID}:{word}",
        provider_message_id=SID,
        status=status,
        final=final,
        reason=reason,
        provider_code=code.lstrip("0") or None,
    )


@pytest.mark.parametrize(
    ("query", "own_id"),
    [("message_id=msg_1", "msg_1"), ("message_id=", None), ("message_id=a%20b", None), ("", None)],
)
def test_report_names_our_own_id(query: str, own_id: str | None) -> None:
    assert parsed(report("sent"), f"{URL}?{query}").own_id == own_id


def test_other_events() -> None:
    assert parsed(report("new")) == Ignored("status:new")
    assert parsed(form(EventType="onMessageAdded")) == Ignored("onMessageAdded")


def test_malformed_form_is_claimed_by_nobody() -> None:
    assert webhook().claims(call(b"a=\xff")) == []
    with pytest.raises(Malformed):
        webhook().parse(call(b"a=\xff"))


def test_the_test_signs_as_twilio_writes() -> None:
    assert dict(parse_qsl(inbound().decode()))["Body"] == "CANARY é & = 😀"
    assert quote_plus("é & = 😀").encode() in inbound()
