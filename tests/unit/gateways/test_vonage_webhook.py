"""Vonage's calls: parameters signed with `sig`, bodies vouched for by a JWT."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

import jwt
import pytest

from enum_backend.gateways import Cost, ProviderStatus, Reason, VonageGateway
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    NotReady,
    SmsPart,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.parts import group_of, joined
from enum_backend.gateways.webhooks.vonage import VonageWebhook
from enum_backend.gateways.webhooks.vonage_signature import signature
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, WebhookCases

OURS, THEIRS = "+15550100001", "+15550100002"
URL = f"{PUBLIC_URL}/sms/webhook/vonage"
APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
KEYS = {
    "current": "canary-current-0123456789abcdefghij",
    "new": "canary-new-0123456789abcdefghijklmn",
    "other": "canary-other-0123456789abcdefghijkl",
}
OPTIONS: dict[str, Any] = {
    "api_key": "abcd1234",
    "api_secret": "canary-secret",
    "from": OURS,
    "signature_secret": KEYS["current"],
}
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}

INBOUND = {
    "api-key": "abcd1234",
    "msisdn": THEIRS[1:],
    "to": OURS[1:],
    "messageId": "0A0000000123ABCD1",
    "text": "CANARY é € a=b&c",
    "type": "unicode",
    "keyword": "CANARY",
    "message-timestamp": "2026-11-21 03:59:59",
}
RECEIPT = {
    "msisdn": THEIRS[1:],
    "to": OURS[1:],
    "network-code": "12345",
    "messageId": "0A0000000123ABCD2",
    "price": "0.0333",
    "status": "delivered",
    "scts": "2611210400",
    "err-code": "0",
    "api-key": "abcd1234",
    "client-ref": "msg_1",
    "message-timestamp": "2026-11-21 04:00:00",
}


def by_sdk(fields: dict[str, str], secret: str, method: str) -> str:
    """`sig` made by the official SDK; it knows the HMACs only."""
    client = pytest.importorskip("vonage_http_client")
    auth = client.Auth(api_key="abcd1234", signature_secret=secret, signature_method=method)
    return str(auth.sign_params(dict(fields)))


def encoded(fields: dict[str, Any]) -> bytes:
    return urlencode(fields).encode()


class _SmsCases(WebhookCases):
    gateway_class = VonageGateway
    webhook_class = VonageWebhook
    keys: ClassVar = KEYS
    method: ClassVar = "sha256"
    options: ClassVar = {**OPTIONS, "signature_method": "sha256"}
    rotated: ClassVar = {
        **options,
        "signature_secret": KEYS["new"],
        "previous_signature_secret": KEYS["current"],
    }
    other: ClassVar = {**options, "signature_secret": KEYS["other"]}
    keyless: ClassVar = {**options, "signature_secret": ""}
    signs_time = True
    claimed = (OURS, THEIRS, "abcd1234")
    inbound = encoded(INBOUND)
    message = InboundSms(
        dedupe_key="0A0000000123ABCD1",
        provider_message_id="0A0000000123ABCD1",
        sender=THEIRS,
        to=OURS,
        text="CANARY é € a=b&c",
        sent_at=NOW - 1,
        segments=1,
    )
    reports: ClassVar = {
        ProviderStatus.SENT: encoded({**RECEIPT, "status": "buffered"}),
        ProviderStatus.DELIVERED: encoded(RECEIPT),
    }
    unknown = encoded({**RECEIPT, "status": "ponder\ned" + "x" * 99})
    malformed = (
        b"",
        b"a=b",
        encoded({**INBOUND, "messageId": ""}),
        encoded({**INBOUND, "msisdn": ""}),
        encoded({k: v for k, v in INBOUND.items() if k != "text"}),
        encoded({**INBOUND, "concat": "true", "concat-ref": "1", "concat-total": "2"}),
        encoded({**RECEIPT, "messageId": ""}),
    )

    def sign(self, fields: dict[str, str], key: str) -> str:
        return by_sdk(fields, self.keys[key], self.method).upper()

    def fields(self, payload: bytes, key: str, at: float) -> dict[str, str]:
        fields = dict(parse_qsl(payload.decode(), keep_blank_values=True))
        fields |= {"timestamp": str(int(at)), "nonce": "n-1"}
        return {**fields, "sig": self.sign(fields, key)}

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        return self.call(self.fields(payload, key, at), at)

    def call(self, fields: dict[str, str], at: float) -> WebhookRequest:
        return WebhookRequest("POST", URL, FORM, encoded(fields), at)

    def read(self, request: WebhookRequest) -> dict[str, str]:
        return dict(parse_qsl(request.body.decode(), keep_blank_values=True))

    def unproven(self, request: WebhookRequest) -> WebhookRequest:
        fields = self.read(request)
        del fields["sig"]
        return self.call(fields, request.received_at)

    def misproven(self, request: WebhookRequest, proof: str) -> WebhookRequest:
        proof = proof.encode("utf-8", "replace").decode()
        return self.call({**self.read(request), "sig": proof}, request.received_at)

    def proofs(self, request: WebhookRequest) -> list[str]:
        return [sig] if (sig := self.read(request).get("sig")) else []

    async def test_changed_time(self) -> None:
        fields = self.read(self.signed(self.inbound))
        for stamp in ("", "1", f"{fields['timestamp']}0"):
            await self.is_forged(self.call({**fields, "timestamp": stamp}, NOW))

    @pytest.mark.parametrize("stamp", ["", " 1795233600", "+1795233600", "2026-11-21 04:00:00"])
    async def test_time_that_is_none(self, stamp: str) -> None:
        fields = {**INBOUND, "timestamp": stamp}
        fields["sig"] = signature(
            fields, KEYS["current"], self.options.get("signature_method", "md5hash")
        )
        await self.is_forged(self.call(fields, NOW))


class TestVonageSmsForm(_SmsCases):
    pass


class TestVonageSmsQuery(_SmsCases):
    method: ClassVar = "sha512"
    options: ClassVar = {**OPTIONS, "signature_method": "sha512"}
    rotated: ClassVar = {}
    other: ClassVar = {**options, "signature_secret": KEYS["other"]}
    keyless: ClassVar = {**options, "signature_secret": ""}

    def call(self, fields: dict[str, str], at: float) -> WebhookRequest:
        return WebhookRequest("GET", f"{URL}?{urlencode(fields)}", {}, b"", at)

    def read(self, request: WebhookRequest) -> dict[str, str]:
        return dict(request.query)

    def tampered(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, url=request.url.replace("CANARY", "FORGED"))


class TestVonageSmsJson(_SmsCases):
    method: ClassVar = "md5"
    options: ClassVar = {**OPTIONS, "signature_method": "md5"}
    rotated: ClassVar = {}
    other: ClassVar = {**options, "signature_secret": KEYS["other"]}
    keyless: ClassVar = {**options, "signature_secret": ""}

    def call(self, fields: dict[str, str], at: float) -> WebhookRequest:
        return WebhookRequest("POST", URL, JSON, json.dumps(fields).encode(), at)

    def read(self, request: WebhookRequest) -> dict[str, str]:
        return dict(json.loads(request.body))

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"7", b"{", b'{"a": null}', b'{"a": {}}', b"[" * 99999]
    )
    async def test_json_that_is_not_flat(self, body: bytes) -> None:
        request = WebhookRequest("POST", URL, JSON, body, NOW)
        with pytest.raises(Forged):
            await self.webhook().verify(request)
        with pytest.raises(Malformed):
            self.webhook().parse(request)

    async def test_numbers_are_signed_as_written(self) -> None:
        fields = self.fields(self.inbound, "current", NOW)
        fields |= {"concat": "true", "concat-ref": "08", "concat-total": "2", "concat-part": "1"}
        del fields["sig"]
        fields["sig"] = self.sign(fields, "current")
        text = json.dumps(fields).replace('"true"', "true").replace('"2"', "2")
        request = WebhookRequest("POST", URL, JSON, text.encode(), NOW)
        await self.webhook().verify(request)
        (message,) = self.webhook().parse(request)
        assert isinstance(message, InboundSms)
        assert message.part == SmsPart("08", 1, 2)


class TestVonageSmsMd5Hash(_SmsCases):
    """The accounts' default, which the SDK cannot make: see the vector."""

    options: ClassVar = OPTIONS
    rotated: ClassVar = {}
    other: ClassVar = {**OPTIONS, "signature_secret": KEYS["other"]}
    keyless: ClassVar = {**OPTIONS, "signature_secret": ""}

    def sign(self, fields: dict[str, str], key: str) -> str:
        text = "".join(
            f"&{k}={v.replace('&', '_').replace('=', '_')}" for k, v in sorted(fields.items())
        )
        return hashlib.md5(f"{text}{self.keys[key]}".encode()).hexdigest()


