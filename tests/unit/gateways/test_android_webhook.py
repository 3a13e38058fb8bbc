"""SMSGate webhooks: one key per phone, body before time, and what the events mean.

The official SDK makes no signatures; the published vector stands in for it.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import AndroidGateway, ProviderStatus, Reason
from enum_backend.gateways.webhooks.android import AndroidWebhook
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    NotReady,
    WebhookRequest,
)
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, WebhookCases

VECTOR_BODY = b'{"event":"sms:received","id":"1","payload":{"message":"hi"}}'
VECTOR = "4005713c53d0e1c57ea66c4905002c3baf28e4fca38116da76abe4208f18a9a2"
OURS = "+15550100001"
SECOND = "+15550100003"
THEIRS = "+15550100002"
URL = f"{PUBLIC_URL}/sms/webhook/android"
LOGIN = {"username": "sms", "password": "canary-pass"}


def call(body: bytes, key: str, at: float | str = NOW) -> WebhookRequest:
    stamp = at if isinstance(at, str) else str(int(at))
    signature = hmac.new(key.encode(), body + stamp.encode(), "sha256").hexdigest()
    headers = {
        "content-type": "application/json",
        "x-signature": signature,
        "x-timestamp": stamp,
    }
    return WebhookRequest("POST", URL, headers, body, float(stamp))


def event(kind: str, payload: Any, event_id: Any = "e-1", device: Any = "phone-1") -> bytes:
    body = {"deviceId": device, "event": kind, "id": event_id, "webhookId": "w", "payload": payload}
    return json.dumps(body).encode()


def received(**changes: Any) -> dict[str, Any]:
    return {
        "messageId": "abc123",
        "message": "CANARY é €",
        "sender": THEIRS,
        "recipient": OURS,
        "phoneNumber": THEIRS,
        "simNumber": 1,
        "receivedAt": "2026-11-21T05:59:59.500+02:00",
        **changes,
    }


def sent(**changes: Any) -> dict[str, Any]:
    return {"messageId": "msg_1", "recipient": THEIRS, "sender": OURS, "simNumber": 1, **changes}


def settings(key: str, **more: str) -> dict[str, Any]:
    phone = {"device_id": "phone-1", "number": OURS, "signing_key": key, **more}
    other = {"device_id": "phone-2", "number": SECOND, "signing_key": "canary-k2"}
    return {**LOGIN, "phones": [phone, other]}


class TestAndroidWebhookCases(WebhookCases):
    gateway_class = AndroidGateway
    webhook_class = AndroidWebhook
    keys: ClassVar = {"current": "canary-1", "new": "canary-2", "other": "canary-3"}
    options: ClassVar = settings("canary-1")
    rotated: ClassVar = settings("canary-2", previous_signing_key="canary-1")
    other: ClassVar = settings("canary-3")
    keyless: ClassVar = {**LOGIN, "from": OURS}
    signature_headers = ("x-signature",)
    bound_headers = ("x-timestamp",)
    signs_time = True
    claimed = ("phone-1", OURS)
    inbound = event("sms:received", received())
    message = InboundSms(
        dedupe_key="e-1",
        provider_message_id="abc123",
        sender=THEIRS,
        to=OURS,
        text="CANARY é €",
        sent_at=NOW - 0.5,
        content_key="68e202c5f2ecf7db1e0dca7b7c65d6eac40827b4560e0ff01c70873d85ec72e1",
    )
    reports: ClassVar = {
        ProviderStatus.SENT: event("sms:sent", sent(partsCount=2, sentAt="x"), "e-2"),
        ProviderStatus.DELIVERED: event("sms:delivered", sent(), "e-3"),
    }
    unknown = event("app:started\n" + "x" * 99, {"simCards": []})
    malformed = (
        b"",
        b"[]",
        b"{}",
        b"\xff\xff",
        b"[" * 100_000,
        VECTOR_BODY,
        event("sms:received", received(), None),
        event("", received()),
        event("sms:received", received(sender=None, phoneNumber=None)),
        event("sms:received", [received()]),
        event("sms:delivered", {"message": "CANARY"}),
    )

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        return call(payload, self.keys[key], at)


@pytest.fixture
def webhook() -> AndroidWebhook:
    return AndroidWebhook(AndroidGateway(**settings("canary-1")))


def parsed(webhook: AndroidWebhook, body: bytes) -> Any:
    (found,) = webhook.parse(call(body, ""))
    return found


async def test_published_vector() -> None:
    webhook = AndroidWebhook(AndroidGateway(**LOGIN, signing_key="secret\n"))
    request = call(VECTOR_BODY, "secret", "1767225600")
    assert request.headers["x-signature"] == VECTOR
    await webhook.verify(request)


async def test_body_comes_before_the_time(webhook: AndroidWebhook) -> None:
    body, stamp = event("sms:received", received()), str(int(NOW))
    for text in (stamp.encode() + body, body, body + b"|" + stamp.encode()):
        signature = hmac.new(b"canary-1", text, "sha256").hexdigest()
        request = call(body, "canary-1")
        request = replace(request, headers={**request.headers, "x-signature": signature})
        with pytest.raises(Forged):
            await webhook.verify(request)
    upper = call(body, "canary-1")
    headers = {**upper.headers, "x-signature": upper.headers["x-signature"].upper()}
    with pytest.raises(Forged):
        await webhook.verify(replace(upper, headers=headers))


async def test_a_phones_key_proves_that_phone_only(webhook: AndroidWebhook) -> None:
    body = event("sms:received", received(), device="phone-2")
    await webhook.verify(call(body, "canary-k2"))
    for device in ("phone-2", "phone-3", "", None, 7):
        with pytest.raises(Forged, match="phone named"):
            await webhook.verify(call(event("sms:received", received(), device=device), "canary-1"))


async def test_phones_without_id_answer_for_unknown_ones() -> None:
    phones = [{"device_id": "phone-1", "signing_key": "canary-1"}, {"signing_key": "canary-2"}]
    webhook = AndroidWebhook(AndroidGateway(**LOGIN, phones=phones))
    unknown = event("sms:received", received(), device="phone-9")
    await webhook.verify(call(unknown, "canary-2"))
    for body, key in ((unknown, "canary-1"), (event("sms:received", received()), "canary-2")):
        with pytest.raises(Forged):
            await webhook.verify(call(body, key))


async def test_key_of_the_gateway_serves_phones_without_their_own() -> None:
    phones = [{"device_id": "phone-1"}, {"device_id": "phone-2", "signing_key": "canary-2"}]
    gateway = AndroidGateway(
        **LOGIN, phones=phones, signing_key="canary-1", previous_signing_key="canary-0"
    )
    webhook = AndroidWebhook(gateway)
    first = event("sms:received", received())
    second = event("sms:received", received(), device="phone-2")
    for body, key in ((first, "canary-1"), (first, "canary-0"), (second, "canary-2")):
        await webhook.verify(call(body, key))
    for key in ("canary-1", "canary-0"):
        with pytest.raises(Forged):
            await webhook.verify(call(second, key))


async def test_previous_key_alone_proves_nothing() -> None:
    gateway = AndroidGateway(**LOGIN, previous_signing_key="canary-0")
    with pytest.raises(NotReady):
        await AndroidWebhook(gateway).verify(call(VECTOR_BODY, "canary-0"))


async def test_proven_nonsense_is_malformed_not_forged(webhook: AndroidWebhook) -> None:
    request = call(b"nonsense", "canary-1")
    await webhook.verify(request)
    with pytest.raises(Malformed):
        webhook.parse(request)


async def test_repeat_is_signed_anew(webhook: AndroidWebhook) -> None:
    body = event("sms:received", received())
    later = call(body, "canary-1", NOW + 86_400)
    await webhook.verify(later)
    assert webhook.parse(later) == webhook.parse(call(body, "canary-1"))


def test_refreshed_inbox_has_new_ids_and_the_same_content(webhook: AndroidWebhook) -> None:
    first = parsed(webhook, event("sms:received", received()))
    same = received(receivedAt="2026-11-21T03:59:59.500Z", simNumber=None)
    again = parsed(webhook, event("sms:received", same, "e-2"))
    assert again.dedupe_key != first.dedupe_key
    assert again.content_key == first.content_key
    for change in (
        {"receivedAt": "2026-11-21T03:59:59.501Z"},
        {"receivedAt": "soon"},
        {"receivedAt": None},
        {"message": "CANARY"},
        {"sender": "+15550100009"},
    ):
        other = parsed(webhook, event("sms:received", received(**change), "e-3"))
        assert other.content_key != first.content_key
    moved = parsed(webhook, event("sms:received", received(), "e-4", "phone-2"))
    assert moved.content_key != first.content_key


@pytest.mark.parametrize(
    ("told", "slot", "to"),
    [
        ("+15550100001", None, "+15550100001"),
        ("15550100003", 1, "+15550100003"),
        ("5550100003", None, "+15550100003"),
        ("(555) 010-0003", None, "+15550100003"),
        ("+15550100777", 2, "+15550100003"),
        (None, 1, "+15550100001"),
        ("0550100001", None, "+15550100001"),
        ("0001", None, "0001"),
        ("0001", 3, "0001"),
        ("00 1 555 010-0777", None, "+15550100777"),
        ("5550100777", True, "5550100777"),
        (None, None, ""),
    ],
)
def test_number_of_ours(told: Any, slot: Any, to: str) -> None:
    sims = [{"slot": 1, "number": OURS}, {"slot": 2, "number": SECOND}, {"slot": 3}]
    phones = [{"device_id": "phone-1", "sims": sims}, {"device_id": "p", "number": "+15550100777"}]
    webhook = AndroidWebhook(AndroidGateway(**LOGIN, phones=phones))
    body = event("sms:received", received(recipient=told, simNumber=slot))
    assert parsed(webhook, body).to == to


def test_only_number_of_a_phone(webhook: AndroidWebhook) -> None:
    body = event("sms:received", received(recipient=None, simNumber=None))
    assert parsed(webhook, body).to == OURS
    assert parsed(AndroidWebhook(AndroidGateway(**LOGIN, sender=OURS)), body).to == OURS


@pytest.mark.parametrize(
    ("told", "sender"),
    [
        ("Example", "Example"),
        ("12345", "12345"),
        ("5550100002", "5550100002"),
        ("+1 555 010-0002", THEIRS),
        ("0015550100002", THEIRS),
    ],
)
def test_sender(webhook: AndroidWebhook, told: str, sender: str) -> None:
    old = received(sender=None, phoneNumber=told)
    for payload in (received(sender=told), old):
        assert parsed(webhook, event("sms:received", payload)).sender == sender


def test_message_without_extras(webhook: AndroidWebhook) -> None:
    bare = parsed(webhook, event("sms:received", {"sender": THEIRS}))
    assert (bare.text, bare.provider_message_id, bare.sent_at) == ("", None, None)


def test_batch(webhook: AndroidWebhook) -> None:
    two = [received(), received(message="two")]
    found = webhook.parse(call(event("sms:batch:received", {"messages": two}), ""))
    assert [(item.dedupe_key, item.text) for item in found if isinstance(item, InboundSms)] == [
        ("e-1:0", "CANARY é €"),
        ("e-1:1", "two"),
    ]
    (other,) = webhook.parse(call(event("sms:batch:data-received", {"messages": [{}]}), ""))
    assert other == Ignored("sms:data-received")
    assert webhook.parse(call(event("sms:batch:received", {}), "")) == []


def test_report(webhook: AndroidWebhook) -> None:
    body = event("sms:sent", sent(partsCount=2, sentAt="2026-11-21T06:00:00.000+02:00"))
    assert parsed(webhook, body) == DeliveryReport(
        dedupe_key="msg_1:sms:sent",
        provider_message_id="msg_1",
        own_id="msg_1",
        status=ProviderStatus.SENT,
        final=False,
        segments=2,
        occurred_at=NOW,
    )


def test_delivered_comes_once_per_part(webhook: AndroidWebhook) -> None:
    found = [
        parsed(webhook, event("sms:delivered", sent(deliveredAt=at), event_id))
        for event_id, at in (("e-1", "2026-11-21T04:00:00Z"), ("e-2", "2026-11-21T04:00:01Z"))
    ]
    assert [report.dedupe_key for report in found] == ["msg_1:sms:delivered"] * 2
    assert found[0].occurred_at == NOW


@pytest.mark.parametrize(
    ("kind", "reason_text", "status", "reason", "code"),
    [
        ("sms:cancelled", "x", ProviderStatus.CANCELED, None, None),
        ("sms:failed", None, ProviderStatus.FAILED, Reason.UNKNOWN, None),
        ("sms:failed", "TTL expired", ProviderStatus.FAILED, Reason.EXPIRED, None),
        (
            "sms:failed",
            "Send result: RESULT_ERROR_NO_SERVICE",
            ProviderStatus.FAILED,
            Reason.TEMPORARY_UNAVAILABLE,
            "RESULT_ERROR_NO_SERVICE",
        ),
    ],
)
def test_ends(
    webhook: AndroidWebhook,
    kind: str,
    reason_text: str | None,
    status: ProviderStatus,
    reason: Reason | None,
    code: str | None,
) -> None:
    report = parsed(webhook, event(kind, sent(reason=reason_text, partsCount=True)))
    assert (report.status, report.reason, report.provider_code) == (status, reason, code)
    assert (report.final, report.segments) == (True, None)


@pytest.mark.parametrize("kind", ["system:ping", "app:started", "mms:received", "sms:news"])
def test_ignored(webhook: AndroidWebhook, kind: str) -> None:
    assert parsed(webhook, event(kind, {})) == Ignored(kind)
