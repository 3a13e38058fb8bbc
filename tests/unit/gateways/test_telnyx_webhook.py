"""Telnyx webhooks: Ed25519 and nothing else, and what the events mean."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enum_backend.gateways import Cost, ProviderStatus, Reason, TelnyxGateway
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.telnyx import TelnyxWebhook
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, WebhookCases

SEED = bytes(range(32)).hex()
PUBLIC_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
VECTOR_TIME = "1767225600"
VECTOR_BODY = b'{"data":{"event_type":"message.received","id":"1"}}'
VECTOR = "zGVLa1hODVZgS3u0ScNh2ZMgoKXpRIq0dvgv3NVAFhy2bwKR8A7vHbalAl5aJREV9v1zXt2yv9pkOfOLG9RzAg=="
VECTOR_FORGERY = "U5QcarWlB9Rrt9GRNiy3JWjHqSZIJ+4RcqNycTCiXaA="

OURS = "+15550100001"
THEIRS = "+15550100002"
MESSAGE_ID = "7ee4241c-f127-47e5-9c34-3aac291f8058"
URL = f"{PUBLIC_URL}/sms/webhook/telnyx"


def private(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def public(seed: str) -> str:
    return b64encode(private(seed).public_key().public_bytes_raw()).decode()


def call(payload: bytes, signature: str, at: float | str = NOW) -> WebhookRequest:
    stamp = at if isinstance(at, str) else str(int(at))
    headers = {
        "content-type": "application/json",
        "telnyx-signature-ed25519": signature,
        "telnyx-timestamp": stamp,
    }
    return WebhookRequest("POST", URL, headers, payload, float(stamp))


def event(kind: str, payload: Any, event_id: str | None = "e-1", **more: Any) -> bytes:
    data = {
        "event_type": kind,
        "id": event_id,
        "occurred_at": "2026-11-21T04:00:00.000+00:00",
        "payload": payload,
        "record_type": "event",
        **more,
    }
    return json.dumps({"data": data, "meta": {"attempt": 1, "delivered_to": URL}}).encode()


def received(**changes: Any) -> dict[str, Any]:
    return {
        "id": MESSAGE_ID,
        "direction": "inbound",
        "messaging_profile_id": "profile-1",
        "from": {"phone_number": THEIRS, "carrier": "Example Mobile", "line_type": "Wireless"},
        "to": [{"phone_number": OURS, "status": "webhook_delivered"}],
        "text": "CANARY é €",
        "parts": 1,
        "media": [],
        "received_at": "2026-11-21T03:59:59.500Z",
        **changes,
    }


def sent(status: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": MESSAGE_ID,
        "direction": "outbound",
        "from": {"phone_number": OURS},
        "to": [{"phone_number": THEIRS, "status": status}],
        "parts": 2,
        "cost": {"amount": "0.0051", "currency": "USD"},
        "errors": [],
        **changes,
    }


class TestTelnyxWebhookCases(WebhookCases):
    gateway_class = TelnyxGateway
    webhook_class = TelnyxWebhook
    keys: ClassVar = {"current": SEED, "new": "22" * 32, "other": "33" * 32}
    options: ClassVar = {"api_key": "KEYcanary", "from": OURS, "public_key": PUBLIC_KEY}
    rotated: ClassVar = {
        **options,
        "public_key": public("22" * 32),
        "previous_public_key": PUBLIC_KEY,
    }
    other: ClassVar = {**options, "public_key": public("33" * 32)}
    keyless: ClassVar = {"api_key": "KEYcanary", "from": OURS}
    signature_headers = ("telnyx-signature-ed25519",)
    bound_headers = ("telnyx-timestamp",)
    signs_time = True
    claimed = (OURS, THEIRS, "profile-1")
    inbound = event("message.received", received())
    message = InboundSms(
        dedupe_key=MESSAGE_ID,
        provider_message_id=MESSAGE_ID,
        sender=THEIRS,
        to=OURS,
        text="CANARY é €",
        sent_at=1795233599.5,
        segments=1,
    )
    reports: ClassVar = {
        ProviderStatus.SENT: event("message.sent", sent("sent"), "e-2"),
        ProviderStatus.DELIVERED: event("message.finalized", sent("delivered"), "e-3"),
    }
    unknown = event("messaging.profile\n.news" + "x" * 99, {})
    malformed = (
        b"",
        b"[]",
        b"{}",
        b"\xff\xff\xff",
        b"[" * 100_000,
        b'{"data": [{"event_type": "message.received"}]}',
        b'{"data": {"event_type": 7}}',
        VECTOR_BODY,
        event("message.received", received(id=None)),
        event("message.received", received(**{"from": THEIRS})),
        event("message.received", received(to=[])),
        event("message.received", [received()]),
        event("message.finalized", {"text": "CANARY"}),
    )

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        octets = private(self.keys[key]).sign(f"{int(at)}|".encode() + payload)
        return call(payload, b64encode(octets).decode(), at)


@pytest.fixture
def webhook() -> TelnyxWebhook:
    options = {"api_key": "KEYcanary", "from": OURS, "public_key": PUBLIC_KEY}
    return TelnyxWebhook(TelnyxGateway(**options, numbers=("+15550100008",)))


async def test_published_vector(webhook: TelnyxWebhook) -> None:
    await webhook.verify(call(VECTOR_BODY, VECTOR, VECTOR_TIME))


FORGERIES: dict[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda digest: b64encode(digest).decode(),
    "base64 of hex, as long as a signature": lambda digest: b64encode(
        digest.hex().encode()
    ).decode(),
    "twice": lambda digest: b64encode(digest * 2).decode(),
}


@pytest.mark.parametrize("shape", FORGERIES)
@pytest.mark.parametrize("key", ["text", "octets", "hex"])
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
@pytest.mark.parametrize("header", ["telnyx-signature-ed25519", "x-telnyx-signature", "both"])
async def test_hmac_with_the_public_key_is_a_forgery(
    webhook: TelnyxWebhook, shape: str, key: str, digest: str, header: str
) -> None:
    # The recipe that circulates: whoever knows the public key could sign.
    octets = b64decode(PUBLIC_KEY)
    secret = {"text": PUBLIC_KEY.encode(), "octets": octets, "hex": octets.hex().encode()}[key]
    body = event("message.received", received(text="Your code is 123456"))
    mac = hmac.digest(secret, f"{int(NOW)}|".encode() + body, digest)
    names = ("telnyx-signature-ed25519", "x-telnyx-signature") if header == "both" else (header,)
    headers = {"telnyx-timestamp": str(int(NOW)), **dict.fromkeys(names, FORGERIES[shape](mac))}
    with pytest.raises(Forged):
        await webhook.verify(WebhookRequest("POST", URL, headers, body, NOW))


async def test_published_forgery(webhook: TelnyxWebhook) -> None:
    mac = hmac.digest(PUBLIC_KEY.encode(), f"{VECTOR_TIME}|".encode() + VECTOR_BODY, hashlib.sha256)
    decoded = hmac.digest(
        b64decode(PUBLIC_KEY), f"{VECTOR_TIME}|".encode() + VECTOR_BODY, hashlib.sha256
    )
    assert VECTOR_FORGERY in {b64encode(mac).decode(), b64encode(decoded).decode()}
    with pytest.raises(Forged):
        await webhook.verify(call(VECTOR_BODY, VECTOR_FORGERY, VECTOR_TIME))


@pytest.mark.parametrize("stamp", ["+1767225600", " 1767225600", "1767225600.0", "1_767_225_600"])
async def test_the_time_is_digits_only(webhook: TelnyxWebhook, stamp: str) -> None:
    signature = private(SEED).sign(f"{stamp}|".encode() + VECTOR_BODY)
    request = call(VECTOR_BODY, b64encode(signature).decode(), VECTOR_TIME)
    request = replace(request, headers={**request.headers, "telnyx-timestamp": stamp})
    with pytest.raises(Forged, match="no time"):
        await webhook.verify(request)


async def test_bodies_are_octets_not_text(webhook: TelnyxWebhook) -> None:
    body = b'{"data": "\xff\x00"}'
    signature = b64encode(private(SEED).sign(f"{int(NOW)}|".encode() + body)).decode()
    await webhook.verify(call(body, signature))
    with pytest.raises(Malformed):
        webhook.parse(call(body, signature))


@pytest.mark.parametrize("genuine", [True, False])
async def test_agrees_with_the_official_sdk(webhook: TelnyxWebhook, genuine: bool) -> None:
    telnyx = pytest.importorskip("telnyx", reason="the official SDK verifies the same call")
    pytest.importorskip("nacl", reason="the SDK verifies with PyNaCl")
    now = str(int(time.time()))
    body = event("message.received", received())
    signature = private(SEED if genuine else "33" * 32).sign(f"{now}|".encode() + body)
    request = call(body, b64encode(signature).decode(), now)
    client = telnyx.Telnyx(api_key="KEYcanary", public_key=PUBLIC_KEY)
    try:
        if genuine:
            theirs = client.webhooks.unwrap(body.decode(), headers=dict(request.headers))
            await webhook.verify(request)
            (ours,) = webhook.parse(request)
            assert isinstance(ours, InboundSms)
            assert ours.provider_message_id == theirs.data.payload.id
            assert ours.text == theirs.data.payload.text
            assert ours.sender == theirs.data.payload.from_.phone_number
            assert ours.to == theirs.data.payload.to[0].phone_number
        else:
            with pytest.raises((ValueError, telnyx.TelnyxError)):
                client.webhooks.unwrap(body.decode(), headers=dict(request.headers))
            with pytest.raises(Forged):
                await webhook.verify(request)
    finally:
        client.close()


def parsed(webhook: TelnyxWebhook, body: bytes) -> Any:
    (found,) = webhook.parse(call(body, ""))
    return found


def test_report(webhook: TelnyxWebhook) -> None:
    failed = sent(
        "delivery_failed", errors=[{"code": "40002", "title": "Blocked as spam"}], parts=None
    )
    assert parsed(webhook, event("message.finalized", failed, "e-9")) == DeliveryReport(
        dedupe_key="e-9",
        provider_message_id=MESSAGE_ID,
        status=ProviderStatus.UNDELIVERED,
        reason=Reason.CARRIER_REJECTED,
        provider_code="40002",
        cost=Cost(Decimal("0.0051")),
        occurred_at=NOW,
    )


@pytest.mark.parametrize(
    ("kind", "word", "status", "final"),
    [
        ("message.sent", "sent", ProviderStatus.SENT, False),
        ("message.sent", "sending", ProviderStatus.QUEUED, False),
        ("message.finalized", "delivery_unconfirmed", ProviderStatus.SENT, True),
        ("message.finalized", "sending_failed", ProviderStatus.FAILED, True),
        ("message.finalized", "expired", ProviderStatus.UNDELIVERED, True),
    ],
)
def test_report_words(
    webhook: TelnyxWebhook, kind: str, word: str, status: ProviderStatus, final: bool
) -> None:
    report = parsed(webhook, event(kind, sent(word)))
    assert (report.status, report.final, report.segments) == (status, final, 2)


def test_report_without_an_event_id(webhook: TelnyxWebhook) -> None:
    report = parsed(webhook, event("message.finalized", sent("delivered"), None))
    assert report.dedupe_key == f"{MESSAGE_ID}:message.finalized:delivered"


def test_report_with_a_word_nobody_knows(webhook: TelnyxWebhook) -> None:
    assert parsed(webhook, event("message.finalized", sent("pondered"))) == Ignored(
        "message.finalized:unknown-status"
    )


def test_media_and_group_messages(webhook: TelnyxWebhook) -> None:
    message = parsed(
        webhook,
        event(
            "message.received",
            received(
                to=[{"phone_number": "+15550100007"}, "x", {"phone_number": "+15550100008"}],
                media=[{"url": "https://media.example.org/1.png"}, {}, "x"],
                parts="3",
                received_at="soon",
                text=None,
            ),
        ),
    )
    assert message.to == "+15550100008"
    assert message.media == ("https://media.example.org/1.png",)
    assert (message.text, message.segments, message.sent_at) == ("", None, None)


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("STOP", "stop"), ("START", "start"), ("help", "help"), ("", None), (None, None), (7, None)],
)
def test_opt_outs_that_telnyx_answered(webhook: TelnyxWebhook, word: Any, meaning: Any) -> None:
    body = event("message.received", received(autoresponse_type=word))
    assert parsed(webhook, body).opt_out == meaning


def test_text_that_databases_refuse(webhook: TelnyxWebhook) -> None:
    message = parsed(webhook, event("message.received", received(text="a\0b\ud83dc😀")))
    assert message.text == "a�b�c😀"


def test_times_without_a_zone_are_utc(webhook: TelnyxWebhook) -> None:
    body = event("message.received", received(received_at="2026-11-21T04:00:00"))
    assert parsed(webhook, body).sent_at == NOW


def test_profile_is_an_account() -> None:
    gateway = TelnyxGateway(api_key="k", messaging_profile_id="profile-1")
    assert gateway.has_account("profile-1")
    assert not gateway.has_account("profile-2")
    assert not TelnyxGateway(api_key="k").has_account("")
