"""Twilio: the request, the reply, its error table and its vocabulary of states."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import pytest

from enum_backend.gateways import (
    Cost,
    GatewayError,
    GatewayOptionsError,
    ProviderStatus,
    Reason,
    TwilioGateway,
)
from enum_backend.gateways.http_client import basic_auth
from enum_backend.gateways.twilio_errors import REASONS, STATUSES
from tests.unit.gateways.gateway_cases import OTHER_SENDER, TEXT, TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

ACCOUNT = "AC" + "0" * 32
SID = "SM" + "1" * 32
SERVICE = "MG" + "2" * 32
KEY = "SK" + "3" * 32
FROM = "+15550100001"
OPTIONS: dict[str, Any] = {"account_sid": ACCOUNT, "auth_token": "canary-token", "from": FROM}


def message(status: str = "queued", **changes: Any) -> dict[str, Any]:
    return {
        "sid": SID,
        "status": status,
        "num_segments": "2",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        **changes,
    }


def problem(code: object, text: str = "Some text") -> dict[str, Any]:
    return {"code": code, "message": text, "more_info": "https://example.org", "status": 400}


def form_of(request: WireRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


class TestTwilioCases(GatewayCases):
    gateway_class = TwilioGateway
    options: ClassVar = OPTIONS
    secrets = ("canary-token",)
    accepted = Answer.json(message(), 201)
    malformed = (b"", b"<html>", b"[]", b'{"sid": 7}', b'{"sid": "SM/../1"}', b"[" * 100_000)

    def sender_of(self, request: WireRequest) -> str:
        return form_of(request)["From"]


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[TwilioGateway]:
    gateway = TwilioGateway(**OPTIONS, base_url=wire.url)
    yield gateway
    await gateway.close()


async def sent(wire: WireServer, sender: str | None = None, **options: Any) -> WireRequest:
    """The request that one message becomes."""
    wire.answers = [Answer.json(message(), 201)]
    gateway = TwilioGateway(base_url=wire.url, **{**OPTIONS, **options})
    await gateway.send(sms(text="Hé & = 😀\n~*+", sender=sender))
    await gateway.close()
    return wire.requests[-1]


async def test_request(wire: WireServer) -> None:
    request = await sent(wire)
    assert request.line == f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1"
    assert request.headers["authorization"] == basic_auth(ACCOUNT, "canary-token")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form_of(request) == {"To": TO, "From": FROM, "Body": "Hé & = 😀\n~*+"}


async def test_service_reports_and_validity(wire: WireServer) -> None:
    hook = "https://sms.example.org/sms/webhook/twilio?a=1#rc=3"
    request = await sent(wire, messaging_service_sid=SERVICE, webhook_url=hook, validity_period=300)
    form = form_of(request)
    assert (form["From"], form["MessagingServiceSid"]) == (FROM, SERVICE)
    assert form["StatusCallback"] == (
        "https://sms.example.org/sms/webhook/twilio?a=1&message_id=msg_1#rc=3"
    )
    assert form["ValidityPeriod"] == "300"


async def test_service_alone(wire: WireServer) -> None:
    request = await sent(wire, **{"from": "", "messaging_service_sid": SERVICE})
    assert "From" not in form_of(request)
    request = await sent(wire, OTHER_SENDER, **{"from": "", "messaging_service_sid": SERVICE})
    assert form_of(request)["From"] == OTHER_SENDER


async def test_api_key(wire: WireServer) -> None:
    request = await sent(wire, api_key_sid=KEY, api_key_secret="canary-secret", auth_token="")
    assert request.line.startswith(f"POST /2010-04-01/Accounts/{ACCOUNT}/")
    assert request.headers["authorization"] == basic_auth(KEY, "canary-secret")


def test_half_an_api_key_is_named() -> None:
    gateway = TwilioGateway(**{**OPTIONS, "auth_token": "", "api_key_sid": KEY})
    assert gateway.missing() == ["api_key_secret"]
    assert TwilioGateway().missing() == ["account_sid", "auth_token", "from"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_sid": KEY},
        {"account_sid": "AC/../x"},
        {"api_key_sid": ACCOUNT},
        {"messaging_service_sid": "service"},
        {"webhook_url": "sms.example.org"},
        {"webhook_url": "http://[::1"},
        {"validity_period": 0},
        {"auth_token": "two words"},
    ],
)
def test_wrong_options(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        TwilioGateway(**{**OPTIONS, **wrong})
    assert [error.field for error in caught.value.errors] == list(wrong)
    assert "two words" not in str(caught.value)


def test_accounts() -> None:
    gateway = TwilioGateway(**OPTIONS, messaging_service_sid=SERVICE)
    assert gateway.has_account(ACCOUNT)
    assert gateway.has_account(SERVICE)
    assert not gateway.has_account("")
    assert not TwilioGateway(**OPTIONS).has_account("")


@pytest.mark.parametrize("to", ["whatsapp:+15550100002", "15550100002", "+1555<+1556", "Example"])
async def test_only_numbers_are_sent_to(wire: WireServer, gateway: TwilioGateway, to: str) -> None:
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms(to=to))
    assert caught.value.reason is Reason.INVALID_NUMBER
    assert wire.requests == []


async def test_reply(wire: WireServer, gateway: TwilioGateway) -> None:
    wire.answers = [Answer.json(message(price="-0.00790", price_unit="usd"), 201)]
    result = await gateway.send(sms())
    assert result.status is ProviderStatus.QUEUED
    assert (result.provider_message_id, result.segments) == (SID, 2)
    assert result.cost == Cost(Decimal("0.00790"), "USD")


@pytest.mark.parametrize(
    "changes",
    [
        {"num_segments": "0", "price": None},
        {"num_segments": None, "price": "x", "status": "new word"},
        {"num_segments": "-1", "price": "NaN", "status": None},
        {"num_segments": "99999", "price": "-1", "price_unit": None},
        {"num_segments": True, "price": "-1", "price_unit": ""},
    ],
)
async def test_reply_with_odd_extras(
    wire: WireServer, gateway: TwilioGateway, changes: dict[str, Any]
) -> None:
    wire.answers = [Answer.json(message(**changes), 201)]
    result = await gateway.send(sms())
    assert (result.status, result.provider_message_id) == (ProviderStatus.QUEUED, SID)
    assert (result.cost, result.segments) == (None, None)


@pytest.mark.parametrize(
    ("error_code", "reason", "code"),
    [
        (30005, Reason.UNREACHABLE, "30005"),
        (None, Reason.UNKNOWN, None),
        (True, Reason.UNKNOWN, None),
    ],
)
async def test_failed_at_once(
    wire: WireServer, gateway: TwilioGateway, error_code: Any, reason: Reason, code: str | None
) -> None:
    wire.answers = [Answer.json(message("failed", error_code=error_code), 201)]
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms())
    assert (caught.value.reason, caught.value.provider_code) == (reason, code)
    assert not caught.value.ambiguous


async def refusal(
    wire: WireServer, gateway: TwilioGateway, status: int, body: Any, **headers: str
) -> GatewayError:
    wire.answers = [Answer.json(body, status, **headers)]
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms())
    return caught.value


@pytest.mark.parametrize(("code", "reason"), sorted(REASONS.items()))
async def test_error_table(
    wire: WireServer, gateway: TwilioGateway, code: str, reason: Reason
) -> None:
    error = await refusal(wire, gateway, 400, problem(int(code)))
    assert (error.reason, error.provider_code, error.ambiguous) == (reason, code, False)
    assert error.detail == "HTTP 400: Some text"


@pytest.mark.parametrize(
    ("status", "body", "reason", "code"),
    [
        (429, problem(20429), Reason.RATE_LIMITED, "20429"),
        (429, problem(21611), Reason.TEMPORARY_UNAVAILABLE, "21611"),
        (429, {}, Reason.RATE_LIMITED, "429"),
        (400, problem(30571), Reason.TEMPORARY_UNAVAILABLE, "30571"),
        (400, problem(21999), Reason.INVALID_REQUEST, "21999"),
        (401, problem("?"), Reason.AUTH_FAILED, "401"),
        (403, problem(0), Reason.FORBIDDEN, "403"),
        (404, problem(20404), Reason.INVALID_REQUEST, "20404"),
        (503, problem(21730), Reason.TEMPORARY_UNAVAILABLE, "21730"),
        (504, problem(21730), Reason.TEMPORARY_UNAVAILABLE, "21730"),
        (400, {"code": 21211, "detail": "new"}, Reason.INVALID_NUMBER, "21211"),
        (400, {"code": 21211, "title": "new"}, Reason.INVALID_NUMBER, "21211"),
    ],
)
async def test_refusals(
    wire: WireServer,
    gateway: TwilioGateway,
    status: int,
    body: Any,
    reason: Reason,
    code: str,
) -> None:
    error = await refusal(wire, gateway, status, body)
    assert (error.reason, error.provider_code, error.ambiguous) == (reason, code, False)
    assert {"detail", "title"}.isdisjoint(body) or error.detail == "HTTP 400: new"


async def test_gateway_timeout_is_ambiguous(wire: WireServer, gateway: TwilioGateway) -> None:
    error = await refusal(wire, gateway, 504, {})
    assert (error.reason, error.ambiguous) == (Reason.UNKNOWN, True)


async def test_retry_after_is_honoured(wire: WireServer, gateway: TwilioGateway) -> None:
    error = await refusal(wire, gateway, 429, problem(20429), **{"Retry-After": "3"})
    assert error.retry_after == 3


async def test_text_of_1600_characters(wire: WireServer, gateway: TwilioGateway) -> None:
    wire.answers = [Answer.json(message(), 201)]
    assert await gateway.send(sms(text="x" * 1600))
    with pytest.raises(GatewayError, match="longer than 1600"):
        await gateway.send(sms(text="x" * 1601))


@pytest.mark.parametrize(("word", "status"), sorted(STATUSES.items()))
async def test_status(
    wire: WireServer, gateway: TwilioGateway, word: str, status: ProviderStatus
) -> None:
    wire.answers = [Answer.json(message(word, error_code=30003, price="-0.0158"))]
    result = await gateway.status(SID)
    bad = word in {"failed", "undelivered"}
    assert result.status is status
    assert result.reason is (Reason.UNREACHABLE if bad else None)
    assert (result.provider_code, result.cost) == ("30003", Cost(Decimal("0.0158")))
    assert wire.requests[0].line == (
        f"GET /2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json HTTP/1.1"
    )


async def test_status_without_a_code(wire: WireServer, gateway: TwilioGateway) -> None:
    wire.answers = [Answer.json(message("undelivered"))]
    result = await gateway.status(SID)
    assert (result.reason, result.provider_code, result.cost) == (Reason.UNKNOWN, None, None)


@pytest.mark.parametrize("word", ["received", "", None])
async def test_status_of_no_outbound_message(
    wire: WireServer, gateway: TwilioGateway, word: Any
) -> None:
    wire.answers = [Answer.json(message(word))]
    with pytest.raises(GatewayError) as caught:
        await gateway.status(SID)
    assert caught.value.reason is Reason.UNKNOWN
    assert not caught.value.ambiguous


@pytest.mark.parametrize("foreign", ["", "SM1", "../Balance", f"{SID}\n", f"{SID}/x"])
async def test_status_of_a_foreign_id(
    wire: WireServer, gateway: TwilioGateway, foreign: str
) -> None:
    with pytest.raises(GatewayError) as caught:
        await gateway.status(foreign)
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert wire.requests == []


async def test_same_request_as_the_official_sdk(wire: WireServer) -> None:
    pytest.importorskip("twilio", reason="compared with the official SDK")
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Local(TwilioHttpClient):
        def request(self, method: str, url: str, *rest: Any, **more: Any) -> Any:
            path = urlsplit(url)._replace(scheme="http", netloc=f"127.0.0.1:{wire.port}")
            return super().request(method, urlunsplit(path), *rest, **more)

    hook = "https://sms.example.org/sms/webhook/twilio"
    wire.answers = [Answer(201, Answer.json(message()).body, {"Content-Type": "application/json"})]
    client = Client(ACCOUNT, "canary-token", http_client=Local(timeout=5, pool_connections=False))
    await asyncio.wait_for(
        asyncio.to_thread(
            client.messages.create,
            to=TO,
            from_=FROM,
            messaging_service_sid=SERVICE,
            body=f"{TEXT} é😀",
            status_callback=f"{hook}?message_id=msg_1",
            validity_period=300,
        ),
        10,
    )
    gateway = TwilioGateway(
        **OPTIONS,
        messaging_service_sid=SERVICE,
        webhook_url=hook,
        validity_period=300,
        base_url=wire.url,
    )
    await gateway.send(sms(text=f"{TEXT} é😀"))
    await gateway.close()
    theirs, ours = wire.requests
    assert ours.line == theirs.line
    assert form_of(ours) == form_of(theirs)
    for name in ("authorization", "content-type"):
        assert ours.headers[name] == theirs.headers[name]