VECTOR = {
    "api-key": "abcd1234",
    "messageId": "0A1",
    "msisdn": "14155550100",
    "nonce": "n1",
    "text": "a&b=c",
    "timestamp": "1767225600",
    "to": "15005550006",
    "type": "text",
}


def test_published_vectors() -> None:
    md5 = "b50259faf6ece3ee209c2f03118dfc5a"
    sha256 = "e6ab6439826a37b0ba2775dab10e94c8eea86a2db0c64c306db5f5e3d5835ee6"
    assert signature(VECTOR, "my_secret", "md5hash") == md5
    assert signature({**VECTOR, "sig": "x"}, "my_secret", "sha256") == sha256


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256", "sha512"])
def test_hmacs_of_the_sdk(method: Any) -> None:
    assert signature(VECTOR, "my_secret", method) == by_sdk(VECTOR, "my_secret", method)


@pytest.fixture
def webhook() -> VonageWebhook:
    return VonageWebhook(VonageGateway(**OPTIONS))


@pytest.mark.parametrize(
    "body",
    [
        # `&text=CANARY&timestamp=...&to=...` in one name: the signed text is the same.
        lambda f: (
            urlencode([(k, v) for k, v in f.items() if k not in {"text", "timestamp"}])
            + "&"
            + urlencode({f"text=CANARY&timestamp={int(NOW)}".rpartition("=")[0]: str(int(NOW))})
        ),
        lambda f: urlencode(f) + "&text=FORGED",
        lambda f: "&".join(f"f{number}=" for number in range(300)),
        lambda f: "text=%ff",
    ],
)
async def test_names_that_hide_something(webhook: VonageWebhook, body: Any) -> None:
    fields = {**INBOUND, "text": "CANARY", "timestamp": str(int(NOW))}
    fields["sig"] = signature(fields, KEYS["current"], "md5hash")
    request = WebhookRequest("POST", URL, FORM, encoded(fields), NOW)
    await webhook.verify(request)
    with pytest.raises(Forged):
        await webhook.verify(replace(request, body=body(fields).encode()))


