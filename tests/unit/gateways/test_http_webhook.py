"""Webhooks declared in settings: four ways of proof, three of writing."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

import pytest

from enum_backend.gateways import GatewayOptionsError, HttpGateway, ProviderStatus, Reason
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
from enum_backend.gateways.webhooks.http import HttpWebhook
from enum_backend.gateways.webhooks.http_proof import instant
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL, WebhookCases

OURS, THEIRS = "+15550100001", "+15550100002"
URL = f"{PUBLIC_URL}/sms/webhook/http/http"
KEYS = {"current": "canary-current-key", "new": "canary-new-key", "other": "canary-other-key"}
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}

STATUSES = {"Sent": "sent", "DELIVRD": "delivered", "UNDELIV": "undelivered"}
MESSAGE = {"id": "id", "from": "from", "to": "to", "text": "text", "time": "at", "segments": "n"}
REPORT = {
    "id": "id",
    "own_id": "ref",
    "status": "state",
    "statuses": STATUSES,
    "error_code": "err",
    "error_codes": {"27": "unreachable"},
    "time": "at",
}
SMS = {"id": "m-1", "from": THEIRS[1:], "to": OURS[1:], "text": "CANARY é €", "at": NOW - 1, "n": 2}
DLR = {"id": "m-2", "ref": "msg_1", "state": "delivrd", "at": "2026-11-21T04:00:00Z"}
EXPECTED = InboundSms(
    dedupe_key="m-1",
    provider_message_id="m-1",
    sender=THEIRS,
    to=OURS,
    text="CANARY é €",
    sent_at=NOW - 1,
    segments=2,
)


def options(**inbound: Any) -> dict[str, Any]:
    return {
        "url": "https://gw.example.org/{{to}}{{text}}",
        "from": OURS,
        "inbound": {"message": MESSAGE, "report": REPORT, **inbound},
    }


class _Cases(WebhookCases):
    gateway_class = HttpGateway
    webhook_class = HttpWebhook
    keys: ClassVar = KEYS
    proof: ClassVar[dict[str, Any]]
    secret: ClassVar = "secret"
    message = EXPECTED
    claimed = (OURS, THEIRS)

    def __init_subclass__(cls) -> None:
        name, current = cls.secret, KEYS["current"]
        cls.options = options(**cls.proof, **{name: current})
        cls.rotated = options(**cls.proof, **{name: KEYS["new"], f"previous_{name}": current})
        cls.other = options(**cls.proof, **{name: KEYS["other"]})
        cls.keyless = options(**cls.proof)


class TestHmacOverJson(_Cases):
    """As Sinch does it."""

    proof: ClassVar = {
        "verify": "hmac",
        "name": "X-Signature",
        "signed": "{{body}}.{{header:X-Nonce}}.{{header:X-Time}}",
        "encoding": "base64",
        "timestamp": "X-Time",
        "message": {**MESSAGE, "when": {"json": "type", "regex": "^mo$"}, "each": "results"},
        "report": {**REPORT, "when": {"json": "type", "regex": "^dlr$"}, "each": "$.results"},
        "answer": "<ok/>",
        "answer_type": "text/xml",
    }
    signature_headers = ("x-signature",)
    bound_headers = ("x-nonce", "x-time")
    signs_time = True
    inbound = json.dumps({"results": [{"type": "mo", **SMS}]}).encode()
    reports: ClassVar = {
        ProviderStatus.SENT: json.dumps(
            {"results": [{"type": "dlr", **DLR, "state": "sent"}]}
        ).encode(),
        ProviderStatus.DELIVERED: json.dumps({"results": [{"type": "dlr", **DLR}]}).encode(),
    }
    unknown = json.dumps({"results": [{"type": "news"}]}).encode()
    malformed = (
        b"",
        b"[7]",
        b"{}",
        b'{"results": [7]}',
        json.dumps({"results": [{**SMS, "type": "mo", "to": None}]}).encode(),
        json.dumps({"results": [{**SMS, "type": "mo", "from": ""}]}).encode(),
        json.dumps({"results": [{**SMS, "type": "mo", "id": {}, "at": ""}]}).encode(),
        json.dumps({"results": [{**DLR, "type": "dlr", "id": ""}]}).encode(),
        json.dumps({"results": [{**DLR, "type": "dlr", "state": 0.5, "id": []}]}).encode(),
    )
    expected_answer = WebhookAnswer(200, "<ok/>", "text/xml")

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        text = payload + f".n1.{int(at)}".encode()
        mac = b64encode(hmac.digest(self.keys[key].encode(), text, "sha256")).decode()
        headers = {**JSON, "x-signature": mac, "x-nonce": "n1", "x-time": str(int(at))}
        return WebhookRequest("POST", URL, headers, payload, at)

    async def test_end_of_the_body_cannot_move_into_a_header(self) -> None:
        # body "AAAA.BBBB", nonce "n1" and body "AAAA", nonce "BBBB.n1" are one signed text.
        request = self.signed(b"AAAA.BBBB")
        await self.webhook().verify(request)
        moved = replace(request, body=b"AAAA", headers={**request.headers, "x-nonce": "BBBB.n1"})
        await self.is_forged(moved)

    def test_good_items_beside_bad_ones(self) -> None:
        items = [{"type": "mo", **SMS}, {"type": "mo"}, {"type": "dlr", **DLR}]
        events = self.parsed(json.dumps({"results": items}).encode())
        assert [type(event) for event in events] == [InboundSms, DeliveryReport, Ignored]


class TestHmacOverForm(_Cases):
    proof: ClassVar = {
        "verify": "hmac",
        "name": "x-signature",
        "prefix": "sha1=",
        "signed": "{{method}}\n{{url}}\n{{body}}",
        "algorithm": "sha1",
        "message": {**MESSAGE, "source": "form"},
        "report": REPORT,
    }
    signature_headers = ("x-signature",)
    covers_url = True
    inbound = urlencode(SMS).encode()
    reports: ClassVar = {
        ProviderStatus.SENT: json.dumps({**DLR, "state": "SENT"}).encode(),
        ProviderStatus.DELIVERED: json.dumps(DLR).encode(),
    }
    unknown = json.dumps({**DLR, "state": "ponder\ned" + "x" * 99}).encode()
    malformed = (b"", b"a=b", b"{}", b"id=%ff", urlencode({**SMS, "to": ""}).encode())

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        text = f"POST\n{URL}\n".encode() + payload
        mac = hmac.digest(self.keys[key].encode(), text, "sha1").hex()
        headers = {**(JSON if payload[:1] in b"{[" else FORM), "x-signature": f"sha1={mac}"}
        return WebhookRequest("POST", URL, headers, payload, at)


class TestBasic(_Cases):
    proof: ClassVar = {
        "verify": "basic",
        "user": "operator",
        "message": {**MESSAGE, "when": "text"},
        "report": {**REPORT, "when": "state"},
    }
    secret = "password"
    covers_body = False
    signature_headers = ("authorization",)
    inbound = json.dumps(SMS).encode()
    reports = TestHmacOverForm.reports
    unknown = b"{}"
    malformed = (b"", b"[7]", b'{"text": "x"}')

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        value = "Basic " + b64encode(f"operator:{self.keys[key]}".encode()).decode()
        return WebhookRequest("POST", URL, {**JSON, "authorization": value}, payload, at)

    def test_is_asked_for(self) -> None:
        assert self.webhook_class.challenge.startswith("Basic ")


class _TokenCases(_Cases):
    proof: ClassVar[dict[str, Any]] = {
        "verify": "token",
        "message": {**MESSAGE, "source": "query"},
        "report": {**REPORT, "source": "form"},
    }
    covers_body = False
    inbound = urlencode(SMS).encode()
    reports: ClassVar = {
        ProviderStatus.SENT: urlencode({**DLR, "state": "SENT", "form": "1"}).encode(),
        ProviderStatus.DELIVERED: urlencode({**DLR, "form": "1"}).encode(),
    }
    unknown = b""
    malformed = (b"", b"a=b", b"form=1&id=7")

    def address(self, token: str, query: str) -> str:
        return f"{URL}?{query}"

    def headers(self, token: str) -> dict[str, str]:
        return {}

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        return self.call(payload, self.keys[key], at)

    def call(self, payload: bytes, token: str, at: float) -> WebhookRequest:
        is_form = b"form=1" in payload
        query = "" if is_form else payload.decode()
        headers = {**self.headers(token), **(FORM if is_form else {})}
        body = payload if is_form else b""
        return WebhookRequest(
            "POST" if is_form else "GET", self.address(token, query), headers, body, at
        )


class TestTokenInHeader(_TokenCases):
    proof: ClassVar = {**_TokenCases.proof, "name": "Authorization", "prefix": "Bearer "}
    signature_headers = ("authorization",)

    def headers(self, token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}"}


class TestTokenInQuery(_TokenCases):
    proof: ClassVar = {**_TokenCases.proof, "place": "query", "name": "key"}

    def address(self, token: str, query: str) -> str:
        return f"{URL}?{urlencode({'key': token})}&{query}"

    def unproven(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, url=request.url.replace("key=", "yek="))

    def misproven(self, request: WebhookRequest, proof: str) -> WebhookRequest:
        return self.call(self.inbound, proof.encode("utf-8", "replace").decode(), NOW)

    def proofs(self, request: WebhookRequest) -> list[str]:
        return [value for name, value in parse_qsl(request.url.partition("?")[2]) if name == "key"]

    async def test_two_tokens_are_none(self) -> None:
        request = self.signed(self.inbound)
        await self.is_forged(replace(request, url=f"{request.url}&key={KEYS['current']}"))


class TestTokenInPath(_TokenCases):
    proof: ClassVar = {**_TokenCases.proof, "place": "path"}

    def address(self, token: str, query: str) -> str:
        return f"{URL}/{token}?{query}"

    def unproven(self, request: WebhookRequest) -> WebhookRequest:
        return self.misproven(request, "")

    def misproven(self, request: WebhookRequest, proof: str) -> WebhookRequest:
        return self.call(self.inbound, proof.replace("\udcff", "?"), NOW)

    def proofs(self, request: WebhookRequest) -> list[str]:
        return [proof] if (proof := request.url.partition("?")[0].rpartition("/")[2]) else []


# What the cases do not say.


def webhook(called: str | None = None, /, **inbound: Any) -> HttpWebhook:
    return HttpWebhook(HttpGateway(called, **options(**inbound)))


def separate(**message: Any) -> dict[str, Any]:
    """Messages only, unproven."""
    return {"verify": "none", "report": None, "message": {**MESSAGE, **message}}


async def test_unproven_calls_must_name_their_gateway() -> None:
    hook = webhook("office", **separate())
    request = WebhookRequest("POST", f"{PUBLIC_URL}/sms/webhook/http/office?x", JSON, b"", NOW)
    await hook.verify(request)
    for path in ("http", "http/home", "http/offic", "http/office/x"):
        with pytest.raises(Forged):
            await hook.verify(replace(request, url=f"{PUBLIC_URL}/sms/webhook/{path}"))


async def test_gateway_without_webhooks() -> None:
    hook = HttpWebhook(HttpGateway(url="https://gw.example.org/{{to}}{{text}}"))
    request = WebhookRequest("POST", URL, JSON, b"{}", NOW)
    with pytest.raises(NotReady):
        await hook.verify(request)
    assert hook.parse(request) == [Ignored("inbound")]
    assert hook.answer([]) == WebhookAnswer()


@pytest.mark.parametrize(("encoding", "written"), [("hex", "63616e617279"), ("base64", "Y2FuYXJ5")])
async def test_keys_that_are_not_text(encoding: str, written: str) -> None:
    hook = webhook(
        verify="hmac", secret=written, secret_encoding=encoding, name="x-sig", **separate_only()
    )
    mac = hmac.digest(b"canary", b"{}", "sha256").hex().upper()
    await hook.verify(WebhookRequest("POST", URL, {**JSON, "x-sig": mac}, b"{}", NOW))


def separate_only() -> dict[str, Any]:
    return {"report": None, "message": MESSAGE}


def read(hook: HttpWebhook, data: dict[str, Any]) -> Any:
    (event,) = hook.parse(WebhookRequest("POST", URL, JSON, json.dumps(data).encode(), NOW))
    return event


def test_messages_without_an_id_are_known_by_content_and_time() -> None:
    hook = webhook(**separate(id=None))
    first, again = read(hook, SMS), read(hook, SMS)
    assert first.provider_message_id is None
    assert first.dedupe_key == again.dedupe_key
    content = "\n".join((THEIRS[1:], OURS[1:], str(NOW - 1), "CANARY é €"))
    assert first.dedupe_key == sha256(content.encode()).hexdigest()
    assert read(hook, {**SMS, "at": NOW}).dedupe_key != first.dedupe_key


def test_report_of_a_lost_message() -> None:
    hook = webhook(verify="none", message=None, report=REPORT)
    data = {**DLR, "state": "undeliv", "err": 27}
    assert read(hook, data) == DeliveryReport(
        dedupe_key="m-2:undeliv",
        provider_message_id="m-2",
        status=ProviderStatus.UNDELIVERED,
        own_id="msg_1",
        reason=Reason.UNREACHABLE,
        provider_code="27",
        occurred_at=NOW,
    )
    assert read(hook, {**data, "err": 1}).reason is Reason.UNKNOWN
    assert not read(hook, {**DLR, "state": "SENT"}).final


def test_calls_of_another_kind() -> None:
    hook = webhook(**separate())
    assert hook.parse(WebhookRequest("GET", URL, {}, b"", NOW)) == [Ignored("undeclared")]
    assert hook.parse(WebhookRequest("POST", URL, FORM, b"a=b", NOW)) == [Ignored("undeclared")]
    with pytest.raises(Malformed):
        hook.parse(WebhookRequest("POST", URL, {}, b"a=b", NOW))


@pytest.mark.parametrize(
    "written",
    [
        "+15550100015",
        "+1 555 010 0015",
        "+15550100015 ",
        "tel:+1-555-010-0015",
        "(001) 555.010.0015",
    ],
)
def test_numbers_as_systems_write_them(written: str) -> None:
    assert read(webhook(**separate()), {**SMS, "to": written}).to == "+15550100015"


def test_a_long_sender_is_cut_and_its_message_counts() -> None:
    address = "somebody.with.a.long.name@mail.example"
    assert read(webhook(**separate()), {**SMS, "from": address}).sender == address[:32]


@pytest.mark.parametrize("wrong", [{"id": "7" * 129}, {"to": "x" * 17}])
def test_values_that_lead_elsewhere(wrong: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="too long"):
        read(webhook(**separate()), {**SMS, **wrong})
    if "id" in wrong:
        with pytest.raises(Malformed, match="too long"):
            read(webhook(verify="none", message=None, report=REPORT), {**DLR, **wrong})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1795233600", NOW),
        ("1795233600.5", NOW + 0.5),
        ("1795233600500", NOW + 0.5),
        ("2026-11-21T04:00:00+00:00", NOW),
        ("soon", None),
        ("", None),
    ],
)
def test_instants(text: str, seconds: float | None) -> None:
    assert instant(text) == seconds


@pytest.mark.parametrize(
    ("inbound", "message"),
    [
        ({"verify": None}, "inbound.verify"),
        ({"verify": "none"}, "want `when`"),
        ({"verify": "none", "message": None, "report": None}, "wants message, report or both"),
        ({"verify": "none", "report": None, "message": {**MESSAGE, "txt": "x"}}, "unknown option"),
        (
            {"verify": "none", "report": None, "message": {**MESSAGE, "id": None, "time": None}},
            "wants id or time",
        ),
        ({"verify": "hmac", "report": None}, "name: wants the header"),
        ({"verify": "token", "report": None}, "name: wants the header"),
        ({"verify": "hmac", "name": "x", "place": "query", "report": None}, "is in a header"),
        ({"verify": "hmac", "name": "x", "signed": "{{url}}", "report": None}, "lacks {{body}}"),
        (
            {
                "verify": "hmac",
                "name": "x",
                "report": None,
                "message": {**MESSAGE, "source": "query"},
            },
            "lacks {{url}}",
        ),
        ({"verify": "hmac", "name": "x", "timestamp": "y", "report": None}, "not among what is"),
        ({"verify": "hmac", "name": "x", "signed": "{{boody}}", "report": None}, "misspelt"),
        (
            {
                "verify": "hmac",
                "name": "x",
                "secret": "canary",
                "secret_encoding": "hex",
                "report": None,
            },
            "is not written as secret_encoding says",
        ),
        ({"verify": "none", "message": None, "report": {**REPORT, "statuses": {}}}, "statuses"),
    ],
)
def test_settings_that_cannot_be_meant(inbound: dict[str, Any], message: str) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        webhook(**inbound)
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)
