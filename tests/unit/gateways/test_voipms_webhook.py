"""VoIP.ms callbacks: a token in the address, and the letters `ok`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from enum_backend.gateways import VoipmsGateway
from enum_backend.gateways.webhooks.base import (
    Forged,
    InboundSms,
    Malformed,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.voipms import VoipmsWebhook, callback_url
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, WebhookCases

OURS = "+15550100001"
THEIRS = "+15550100002"
TOKEN = "canary-token-0001"
URL = f"{PUBLIC_URL}/sms/webhook/voipms"
LOGIN = {"username": "ops@example.org", "password": "canary-pass", "from": OURS}


def query(**changes: str) -> bytes:
    fields = {
        "to": "5550100001",
        "from": "5550100002",
        "message": "CANARY é & €; +1",
        "id": "789",
        "date": "2026-11-21 04:00:00",
        "media": "",
        **changes,
    }
    return urlencode(fields).encode()


def call(payload: bytes, token: str = TOKEN, at: float = NOW) -> WebhookRequest:
    return WebhookRequest("GET", f"{URL}?token={token}&{payload.decode()}", {}, b"", at)


class TestVoipmsWebhookCases(WebhookCases):
    gateway_class = VoipmsGateway
    webhook_class = VoipmsWebhook
    keys: ClassVar = {
        "current": TOKEN,
        "new": "canary-token-0002",
        "other": "canary-token-0003",
    }
    options: ClassVar = {**LOGIN, "inbound_token": TOKEN}
    rotated: ClassVar = {
        **LOGIN,
        "inbound_token": "canary-token-0002",
        "previous_inbound_token": TOKEN,
    }
    other: ClassVar = {**LOGIN, "inbound_token": "canary-token-0003"}
    keyless: ClassVar = {**LOGIN, "previous_inbound_token": TOKEN}
    covers_body = False
    claimed = (OURS, THEIRS)
    inbound = query()
    message = InboundSms(
        dedupe_key="789",
        provider_message_id="789",
        sender=THEIRS,
        to=OURS,
        text="CANARY é & €; +1",
    )
    reports: ClassVar = {}
    malformed = (b"", b"message=CANARY", b"to=5550100001&message=CANARY", b"from={FROM}&to={TO}")
    expected_answer = WebhookAnswer(body="ok")

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        return call(payload, self.keys[key], at)

    def unproven(self, request: WebhookRequest) -> WebhookRequest:
        (token,) = self.proofs(request)
        return replace(request, url=request.url.replace(f"token={token}&", ""))

    def misproven(self, request: WebhookRequest, proof: str) -> WebhookRequest:
        (token,) = self.proofs(request)
        return replace(request, url=request.url.replace(f"token={token}&", f"token={proof}&"))

    def proofs(self, request: WebhookRequest) -> list[str]:
        return [value for name, value in request.query if name == "token"]


@pytest.fixture
def webhook() -> VoipmsWebhook:
    return VoipmsWebhook(VoipmsGateway(**LOGIN, inbound_token=f"{TOKEN}\n"))


def parsed(webhook: VoipmsWebhook, request: WebhookRequest) -> Any:
    (found,) = webhook.parse(request)
    return found


async def test_token_in_the_path(webhook: VoipmsWebhook) -> None:
    request = WebhookRequest("GET", f"{URL}/{TOKEN}?{query().decode()}", {}, b"", NOW)
    await webhook.verify(request)
    assert parsed(webhook, request).provider_message_id == "789"
    for path in (f"{TOKEN}x", TOKEN[:-1], TOKEN.upper(), f"x{TOKEN}"):
        with pytest.raises(Forged):
            await webhook.verify(replace(request, url=f"{URL}/{path}?{query().decode()}"))


async def test_token_in_a_body_or_header_proves_nothing(webhook: VoipmsWebhook) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": TOKEN}
    body = f"token={TOKEN}&".encode() + query()
    with pytest.raises(Forged):
        await webhook.verify(WebhookRequest("POST", URL, headers, body, NOW))


async def test_parameters_separated_by_semicolons(webhook: VoipmsWebhook) -> None:
    for first in ("?", "&"):
        parameters = query(message="CANARY 1").decode().replace("&", ";")
        address = f"{URL}?token={TOKEN}{';' if first == '?' else '&'}{parameters}"
        request = WebhookRequest("GET", address, {}, b"", NOW)
        await webhook.verify(request)
        assert parsed(webhook, request).text == "CANARY 1"
        assert OURS in webhook.claims(request)


async def test_callback_url(webhook: VoipmsWebhook) -> None:
    url = callback_url(f"{URL}/east", TOKEN)
    assert url == (
        f"{URL}/east?token={TOKEN}&to={{TO}}&from={{FROM}}&message={{MESSAGE}}"
        "&id={ID}&date={TIMESTAMP}&media={MEDIA}"
    )
    filled = url.replace("{TO}", "5550100001").replace("{FROM}", "5550100002")
    filled = filled.replace("{MESSAGE}", "a%20b%26c%2Bd").replace("{ID}", "7")
    request = WebhookRequest("GET", filled, {}, b"", NOW)
    await webhook.verify(request)
    message = parsed(webhook, request)
    assert (message.text, message.provider_message_id) == ("a b&c+d", "7")
    assert message.media == ()  # the placeholder was left as it is


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
async def test_post(webhook: VoipmsWebhook, kind: str) -> None:
    body = query()
    if kind.endswith("json"):
        body = json.dumps(dict(parse_qsl(body.decode()))).encode()
    request = WebhookRequest("POST", f"{URL}?token={TOKEN}", {"content-type": kind}, body, NOW)
    await webhook.verify(request)
    assert parsed(webhook, request) == TestVoipmsWebhookCases.message


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"from": 5550100002, "to": "5550100001"}'])
def test_json_that_is_none_of_ours(webhook: VoipmsWebhook, body: bytes) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    with pytest.raises(Malformed):
        webhook.parse(WebhookRequest("POST", f"{URL}?token={TOKEN}", headers, body, NOW))


async def test_far_too_many_parameters(webhook: VoipmsWebhook) -> None:
    request = call(b"&".join([b"a=b"] * 99))
    assert webhook.claims(request) == []
    with pytest.raises(Forged):
        await webhook.verify(request)


def test_messages_without_an_id(webhook: VoipmsWebhook) -> None:
    keys = {
        parsed(webhook, call(query(id=blank, **change))).dedupe_key
        for blank in ("", "{ID}")
        for change in ({}, {"date": "2026-11-21 04:00:01"}, {"message": "CANARY"})
    }
    assert len(keys) == 3
    assert {len(key) for key in keys} == {64}
    assert parsed(webhook, call(query(id=""))).provider_message_id is None


def test_media(webhook: VoipmsWebhook) -> None:
    media = "https://media.example.org/1.png,https://media.example.org/2.png"
    assert parsed(webhook, call(query(media=media))).media == tuple(media.split(","))


def test_senders(webhook: VoipmsWebhook) -> None:
    for told, sender in (("15550100002", THEIRS), ("12345", "12345"), ("Example", "Example")):
        assert parsed(webhook, call(query(**{"from": told}))).sender == sender


def test_text_that_databases_refuse(webhook: VoipmsWebhook) -> None:
    assert parsed(webhook, call(query(message="a\0b"))).text == "a\N{REPLACEMENT CHARACTER}b"
    broken = call(b"to=5550100001&from=5550100002&message=%ff")
    assert parsed(webhook, broken).text == "\N{REPLACEMENT CHARACTER}"


def test_url_is_no_secret_holder() -> None:
    assert TOKEN not in repr(VoipmsGateway(**LOGIN, inbound_token=TOKEN).options)
    assert urlsplit(callback_url(URL, TOKEN)).path == "/sms/webhook/voipms"