def read(webhook: VonageWebhook, fields: dict[str, Any]) -> Any:
    (event,) = webhook.parse(WebhookRequest("POST", URL, FORM, encoded(fields), NOW))
    return event


def test_receipt(webhook: VonageWebhook) -> None:
    assert read(webhook, {**RECEIPT, "status": "failed", "err-code": "6"}) == DeliveryReport(
        dedupe_key="0A0000000123ABCD2:failed",
        provider_message_id="0A0000000123ABCD2",
        status=ProviderStatus.UNDELIVERED,
        own_id="msg_1",
        reason=Reason.CARRIER_REJECTED,
        provider_code="6",
        occurred_at=NOW,
        one_part=True,
    )


@pytest.mark.parametrize(
    ("word", "code", "status", "reason"),
    [
        ("expired", "1", ProviderStatus.UNDELIVERED, Reason.EXPIRED),
        ("expired", "2", ProviderStatus.UNDELIVERED, Reason.UNREACHABLE),
        ("rejected", "9", ProviderStatus.FAILED, Reason.INVALID_NUMBER),
        ("failed", "77", ProviderStatus.UNDELIVERED, Reason.UNKNOWN),
        ("Accepted", "0", ProviderStatus.SENT, None),
        ("unknown", "", ProviderStatus.SENT, None),
    ],
)
def test_receipt_words(
    webhook: VonageWebhook, word: str, code: str, status: ProviderStatus, reason: Reason | None
) -> None:
    report = read(webhook, {**RECEIPT, "status": word, "err-code": code, "client-ref": ""})
    assert (report.status, report.reason, report.own_id) == (status, reason, None)
    assert report.final == (status is not ProviderStatus.SENT)


def test_binary_messages_are_no_text(webhook: VonageWebhook) -> None:
    assert read(webhook, {**INBOUND, "type": "binary", "data": "00"}) == Ignored("type:binary")


def part(webhook: VonageWebhook, number: int, text: str, **more: str) -> InboundSms:
    fields = {
        **INBOUND,
        "messageId": f"id-{number}",
        "text": text,
        "concat": "true",
        "concat-ref": "7",
        "concat-total": "3",
        "concat-part": str(number),
        **more,
    }
    message = read(webhook, fields)
    assert isinstance(message, InboundSms)
    return message


