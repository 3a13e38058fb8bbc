"""Plivo: the request, the reply, its error texts and codes, its vocabulary of states."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import pytest

from enum_backend.gateways import (
    Cost,
    GatewayError,
    GatewayOptionsError,
    PlivoGateway,
    ProviderStatus,
    Reason,
)
from enum_backend.gateways.http_client import basic_auth
from enum_backend.gateways.plivo_errors import REASONS, STATUSES, code_of
from tests.unit.gateways.gateway_cases import OTHER_SENDER, TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

ACCOUNT = "MA" + "X" * 18
UUID = "3894be64-5ec0-11e9-83cf-0242ac110003"
FROM = "+15550100001"
OPTIONS: dict[str, Any] = {"auth_id": ACCOUNT, "auth_token": "canary-token", "from": FROM}


def queued(**changes: Any) -> dict[str, Any]:
    return {"api_id": "a", "message": "message(s) queued", "message_uuid": [UUID], **changes}


def record(state: object = "delivered", **changes: Any) -> dict[str, Any]:
    return {
        "message_uuid": UUID,
        "message_state": state,
        "message_direction": "outbound",
        "error_code": "000",
        "total_amount": "0.00550",
        "units": 1,
        **changes,
    }


def problem(text: object) -> dict[str, Any]:
    return {"api_id": "a", "error": text}


class TestPlivoCases(GatewayCases):
    gateway_class = PlivoGateway
    options: ClassVar = OPTIONS
    secrets = ("canary-token",)
    accepted = Answer.json(queued(), 202)
    malformed = (
        b"",
        b"<html>",
        b"[]",
        b'{"message_uuid": []}',
        b'{"message_uuid": [7]}',
        b'{"message_uuid": ["../x"]}',
        b"[" * 100_000,
    )

    def sender_of(self, request: WireRequest) -> str:
        return "+" + request.json()["src"]


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[PlivoGateway]:
    gateway = PlivoGateway(**OPTIONS, base_url=wire.url)
    yield gateway
    await gateway.close()


async def sent(wire: WireServer, sender: str | None = None, **options: Any) -> WireRequest:
    """The request that one message becomes."""
    wire.answers = [Answer.json(queued(), 202)]
    gateway = PlivoGateway(base_url=wire.url, **{**OPTIONS, **options})
    await gateway.send(sms(text="Hé 😀", sender=sender))
    await gateway.close()
    return wire.requests[-1]


async def test_request(wire: WireServer) -> None:
    request = await sent(wire, webhook_url="https://sms.example.org/sms/webhook/plivo")
    assert request.line == f"POST /v1/Account/{ACCOUNT}/Message/ HTTP/1.1"
    assert request.headers["authorization"] == basic_auth(ACCOUNT, "canary-token")
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {
        "src": "15550100001",
        "dst": "15550100002",
        "text": "Hé 😀",
        "type": "sms",
        "url": "https://sms.example.org/sms/webhook/plivo?message_id=msg_1",
        "method": "POST",
    }


async def test_powerpack_xor_sender(wire: WireServer) -> None:
    body = (await sent(wire, powerpack_uuid="p-1")).json()
    assert body == {"powerpack_uuid": "p-1", "dst": "15550100002", "text": "Hé 😀", "type": "sms"}
    body = (await sent(wire, OTHER_SENDER, **{"powerpack_uuid": "p-1", "from": ""})).json()
    assert (body["src"], "powerpack_uuid" in body) == ("15550100009", False)
    assert (await sent(wire, "EXAMPLE")).json()["src"] == "EXAMPLE"


def test_missing_and_accounts() -> None:
    pooled = PlivoGateway(**{**OPTIONS, "from": "", "powerpack_uuid": "p-1"})
    assert pooled.missing() == []
    assert PlivoGateway().missing() == ["auth_id", "auth_token", "from"]
    assert pooled.has_account("p-1")
    assert pooled.has_account(ACCOUNT)
    assert not PlivoGateway(**OPTIONS).has_account("")


@pytest.mark.parametrize(
    "wrong", [{"auth_id": "a/../b"}, {"webhook_url": "ftp://x"}, {"auth_token": "two words"}]
)
def test_wrong_options(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        PlivoGateway(**{**OPTIONS, **wrong})
    assert [error.field for error in caught.value.errors] == list(wrong)
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize("to", ["15550100002", "+15550100002<+15550100003", "Example", "+0123456"])
async def test_one_recipient_only(wire: WireServer, gateway: PlivoGateway, to: str) -> None:
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms(to=to))
    assert caught.value.reason is Reason.INVALID_NUMBER
    assert wire.requests == []


async def test_reply(wire: WireServer, gateway: PlivoGateway) -> None:
    for uuids in ([UUID], UUID, [UUID, UUID]):
        wire.answers = [Answer.json(queued(message_uuid=uuids), 202)]
        result = await gateway.send(sms())
        assert (result.status, result.provider_message_id) == (ProviderStatus.QUEUED, UUID)
        assert (result.segments, result.cost) == (None, None)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("x" * 1600, True),
        ("x" * 1601, False),
        ("é" * 1600, True),
        ("ж" * 737, True),
        ("ж" * 738, False),
        ("😀" * 368, True),
        ("😀" * 369, False),
    ],
    ids=["gsm", "gsm too long", "accents", "ucs-2", "ucs-2 too long", "emoji", "emoji too long"],
)
async def test_longest_texts(
    wire: WireServer, gateway: PlivoGateway, text: str, taken: bool
) -> None:
    wire.answers = [Answer.json(queued(), 202)]
    if taken:
        assert await gateway.send(sms(text=text))
    else:
        with pytest.raises(GatewayError, match="longer than"):
            await gateway.send(sms(text=text))
    assert len(wire.requests) == taken


async def test_recipient_listed_as_invalid(wire: WireServer, gateway: PlivoGateway) -> None:
    wire.answers = [Answer.json(queued(message_uuid=[], invalid_number=[TO[1:]]), 202)]
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms())
    assert (caught.value.reason, caught.value.ambiguous) == (Reason.INVALID_NUMBER, False)


async def refusal(
    wire: WireServer, gateway: PlivoGateway, answer: Answer, ambiguous: bool = False
) -> GatewayError:
    wire.answers = [answer]
    with pytest.raises(GatewayError) as caught:
        await gateway.send(sms())
    assert caught.value.ambiguous is ambiguous
    return caught.value


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, "dst parameter not present", Reason.INVALID_REQUEST),
        (400, "dst is not a valid number", Reason.INVALID_NUMBER),
        (400, {"dst": ["Invalid destination"]}, Reason.INVALID_NUMBER),
        (400, "src does not belong to you", Reason.INVALID_SENDER),
        (400, "Invalid source number", Reason.INVALID_SENDER),
        (400, "Trial accounts can only send to sandbox numbers", Reason.UNVERIFIED),
        (403, "destination number is not verified", Reason.UNVERIFIED),
        (400, "Recipient has opted out", Reason.OPTED_OUT),
        (400, "Insufficient Credit", Reason.INSUFFICIENT_FUNDS),
        (403, "Insufficient credit", Reason.INSUFFICIENT_FUNDS),
        (503, "insufficient credit", Reason.INSUFFICIENT_FUNDS),
        (402, "pay", Reason.INSUFFICIENT_FUNDS),
        (401, "invalid source", Reason.AUTH_FAILED),
        (403, "not enabled for this region", Reason.FORBIDDEN),
        (404, "not found", Reason.INVALID_REQUEST),
        (405, "", Reason.INVALID_REQUEST),
        (409, "", Reason.INVALID_REQUEST),
        (422, None, Reason.INVALID_REQUEST),
        (429, "trial", Reason.RATE_LIMITED),
        (500, "invalid source", Reason.TEMPORARY_UNAVAILABLE),
    ],
)
async def test_refusals(
    wire: WireServer, gateway: PlivoGateway, status: int, error: object, reason: Reason
) -> None:
    found = await refusal(wire, gateway, Answer.json(problem(error), status))
    assert (found.reason, found.provider_code) == (reason, str(status))


async def test_refusal_in_plain_text(wire: WireServer, gateway: PlivoGateway) -> None:
    answer = Answer(401, b"Could not verify your access level for that URL.")
    assert (await refusal(wire, gateway, answer)).reason is Reason.AUTH_FAILED


async def test_gateway_timeout_is_ambiguous(wire: WireServer, gateway: PlivoGateway) -> None:
    found = await refusal(wire, gateway, Answer(504), ambiguous=True)
    assert found.reason is Reason.UNKNOWN


async def test_retry_after_is_honoured(wire: WireServer, gateway: PlivoGateway) -> None:
    answer = Answer.json(problem("slow down"), 429, **{"Retry-After": "2"})
    assert (await refusal(wire, gateway, answer)).retry_after == 2


@pytest.mark.parametrize(("word", "status"), sorted(STATUSES.items()))
async def test_status(
    wire: WireServer, gateway: PlivoGateway, word: str, status: ProviderStatus
) -> None:
    wire.answers = [Answer.json(record(word))]
    result = await gateway.status(UUID)
    bad = word in {"failed", "undelivered", "rejected"}
    assert (result.status, result.provider_code) == (status, None)
    assert result.reason is (Reason.UNKNOWN if bad else None)
    assert result.cost == Cost(Decimal("0.00550"))
    assert wire.requests[0].line == f"GET /v1/Account/{ACCOUNT}/Message/{UUID}/ HTTP/1.1"


@pytest.mark.parametrize(("code", "reason"), [*REASONS.items(), ("950", Reason.CARRIER_REJECTED)])
async def test_error_codes(
    wire: WireServer, gateway: PlivoGateway, code: str, reason: Reason
) -> None:
    wire.answers = [Answer.json(record("failed", error_code=code, total_amount="0.00000"))]
    result = await gateway.status(UUID)
    assert (result.reason, result.provider_code, result.cost) == (reason, code, None)


@pytest.mark.parametrize(
    ("value", "code"),
    [("000", ""), (0, ""), (30, "30"), ("030", "30"), (None, ""), (True, ""), ("x", ""), ("", "")],
)
def test_codes(value: object, code: str) -> None:
    assert code_of(value) == code


@pytest.mark.parametrize("amount", [None, "x", "NaN", "-1", "0"])
async def test_status_with_odd_amount(
    wire: WireServer, gateway: PlivoGateway, amount: object
) -> None:
    wire.answers = [Answer.json(record(total_amount=amount))]
    assert (await gateway.status(UUID)).cost is None


@pytest.mark.parametrize(
    "body", [record("new"), record(None), record(message_direction="inbound"), {}]
)
async def test_status_of_no_outbound_message(
    wire: WireServer, gateway: PlivoGateway, body: Any
) -> None:
    wire.answers = [Answer.json(body)]
    with pytest.raises(GatewayError) as caught:
        await gateway.status(UUID)
    assert caught.value.reason is Reason.UNKNOWN


@pytest.mark.parametrize("foreign", ["", "../Number", f"{{{UUID}}}", f"{UUID}/x"])
async def test_status_of_a_foreign_id(
    wire: WireServer, gateway: PlivoGateway, foreign: str
) -> None:
    with pytest.raises(GatewayError) as caught:
        await gateway.status(foreign)
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert wire.requests == []


async def test_same_request_as_the_official_sdk(
    wire: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plivo = pytest.importorskip("plivo", reason="compared with the official SDK")
    hook = "https://sms.example.org/sms/webhook/plivo"
    wire.answers = [Answer(202, Answer.json(queued()).body, {"Content-Type": "application/json"})]
    with plivo.RestClient(ACCOUNT, "canary-token", timeout=5) as client:
        send = client.session.send

        def locally(request: Any, **more: Any) -> Any:
            here = urlsplit(request.url)._replace(scheme="http", netloc=f"127.0.0.1:{wire.port}")
            request.url = urlunsplit(here)
            return send(request, **more)

        monkeypatch.setattr(client.session, "send", locally)
        for sender in ({"src": FROM[1:]}, {"powerpack_uuid": "p-1"}):
            await asyncio.wait_for(
                asyncio.to_thread(
                    client.messages.create,
                    dst=TO[1:],
                    text="Hé 😀",
                    url=f"{hook}?message_id=msg_1",
                    **sender,
                ),
                10,
            )
    for options in ({}, {"powerpack_uuid": "p-1"}):
        await sent(wire, webhook_url=hook, **options)
    for theirs, ours in zip(wire.requests[:2], wire.requests[2:], strict=True):
        # The SDK spells defaults out that are the server's as well.
        extras = {"log": "true", "trackable": False}
        assert ours.line == theirs.line
        assert {**ours.json(), **extras} == theirs.json()
        for name in ("authorization", "content-type"):
            assert ours.headers[name] == theirs.headers[name]
