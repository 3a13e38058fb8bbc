"""Plivo's webhook: the scheme V2, whose signature does not cover the body."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from hmac import digest
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest

from enum_backend.gateways import Cost, PlivoGateway, ProviderStatus, Reason
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    NotReady,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.plivo import NONCE_KEPT, PlivoWebhook
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, MemoryNonces, WebhookCases

UUID = "3894be64-5ec0-11e9-83cf-0242ac110003"
FROM = "+15550100001"
PERSON = "+15550100002"
URL = f"{PUBLIC_URL}/sms/webhook/plivo"
FORM = "application/x-www-form-urlencoded"
OPTIONS = {"auth_id": "MA" + "X" * 18, "auth_token": "canary-1", "from": FROM}
V2 = "x-plivo-signature-v2"
MAIN = "x-plivo-signature-ma-v2"
NONCE = "x-plivo-signature-v2-nonce"


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def inbound(**changes: str) -> bytes:
    fields = {
        "MessageUUID": UUID,
        "From": PERSON[1:],
        "To": FROM[1:],
        "Text": "CANARY é & = 😀",
        "Type": "sms",
        "Units": "1",
        "TotalRate": "0",
        "MessageIntent": "",
    }
    return form(**{**fields, **changes})


def report(status: str, **changes: str) -> bytes:
    fields = {
        "MessageUUID": UUID,
        "From": FROM[1:],
        "To": PERSON[1:],
        "Type": "sms",
        "Status": status,
        "Units": "1",
        "TotalAmount": "0.00550",
        "ErrorCode": "000",
    }
    return form(**{**fields, **changes})


def call(body: bytes, headers: Mapping[str, str], url: str = URL) -> WebhookRequest:
    return WebhookRequest("POST", url, {"content-type": FORM, **headers}, body, NOW)


def sign(token: str, url: str, nonce: str) -> str:
    """A signature that the official SDK accepts; it has a function to check, none to make one."""
    utils = pytest.importorskip("plivo.utils", reason="signatures are checked by the SDK 'plivo'")
    mac = digest(token.encode(), f"{url.partition('?')[0]}{nonce}".encode(), sha256)
    signature = b64encode(mac).decode()
    assert utils.validate_signature(url, nonce, signature, token)
    return signature


class TestPlivoWebhook(WebhookCases):
    gateway_class = PlivoGateway
    webhook_class = PlivoWebhook
    options: ClassVar = OPTIONS
    rotated: ClassVar = {**OPTIONS, "auth_token": "canary-2", "secondary_auth_token": "canary-1"}
    other: ClassVar = {**OPTIONS, "auth_id": "MA" + "Y" * 18, "auth_token": "canary-3"}
    keyless: ClassVar = {"auth_id": OPTIONS["auth_id"], "from": FROM}
    keys: ClassVar = {"current": "canary-1", "new": "canary-2", "other": "canary-3"}
    signature_headers = (V2,)
    bound_headers = (NONCE,)
    covers_body = False
    covers_url = True
    uses_nonce = True
    claimed = (FROM,)
    inbound = inbound()
    message = InboundSms(
        dedupe_key=UUID,
        provider_message_id=UUID,
        sender=PERSON,
        to=FROM,
        text="CANARY é & = 😀",
        segments=1,
    )
    reports: ClassVar = {
        ProviderStatus.QUEUED: report("queued"),
        ProviderStatus.SENT: report("sent"),
        ProviderStatus.DELIVERED: report("delivered"),
    }
    unknown = form(CallUUID="1", CallStatus="ringing")
    malformed = (
        b"",
        b"a=b",
        b"a=\xff",
        form(MessageUUID=UUID),
        form(MessageUUID=UUID, From="1", To="2"),
        form(MessageUUID=UUID, From="1", Text="CANARY"),
        form(MessageUUID=UUID, To="1", Text="CANARY"),
    )
    sdk = "plivo"

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        nonce = sha256(payload).hexdigest()[:20]
        headers = {V2: sign(self.keys[key], URL, nonce), NONCE: nonce}
        return replace(call(payload, headers), received_at=at)


def webhook(**options: Any) -> PlivoWebhook:
    return PlivoWebhook(PlivoGateway(**{**OPTIONS, **options}), MemoryNonces())


VECTOR_URL = "https://gw.example/webhooks/plivo?tenant=1"
VECTOR_NONCE = "05429567804466091622"
VECTOR_V2 = "5RjyroSyZFKGAHuWgtY/ZAv76pcPxGQoEkmjWYrjNB0="
VECTOR_V3 = "RqgzTdDWz2vQWMlXZfnyDZrEoYgxTPBv0elwFt3j2Jc="


def vector(headers: Mapping[str, str], body: bytes = b"From=1&To=2&Text=hi") -> WebhookRequest:
    return call(body, {NONCE: VECTOR_NONCE, **headers}, VECTOR_URL)


async def test_vector() -> None:
    await webhook(auth_token="abcdefgh").verify(vector({V2: VECTOR_V2}))
    with pytest.raises(Forged):
        await webhook(auth_token="abcdefgi").verify(vector({V2: VECTOR_V2}))


async def test_signature_of_the_main_account() -> None:
    await webhook(auth_token="abcdefgh").verify(vector({V2: "AAAA", MAIN: VECTOR_V2}))
    await webhook(secondary_auth_token="abcdefgh").verify(vector({MAIN: VECTOR_V2}))


async def test_voice_scheme_proves_no_message() -> None:
    v3 = {"x-plivo-signature-v3": VECTOR_V3, "x-plivo-signature-v3-nonce": VECTOR_NONCE}
    for headers in (v3, {V2: VECTOR_V3}, {MAIN: VECTOR_V3}):
        with pytest.raises(Forged):
            await webhook(auth_token="abcdefgh").verify(vector(headers))


async def test_one_content_for_a_nonce() -> None:
    hook = webhook(auth_token="abcdefgh")
    genuine = vector({V2: VECTOR_V2})
    await hook.verify(genuine)
    await hook.verify(genuine)
    for forged in (
        vector({V2: VECTOR_V2}, b"From=1&To=2&Text=ho"),
        replace(genuine, url=VECTOR_URL.replace("tenant=1", "message_id=msg_2")),
        replace(genuine, method="GET"),
        replace(genuine, headers={**genuine.headers, "content-type": "text/plain"}),
    ):
        with pytest.raises(Forged, match="nonce"):
            await hook.verify(forged)
    assert isinstance(hook.nonces, MemoryNonces)
    assert set(hook.nonces.keep) == {NONCE_KEPT}
    assert NONCE_KEPT >= 86400


async def test_nonces_belong_to_a_gateway() -> None:
    nonces = MemoryNonces()
    for name in ("one", "two"):
        gateway = PlivoGateway(name, **{**OPTIONS, "auth_token": "abcdefgh"})
        await PlivoWebhook(gateway, nonces).verify(vector({V2: VECTOR_V2}, name.encode()))


async def test_forgery_without_key_or_store_is_still_a_forgery() -> None:
    with pytest.raises(NotReady):
        await webhook(auth_token="").verify(vector({V2: "AAAA"}))
    with pytest.raises(Forged):
        await PlivoWebhook(PlivoGateway(**OPTIONS)).verify(vector({V2: "AAAA"}))


def parsed(body: bytes, url: str = URL) -> Any:
    (event,) = webhook().parse(call(body, {}, url))
    return event


def test_get() -> None:
    request = WebhookRequest("GET", f"{URL}?{inbound().decode()}", {}, b"", NOW)
    assert webhook().parse(request) == [TestPlivoWebhook.message]
    assert list(webhook().claims(request)) == [FROM, PERSON]


@pytest.mark.parametrize(
    ("intent", "opt_out"), [("optout", "stop"), ("OptIn", "start"), ("help", "help"), ("x", None)]
)
def test_opt_out(intent: str, opt_out: str | None) -> None:
    assert parsed(inbound(MessageIntent=intent)).opt_out == opt_out


def test_picture_message() -> None:
    body = form(
        MessageUUID=UUID,
        From="12345",
        To=FROM,
        Body="look",
        Type="mms",
        MediaCount="2",
        Media1="https://media.example.org/1",
        Media2="https://media.example.org/2",
        PowerpackUUID="p-1",
    )
    event = parsed(body)
    assert (event.sender, event.to, event.text) == ("12345", FROM, "look")
    assert event.media == ("https://media.example.org/1", "https://media.example.org/2")
    assert event.segments is None
    assert "p-1" in webhook().claims(call(body, {}))


def test_other_events() -> None:
    assert parsed(inbound(Type="whatsapp")) == Ignored("whatsapp")
    assert parsed(report("new word")) == Ignored("status:new_word")
    assert webhook().claims(call(b"a=\xff", {})) == []


@pytest.mark.parametrize(
    ("word", "code", "status", "reason", "final"),
    [
        ("undelivered", "70", ProviderStatus.UNDELIVERED, Reason.UNREACHABLE, True),
        ("failed", "200", ProviderStatus.FAILED, Reason.OPTED_OUT, True),
        ("rejected", "951", ProviderStatus.FAILED, Reason.CARRIER_REJECTED, True),
        ("failed", "", ProviderStatus.FAILED, Reason.UNKNOWN, True),
        ("sent", "000", ProviderStatus.SENT, None, False),
    ],
)
def test_report(
    word: str, code: str, status: ProviderStatus, reason: Reason | None, final: bool
) -> None:
    times = {
        "DeliveryReportTime": "-",
        "SentTime": "2026-11-21 10:00:00+00:00",
        "QueuedTime": "2026-11-21 09:59:59+00:00",
    }
    body = report(word, ErrorCode=code, **times)
    assert parsed(body, f"{URL}?message_id=msg_1") == DeliveryReport(
        dedupe_key=f"{UUID}:{word}",
        provider_message_id=UUID,
        status=status,
        final=final,
        own_id="msg_1",
        reason=reason,
        provider_code=(code.strip("0") and code) or None,
        cost=Cost(Decimal("0.00550")),
        segments=1,
        occurred_at=1795255200.0,
    )


@pytest.mark.parametrize(
    ("word", "part", "status", "final"),
    [
        ("delivered", "1 of 2", ProviderStatus.SENT, False),
        ("delivered", "2 of 2", ProviderStatus.DELIVERED, True),
        ("delivered", "1 of 1", ProviderStatus.DELIVERED, True),
        ("undelivered", "1 of 2", ProviderStatus.UNDELIVERED, True),
        ("delivered", "odd", ProviderStatus.DELIVERED, True),
    ],
)
def test_parts(word: str, part: str, status: ProviderStatus, final: bool) -> None:
    body = report(word, PartInfo=part, ParentMessageUUID="parent", MessageUUID="part")
    event = parsed(body)
    assert (event.status, event.final, event.provider_message_id) == (status, final, "parent")
    number = "" if part == "odd" else f":{part[0]}"
    assert event.dedupe_key == f"part:{word}{number}"
