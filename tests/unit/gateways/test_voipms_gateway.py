"""VoIP.ms: requests, errors that come with HTTP 200, and texts cut into parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest

from enum_backend.gateways import (
    GatewayError,
    GatewayOptionsError,
    ProviderStatus,
    Reason,
    StatusResult,
    VoipmsGateway,
)
from enum_backend.gateways.voipms import e164
from enum_backend.gateways.voipms_text import split_octets
from tests.unit.gateways.gateway_cases import TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

FROM = "+15550100001"
OPTIONS = {"username": "ops@example.org", "password": "canary pass ü", "from": FROM}


def fields(request: WireRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def taken(number: int = 23434) -> Answer:
    return Answer.json({"status": "success", "sms": str(number)})


def word(status: str) -> Answer:
    return Answer.json({"status": status})


class TestVoipmsCases(GatewayCases):
    gateway_class = VoipmsGateway
    options: ClassVar = OPTIONS
    secrets = ("canary pass ü", "canary%20pass", "canary+pass")
    accepted = taken()
    malformed = (b"", b"<html>", b"[]", b"{}", b'{"status": 1}', b'{"status": ""}', b"[" * 100_000)

    def sender_of(self, request: WireRequest) -> str:
        return f"+1{fields(request)['did']}"


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[VoipmsGateway]:
    gateway = VoipmsGateway(**OPTIONS, base_url=wire.url, timeout=5)
    yield gateway
    await gateway.close()


async def failure(awaitable: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    return caught.value


async def test_request(wire: WireServer, gateway: VoipmsGateway) -> None:
    wire.answers = [taken()]
    result = await gateway.send(sms(text="Hällo & €"))
    assert (result.status, result.provider_message_id) == (ProviderStatus.SENT, "23434")
    assert result.segments == 1
    (request,) = wire.requests
    assert request.line == "POST /api/v1/rest.php HTTP/1.1"
    assert fields(request) == {
        "api_username": "ops@example.org",
        "api_password": "canary pass ü",
        "method": "sendSMS",
        "content_type": "json",
        "did": "5550100001",
        "dst": "5550100002",
        "message": "Hällo & €",
    }


@pytest.mark.parametrize("sms_id", [None, "a b", {}])
async def test_success_without_an_id(wire: WireServer, gateway: VoipmsGateway, sms_id: Any) -> None:
    wire.answers = [Answer.json({"status": "success", "sms": sms_id})]
    assert (await gateway.send(sms())).provider_message_id is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("invalid_credentials", Reason.AUTH_FAILED),
        ("missing_credentials", Reason.AUTH_FAILED),
        ("ip_not_enabled", Reason.AUTH_FAILED),
        ("api_not_enabled", Reason.AUTH_FAILED),
        ("invalid_dst", Reason.INVALID_NUMBER),
        ("missing_dst", Reason.INVALID_NUMBER),
        ("invalid_did", Reason.INVALID_SENDER),
        ("missing_did", Reason.INVALID_SENDER),
        ("no_did", Reason.INVALID_SENDER),
        ("sms_disabled", Reason.INVALID_SENDER),
        ("sms_toolong", Reason.INVALID_REQUEST),
        ("missing_sms", Reason.INVALID_REQUEST),
        ("invalid_sms", Reason.INVALID_REQUEST),
        ("limit_reached", Reason.RATE_LIMITED),
        ("no_credits", Reason.INSUFFICIENT_FUNDS),
        ("account_balance_low", Reason.INSUFFICIENT_FUNDS),
        ("sms_failed", Reason.CARRIER_REJECTED),
        ("something_new", Reason.UNKNOWN),
    ],
)
async def test_errors_come_with_http_200(
    wire: WireServer, gateway: VoipmsGateway, status: str, reason: Reason
) -> None:
    wire.answers = [word(status)]
    error = await failure(gateway.send(sms()))
    assert (error.reason, error.provider_code, error.ambiguous) == (reason, status, False)


async def test_odd_word_is_not_shown(wire: WireServer, gateway: VoipmsGateway) -> None:
    wire.answers = [word(f"Bad {TO}")]
    error = await failure(gateway.send(sms()))
    assert (error.reason, error.provider_code, error.detail) == (Reason.UNKNOWN, None, "refused")


@pytest.mark.parametrize("number", ["+447700900123", "+11550100002", "5550100002", "+155501000022"])
async def test_numbers_elsewhere(wire: WireServer, gateway: VoipmsGateway, number: str) -> None:
    assert (await failure(gateway.send(sms(to=number)))).reason is Reason.INVALID_NUMBER
    assert (await failure(gateway.send(sms(sender=number)))).reason is Reason.INVALID_SENDER
    assert wire.requests == []


# Several parts.

LONG = "a" * 160 + "b" * 160 + "c"


async def test_parts_are_sent_in_order(wire: WireServer, gateway: VoipmsGateway) -> None:
    wire.answers = [taken(1), taken(2), taken(3)]
    result = await gateway.send(sms(text=LONG))
    assert (result.provider_message_id, result.segments) == ("1,2,3", 3)
    assert [fields(r)["message"][0] for r in wire.requests] == ["a", "b", "c"]


async def test_first_part_refused_is_a_plain_refusal(
    wire: WireServer, gateway: VoipmsGateway
) -> None:
    wire.answers = [word("limit_reached")]
    error = await failure(gateway.send(sms(text=LONG)))
    assert (error.reason, error.ambiguous, len(wire.requests)) == (Reason.RATE_LIMITED, False, 1)


@pytest.mark.parametrize("answer", [word("limit_reached"), Answer(action="hang up"), Answer(429)])
async def test_later_part_that_fails_leaves_the_message_half_sent(
    wire: WireServer, gateway: VoipmsGateway, answer: Answer
) -> None:
    wire.answers = [taken(1), answer, taken(3)]
    error = await failure(gateway.send(sms(text=LONG)))
    assert (error.reason, error.ambiguous, len(wire.requests)) == (Reason.UNKNOWN, True, 2)
    assert error.detail.startswith("part 2 of 3 failed")


async def test_later_part_is_tried_again_if_that_is_harmless(
    wire: WireServer, gateway: VoipmsGateway
) -> None:
    wire.answers = [taken(1), Answer(502), taken(2), Answer(502), Answer(502)]
    error = await failure(gateway.send(sms(text=LONG)))
    assert (error.ambiguous, len(wire.requests)) == (True, 5)
    assert [fields(r)["message"][0] for r in wire.requests] == ["a", "b", "b", "c", "c"]
    wire.answers = [taken(1), Answer(502), taken(2), taken(3)]
    assert (await gateway.send(sms(text=LONG))).provider_message_id == "1,2,3"


async def test_too_many_parts(wire: WireServer, gateway: VoipmsGateway) -> None:
    for text in ("a" * 1601, "😀" * 401):
        assert (await failure(gateway.send(sms(text=text)))).reason is Reason.INVALID_REQUEST
    assert wire.requests == []


FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", []),
        ("a" * 160, [160]),
        ("a" * 161, [160, 1]),
        ("é" * 80, [80]),
        ("é" * 81, [80, 1]),
        ("a" + "é" * 80, [80, 1]),
        ("😀" * 40, [40]),
        ("😀" * 41, [40, 1]),
        ("aa" + "😀" * 40, [41, 1]),
        ("a" * 159 + "e\u0301", [159, 2]),  # a mark stays with its letter
        ("a" * 157 + "👍🏽", [157, 2]),
        ("a" * 150 + FAMILY, [150, 7]),
        ("a" * 158 + "☺\ufe0f", [158, 2]),
        ("e" + "\u0301" * 100, [80, 21]),  # one that is too long is cut between code points
        ("a" * 150 + " " + "b" * 20, [151, 20]),
        ("a" * 150 + "\n" + "b" * 20, [151, 20]),
        ("a" * 159 + " " + "b" * 20, [160, 20]),
        ("a" * 120 + " " + "b" * 60, [160, 21]),  # longer words are cut
    ],
)
def test_split(text: str, lengths: list[int]) -> None:
    parts = split_octets(text)
    assert "".join(parts) == text
    assert [len(part) for part in parts] == lengths
    assert all(0 < len(part.encode()) <= 160 for part in parts)


def test_split_with_another_limit() -> None:
    assert split_octets("abc d", 2) == ["ab", "c ", "d"]


def test_codes_are_not_cut() -> None:
    text = "x" * 130 + " your login code is 1234567890"
    for shift in range(40):
        assert any("1234567890" in part for part in split_octets("y" * shift + text))


# Status.


async def test_status(wire: WireServer, gateway: VoipmsGateway) -> None:
    listed = {"status": "success", "sms": [{"id": 1, "type": "0"}, {"id": "2", "type": 0}, "x"]}
    wire.answers = [Answer.json(listed)]
    assert await gateway.status("1,2") == StatusResult(ProviderStatus.SENT)
    assert [fields(r)["sms"] for r in wire.requests] == ["1", "2"]
    for answer in (
        word("no_sms"),
        Answer.json({"status": "success", "sms": [{"id": "3", "type": "1"}]}),
        Answer.json({"status": "success", "sms": {}}),
    ):
        wire.answers = [answer]
        assert (await failure(gateway.status("3"))).reason is Reason.INVALID_REQUEST
    assert (await failure(gateway.status("../x"))).reason is Reason.INVALID_REQUEST
    wire.answers = [Answer(200, b"oops")]
    assert not (await failure(gateway.status("3"))).ambiguous


async def test_status_needs_credentials(wire: WireServer) -> None:
    gateway = VoipmsGateway(username="ops@example.org", base_url=wire.url)
    assert (await failure(gateway.status("3"))).reason is Reason.AUTH_FAILED
    assert wire.requests == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("inbound_token", "canary-short"),
        ("previous_inbound_token", "canary of the mine &"),
        ("pop", "canary"),
        ("routing", "canary"),
        ("billing", "canary"),
    ],
)
def test_wrong_options_are_named_not_quoted(key: str, value: str) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        VoipmsGateway(**{**OPTIONS, key: value})
    assert [error.field for error in caught.value.errors] == [key]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5550100002", "+15550100002"),
        ("15550100002", "+15550100002"),
        ("+15550100002", "+15550100002"),
        ("12345", "12345"),
        ("Example", "Example"),
        ("447700900123", "447700900123"),
    ],
)
def test_numbers_without_country(text: str, number: str) -> None:
    assert e164(text) == number