def test_parts_are_joined_in_any_order(webhook: VonageWebhook) -> None:
    parts = [part(webhook, number, text) for number, text in ((3, "c"), (1, "a"), (2, "b"))]
    assert {group_of(item) for item in parts} == {(THEIRS, OURS, "7", 3)}
    for few in ([], parts[:1], parts[:2], [*parts[:2], parts[1]], parts[1:]):
        assert joined(few) is None
    whole = joined([*parts, parts[0]])
    assert whole is not None
    assert (whole.text, whole.segments, whole.part) == ("abc", 3, None)
    assert (whole.dedupe_key, group_of(whole)) == ("id-1", None)


@pytest.mark.parametrize(
    "wrong", [{"concat-part": "4"}, {"concat-part": "0"}, {"concat-ref": ""}, {"concat-total": "x"}]
)
def test_parts_that_are_none(webhook: VonageWebhook, wrong: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        part(webhook, 1, "a", **wrong)


# Messages API.

UUID = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
MESSAGE = {
    "message_uuid": UUID,
    "to": OURS[1:],
    "from": THEIRS[1:],
    "channel": "sms",
    "timestamp": "2026-11-21T03:59:59Z",
    "message_type": "text",
    "text": "CANARY é €",
    "sms": {"num_messages": "2", "keyword": "CANARY"},
    "usage": {"price": "0.0333", "currency": "EUR"},
    "origin": {"network_code": "12345"},
}
STATUS = {
    "message_uuid": UUID,
    "to": THEIRS[1:],
    "from": OURS[1:],
    "timestamp": "2026-11-21T04:00:00Z",
    "status": "delivered",
    "channel": "sms",
    "client_ref": "msg_1",
    "usage": {"price": "0.0666", "currency": "EUR"},
    "sms": {"count_total": "2"},
}


def dumped(data: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**data, **changes}).encode()


