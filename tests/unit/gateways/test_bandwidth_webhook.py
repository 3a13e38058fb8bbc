"""Bandwidth callbacks: HTTP Basic, arrays and objects, and what the events mean."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import BandwidthGateway, ProviderStatus, Reason
from enum_backend.gateways.webhooks.bandwidth import BandwidthWebhook
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    WebhookRequest,
)
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, WebhookCases

OURS = "+15550100001"
THEIRS = "+15550100002"
MESSAGE_ID = "14762070468292kw2fuqty55yp2b2"
APPLICATION = "93de2206-9669-4e07-948d-329f4b722ee2"
URL = f"{PUBLIC_URL}/sms/webhook/bandwidth"
OPTIONS: dict[str, Any] = {
    "account_id": "9900000",
    "client_id": "client-1",
    "client_secret": "canary-secret",
    "application_id": APPLICATION,
    "from": OURS,
    "callback_user": "bw",
    "callback_password": "s3:cret",
}
VECTOR = "Basic Ync6czM6Y3JldA=="


def call(payload: bytes, authorization: str = VECTOR, at: float = NOW) -> WebhookRequest:
    headers = {"content-type": "application/json", "authorization": authorization}
    return WebhookRequest("POST", URL, headers, payload, at)


def event(kind: object, message: object = None, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "time": "2026-11-21T04:00:00.000000Z",
        "description": "Incoming message received",
        "to": OURS,
        "message": message,
        **more,
    }


def received(**changes: Any) -> dict[str, Any]:
    return {
        "id": MESSAGE_ID,
        "owner": OURS,
        "applicationId": APPLICATION,
        "time": "2026-11-21T03:59:59.500000Z",
        "segmentCount": 1,
        "direction": "in",
        "to": [OURS, "+15550100003"],
        "from": THEIRS,
        "text": "CANARY é €",
        "media": [],
        **changes,
    }


def sent(**changes: Any) -> dict[str, Any]:
    return {
        **received(to=[THEIRS], direction="out", text="", tag="msg_1"),
        "from": OURS,
        **changes,
    }


def report(kind: str, **more: Any) -> bytes:
    return json.dumps([event(kind, **{"message": sent(), "to": THEIRS, **more})]).encode()


def incoming(**changes: Any) -> bytes:
    return json.dumps([event("message-received", received(**changes))]).encode()


class TestBandwidthWebhookCases(WebhookCases):
    gateway_class = BandwidthGateway
    webhook_class = BandwidthWebhook
    options: ClassVar = OPTIONS
    rotated: ClassVar = {
        **OPTIONS,
        "callback_user": "bw2",
        "callback_password": "canary-new",
        "previous_callback_user": "bw",
        "previous_callback_password": "s3:cret",
    }
    other: ClassVar = {**OPTIONS, "callback_password": "canary-other"}
    keyless: ClassVar = {k: v for k, v in OPTIONS.items() if not k.startswith("callback")}
    keys: ClassVar = {"current": "bw:s3:cret", "new": "bw2:canary-new", "other": "bw:canary-other"}
    signature_headers = ("authorization",)
    covers_body = False
    claimed = (OURS, THEIRS, "+15550100003", APPLICATION)
    inbound = incoming()
    message = InboundSms(
        dedupe_key=f"{MESSAGE_ID}:message-received:{OURS}",
        provider_message_id=MESSAGE_ID,
        sender=THEIRS,
        to=OURS,
        text="CANARY é €",
        sent_at=1795233599.5,
        segments=1,
    )
    reports: ClassVar = {
        ProviderStatus.QUEUED: report("message-sending"),
        ProviderStatus.SENT: report("message-sent"),
        ProviderStatus.DELIVERED: report("message-delivered"),
    }
    unknown = json.dumps([event("message-pondered\n" + "x" * 99, "CANARY")]).encode()
    malformed = (
        b"",
        b"CANARY",
        b"null",
        b"7",
        b"{}",
        b"[[]]",
        b'["CANARY"]',
        b"[" * 100_000,
        json.dumps([event(7, received())]).encode(),
        json.dumps([event("message-received", "CANARY")]).encode(),
        json.dumps([event("message-received", received(), to=[OURS])]).encode(),
        incoming(id=None),
        incoming(**{"from": None}),
        report("message-delivered", message={"text": "CANARY"}),
    )

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        return call(payload, f"Basic {b64encode(self.keys[key].encode()).decode()}", at)


@pytest.fixture
def webhook() -> BandwidthWebhook:
    return BandwidthWebhook(BandwidthGateway(**OPTIONS))


async def test_published_vector(webhook: BandwidthWebhook) -> None:
    await webhook.verify(call(b"[]"))
    await webhook.verify(call(b"[]", VECTOR.replace("Basic", "bASIC")))


@pytest.mark.parametrize(
    "credentials",
    [
        "bw:s3",
        "bw:s3:cret ",
        "bw:",
        "bw",
        ":",
        "",
        "bw:s3:cre",
        "BW:s3:cret",
        "client-1:canary-secret",
    ],
)
async def test_nearly_right_credentials(webhook: BandwidthWebhook, credentials: str) -> None:
    with pytest.raises(Forged):
        await webhook.verify(call(b"[]", f"Basic {b64encode(credentials.encode()).decode()}"))


@pytest.mark.parametrize("scheme", ["Bearer", "", "Basic:", "Digest"])
async def test_other_schemes(webhook: BandwidthWebhook, scheme: str) -> None:
    with pytest.raises(Forged):
        await webhook.verify(call(b"[]", VECTOR.replace("Basic", scheme)))


@pytest.mark.parametrize("value", ["é", "\udcff", "!", "=", "A", f"{VECTOR[6:]}*"])
async def test_credentials_that_are_no_base64(webhook: BandwidthWebhook, value: str) -> None:
    with pytest.raises(Forged):
        await webhook.verify(call(b"[]", f"Basic {value}"))


async def test_unproven_calls_are_challenged() -> None:
    # Bandwidth may ask without credentials first.
    assert BandwidthWebhook.challenge.startswith("Basic realm=")


async def test_password_alone_may_rotate() -> None:
    options = {**OPTIONS, "callback_password": "new", "previous_callback_password": "s3:cret"}
    await BandwidthWebhook(BandwidthGateway(**options)).verify(call(b"[]"))


async def test_a_previous_user_alone_proves_nothing() -> None:
    options = {**OPTIONS, "previous_callback_user": "old"}
    with pytest.raises(Forged):
        await BandwidthWebhook(BandwidthGateway(**options)).verify(
            call(b"[]", f"Basic {b64encode(b'old:').decode()}")
        )


def test_one_object_is_as_good_as_an_array(webhook: BandwidthWebhook) -> None:
    one = json.loads(incoming())[0]
    assert webhook.parse(call(json.dumps(one).encode())) == webhook.parse(call(incoming()))
    assert APPLICATION in webhook.claims(call(json.dumps(one).encode()))


def test_several_events(webhook: BandwidthWebhook) -> None:
    body = json.dumps(
        [
            event("message-received", received()),
            "x",
            event("message-sent", sent(), to=THEIRS),
            event("news"),
        ]
    ).encode()
    events = webhook.parse(call(body))
    assert [type(item) for item in events] == [InboundSms, DeliveryReport, Ignored, Ignored]
    assert events[2:] == [Ignored("news"), Ignored("malformed")]
    assert webhook.parse(call(b"[]")) == []
    with pytest.raises(Malformed):
        webhook.parse(call(b'["x", "y"]'))


def test_group_messages_are_one_for_each_of_our_numbers(webhook: BandwidthWebhook) -> None:
    (first,) = webhook.parse(call(incoming()))
    other = json.dumps([event("message-received", received(), to="+15550100003")]).encode()
    (second,) = webhook.parse(call(other))
    assert isinstance(first, InboundSms)
    assert isinstance(second, InboundSms)
    assert (first.to, second.to) == (OURS, "+15550100003")
    assert first.dedupe_key != second.dedupe_key


def test_media(webhook: BandwidthWebhook) -> None:
    media = ["https://media.example.org/1.png", 7, None]
    (message,) = webhook.parse(call(incoming(media=media, text=None, segmentCount="1", time="?")))
    assert isinstance(message, InboundSms)
    assert message.media == ("https://media.example.org/1.png",)
    assert (message.text, message.segments, message.sent_at) == ("", None, None)


def reported(webhook: BandwidthWebhook, kind: str, **more: Any) -> DeliveryReport:
    (found,) = webhook.parse(call(report(kind, **more)))
    assert isinstance(found, DeliveryReport)
    return found


def test_report(webhook: BandwidthWebhook) -> None:
    assert reported(webhook, "message-failed", errorCode=4432) == DeliveryReport(
        dedupe_key=f"{MESSAGE_ID}:message-failed:{THEIRS}",
        provider_message_id=MESSAGE_ID,
        status=ProviderStatus.FAILED,
        own_id="msg_1",
        reason=Reason.FORBIDDEN,
        provider_code="4432",
        segments=1,
        occurred_at=NOW,
    )


@pytest.mark.parametrize(
    ("kind", "code", "status", "reason", "shown", "final"),
    [
        ("message-failed", 4775, "undelivered", Reason.OPTED_OUT, "4775", True),
        ("message-failed", "4701", "undelivered", Reason.UNREACHABLE, "4701", True),
        ("message-failed", 9902, "sent", None, "9902", True),
        ("message-failed", None, "failed", Reason.UNKNOWN, None, True),
        ("message-failed", 0, "failed", Reason.UNKNOWN, None, True),
        ("message-failed", "no\ncode", "failed", Reason.UNKNOWN, None, True),
        ("message-delivered", 0, "delivered", None, None, True),
        ("message-read", None, "delivered", None, None, True),
        ("message-sent", None, "sent", None, None, False),
        ("message-sending", None, "queued", None, None, False),
    ],
)
def test_report_words(
    webhook: BandwidthWebhook,
    kind: str,
    code: object,
    status: str,
    reason: Reason | None,
    shown: str | None,
    final: bool,
) -> None:
    found = reported(webhook, kind, errorCode=code)
    assert (found.status, found.reason, found.provider_code, found.final) == (
        ProviderStatus(status),
        reason,
        shown,
        final,
    )


def test_report_of_a_message_without_our_tag(webhook: BandwidthWebhook) -> None:
    (found,) = webhook.parse(call(report("message-sent", message=sent(tag=None))))
    assert isinstance(found, DeliveryReport)
    assert found.own_id is None


def test_official_sdk_reads_the_same(webhook: BandwidthWebhook) -> None:
    bandwidth = pytest.importorskip("bandwidth", reason="the official SDK is what is compared with")
    theirs = bandwidth.InboundCallback.from_dict(json.loads(incoming(carrierName=None))[0])
    (ours,) = webhook.parse(call(incoming()))
    assert isinstance(ours, InboundSms)
    assert ours.text == theirs.message.text
    assert ours.provider_message_id == theirs.message.id
    assert ours.sender == theirs.message.var_from
    status = bandwidth.StatusCallback.from_dict(
        json.loads(report("message-failed", errorCode=4432))[0]
    )
    found = reported(webhook, "message-failed", errorCode=4432)
    assert found.provider_code == str(status.error_code)
    assert found.own_id == status.message.tag


def test_calls_differ_in_nothing_else(webhook: BandwidthWebhook) -> None:
    # The path and the query are not signed: they may not matter either.
    request = call(incoming())
    moved = replace(request, url=f"{URL}?to={THEIRS}")
    assert webhook.parse(moved) == webhook.parse(request)
