"""SMSGate on Android phones: request, reply, tables, own ids, tokens, settings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import (
    AndroidGateway,
    GatewayOptionsError,
    ProviderStatus,
    Reason,
    StatusResult,
)
from enum_backend.gateways.android_cipher import encrypt
from enum_backend.gateways.android_errors import STATUSES
from enum_backend.gateways.inventory.android import AndroidBalance
from tests.unit.gateways.android_kit import (
    ACCEPTED,
    CARDS,
    FROM,
    LOGIN,
    NO_HOOKS,
    NO_SUCH,
    failure,
    message,
    two,
)
from tests.unit.gateways.gateway_cases import OTHER_SENDER, TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer


def failed(error: str) -> dict[str, Any]:
    return message("Failed", recipients=["x", {}, {"phoneNumber": TO, "error": error}])


class TestAndroidCases(GatewayCases):
    gateway_class = AndroidGateway
    options: ClassVar = {**LOGIN, "phones": [{"device_id": "d", "sims": CARDS}]}
    secrets = ("canary-pass",)
    accepted = ACCEPTED
    malformed = (b"", b"<html>", b"[]", b'{"id": 7}', b'{"id": ""}', b"[" * 100_000)

    def sender_of(self, request: WireRequest) -> str:
        numbers = {card["slot"]: card["number"] for card in CARDS}
        return numbers[request.json()["simNumber"]]


@pytest.fixture
async def gateway(wire: WireServer) -> AsyncIterator[AndroidGateway]:
    gateway = AndroidGateway("office", **LOGIN, base_url=wire.url, timeout=5)
    yield gateway
    await gateway.close()


async def test_request(wire: WireServer, gateway: AndroidGateway) -> None:
    wire.answers = [ACCEPTED]
    result = await gateway.send(sms(text="Hällo €"))
    assert (result.status, result.provider_message_id) == (ProviderStatus.QUEUED, "msg_1")
    (request,) = wire.requests
    assert request.line == "POST /3rdparty/v1/messages?skipPhoneValidation=true HTTP/1.1"
    assert request.headers["authorization"] == "Basic c21zOmNhbmFyeS1wYXNz"
    assert request.json() == {
        "id": "msg_1",
        "textMessage": {"text": "Hällo €"},
        "phoneNumbers": [TO],
        "withDeliveryReport": True,
        "isEncrypted": False,
        "priority": 0,
        "ttl": 86400,
    }


async def test_every_option_of_a_request(wire: WireServer) -> None:
    wire.answers = [ACCEPTED]
    gateway = AndroidGateway(
        **LOGIN,
        url="http://192.0.2.1:8080/api/3rdparty/v1/",
        base_url=wire.url,
        device_id="dev-1",
        priority=100,
        ttl=0,
        skip_phone_validation=False,
        device_active_within=12,
    )
    await gateway.send(sms())
    await gateway.close()
    (request,) = wire.requests
    assert request.line == "POST /api/3rdparty/v1/messages?deviceActiveWithin=12 HTTP/1.1"
    body = request.json()
    assert (body["deviceId"], body["priority"]) == ("dev-1", 100)
    assert "ttl" not in body
    assert "simNumber" not in body


async def test_own_id_of_foreign_ids(wire: WireServer, gateway: AndroidGateway) -> None:
    wire.answers = [ACCEPTED]
    for message_id in ("é", "é", "x" * 37, "msg_" + "a" * 32):
        await gateway.send(sms(message_id=message_id))
    first, again, long, plain = (request.json()["id"] for request in wire.requests)
    assert first == again != long
    assert plain == "msg_" + "a" * 32
    assert {len(first), len(long)} == {36}


async def test_encryption(wire: WireServer) -> None:
    wire.answers = [ACCEPTED]
    gateway = AndroidGateway(**LOGIN, base_url=wire.url, passphrase="canary-phrase")
    await gateway.send(sms())
    await gateway.close()
    body = wire.requests[0].json()
    assert body["isEncrypted"] is True
    for secret in (body["textMessage"]["text"], body["phoneNumbers"][0]):
        assert secret.startswith("$aes-256-cbc/pbkdf2-sha1$i=75000$")
    assert b"canary" not in wire.requests[0].body


@pytest.mark.parametrize("text", ["", "a", "ä" * 8, "x" * 16, "😀" * 99])
def test_official_sdk_decrypts(text: str) -> None:
    pytest.importorskip("Crypto", reason="the official SDK decrypts with pycryptodome")
    sdk = pytest.importorskip("android_sms_gateway.encryption", reason="the official SDK decrypts")
    assert sdk.Encryptor("canary-phrase").decrypt(encrypt("canary-phrase", text)) == text


@pytest.mark.parametrize(("word", "status"), sorted(STATUSES.items()))
async def test_status_words(
    wire: WireServer, gateway: AndroidGateway, word: str, status: ProviderStatus
) -> None:
    wire.answers = [Answer.json(message(word))]
    reason = Reason.UNKNOWN if status is ProviderStatus.FAILED else None
    assert await gateway.status("a/b") == StatusResult(status, reason)
    assert wire.requests[0].line == "GET /3rdparty/v1/messages/a%2Fb HTTP/1.1"


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        ("Send result: RESULT_ERROR_GENERIC_FAILURE", Reason.UNKNOWN, 1),
        ("RESULT_ERROR_LIMIT_EXCEEDED", Reason.RATE_LIMITED, 1),
        ("RESULT_ERROR_NO_SERVICE", Reason.TEMPORARY_UNAVAILABLE, 1),
        ("RESULT_ERROR_RADIO_OFF", Reason.TEMPORARY_UNAVAILABLE, 1),
        ("RESULT_MODEM_ERROR", Reason.TEMPORARY_UNAVAILABLE, 1),
        ("RESULT_NETWORK_REJECT", Reason.TEMPORARY_UNAVAILABLE, 1),
        ("RESULT_ERROR_SHORT_CODE_NOT_ALLOWED", Reason.FORBIDDEN, 1),
        ("RESULT_ERROR_FDN_CHECK_FAILURE", Reason.FORBIDDEN, 1),
        ("TTL expired", Reason.EXPIRED, 0),
        ("Invalid phone number 15550100", Reason.INVALID_NUMBER, 0),
        ("No SIMs found", Reason.TEMPORARY_UNAVAILABLE, 0),
        ("oops", Reason.UNKNOWN, 0),
    ],
)
async def test_failures(
    wire: WireServer, gateway: AndroidGateway, error: str, reason: Reason, code: int
) -> None:
    wire.answers = [Answer.json(failed(error))]
    word = error.split()[-1] if code else None
    result = await gateway.status("msg_1")
    assert result == StatusResult(ProviderStatus.FAILED, reason, word)
    wire.answers = [Answer.json(failed(error), 202)]
    refused = await failure(gateway.send(sms()))
    assert (refused.reason, refused.ambiguous) == (reason, False)
    assert refused.provider_code == word or (refused.provider_code, word) == ("Failed", None)


@pytest.mark.parametrize(
    ("status", "body", "reason", "code"),
    [
        (400, {"message": "invalid phone number in row 1: 15550"}, Reason.INVALID_NUMBER, "400"),
        (400, {"message": "not mobile phone number"}, Reason.INVALID_NUMBER, "400"),
        (400, {"message": "no devices registered"}, Reason.INVALID_REQUEST, "400"),
        (400, {"message": 7, "error": "not a code!"}, Reason.INVALID_REQUEST, "400"),
        (401, {}, Reason.AUTH_FAILED, "401"),
        (403, {"message": "no scope"}, Reason.FORBIDDEN, "403"),
        (409, {"message": "exists"}, Reason.DUPLICATE, "409"),
        (500, {"message": "oops"}, Reason.TEMPORARY_UNAVAILABLE, "500"),
        (503, {"error": "QueueLimitExceeded"}, Reason.TEMPORARY_UNAVAILABLE, "QueueLimitExceeded"),
    ],
)
async def test_refusals(
    wire: WireServer,
    gateway: AndroidGateway,
    status: int,
    body: dict[str, Any],
    reason: Reason,
    code: str,
) -> None:
    wire.answers = [Answer.json(body, status)]
    error = await failure(gateway.send(sms()))
    assert (error.reason, error.provider_code, error.ambiguous) == (reason, code, False)
    assert len(wire.requests) == 1


async def test_details_are_cleaned(wire: WireServer, gateway: AndroidGateway) -> None:
    text = f"canary-pass may not send 'canary text & 98765' to {TO}"
    wire.answers = [Answer.json({"message": text}, 400)]
    error = await failure(gateway.send(sms()))
    assert error.detail == "HTTP 400: *** may not send '***' to ***"


async def test_word_not_known(wire: WireServer, gateway: AndroidGateway) -> None:
    wire.answers = [Answer.json(message("Pondering"), 202)]
    assert (await gateway.send(sms())).status is ProviderStatus.QUEUED
    wire.answers = [Answer.json(message("Pondering"))]
    assert (await failure(gateway.status("msg_1"))).reason is Reason.UNKNOWN
    wire.answers = [Answer.json({"message": "no"}, 403)]
    assert (await failure(gateway.find("msg_1"))).reason is Reason.FORBIDDEN


# Looking up.


async def test_find_asks_all_phones(wire: WireServer, second_wire: WireServer) -> None:
    wire.answers, second_wire.answers = [NO_SUCH, NO_HOOKS], [Answer.json(message("Delivered"))]
    gateway = two(wire, second_wire)
    assert await gateway.find("msg_1") == StatusResult(ProviderStatus.DELIVERED)
    second_wire.answers = [NO_SUCH, NO_HOOKS]
    wire.answers = [NO_SUCH, NO_HOOKS]
    assert await gateway.find("msg_1") is None
    wire.answers, second_wire.answers = [NO_SUCH, NO_HOOKS], [NO_SUCH, NO_HOOKS]
    assert (await failure(gateway.status("msg_1"))).reason is Reason.INVALID_REQUEST
    await gateway.close()


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(action="hang up")],
        [Answer(500)],
        [NO_SUCH, Answer(404)],
        [NO_SUCH, Answer(200, b"<html>")],
        [NO_SUCH, Answer.json({})],
        [NO_SUCH, Answer(action="reset")],
    ],
)
async def test_find_is_never_sure_of_a_phone_that_does_not_answer(
    wire: WireServer, second_wire: WireServer, answers: list[Answer]
) -> None:
    wire.answers, second_wire.answers = list(answers), [NO_SUCH, NO_HOOKS]
    gateway = two(wire, second_wire)
    assert not (await failure(gateway.find("msg_1"))).ambiguous
    await gateway.close()


async def test_phones_of_one_account_are_asked_once(wire: WireServer) -> None:
    wire.answers = [NO_SUCH, NO_HOOKS]
    phones = [{"device_id": "a"}, {"device_id": "b"}]
    gateway = AndroidGateway(**LOGIN, base_url=wire.url, phones=phones)
    assert await gateway.find("msg_1") is None
    await gateway.close()
    assert len(wire.requests) == 2


# Tokens.

TOKEN = Answer.json({"access_token": "jwt-1", "token_type": "Bearer"}, 201)


def jwt(wire: WireServer) -> AndroidGateway:
    return AndroidGateway(**LOGIN, auth="jwt", base_url=wire.url, timeout=5)


async def test_token(wire: WireServer) -> None:
    wire.answers = [TOKEN, ACCEPTED]
    gateway = jwt(wire)
    sent = [gateway.send(sms(message_id=f"msg_{n}")) for n in range(3)]
    await asyncio.gather(*sent)
    await gateway.close()
    token, *messages = wire.requests
    assert token.line == "POST /3rdparty/v1/auth/token HTTP/1.1"
    assert token.headers["authorization"].startswith("Basic ")
    assert token.json()["ttl"] == 3600
    assert "messages:send" in token.json()["scopes"]
    assert {r.headers["authorization"] for r in messages} == {"Bearer jwt-1"}
    assert len(messages) == 3


async def test_refused_token_is_renewed_once(wire: WireServer) -> None:
    second = Answer.json({"access_token": "jwt-2"}, 201)
    wire.answers = [TOKEN, Answer(401), second, ACCEPTED, Answer(401), second, Answer(401)]
    gateway = jwt(wire)
    assert await gateway.send(sms())
    assert wire.requests[-1].headers["authorization"] == "Bearer jwt-2"
    error = await failure(gateway.send(sms(message_id="msg_2")))
    await gateway.close()
    assert (error.reason, len(wire.requests)) == (Reason.AUTH_FAILED, 7)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(401), Reason.AUTH_FAILED),
        (Answer(501), Reason.AUTH_FAILED),
        (Answer(404), Reason.AUTH_FAILED),
        (Answer(500), Reason.TEMPORARY_UNAVAILABLE),
        (Answer(201, b"{}"), Reason.TEMPORARY_UNAVAILABLE),
        (Answer.json({"access_token": "a\r\nb"}, 201), Reason.TEMPORARY_UNAVAILABLE),
        (Answer(action="hang up"), Reason.TEMPORARY_UNAVAILABLE),
    ],
)
async def test_no_token(wire: WireServer, answer: Answer, reason: Reason) -> None:
    wire.answers = [answer]
    gateway = jwt(wire)
    error = await failure(gateway.send(sms()))
    await gateway.close()
    assert (error.reason, error.ambiguous, len(wire.requests)) == (reason, False, 1)
    assert answer.status != 501 or "basic" in error.detail


# Settings.


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"url": "canary"}, "url"),
        ({"url": "https://u:canary@192.0.2.1/"}, "url"),
        ({"url": "https://192.0.2.1/?canary"}, "url"),
        ({"username": "a:canary"}, "username"),
        ({"device_id": "canary" * 4}, "device_id"),
        ({"ttl": 3}, "ttl"),
        ({"ttl": -1}, "ttl"),
        ({"phones": [{"number": "555canary"}]}, "phones.0.number"),
        ({"phones": [{"passwort": "canary"}]}, "phones.0.passwort"),
        ({"phones": [{"sims": [4]}]}, "phones.0.sims.0.slot"),
        ({"phones": [{"sims": [1, 1]}]}, "phones.0"),
        ({"phones": [{"device_id": "canary"}, {"device_id": "canary"}]}, ""),
        ({"phones": [{"number": FROM}, {"number": FROM}]}, ""),
        ({"phones": [{"number": FROM}], "from": OTHER_SENDER}, ""),
    ],
)
def test_wrong_options_are_named_not_quoted(options: dict[str, Any], field: str) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        AndroidGateway(**options)
    assert [error.field for error in caught.value.errors] == [field]
    assert "canary" not in str(caught.value)


def test_phones_take_what_they_lack_from_the_gateway() -> None:
    phones = [{"username": "a", "password": "x\n"}, {"device_id": "b"}]
    assert AndroidGateway(phones=phones).missing() == ["username", "password"]
    assert AndroidGateway(phones=phones[:1]).missing() == []
    gateway = AndroidGateway(**LOGIN, phones=phones)
    first, second = gateway.options.all_phones()
    assert (first.username, first.password.get_secret_value()) == ("a", "x")
    assert (second.username, second.password.get_secret_value()) == ("sms", "canary-pass")
    assert gateway.missing() == []
    assert gateway.has_account("b")
    assert not gateway.has_account("")
    assert not gateway.has_account("c")


def test_numbers_of_the_sims_are_the_gateways() -> None:
    phones = [{"number": FROM, "sims": [1, {"slot": 2, "number": OTHER_SENDER}]}]
    gateway = AndroidGateway(**LOGIN, phones=phones)
    assert gateway.options.numbers == (FROM, OTHER_SENDER)
    assert gateway.owns(FROM)
    assert gateway.owns(OTHER_SENDER)


# Credentials checked without sending.


async def test_check(wire: WireServer, second_wire: WireServer) -> None:
    gateway = two(wire, second_wire)
    wire.answers, second_wire.answers = [NO_HOOKS], [NO_HOOKS]
    assert await AndroidBalance(gateway).check() is None
    second_wire.answers = [Answer(401)]
    assert (await failure(AndroidBalance(gateway).check())).reason is Reason.AUTH_FAILED
    await gateway.close()
    lacking = await failure(AndroidBalance(AndroidGateway()).check())
    assert (lacking.reason, lacking.detail) == (
        Reason.AUTH_FAILED,
        "settings lack username, password",
    )


async def test_official_sdk_sends_the_same(wire: WireServer) -> None:
    sdk = pytest.importorskip("android_sms_gateway", reason="the official SDK is compared with")
    pytest.importorskip("requests", reason="the SDK's client")
    answer = Answer(
        202,
        json.dumps(message(isHashed=False, isEncrypted=False)).encode(),
        {"Content-Type": "application/json"},
    )
    wire.answers = [answer]

    def theirs() -> None:
        login, password = LOGIN["username"], LOGIN["password"]
        base = f"{wire.url}/3rdparty/v1"
        with sdk.APIClient(login, password, base_url=base) as client:
            client.send(
                sdk.Message(
                    phone_numbers=[TO],
                    text_message=sdk.domain.TextMessage(text="Hällo €"),
                    id="msg_1",
                    device_id="d",
                    sim_number=1,
                    ttl=86400,
                ),
                skip_phone_validation=True,
            )

    await asyncio.wait_for(asyncio.to_thread(theirs), 20)
    phones = [{"device_id": "d", "sims": [1]}]
    gateway = AndroidGateway(**LOGIN, base_url=wire.url, phones=phones)
    await gateway.send(sms(text="Hällo €"))
    await gateway.close()
    their, our = wire.requests
    assert our.line == their.line
    assert our.json() == their.json()
    for name in ("authorization", "content-type"):
        assert our.headers[name] == their.headers[name]
