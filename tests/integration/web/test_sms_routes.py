"""`/sms/...` against a running server."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from enum_backend.gateways.base import (
    Cost,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.testing import RunningServer, running_server
from tests.unit.gateways.wire_server import Answer, WireServer

Client = aiohttp.ClientSession
NUMBER = "+14155550101"


async def post(http: Client, status: int = 200, **body: Any) -> dict[str, Any]:
    async with http.post("/sms/send", json={"to": NUMBER, "message": "Hello", **body}) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == status, answer
        return answer


async def view(http: Client, message_id: str, query: str = "") -> dict[str, Any]:
    async with http.get(f"/sms/status/{message_id}{query}") as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


async def settled(http: Client, message_id: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while (seen := await view(http, message_id))["status"] in ("queued", "dispatching"):
            await asyncio.sleep(0.01)
    return seen


async def test_round_trip(server: RunningServer, http: Client) -> None:
    sent = await post(http, to="(415) 555-0101", message="Grüße €", client_reference="order-7")
    assert sent["success"] is True
    assert sent["status"] == "queued"
    assert sent["gateway"] == "simulator"
    assert (sent["segments"], sent["encoding"], sent["cost"]) == (1, "GSM-7", None)
    assert sent["message_id"].startswith("msg_")
    (arrived,) = await server.wait_for_messages()
    assert (arrived.to, arrived.text) == (NUMBER, "Grüße €")
    seen = await settled(http, sent["message_id"])
    assert seen["success"] is True
    assert seen["status"] == "delivered"
    assert seen["to"] == seen["destination"] == NUMBER
    assert seen["client_reference"] == "order-7"
    assert seen["error_code"] is None
    (attempt,) = seen["attempts"]
    assert attempt["outcome"] == "accepted"
    assert attempt["provider_message_id"] == arrived.id
    assert attempt["started_at"].endswith("Z")
    assert attempt["latency_ms"] >= 0
    assert "Grüße" not in str(seen)


async def test_sms_goes_to_the_number_the_record_names(server: RunningServer, http: Client) -> None:
    sent = await post(http, to="+14155550103")
    (arrived,) = await server.wait_for_messages()
    assert arrived.to == "+14155550104"
    seen = await view(http, sent["message_id"])
    assert (seen["to"], seen["destination"]) == ("+14155550103", "+14155550104")


async def test_idempotency(server: RunningServer, http: Client) -> None:
    first = await post(http, client_reference="one")
    again = await post(http, client_reference="one")
    assert again["message_id"] == first["message_id"]
    conflict = await post(http, 409, client_reference="one", message="Other")
    assert conflict["error_code"] == "IDEMPOTENCY_CONFLICT"
    headers = {"Idempotency-Key": "one"}
    body = {"to": NUMBER, "message": "Hello"}
    ids = []
    for _ in range(2):
        async with http.post("/sms/send", json=body, headers=headers) as response:
            ids.append((await response.json())["message_id"])
    assert ids[0] == ids[1] != first["message_id"]
    await server.wait_for_messages(2)
    assert len(server.messages) == 2


@pytest.mark.parametrize("key", ["", "x" * 181, "schlüssel"])
async def test_wrong_idempotency_keys(http: Client, key: str) -> None:
    headers = {"Idempotency-Key": key}
    body = {"to": NUMBER, "message": "Hello"}
    async with http.post("/sms/send", json=body, headers=headers) as response:
        assert response.status == 422
        assert (await response.json())["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("123", "INVALID_PHONE_FORMAT"),
        ("1" * 40, "INVALID_PHONE_FORMAT"),
        ("+1" + "5" * 20, "INVALID_PHONE_FORMAT"),
        ("hello", "INVALID_PHONE_FORMAT"),
        ("", "INVALID_PHONE_FORMAT"),
        ("1" * 65, "VALIDATION_FAILED"),
    ],
)
async def test_wrong_recipients(http: Client, to: str, code: str) -> None:
    answer = await post(http, 422, to=to)
    assert answer["error_code"] == code
    assert [item["field"] for item in answer["errors"]] == ["to"]


@pytest.mark.parametrize("message", ["", "x" * 1601, "x" * 20001, "a\x00b"])
async def test_wrong_texts(server: RunningServer, http: Client, message: str) -> None:
    answer = await post(http, 422, message=message)
    assert [item["field"] for item in answer["errors"]] == ["message"]
    assert server.messages == []


async def test_senders(server: RunningServer, http: Client) -> None:
    await post(http, **{"from": "(415) 555-0199"})
    await post(http, **{"from": "Example"})
    await post(http, **{"from": ""})
    arrived = await server.wait_for_messages(3)
    assert sorted(sms.sender for sms in arrived) == ["", "+14155550199", "Example"]
    answer = await post(http, 422, **{"from": "12"})
    assert answer["errors"][0]["field"] == "from"


async def test_skip_rate_limit_needs_admin(server: RunningServer) -> None:
    key = await server.create_key("sms:send")
    headers = {"Authorization": f"Bearer {key}"}
    async with Client(server.http_url, headers=headers) as http:
        answer = await post(http, 403, skip_rate_limit=True)
    assert answer["error_code"] == "FORBIDDEN"


async def test_limits_are_counted_and_say_when(server: RunningServer, http: Client) -> None:
    for index in range(5):
        await post(http, message=f"Hello {index}")
    body = {"to": NUMBER, "message": "one more"}
    async with http.post("/sms/send", json=body) as response:
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 3600
        answer = await response.json()
    assert answer["error_code"] == "RATE_LIMIT_EXCEEDED"
    assert "per_recipient_hour" in answer["detail"]
    await post(http, message="by an admin", skip_rate_limit=True)
    await server.wait_for_messages(6)


async def test_status_of_another_tenant_and_of_nothing(server: RunningServer, http: Client) -> None:
    sent = await post(http)
    other = await server.create_key("sms:read", tenant="other")
    headers = {"Authorization": f"Bearer {other}"}
    for message_id, extra in ((sent["message_id"], headers), ("msg_nothing", {})):
        async with http.get(f"/sms/status/{message_id}", headers=extra) as response:
            assert response.status == 404
            assert (await response.json())["error_code"] == "NOT_FOUND"


async def test_status_asks_the_gateway_that_took_it(server: RunningServer, http: Client) -> None:
    sent = await post(http)
    await settled(http, sent["message_id"])
    seen = await view(http, sent["message_id"], "?gateway=simulator")
    assert seen["status"] == "delivered"
    async with http.get(f"/sms/status/{sent['message_id']}?gateway=nobody") as response:
        assert response.status == 503
        assert (await response.json())["error_code"] == "GATEWAY_NOT_CONFIGURED"
    server.simulator.reset()
    async with http.get(f"/sms/status/{sent['message_id']}?gateway=simulator") as response:
        assert response.status == 502
        answer = await response.json()
    assert answer["error_code"] == "PROVIDER_ERROR"
    assert answer["provider"] == "simulator"
    assert answer["reason"] == "invalid_request"
    assert answer["provider_code"] is None


async def test_failures_show_reason_and_attempts(server: RunningServer, http: Client) -> None:
    refusal = GatewayError(Reason.INVALID_REQUEST, "no", provider_code="40300")
    server.simulator.fail_next(refusal)
    failed = await settled(http, (await post(http))["message_id"])
    assert (failed["success"], failed["status"]) == (False, "failed")
    assert failed["error_code"] == "PROVIDER_ERROR"
    assert (failed["reason"], failed["provider_code"]) == ("invalid_request", "40300")
    server.simulator.fail_next(GatewayError(Reason.UNKNOWN, "?", ambiguous=True))
    unknown = await settled(http, (await post(http, message="2"))["message_id"])
    assert (unknown["success"], unknown["status"]) == (False, "unknown")
    assert unknown["attempts"][0]["outcome"] == "ambiguous"


async def test_each_attempt_shows_what_it_cost(
    server: RunningServer, http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def priced(_sms: OutboundSms) -> SendResult:
        return SendResult(ProviderStatus.SENT, "p-1", cost=Cost(Decimal("0.0125")))

    server.simulator.fail_next(GatewayError(Reason.TEMPORARY_UNAVAILABLE))
    silent = server.simulator.send

    async def send(sms: OutboundSms) -> SendResult:
        monkeypatch.setattr(server.simulator, "send", priced)
        return await silent(sms)

    monkeypatch.setattr(server.simulator, "send", send)
    seen = await settled(http, (await post(http))["message_id"])
    told = {"amount": "0.0125", "currency": "USD"}
    assert [attempt["cost"] for attempt in seen["attempts"]] == [None, told]
    assert seen["cost"] == told


async def test_status_while_the_provider_is_asked(server: RunningServer, http: Client) -> None:
    server.simulator.delay = 0.3
    sent = await post(http)
    async with asyncio.timeout(5):
        while (seen := await view(http, sent["message_id"]))["status"] != "dispatching":
            await asyncio.sleep(0.01)
    (attempt,) = seen["attempts"]
    assert (attempt["outcome"], attempt["finished_at"], attempt["latency_ms"]) == (
        "dispatching",
        None,
        None,
    )
    assert seen["success"] is True


async def test_disabled_and_half_set() -> None:
    half_set = {"telnyx": {"provider": "telnyx", "api_key": "KEYtest"}}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"mode": "disabled"}, "SMS_DISABLED"),
        ({"mode": None, "gateways": half_set}, "CREDENTIALS_MISSING"),
        ({"mode": "live"}, "GATEWAY_NOT_CONFIGURED"),
    ]
    for settings, code in cases:
        async with (
            running_server({}, settings=settings) as server,
            Client(server.http_url, headers=server.headers) as http,
        ):
            answer = await post(http, 503)
        assert answer["error_code"] == code
        if code == "CREDENTIALS_MISSING":
            assert "telnyx lacks from" in answer["detail"]


async def test_live_gateway_and_cost_limit() -> None:
    gateway = {"provider": "url", "url": "", "price": "0.60"}
    async with WireServer() as provider:
        provider.answers = [Answer(200)]
        gateway["url"] = f"{provider.url}/sms?to={{{{phone}}}}&text={{{{message}}}}"
        settings = {
            "mode": None,
            "gateways": {"office": gateway},
            "limits": {"daily_cost": "1.00"},
        }
        async with (
            running_server({}, settings=settings) as server,
            Client(server.http_url, headers=server.headers) as http,
        ):
            sent = await post(http)
            assert (sent["gateway"], sent["provider"]) == ("office", "url")
            assert sent["cost"] == {"amount": "0.6000", "currency": "USD"}
            assert (await settled(http, sent["message_id"]))["status"] == "sent"
            answer = await post(http, 402, message="dear")
        assert answer["error_code"] == "COST_LIMIT_EXCEEDED"
        assert [request.line for request in provider.requests] == [
            "GET /sms?to=%2B14155550101&text=Hello HTTP/1.1"
        ]
