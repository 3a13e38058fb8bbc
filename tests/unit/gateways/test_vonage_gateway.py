"""Vonage on the wire: both APIs, their refusals, and what the official SDK sends."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from enum_backend.gateways import (
    Cost,
    GatewayError,
    GatewayOptionsError,
    ProviderStatus,
    Reason,
    SendResult,
    VonageGateway,
)
from enum_backend.gateways.vonage_errors import MESSAGES_REASONS, SMS_REASONS
from tests.unit.gateways.gateway_cases import TEXT, TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
_KEY = rsa.generate_private_key(65537, 2048)


def pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


PRIVATE_KEY = pem(_KEY)
UUID = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"


def part(status: str = "0", **more: str) -> dict[str, str]:
    return {
        "to": "15550100002",
        "message-id": "0A0000000123ABCD1",
        "status": status,
        "remaining-balance": "3.14",
        "message-price": "0.0333",
        "network": "12345",
        **more,
    }


def taken(*parts: Any) -> Answer:
    listed = parts or (part(),)
    return Answer.json({"message-count": str(len(listed)), "messages": list(listed)})


def form(request: WireRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


class TestVonageSmsCases(GatewayCases):
    gateway_class = VonageGateway
    options: ClassVar = {"api_key": "abcd1234", "api_secret": "canary-key", "from": "+15550100001"}
    secrets = ("canary-key",)
    accepted = taken()
    malformed = (
        b"",
        b"[]",
        b"{}",
        b'{"messages": {}}',
        b'{"messages": []}',
        b'{"messages": ["0"]}',
        b'{"messages": [{"status": "0"}]}',
        b'{"messages": [{"message-id": "1"}]}',
        b'{"messages": [{"status": "canary text"}]}',
    )

    def sender_of(self, request: WireRequest) -> str:
        return f"+{form(request)['from']}"


class TestVonageMessagesCases(GatewayCases):
    gateway_class = VonageGateway
    options: ClassVar = {**TestVonageSmsCases.options, "api": "messages"}
    secrets = ("canary-key",)
    accepted = Answer.json({"message_uuid": UUID}, 202)
    malformed = (b"", b"[]", b"{}", b'{"message_uuid": ""}', b'{"message_uuid": 7}')

    def sender_of(self, request: WireRequest) -> str:
        return f"+{request.json()['from']}"


async def sent(wire: WireServer, answer: Answer, text: str = TEXT, **options: Any) -> SendResult:
    wire.answers = [answer]
    gateway = VonageGateway(**{**TestVonageSmsCases.options, "base_url": wire.url, **options})
    try:
        return await asyncio.wait_for(gateway.send(sms(text=text)), 5)
    finally:
        await gateway.close()


async def test_sms_request(wire: WireServer) -> None:
    await sent(
        wire, taken(), webhook_url="https://sms.example.org/sms/webhook/vonage", validity=300
    )
    request = wire.requests[0]
    assert request.line == "POST /sms/json HTTP/1.1"
    assert b64decode(request.headers["authorization"].split(" ")[1]) == b"abcd1234:canary-key"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form(request) == {
        "from": "15550100001",
        "to": TO[1:],
        "text": TEXT,
        "type": "text",
        "client-ref": "msg_1",
        "callback": "https://sms.example.org/sms/webhook/vonage",
        "ttl": "300000",
    }


@pytest.mark.parametrize(
    ("text", "kind"), [("Zürich @ 5€ [ok]", "text"), ("ça", "unicode"), ("код 1", "unicode")]
)
async def test_type_follows_the_alphabet(wire: WireServer, text: str, kind: str) -> None:
    await sent(wire, taken(), text)
    assert (form(wire.requests[0])["type"], form(wire.requests[0])["text"]) == (kind, text)


async def test_one_id_per_part(wire: WireServer) -> None:
    answer = taken(part(), part(**{"message-id": "0A0000000123ABCD2", "message-price": "0.0001"}))
    assert await sent(wire, answer) == SendResult(
        ProviderStatus.QUEUED, "0A0000000123ABCD1", 2, Cost(Decimal("0.0334"), "EUR")
    )


@pytest.mark.parametrize("price", ["", "x", "NaN"])
async def test_price_that_is_none(wire: WireServer, price: str) -> None:
    assert (await sent(wire, taken(part(**{"message-price": price})))).cost is None


async def refused(wire: WireServer, answer: Answer, **options: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await sent(wire, answer, **options)
    return caught.value


@pytest.mark.parametrize("code", [*SMS_REASONS, "99"])
async def test_refusals_with_status_200(wire: WireServer, code: str) -> None:
    error = await refused(wire, taken({"status": code, "error-text": f"No, {TO[1:]}"}))
    assert (error.reason, error.ambiguous) == (SMS_REASONS.get(code, Reason.UNKNOWN), False)
    assert error.provider_code == code
    assert error.detail == "No, ***"


async def test_half_of_a_long_message_is_ambiguous(wire: WireServer) -> None:
    error = await refused(wire, taken(part(), part("9")))
    assert (error.reason, error.ambiguous) == (Reason.UNKNOWN, True)
    assert error.provider_code == "9"


@pytest.mark.parametrize("api", ["sms", "messages"])
async def test_proxy_without_an_answer(wire: WireServer, api: str) -> None:
    assert (await refused(wire, Answer(504), api=api)).ambiguous


@pytest.mark.parametrize("number", ["15550100002", "+0155501", "+1555;+1556", ""])
async def test_recipient_that_is_no_number(wire: WireServer, number: str) -> None:
    for api in ("sms", "messages"):
        gateway = VonageGateway(**TestVonageSmsCases.options, base_url=wire.url, api=api)
        with pytest.raises(GatewayError) as caught:
            await gateway.send(sms(to=number))
        assert caught.value.reason is Reason.INVALID_NUMBER
        await gateway.close()
    assert wire.requests == []


async def test_messages_request(wire: WireServer) -> None:
    result = await sent(
        wire,
        TestVonageMessagesCases.accepted,
        api="messages",
        application_id=APPLICATION,
        private_key=PRIVATE_KEY,
        webhook_url="https://sms.example.org/sms/webhook/vonage",
        validity=300,
    )
    assert result == SendResult(ProviderStatus.QUEUED, UUID)
    request = wire.requests[0]
    assert request.line == "POST /v1/messages HTTP/1.1"
    assert request.json() == {
        "channel": "sms",
        "message_type": "text",
        "to": TO[1:],
        "from": "15550100001",
        "text": TEXT,
        "client_ref": "msg_1",
        "sms": {"encoding_type": "auto"},
        "ttl": 300,
        "webhook_url": "https://sms.example.org/sms/webhook/vonage",
        "webhook_version": "v1",
    }
    scheme, token = request.headers["authorization"].split(" ")
    claims = jwt.decode(token, _KEY.public_key(), algorithms=["RS256"])
    assert scheme == "Bearer"
    assert claims["application_id"] == APPLICATION
    assert claims["jti"]
    assert 0 < claims["exp"] - claims["iat"] <= 900


async def test_messages_request_by_key_and_secret(wire: WireServer) -> None:
    await sent(wire, TestVonageMessagesCases.accepted, api="messages")
    assert wire.requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("code", [*MESSAGES_REASONS, "1999"])
async def test_problem_documents(wire: WireServer, code: str) -> None:
    problem = {
        "type": f"https://developer.vonage.com/api-errors/messages#{code}",
        "title": "No",
        "detail": f"Not to {TO[1:]}",
        "instance": "x",
    }
    error = await refused(wire, Answer.json(problem, 422), api="messages")
    assert error.reason is MESSAGES_REASONS.get(code, Reason.INVALID_REQUEST)
    assert (error.provider_code, error.detail) == (code, "HTTP 422: Not to ***")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, Reason.AUTH_FAILED), (402, Reason.INSUFFICIENT_FUNDS), (403, Reason.FORBIDDEN)],
)
async def test_problem_without_a_code(wire: WireServer, status: int, reason: Reason) -> None:
    problem = {"type": "https://developer.vonage.com/api-errors#low-balance", "title": "Low"}
    assert (await refused(wire, Answer.json(problem, status), api="messages")).reason is reason


def test_what_an_application_lacks() -> None:
    def lacks(**options: Any) -> list[str]:
        return VonageGateway(api="messages", **options).missing()

    assert lacks() == ["api_key", "api_secret", "from"]
    assert lacks(application_id=APPLICATION) == ["from", "private_key"]
    assert lacks(private_key=PRIVATE_KEY, sender="Example") == ["application_id"]
    assert lacks(private_key=PRIVATE_KEY, application_id=APPLICATION, sender="x") == []


def test_accounts() -> None:
    gateway = VonageGateway(**TestVonageSmsCases.options, application_id=APPLICATION)
    assert gateway.has_account("abcd1234")
    assert gateway.has_account(APPLICATION)
    assert not gateway.has_account("")
    assert not VonageGateway().has_account("")


@pytest.mark.parametrize(
    "key", ["canary", pem(ec.generate_private_key(ec.SECP256R1())), PRIVATE_KEY[:200]]
)
def test_unusable_private_keys(key: str) -> None:
    with pytest.raises(GatewayOptionsError, match="private_key: must be an RSA") as caught:
        VonageGateway(private_key=key)
    assert "canary" not in str(caught.value)
    assert VonageGateway(private_key=" \n").options.private_key.get_secret_value() == ""
    assert PRIVATE_KEY not in repr(VonageGateway(private_key=PRIVATE_KEY).options)


# The official SDK, pointed at our server.


async def by_sdk(wire: WireServer, answer: Answer, call: Callable[[Any], Any]) -> WireRequest:
    vonage = pytest.importorskip("vonage", reason="the official SDK sends the same message")
    wire.answers = [answer]

    def work() -> None:
        host = f"127.0.0.1:{wire.port}"
        auth = vonage.Auth(
            api_key="abcd1234",
            api_secret="canary-key",
            application_id=APPLICATION,
            private_key=PRIVATE_KEY,
        )
        options = vonage.HttpClientOptions(api_host=host, rest_host=host, timeout=5, max_retries=0)
        client = vonage.Vonage(auth, options)
        http = client.http_client
        # It knows https only.
        http._session.mount("https://", _plain_http())
        call(client)
        http._session.close()

    await asyncio.wait_for(asyncio.to_thread(work), 15)
    return wire.requests[-1]


def _plain_http() -> Any:
    from requests.adapters import HTTPAdapter

    class Plain(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **kwargs)

    return Plain()


async def test_sms_as_the_sdk_sends_it(wire: WireServer) -> None:
    def call(client: Any) -> None:
        from vonage_sms import SmsMessage

        message = SmsMessage(
            to=TO[1:],
            from_="15550100001",
            text="код €",
            type="unicode",
            client_ref="msg_1",
            callback="https://sms.example.org/hook",
            ttl=300000,
        )
        client.sms.send(message)

    theirs = await by_sdk(wire, taken(), call)
    await sent(wire, taken(), "код €", webhook_url="https://sms.example.org/hook", validity=300)
    ours = wire.requests[-1]
    assert (ours.line, form(ours)) == (theirs.line, form(theirs))
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert ours.headers["content-type"] == theirs.headers["content-type"]


async def test_message_as_the_sdk_sends_it(wire: WireServer) -> None:
    def call(client: Any) -> None:
        from vonage_messages.models import Sms, SmsOptions

        message = Sms(
            to=TO[1:],
            from_="15550100001",
            text=TEXT,
            client_ref="msg_1",
            ttl=300,
            sms=SmsOptions(encoding_type="auto"),
            webhook_url="https://sms.example.org/hook",
            webhook_version="v1",
        )
        client.messages.send(message)

    accepted = TestVonageMessagesCases.accepted
    theirs = await by_sdk(wire, accepted, call)
    await sent(
        wire,
        accepted,
        api="messages",
        application_id=APPLICATION,
        private_key=PRIVATE_KEY,
        webhook_url="https://sms.example.org/hook",
        validity=300,
    )
    ours = wire.requests[-1]
    assert (ours.line, ours.json()) == (theirs.line, theirs.json())
    tokens = [r.headers["authorization"].removeprefix("Bearer ") for r in (ours, theirs)]
    mine, sdks = (jwt.decode(t, _KEY.public_key(), algorithms=["RS256"]) for t in tokens)
    assert set(mine) == set(sdks)
    assert mine["application_id"] == sdks["application_id"]