class TestVonageMessages(WebhookCases):
    gateway_class = VonageGateway
    webhook_class = VonageWebhook
    keys: ClassVar = KEYS
    options: ClassVar = {**OPTIONS, "api": "messages", "application_id": APPLICATION}
    rotated: ClassVar = {
        **options,
        "signature_secret": KEYS["new"],
        "previous_signature_secret": KEYS["current"],
    }
    other: ClassVar = {**options, "signature_secret": KEYS["other"]}
    keyless: ClassVar = {**options, "signature_secret": ""}
    signature_headers = ("authorization",)
    signs_time = True
    claimed = ("abcd1234", APPLICATION)
    inbound = dumped(MESSAGE)
    message = InboundSms(
        dedupe_key=UUID,
        provider_message_id=UUID,
        sender=THEIRS,
        to=OURS,
        text="CANARY é €",
        sent_at=NOW - 1,
        segments=2,
    )
    reports: ClassVar = {
        ProviderStatus.SENT: dumped(STATUS, status="submitted"),
        ProviderStatus.DELIVERED: dumped(STATUS),
    }
    unknown = dumped(STATUS, status="pondered")
    malformed = (
        b"",
        b"[]",
        b"{}",
        b"\xff",
        dumped(MESSAGE, message_uuid=None),
        dumped(MESSAGE, text=None),
        dumped(MESSAGE, to=7),
        dumped(MESSAGE, **{"from": ""}),
        dumped(STATUS, message_uuid=""),
        dumped(STATUS, status=None),
    )

    def claims_of(self, payload: bytes, at: float) -> dict[str, Any]:
        return {
            "iat": int(at),
            "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
            "iss": "Vonage",
            "payload_hash": hashlib.sha256(payload).hexdigest(),
            "api_key": "abcd1234",
            "application_id": APPLICATION,
        }

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        return self.token_call(payload, self.claims_of(payload, at), key, at)

    def token_call(
        self, payload: bytes, claims: dict[str, Any], key: str = "current", at: float = NOW
    ) -> WebhookRequest:
        token = jwt.encode(claims, self.keys[key], algorithm="HS256")
        headers = {**JSON, "authorization": f"Bearer {token}"}
        return WebhookRequest("POST", URL, headers, payload, at)

    async def test_missing_signature(self) -> None:
        # Vonage: an unsigned call can be a fault of theirs, and 4xx is not repeated.
        with pytest.raises(NotReady):
            await self.webhook().verify(self.unproven(self.signed(self.inbound)))

    @pytest.mark.parametrize("genuine", [True, False])
    async def test_agrees_with_the_official_sdk(self, genuine: bool) -> None:
        sdk = pytest.importorskip("vonage_jwt", reason="the official SDK verifies the same call")
        request = self.signed(self.inbound, "current" if genuine else "other")
        token = request.headers["authorization"].removeprefix("Bearer ")
        assert sdk.verify_signature(token, KEYS["current"]) is genuine
        if genuine:
            await self.webhook().verify(request)
        else:
            await self.is_forged(request)

    @pytest.mark.parametrize(
        "changes",
        [
            {"payload_hash": ""},
            {"payload_hash": None},
            {"payload_hash": hashlib.sha256(b"x").hexdigest()},
            {"iat": str(int(NOW))},
            {"iat": None},
            {"iat": True},
            {"iat": float("nan")},
            {"iat": NOW - 301},
            {"api_key": "other123"},
            {"application_id": "another"},
            {"exp": 1},
            {"nbf": 1e11},
        ],
    )
    async def test_tokens_that_say_something_else(self, changes: dict[str, Any]) -> None:
        claims = {**self.claims_of(self.inbound, NOW), **changes}
        await self.is_forged(self.token_call(self.inbound, claims))

    @pytest.mark.parametrize("name", ["payload_hash", "iat"])
    async def test_tokens_that_say_nothing(self, name: str) -> None:
        claims = self.claims_of(self.inbound, NOW)
        del claims[name]
        await self.is_forged(self.token_call(self.inbound, claims))

    async def test_account_may_be_unsaid(self) -> None:
        claims = self.claims_of(self.inbound, NOW)
        del claims["application_id"]
        await self.webhook().verify(self.token_call(self.inbound, claims))

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none", "RS256"])
    async def test_algorithm_is_pinned(self, algorithm: str) -> None:
        claims = self.claims_of(self.inbound, NOW)
        head, body = (
            urlsafe_b64encode(json.dumps(item).encode()).rstrip(b"=")
            for item in ({"alg": algorithm, "typ": "JWT"}, claims)
        )
        name = {"HS384": "sha384", "HS512": "sha512"}.get(algorithm, "sha256")
        mac = hmac.digest(KEYS["current"].encode(), head + b"." + body, name)
        tail = b"" if algorithm == "none" else urlsafe_b64encode(mac).rstrip(b"=")
        token = b".".join((head, body, tail)).decode()
        headers = {**JSON, "authorization": f"Bearer {token}"}
        await self.is_forged(WebhookRequest("POST", URL, headers, self.inbound, NOW))

    async def test_token_of_the_other_api_proves_nothing(self) -> None:
        request = self.signed(self.inbound)
        await self.is_forged(request, OPTIONS)
        fields = {**INBOUND, "timestamp": str(int(NOW))}
        fields["sig"] = signature(fields, KEYS["current"], "md5hash")
        headers = {**FORM, "authorization": "Bearer x"}
        await self.is_forged(WebhookRequest("POST", URL, headers, encoded(fields), NOW))

    def status(self, **changes: Any) -> Any:
        (event,) = self.parsed(dumped(STATUS, **changes))
        return event

    def test_status(self) -> None:
        error = {
            "type": "https://developer.vonage.com/api-errors/messages#1240",
            "title": "1240",
            "detail": "Opted out",
        }
        assert self.status(status="rejected", error=error) == DeliveryReport(
            dedupe_key=f"{UUID}:rejected",
            provider_message_id=UUID,
            status=ProviderStatus.UNDELIVERED,
            own_id="msg_1",
            reason=Reason.OPTED_OUT,
            provider_code="1240",
            cost=Cost(Decimal("0.0666"), "EUR"),
            segments=2,
            occurred_at=NOW,
        )

    @pytest.mark.parametrize("usage", [None, {}, {"price": "NaN", "currency": "EUR"}, {"price": 1}])
    def test_usage_that_is_none(self, usage: Any) -> None:
        report = self.status(status="undeliverable", usage=usage, error={"title": 1360})
        assert (report.cost, report.reason) == (None, Reason.EXPIRED)

    def test_status_without_explanation(self) -> None:
        report = self.status(status="undeliverable", error="no")
        assert (report.status, report.reason) == (ProviderStatus.FAILED, Reason.UNKNOWN)
        assert self.status(status="read").status is ProviderStatus.DELIVERED

    def test_other_channels_and_kinds(self) -> None:
        assert self.parsed(dumped(MESSAGE, channel="viber")) == [Ignored("channel:viber")]
        assert self.parsed(dumped(MESSAGE, message_type="image")) == [Ignored("message_type:image")]
