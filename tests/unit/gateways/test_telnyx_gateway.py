"""Telnyx: the request, the reply, its error table and its vocabulary of states."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import (
    Cost,
    GatewayError,
    GatewayOptionsError,
    ProviderStatus,
    Reason,
    TelnyxGateway,
)
from enum_backend.gateways.telnyx_errors import REASONS, STATUSES
from tests.unit.gateways.gateway_cases import TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

ID = "40385f64-5717-4562-b3fc-2c963f66afa6"
FROM = "+15550100001"
PUBLIC_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


def message(status: str = "queued", **changes: Any) -> dict[str, Any]:
    data = {
        "id": ID,
        "record_type": "message",
        "to": [{"phone_number": TO, "status": status}],
        "parts": 2,
        "cost": {"amount": "0.0051", "currency": "USD"},
        "errors": [],
    }
    return {"data": {**data, **changes}}


def problem(code: object, title: str = "", detail: str = "") -> dict[str, Any]:
    return {"errors": [{"code": code, "title": title, "detail": detail}]}


class TestTelnyxCases(GatewayCases):
    gateway_class = TelnyxGateway
    options: ClassVar = {"api_key": "KEYcanary", "from": FROM, "public_key": PUBLIC_KEY}
    secrets = ("KEYcanary",)
    accepted = Answer.json(message())
    malformed = (b"", b"<html>", b"[]", b'{"data": []}', b'{"data": {"id": 7}}', b"[" * 100_000)

    def sender_of(self, request: WireRequest) -> str:
        return request.json()["from"]


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[TelnyxGateway]:
    gateway = TelnyxGateway(api_key="KEYcanary", sender=FROM, base_url=wire.url)
    yield gateway
    await gateway.close()


async def sent(wire: WireServer, sender: str | None = None, **options: str) -> WireRequest:
    """The request that one message becomes."""
    wire.answers = [Answer.json(message())]
    gateway = TelnyxGateway(api_key="KEYcanary", base_url=wire.url, **options)
    await gateway.send(sms(text="Hällo €", sender=sender))
    await gateway.close()
    return wire.requests[-1]


async def test_request(wire: WireServer) -> None:
    request = await sent(wire, sender=FROM, webhook_url="https://sms.example.org/hook")
    assert request.line == "POST /v2/messages HTTP/1.1"
    assert request.headers["authorization"] == "Bearer KEYcanary"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "msg_1"
    assert request.json() == {
        "from": FROM,
        "to": TO,
        "text": "Hällo €",
        "type": "SMS",
        "webhook_url": "https://sms.example.org/hook",
    }


@pytest.mark.parametrize(
    ("sender", "profile_sent"), [("", True), ("Example", True), (FROM, False), ("12345", False)]
)
async def test_profile_goes_with_pools_and_names(
    wire: WireServer, sender: str, profile_sent: bool
) -> None:
    request = await sent(wire, **{"messaging_profile_id": "p-1", "from": sender})
    assert ("messaging_profile_id" in request.json()) is profile_sent
    assert request.json().get("from", "") == sender


async def test_idempotency_key_for_foreign_ids(wire: WireServer) -> None:
    wire.answers = [Answer.json(message())]
    gateway = TelnyxGateway(api_key="k", sender=FROM, base_url=wire.url)
    for message_id in ("é\n", "é\n", "x" * 256):
        await gateway.send(sms(message_id=message_id))
    await gateway.close()
    first, second, third = (request.headers["idempotency-key"] for request in wire.requests)
    assert first == second != third
    assert len(first) == 64


async def test_reply(wire: WireServer, gateway: TelnyxGateway) -> None:
    wire.answers = [Answer.json(message())]
    result = await gateway.send(sms())
    assert result.status is ProviderStatus.QUEUED
    assert result.provider_message_id == ID
    assert result.segments == 2
    assert result.cost == Cost(Decimal("0.0051"), "USD")


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": None, "parts": None, "to": []},
        {"cost": {"amount": "x", "currency": "USD"}, "parts": "2", "to": {}},
        {"cost": {"amount": "NaN", "currency": "USD"}, "parts": True, "to": ["x"]},
        {"cost": {"amount": "-1", "currency": "USD"}, "parts": 0, "to": [{"status": "new"}]},
        {"cost": {"amount": "1"}, "parts": -1},
    ],
)
async def test_reply_with_odd_extras(
    wire: WireServer, gateway: TelnyxGateway, changes: dict[str, Any]
) -> None:
    wire.answers = [Answer.json(message(**changes))]
    result = await gateway.send(sms())
    assert (result.status, result.provider_message_id) == (ProviderStatus.QUEUED, ID)
    assert (result.cost, result.segments) == (None, None)


@pytest.mark.parametrize(
    ("errors", "reason", "code"),
    [(problem("40001")["errors"], Reason.UNREACHABLE, "40001"), ([], Reason.UNKNOWN, None)],
)
async def test_failed_at_once(
    wire: WireServer, gateway: TelnyxGateway, errors: list[Any], reason: Reason, code: str | None
) -> None:
    wire.answers = [Answer.json(message("sending_failed", errors=errors))]
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms())
    assert (caught.value.reason, caught.value.provider_code) == (reason, code)
    assert not caught.value.ambiguous


async def refusal(
    wire: WireServer, gateway: TelnyxGateway, status: int, body: Any, **headers: str
) -> GatewayError:
    wire.answers = [Answer.json(body, status, **headers)]
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms())
    assert not caught.value.ambiguous
    return caught.value


@pytest.mark.parametrize(("code", "reason"), sorted(REASONS.items()))
async def test_error_table(
    wire: WireServer, gateway: TelnyxGateway, code: str, reason: Reason
) -> None:
    # The code counts, whatever the status.
    error = await refusal(wire, gateway, 400, problem(code, "Some title"))
    assert (error.reason, error.provider_code) == (reason, code)
    assert error.detail == "HTTP 400: Some title"


@pytest.mark.parametrize(
    ("status", "body", "reason", "code"),
    [
        (400, problem("40300", "Blocked due to STOP message"), Reason.OPTED_OUT, "40300"),
        (400, problem("40300", "Blocked", "they sent: stop"), Reason.OPTED_OUT, "40300"),
        (400, problem("40300", "Blocked", "unstoppable"), Reason.INVALID_SENDER, "40300"),
        (422, problem("10015", "Idempotency key reused"), Reason.DUPLICATE, "10015"),
        (422, problem("99999", "?"), Reason.INVALID_REQUEST, "99999"),
        (403, problem(10010), Reason.FORBIDDEN, "10010"),
        (401, problem("not a code!"), Reason.AUTH_FAILED, "401"),
        (402, {"errors": []}, Reason.INSUFFICIENT_FUNDS, "402"),
        (403, {"errors": {}}, Reason.FORBIDDEN, "403"),
        (404, ["x"], Reason.INVALID_REQUEST, "404"),
        (409, {"errors": ["x"]}, Reason.UNKNOWN, "409"),
        (500, problem("88888"), Reason.TEMPORARY_UNAVAILABLE, "88888"),
    ],
)
async def test_errors_beside_the_table(
    wire: WireServer, gateway: TelnyxGateway, status: int, body: Any, reason: Reason, code: str
) -> None:
    error = await refusal(wire, gateway, status, body)
    assert (error.reason, error.provider_code) == (reason, code)


async def test_rate_limit_headers(wire: WireServer, gateway: TelnyxGateway) -> None:
    error = await refusal(wire, gateway, 429, problem("10011"), **{"x-ratelimit-reset": "12"})
    assert (error.reason, error.retry_after) == (Reason.RATE_LIMITED, 12)
    both = {"x-ratelimit-reset": "12", "retry-after": "3"}
    assert (await refusal(wire, gateway, 429, problem("10011"), **both)).retry_after == 3


async def test_titles_are_cleaned(wire: WireServer, gateway: TelnyxGateway) -> None:
    title = f"KEYcanary may not send 'canary text & 98765' to {TO}\nfrom 555-010-0001"
    error = await refusal(wire, gateway, 400, problem("40013", title))
    assert error.detail == "HTTP 400: *** may not send '***' to *** from ***"


async def status_of(wire: WireServer, gateway: TelnyxGateway, body: Any, status: int = 200) -> Any:
    wire.answers = [Answer.json(body, status)]
    return await gateway.status(ID)


@pytest.mark.parametrize(("word", "status"), sorted(STATUSES.items()))
async def test_status_words(
    wire: WireServer, gateway: TelnyxGateway, word: str, status: ProviderStatus
) -> None:
    result = await status_of(wire, gateway, message(word))
    reasons = {
        "expired": Reason.EXPIRED,
        "delivery_failed": Reason.UNKNOWN,
        "sending_failed": Reason.UNKNOWN,
    }
    assert (result.status, result.reason) == (status, reasons.get(word))
    assert result.cost == Cost(Decimal("0.0051"))


async def test_status_with_an_error(wire: WireServer, gateway: TelnyxGateway) -> None:
    body = message("delivery_failed", errors=problem("40002", "Spam")["errors"])
    result = await status_of(wire, gateway, body)
    assert result.status is ProviderStatus.UNDELIVERED
    assert (result.reason, result.provider_code) == (Reason.CARRIER_REJECTED, "40002")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, message("received"), Reason.UNKNOWN),
        (200, "nonsense", Reason.UNKNOWN),
        (404, problem("10005", "Not found"), Reason.INVALID_REQUEST),
        (500, {}, Reason.TEMPORARY_UNAVAILABLE),
    ],
)
async def test_status_not_known(
    wire: WireServer, gateway: TelnyxGateway, status: int, body: Any, reason: Reason
) -> None:
    with pytest.raises(GatewayError) as caught:
        await status_of(wire, gateway, body, status)
    assert (caught.value.reason, caught.value.ambiguous) == (reason, False)


async def test_status_wants_a_uuid(gateway: TelnyxGateway) -> None:
    with pytest.raises(GatewayError, match="UUID"):
        await gateway.status("../balance")


async def test_lost_status_query_is_never_ambiguous(wire: WireServer) -> None:
    wire.answers = [Answer(action="reset")]
    gateway = TelnyxGateway(api_key="k", sender=FROM, base_url=wire.url)
    with pytest.raises(GatewayError) as caught:
        await gateway.status(ID)
    await gateway.close()
    assert (caught.value.reason, caught.value.ambiguous) == (Reason.TEMPORARY_UNAVAILABLE, False)
    assert wire.requests[0].line == f"GET /v2/messages/{ID} HTTP/1.1"
    assert len(wire.requests) == 1


def test_profile_may_replace_the_sender() -> None:
    assert TelnyxGateway().missing() == ["api_key", "from"]
    assert TelnyxGateway(messaging_profile_id="p").missing() == ["api_key"]
    assert TelnyxGateway(messaging_profile_id="p", api_key="k").missing() == []


def test_blanks_around_a_key_are_dropped() -> None:
    gateway = TelnyxGateway(api_key=" KEY\n", public_key=f"{PUBLIC_KEY}\n")
    assert gateway.options.api_key.get_secret_value() == "KEY"
    assert gateway.options.public_key == PUBLIC_KEY
    assert TelnyxGateway(api_key=" \n", sender=FROM).missing() == ["api_key"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", "canary\r\nX: y"),
        ("api_key", "canary€"),
        ("public_key", "canary!"),
        ("public_key", "Y2FuYXJ5"),
        ("webhook_url", "ftp://canary.example.org/"),
        ("webhook_url", "http://[canary"),
        ("webhook_failover_url", "canary"),
        ("base_url", "canary.example.org"),
        ("base_url", "ftp://canary.example.org"),
        ("base_url", "https://api.example.org/canary"),
        ("base_url", "https://u:canary@api.example.org"),
        ("base_url", "https://api.example.org:canary"),
        ("timeout", 0),
        ("timeout", 121),
    ],
)
def test_wrong_options_are_named_not_quoted(key: str, value: object) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        TelnyxGateway("eu", **{key: value})
    assert [error.field for error in caught.value.errors] == [key]
    assert str(caught.value).startswith(f"eu: {key}: ")
    assert "canary" not in str(caught.value)
    assert "canary" not in str(caught.value.__context__)


def test_unknown_option_without_a_near_one() -> None:
    with pytest.raises(GatewayOptionsError, match=r"zzz: unknown option$"):
        TelnyxGateway(zzz=1)
    with pytest.raises(GatewayOptionsError, match="form: unknown option, did you mean 'from'"):
        TelnyxGateway(form=FROM)


async def test_official_sdk_sends_the_same(wire: WireServer, gateway: TelnyxGateway) -> None:
    telnyx = pytest.importorskip("telnyx", reason="the official SDK is what is compared with")
    wire.answers = [Answer.json(message(), **{"Content-Type": "application/json"})]

    def theirs() -> None:
        with telnyx.Telnyx(
            api_key="KEYcanary", base_url=f"{wire.url}/v2", max_retries=0, timeout=5
        ) as client:
            client.messages.send(
                from_=FROM, to=TO, text="Hällo €", type="SMS", idempotency_key="msg_1"
            )

    await asyncio.wait_for(asyncio.to_thread(theirs), 20)
    await gateway.send(sms(text="Hällo €"))
    their, our = wire.requests
    assert our.line == their.line
    assert our.json() == their.json()
    for name in ("authorization", "content-type", "idempotency-key", "accept"):
        assert our.headers[name] == their.headers[name]
