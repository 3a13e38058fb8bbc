"""Bandwidth: tokens, the request, the reply, its errors and its vocabulary of states."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import (
    BandwidthGateway,
    GatewayError,
    GatewayOptionsError,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.bandwidth_errors import REASONS, STATUSES, end_of, reason_of
from tests.unit.gateways.gateway_cases import TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

ID = "1589228074636lm4k2je7j7jklbn2"
FROM = "+15550100001"
APPLICATION = "93de2206-9669-4e07-948d-329f4b722ee2"
JSON = {"Content-Type": "application/json"}
TOKEN_CALL = "POST /api/v1/oauth2/token "
OPTIONS: dict[str, Any] = {
    "account_id": "9900000",
    "client_id": "client-1",
    "client_secret": "canary-secret",
    "application_id": APPLICATION,
    "from": FROM,
}
LEGACY: dict[str, Any] = {
    "auth": "basic",
    "account_id": "9900000",
    "username": "api-user",
    "password": "canary:password",
    "application_id": APPLICATION,
    "from": FROM,
}


def token(value: str = "canary-token-1", seconds: object = 3600) -> Answer:
    body = {"access_token": value, "token_type": "Bearer", "expires_in": seconds}
    return Answer.json(body, **JSON)


def message(**changes: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "owner": FROM,
        "applicationId": APPLICATION,
        "time": "2026-11-21T04:00:00.000000Z",
        "segmentCount": 2,
        "direction": "out",
        "to": [TO],
        "from": FROM,
        "text": "...",
        **changes,
    }


ACCEPTED = Answer.json(message(), 202, **JSON)


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    """The API with a token endpoint that always answers."""
    async with WireServer() as server:
        server.aside[TOKEN_CALL] = token()
        server.answers = [ACCEPTED]
        yield server


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[BandwidthGateway]:
    gateway = BandwidthGateway(**OPTIONS, base_url=wire.url, timeout=5)
    yield gateway
    await gateway.close()


class TestBandwidthCases(GatewayCases):
    gateway_class = BandwidthGateway
    options: ClassVar = OPTIONS
    secrets = ("canary-secret", "canary-token-1")
    accepted = ACCEPTED
    malformed = (b"", b"<html>", b"[]", b'{"id": 7}', b'{"id": ""}', b"[" * 100_000)

    def sender_of(self, request: WireRequest) -> str:
        return request.json()["from"]


class TestLegacyBandwidthCases(TestBandwidthCases):
    options: ClassVar = LEGACY
    secrets = ("canary:password",)

    def test_half_set_options_are_named(self) -> None:
        for key in ("account_id", "username", "password", "application_id", "from"):
            rest = {name: value for name, value in LEGACY.items() if name != key}
            assert BandwidthGateway(**rest).missing() == [key]


async def refused(gateway: BandwidthGateway) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await asyncio.wait_for(gateway.send(sms()), 10)
    return caught.value


async def test_request(wire: WireServer, gateway: BandwidthGateway) -> None:
    await gateway.send(sms(text="Hällo €"))
    (request,) = wire.requests
    assert request.line == "POST /api/v2/users/9900000/messages HTTP/1.1"
    assert request.headers["authorization"] == "Bearer canary-token-1"
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {
        "applicationId": APPLICATION,
        "to": [TO],
        "from": FROM,
        "text": "Hällo €",
        "tag": "msg_1",
    }


async def test_priority(wire: WireServer) -> None:
    gateway = BandwidthGateway(**OPTIONS, priority="high", base_url=wire.url)
    await gateway.send(sms(message_id="m" * 2000))
    await gateway.close()
    assert wire.requests[0].json()["priority"] == "high"
    assert wire.requests[0].json()["tag"] == "m" * 1024


async def test_reply(gateway: BandwidthGateway) -> None:
    assert await gateway.send(sms()) == SendResult(ProviderStatus.QUEUED, ID, 2)


@pytest.mark.parametrize("count", [None, "2", 0, -1, True])
async def test_odd_segment_counts(
    wire: WireServer, gateway: BandwidthGateway, count: object
) -> None:
    wire.answers = [Answer.json(message(segmentCount=count), 202)]
    assert (await gateway.send(sms())).segments is None


async def test_text_is_limited(wire: WireServer, gateway: BandwidthGateway) -> None:
    await gateway.send(sms(text="x" * 2048))
    with pytest.raises(GatewayError, match="longer than 2048"):
        await gateway.send(sms(text="x" * 2049))
    assert len(wire.requests) == 1


# Tokens.


async def test_one_token_for_many_messages(wire: WireServer, gateway: BandwidthGateway) -> None:
    await asyncio.gather(*(gateway.send(sms(message_id=f"msg_{n}")) for n in range(5)))
    (request,) = wire.asides
    basic = b64encode(b"client-1:canary-secret").decode()
    assert request.headers["authorization"] == f"Basic {basic}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.body == b"grant_type=client_credentials"
    assert len(wire.requests) == 5


@pytest.mark.parametrize(("lasts", "after", "calls"), [(3600, 3539, 1), (3600, 3541, 2)])
async def test_tokens_are_renewed_before_their_end(
    wire: WireServer,
    gateway: BandwidthGateway,
    monkeypatch: pytest.MonkeyPatch,
    lasts: int,
    after: int,
    calls: int,
) -> None:
    now = 1000.0
    monkeypatch.setattr("enum_backend.gateways.client_credentials.monotonic", lambda: now)
    wire.aside[TOKEN_CALL] = token(seconds=lasts)
    await gateway.send(sms())
    now += after
    await gateway.send(sms())
    assert len(wire.asides) == calls


@pytest.mark.parametrize("seconds", [None, "3600", 0])
async def test_tokens_of_unknown_age_are_used_once(
    wire: WireServer, gateway: BandwidthGateway, seconds: object
) -> None:
    wire.aside[TOKEN_CALL] = token(seconds=seconds)
    await gateway.send(sms())
    await gateway.send(sms())
    assert len(wire.asides) == 2


async def test_refused_token_is_renewed_once(wire: WireServer, gateway: BandwidthGateway) -> None:
    wire.answers = [Answer(401), ACCEPTED]
    await gateway.send(sms())
    assert (len(wire.requests), len(wire.asides)) == (2, 2)
    wire.answers = [Answer(401), Answer(401), ACCEPTED]
    error = await refused(gateway)
    assert (error.reason, error.ambiguous) == (Reason.AUTH_FAILED, False)
    assert len(wire.requests) == 4


async def test_silence_after_a_renewal_is_ambiguous(
    wire: WireServer, gateway: BandwidthGateway
) -> None:
    wire.answers = [Answer(401), Answer(action="reset"), ACCEPTED]
    assert (await refused(gateway)).ambiguous
    assert len(wire.requests) == 2


async def test_senders_share_one_renewal(wire: WireServer, gateway: BandwidthGateway) -> None:
    await gateway.send(sms())
    wire.answers = [Answer(401), Answer(401), ACCEPTED]
    wire.aside[TOKEN_CALL] = token("canary-token-2")
    await asyncio.gather(gateway.send(sms()), gateway.send(sms(message_id="msg_2")))
    assert len(wire.asides) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer.json({"error": "invalid_client"}, 400), Reason.AUTH_FAILED),
        (Answer(401), Reason.AUTH_FAILED),
        (Answer(403), Reason.AUTH_FAILED),
        (Answer(429, headers={"Retry-After": "3"}), Reason.RATE_LIMITED),
        (Answer(503), Reason.TEMPORARY_UNAVAILABLE),
        (Answer(200, b"<html>"), Reason.TEMPORARY_UNAVAILABLE),
        (token(""), Reason.TEMPORARY_UNAVAILABLE),
        (token("a b\r\nX: y"), Reason.TEMPORARY_UNAVAILABLE),
        (Answer(action="reset"), Reason.TEMPORARY_UNAVAILABLE),
        (Answer(action="stall"), Reason.TEMPORARY_UNAVAILABLE),
    ],
)
async def test_no_token_no_message(wire: WireServer, answer: Answer, reason: Reason) -> None:
    wire.aside[TOKEN_CALL] = answer
    gateway = BandwidthGateway(**OPTIONS, base_url=wire.url, timeout=0.2)
    error = await refused(gateway)
    await gateway.close()
    assert (error.reason, error.ambiguous) == (reason, False)
    assert wire.requests == []


async def test_legacy_switch(wire: WireServer) -> None:
    gateway = BandwidthGateway(**LEGACY, base_url=wire.url)
    await gateway.send(sms())
    wire.answers = [Answer(401)]
    assert (await refused(gateway)).reason is Reason.AUTH_FAILED
    await gateway.close()
    basic = b64encode(b"api-user:canary:password").decode()
    assert [r.headers["authorization"] for r in wire.requests] == [f"Basic {basic}"] * 2
    assert wire.asides == []


async def test_legacy_credentials_alone_switch_nothing(wire: WireServer) -> None:
    gateway = BandwidthGateway(**{**LEGACY, "auth": "oauth2"}, base_url=wire.url)
    assert gateway.missing() == ["client_id", "client_secret"]
    with pytest.raises(GatewayError, match="settings lack client_id, client_secret"):
        await gateway.call("GET", "https://api.bandwidth.com/api/accounts/1/orders")
    assert wire.requests == wire.asides == []


# Refusals.


def problem(*fields: Any, kind: object = "request-validation") -> dict[str, Any]:
    errors = [{"fieldName": name, "description": "is wrong"} for name in fields]
    return {"type": kind, "description": f"{TO} is bad", "fieldErrors": errors}


@pytest.mark.parametrize(
    ("status", "body", "reason", "code"),
    [
        (400, problem("to"), Reason.INVALID_NUMBER, "request-validation"),
        (400, problem("from"), Reason.INVALID_SENDER, "request-validation"),
        (400, problem("from", "to[0]"), Reason.INVALID_NUMBER, "request-validation"),
        (400, problem("tomato", None), Reason.INVALID_REQUEST, "request-validation"),
        (400, {"fieldErrors": ["to"]}, Reason.INVALID_REQUEST, "400"),
        (400, {"fieldErrors": {"fieldName": "to"}}, Reason.INVALID_REQUEST, "400"),
        (400, ["x"], Reason.INVALID_REQUEST, "400"),
        (403, problem("to", kind="access-denied"), Reason.FORBIDDEN, "access-denied"),
        (404, problem(kind="not a code!"), Reason.INVALID_REQUEST, "404"),
        (405, {}, Reason.INVALID_REQUEST, "405"),
        (406, {}, Reason.INVALID_REQUEST, "406"),
        (415, {}, Reason.INVALID_REQUEST, "415"),
        (
            429,
            problem(kind="max-message-queue-size-exceeded"),
            Reason.RATE_LIMITED,
            "max-message-queue-size-exceeded",
        ),
        (409, {}, Reason.UNKNOWN, "409"),
    ],
)
async def test_refusals(
    wire: WireServer,
    gateway: BandwidthGateway,
    status: int,
    body: Any,
    reason: Reason,
    code: str,
) -> None:
    wire.answers = [Answer.json(body, status)]
    error = await refused(gateway)
    assert (error.reason, error.provider_code, error.ambiguous) == (reason, code, False)
    assert TO not in error.detail


@pytest.mark.parametrize(("code", "reason"), sorted(REASONS.items()))
def test_error_table(code: str, reason: Reason) -> None:
    assert reason_of(code) is reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        *((code, Reason.TEMPORARY_UNAVAILABLE) for code in ("5106", "5211", "5500", "5620")),
        ("5300", Reason.UNKNOWN),
        ("9999", Reason.UNKNOWN),
        ("", Reason.UNKNOWN),
    ],
)
def test_error_ranges(code: str, reason: Reason) -> None:
    assert reason_of(code) is reason


@pytest.mark.parametrize(
    ("status", "code", "end", "reason"),
    [
        ("failed", "4405", "failed", Reason.INVALID_SENDER),
        ("failed", "4770", "undelivered", Reason.CARRIER_REJECTED),
        ("failed", "5620", "undelivered", Reason.TEMPORARY_UNAVAILABLE),
        ("failed", "5500", "failed", Reason.TEMPORARY_UNAVAILABLE),
        ("failed", "9999", "undelivered", Reason.UNKNOWN),
        ("undelivered", "", "undelivered", Reason.UNKNOWN),
        ("failed", "9902", "sent", None),
        ("delivered", "4770", "delivered", None),
    ],
)
def test_who_refused(status: str, code: str, end: str, reason: Reason | None) -> None:
    assert end_of(ProviderStatus(status), code) == (ProviderStatus(end), reason)


# Status.


def listed(word: object, **changes: Any) -> dict[str, Any]:
    item = {"messageId": ID, "messageStatus": word, "messageDirection": "OUTBOUND", **changes}
    return {"totalCount": 2, "messages": ["x", {"messageId": "another"}, item]}


@pytest.mark.parametrize(("word", "status"), sorted(STATUSES.items()))
async def test_status_words(
    wire: WireServer, gateway: BandwidthGateway, word: str, status: ProviderStatus
) -> None:
    wire.answers = [Answer.json(listed(word, errorCode=0))]
    bad = status in (ProviderStatus.FAILED, ProviderStatus.UNDELIVERED)
    assert await gateway.status(ID) == StatusResult(status, Reason.UNKNOWN if bad else None)
    line = f"GET /api/v2/users/9900000/messages?messageId={ID} HTTP/1.1"
    assert wire.requests[0].line == line


async def test_status_with_an_error(wire: WireServer, gateway: BandwidthGateway) -> None:
    wire.answers = [Answer.json(listed("FAILED", errorCode=4775))]
    assert await gateway.status(ID) == StatusResult(
        ProviderStatus.UNDELIVERED, Reason.OPTED_OUT, "4775"
    )


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, listed("RECEIVED"), Reason.UNKNOWN),
        (200, listed("SENT", messageDirection="INBOUND"), Reason.UNKNOWN),
        (200, {"messages": []}, Reason.INVALID_REQUEST),
        (200, {"messages": None}, Reason.INVALID_REQUEST),
        (200, "nonsense", Reason.INVALID_REQUEST),
        (403, {"type": "forbidden"}, Reason.FORBIDDEN),
        (500, {}, Reason.TEMPORARY_UNAVAILABLE),
    ],
)
async def test_status_not_known(
    wire: WireServer, gateway: BandwidthGateway, status: int, body: Any, reason: Reason
) -> None:
    wire.answers = [Answer.json(body, status)]
    with pytest.raises(GatewayError) as caught:
        await gateway.status(ID)
    assert (caught.value.reason, caught.value.ambiguous) == (reason, False)


async def test_lost_status_query_is_never_ambiguous(
    wire: WireServer, gateway: BandwidthGateway
) -> None:
    wire.answers = [Answer(action="reset")]
    with pytest.raises(GatewayError) as caught:
        await gateway.status("a&b=c")
    assert (caught.value.reason, caught.value.ambiguous) == (Reason.TEMPORARY_UNAVAILABLE, False)
    assert "?messageId=a%26b%3Dc " in wire.requests[0].line


# Settings.


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("account_id", "canary/../1"),
        ("application_id", "canary 1"),
        ("client_id", "canary:1"),
        ("callback_user", "canary:1"),
        ("client_secret", "canary\r\nX: y"),
        ("auth", "canary"),
        ("priority", "canary"),
    ],
)
def test_wrong_options_are_named_not_quoted(key: str, value: object) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        BandwidthGateway("us", **{key: value})
    assert [error.field for error in caught.value.errors] == [key]
    assert "canary" not in str(caught.value)


def test_accounts() -> None:
    gateway = BandwidthGateway(**OPTIONS)
    assert gateway.has_account("9900000")
    assert gateway.has_account(APPLICATION)
    assert not gateway.has_account("client-1")
    assert not BandwidthGateway().has_account("")


async def test_official_sdk_sends_the_same(wire: WireServer, gateway: BandwidthGateway) -> None:
    bandwidth = pytest.importorskip("bandwidth", reason="the official SDK is what is compared with")

    def theirs() -> None:
        configuration = bandwidth.Configuration(
            host=f"{wire.url}/api/v2",
            client_id="client-1",
            client_secret="canary-secret",
            access_token_url=f"{wire.url}/api/v1/oauth2/token",
            ignore_operation_servers=True,
            retries=0,
        )
        with bandwidth.ApiClient(configuration) as client:
            request = bandwidth.MessageRequest(
                applicationId=APPLICATION, to=[TO], var_from=FROM, text="Hällo €", tag="msg_1"
            )
            bandwidth.MessagesApi(client).create_message("9900000", request, _request_timeout=5)

    await asyncio.wait_for(asyncio.to_thread(theirs), 20)
    await gateway.send(sms(text="Hällo €"))
    for their, our in (wire.asides, wire.requests):
        assert our.line == their.line
        assert our.headers["authorization"] == their.headers["authorization"]
        assert our.headers["content-type"] == their.headers["content-type"]
    assert wire.asides[0].body == wire.asides[1].body
    their, our = wire.requests
    assert our.json() == their.json()
