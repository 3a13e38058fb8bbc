"""The gateway declared in settings: places, answers, errors, and settings that cannot be meant."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest

from enum_backend.gateways import (
    Cost,
    GatewayError,
    GatewayOptionsError,
    HttpGateway,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.gateways.http_finding import Find, Page, at
from tests.unit.gateways.gateway_cases import OTHER_SENDER, TEXT, TO, GatewayCases, sms
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

URL = "https://gw.example.org/send?to={{to}}"
OURS = "+15550100001"


class TestHttpCases(GatewayCases):
    gateway_class = HttpGateway
    options: ClassVar = {
        "url": "https://gw.example.org/canary-path/send",
        "headers": {"Authorization": "Bearer canary-token"},
        "user": "operator",
        "password": "canary-password",
        "body": '{"from": "{{from}}", "to": "{{to}}", "text": "{{text}}", "k": "canary-body"}',
        "from": OURS,
        "success": {"json": "code", "regex": "^0$"},
        "id": "messages.0.id",
        "error_text": {"regex": "(?s).*"},
        "error_texts": {"opted out": "opted_out"},
    }
    secrets = ("canary-token", "canary-password", "canary-body", "canary-path")
    accepted = Answer.json({"code": 0, "messages": [{"id": 7}]})
    malformed = (
        b"",
        b"[]",
        b"{}",
        b'{"code": 0}',
        b'{"code": 10, "messages": [{"id": 7}]}',
        b'{"code": "0", "messages": []}',
        b'{"code": "0", "messages": [{"id": {}}]}',
    )

    def sender_of(self, request: WireRequest) -> str:
        return str(request.json()["from"])

    def test_half_set_options_are_named(self) -> None:
        assert HttpGateway(**{**self.options, "url": ""}).missing() == ["url"]
        assert HttpGateway(**{**self.options, "from": ""}).missing() == ["from"]
        assert HttpGateway(url=URL + "{{text}}").missing() == []


async def sent(wire: WireServer, answer: Answer | None = None, **options: Any) -> SendResult:
    wire.answers = [answer or Answer()]
    message = sms(**options.pop("sms", {}))
    gateway = HttpGateway(**{"base_url": wire.url, "url": URL, "timeout": 5, **options})
    try:
        return await gateway.send(message)
    finally:
        await gateway.close()


NASTY = "a\"b\\c<&>'é€😀 %\n{{id}}+=;"


@pytest.mark.parametrize(
    ("kind", "body", "type_"),
    [
        ("json", '{"t": "{{text}}", "u": ["{{message}}"]}', "application/json"),
        ("form", "t={{text}}&u={{message}}&x=1", "application/x-www-form-urlencoded"),
        ("xml", "<m a='{{text}}'>{{message}}</m>", "application/xml; charset=utf-8"),
        ("text", "T{{text}}U{{message}}", "text/plain; charset=utf-8"),
    ],
)
async def test_each_place_has_its_escapes(
    wire: WireServer, kind: str, body: str, type_: str
) -> None:
    assert await sent(wire, body_type=kind, body=body, sms={"text": NASTY}) == SendResult(
        ProviderStatus.SENT
    )
    request = wire.requests[0]
    assert request.line == "POST /send?to=%2B15550100002 HTTP/1.1"
    assert request.headers["content-type"] == type_
    if kind == "json":
        assert request.json() == {"t": NASTY, "u": [NASTY]}
    elif kind == "form":
        assert parse_qsl(request.body.decode()) == [("t", NASTY), ("u", NASTY), ("x", "1")]
    elif kind == "xml":
        from defusedxml.ElementTree import fromstring

        found = fromstring(request.body)
        assert (found.get("a"), found.text) == (NASTY, NASTY)
    else:
        assert request.body.decode() == f"T{NASTY}U{NASTY}"


async def test_all_placeholders(wire: WireServer) -> None:
    names = ("to", "phone", "to_digits", "from", "from_digits", "text", "message", "id")
    body = json.dumps({name: f"{{{{{name}}}}}" for name in names})
    await sent(wire, body=body, sms={"sender": OTHER_SENDER})
    assert wire.requests[0].json() == {
        **dict.fromkeys(("to", "phone"), TO),
        "to_digits": TO[1:],
        "from": OTHER_SENDER,
        "from_digits": OTHER_SENDER[1:],
        **dict.fromkeys(("text", "message"), TEXT),
        "id": "msg_1",
    }


async def test_get_with_headers_and_basic_authentication(wire: WireServer) -> None:
    url = "https://gw.example.org/?{{phone}}"
    headers = {"X-Text": "<{{text}}>"}
    await sent(wire, url=url, method="GET", headers=headers, user="u", password="p")
    request = wire.requests[0]
    assert request.line == "GET /?%2B15550100002 HTTP/1.1"
    assert request.headers["x-text"] == f"<{TEXT}>"
    assert request.headers["authorization"] == "Basic dTpw"
    assert "content-type" not in request.headers


async def test_own_content_type(wire: WireServer) -> None:
    headers = {"content-TYPE": "application/vnd.example+json"}
    await sent(wire, method="PUT", body='{"t": "{{text}}"}', headers=headers)
    assert wire.requests[0].line.startswith("PUT ")
    assert wire.requests[0].headers["content-type"] == "application/vnd.example+json"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"headers": {"X-T": "{{text}}"}}, {"text": "1\r\nX-Evil: 1"}),
        ({"headers": {"X-T": "{{text}}"}}, {"text": "é"}),
        ({"body_type": "xml", "body": "<a>{{text}}</a>"}, {"text": "\x07"}),
        ({"body_type": "form", "body": "t={{text}}&i={{id}}"}, {"message_id": "\ud800"}),
        ({"body_type": "text", "body": "{{text}}{{id}}"}, {"message_id": "\ud800"}),
    ],
)
async def test_values_that_cannot_stand_there(
    wire: WireServer, options: dict[str, Any], message: dict[str, str]
) -> None:
    url = "https://gw.example.org/{{to}}{{text}}"
    with pytest.raises(GatewayError) as caught:
        await sent(wire, sms=message, **{"url": url, **options})
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert caught.value.detail.startswith("a value holds")
    assert caught.value.__context__ is None
    assert wire.requests == []


async def test_longest_text(wire: WireServer) -> None:
    with pytest.raises(GatewayError, match="longer than 3"):
        await sent(wire, url=URL + "{{text}}", max_characters=3)
    await sent(wire, url=URL + "{{text}}", max_characters=3, sms={"text": "abc"})


BODY = {"body": '{"t": "{{text}}"}'}


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"id": {"header": "X-Id"}}, Answer(headers={"x-id": " a1 "})),
        ({"id": {"regex": r"ID: (\w+)"}}, Answer(body=b"OK\nID: a1\n")),
        ({"id": {"regex": r"\ba\d"}}, Answer(body=b"OK a1")),
        ({"id": {"json": "$.m[0].x-y", "regex": "/(a1)$"}}, Answer.json({"m": [{"x-y": "/a1"}]})),
        ({"id": "m.0"}, Answer.json({"m": ["a1"]})),
        ({"id": "[0].id"}, Answer.json([{"id": "a1"}])),
    ],
)
async def test_ids_anywhere(wire: WireServer, options: dict[str, Any], answer: Answer) -> None:
    result = await sent(wire, answer, **BODY, **options)
    assert result.provider_message_id == "a1"


async def test_parts_and_cost(wire: WireServer) -> None:
    declared = {"id": "id", "segments": "n", "cost": "price", "currency": "EUR"}
    answer = Answer.json({"id": "a1", "n": 2, "price": "-0.015"}, 202)
    inbound = {
        "verify": "none",
        "report": {"id": "id", "status": "s", "statuses": {"x": "sent"}},
    }
    result = await sent(wire, answer, **BODY, **declared, inbound=inbound)
    assert result == SendResult(ProviderStatus.QUEUED, "a1", 2, Cost(Decimal("0.015"), "EUR"))
    for price in ("Infinity", "", [1]):
        answer = Answer.json({"id": "a1", "n": "many", "price": price})
        result = await sent(wire, answer, **BODY, **declared)
        assert result == SendResult(ProviderStatus.SENT, "a1")


ERRORS = {
    "success": {"json": "ok", "regex": "true"},
    "error_code": "error.code",
    "error_text": "error.text",
    "error_codes": {"104": "insufficient_funds"},
    "error_texts": {"(?i)invalid .*number": "invalid_number", "invalid": "invalid_request"},
}


@pytest.mark.parametrize(
    ("status", "error", "reason", "ambiguous"),
    [
        (200, {"code": 104, "text": "invalid"}, Reason.INSUFFICIENT_FUNDS, False),
        (200, {"code": 1, "text": "Invalid Phone Number"}, Reason.INVALID_NUMBER, False),
        (400, {"code": 1, "text": "invalid"}, Reason.INVALID_REQUEST, False),
        (200, {"code": 1, "text": "?"}, Reason.UNKNOWN, True),
        (204, {}, Reason.UNKNOWN, True),
        (403, {"text": ["invalid"]}, Reason.FORBIDDEN, False),
        (504, {}, Reason.UNKNOWN, True),
        (504, {"code": "104"}, Reason.INSUFFICIENT_FUNDS, False),
    ],
)
async def test_errors_by_table(
    wire: WireServer, status: int, error: dict[str, Any], reason: Reason, ambiguous: bool
) -> None:
    with pytest.raises(GatewayError) as caught:
        await sent(wire, Answer.json({"ok": False, "error": error}, status), **BODY, **ERRORS)
    assert (caught.value.reason, caught.value.ambiguous) == (reason, ambiguous)


async def test_code_and_words_of_an_error(wire: WireServer) -> None:
    error = {"code": f"E-{TO[1:]}", "text": f"no {TEXT} to {TO}"}
    answer = Answer.json({"error": error}, 400, **{"X-Reset": "9"})
    with pytest.raises(GatewayError) as caught:
        await sent(wire, answer, **BODY, **ERRORS, retry_after="X-Reset")
    assert caught.value.provider_code == "E-***"
    assert caught.value.detail == "HTTP 400: no *** to ***"
    assert caught.value.retry_after == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "https://gw.example.org/{{to}}"}, "url, headers and body: lack {{to}}"),
        ({"url": "https://gw.example.org/{{text}}"}, "lack {{to}} or {{text}}"),
        ({"url": "ftp://gw.example.org/"}, "url: must start with http"),
        ({"url": URL + "{{txt}}"}, "url: a placeholder is misspelt"),
        ({"body": "{{Text}}", "body_type": "text"}, "misspelt, write {{text}}"),
        ({"body": '{"t": {{text}}}'}, "is no JSON; placeholders stand between"),
        ({"body": "t={{text}}", "body_type": "form", "method": "GET"}, "a GET has none"),
        ({"headers": {"X Y": "1"}}, "header's name"),
        ({"headers": {"X": "a\nb"}}, "X: holds a character"),
        ({"headers": {"X": "{{canary}}"}}, "X: a placeholder is misspelt"),
        ({"success": {}}, "wants json, header or regex"),
        ({"success": {"json": "a", "header": "b"}}, "not both"),
        ({"success": "a..b"}, "write names and indices"),
        ({"success": {"regex": "("}}, "no RE2"),
        ({"success": {"regx": "canary"}}, "unknown option"),
        ({"error_texts": {"(canary": "unknown"}}, "no RE2"),
        ({"error_codes": {"1": "canary"}}, "should be"),
        ({"expected_statuses": []}, "expected_statuses"),
        ({"currency": "euro"}, "currency"),
    ],
)
def test_settings_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GatewayOptionsError) as caught:
        HttpGateway("office", **{"url": URL + "{{text}}", **options})
    assert message in str(caught.value)


def test_paths() -> None:
    value = {"a": [{"b.c": 1, "0": "x"}], "d.e": True}
    assert at(value, "") is value
    assert at(value, "$") is value
    assert at(value, "a.0.0") == "x"
    assert at(value, "a.1") is None
    assert at(value, "a.x") is None
    assert at(value, "a.0.0.z") is None
    assert Find(path="d.e").search(Page(value=value)) == "true"
    assert Find(path="a").search(Page("[" * 100_000)) == ""
    assert Find(path="f").search(Page(value={"f": False})) == "false"
