"""The providers of docs/how-to/http-gateway.md, exactly as the page declares them."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import tomllib
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from enum_backend.gateways import (
    GatewayError,
    HttpGateway,
    ProviderStatus,
    Reason,
    SendResult,
    build_gateway,
)
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.http import HttpWebhook
from enum_backend.settings.loader import load_settings
from enum_backend.settings.shown import shown
from tests.unit.gateways.gateway_cases import TEXT, TO, sms
from tests.unit.gateways.webhook_cases import NOW, PUBLIC_URL
from tests.unit.gateways.wire_server import Answer, WireServer

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "http-gateway.md"
OURS = "+15550100001"


def declared() -> dict[str, dict[str, Any]]:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return {
        name: section
        for block in blocks
        for name, section in tomllib.loads(block)["gateways"].items()
    }


def gateway(name: str, base_url: str = "") -> HttpGateway:
    section = dict(declared()[name])
    made = build_gateway(section.pop("provider"), name, {**section, "base_url": base_url})
    assert isinstance(made, HttpGateway)
    assert made.missing() == []
    return made


async def exchange(name: str, wire: WireServer, answer: Answer) -> SendResult:
    wire.answers = [answer]
    sender = gateway(name, wire.url)
    try:
        return await asyncio.wait_for(sender.send(sms()), 5)
    finally:
        await sender.close()


async def refused(name: str, wire: WireServer, answer: Answer) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await exchange(name, wire, answer)
    return caught.value


def hook(name: str) -> HttpWebhook:
    return HttpWebhook(gateway(name))


def url_of(name: str) -> str:
    return f"{PUBLIC_URL}/sms/webhook/http/{name}"


async def test_first_example(wire: WireServer) -> None:
    answer = Answer.json({"result": {"code": 0, "messages": [{"id": "a1"}]}})
    assert (await exchange("office", wire, answer)).provider_message_id == "a1"
    request = wire.requests[0]
    assert request.line == f"POST /v2/{TO[1:]}/send HTTP/1.1"
    assert request.headers["authorization"] == "Bearer SECRET"
    assert request.json() == {"sender": OURS, "text": TEXT, "reference": "msg_1"}


async def test_sinch(wire: WireServer) -> None:
    result = await exchange("sinch", wire, Answer.json({"id": "01FC66621XXXXX119Z8PMV1QPQ"}, 201))
    assert result == SendResult(ProviderStatus.QUEUED, "01FC66621XXXXX119Z8PMV1QPQ")
    request = wire.requests[0]
    assert request.line == "POST /xms/v1/SERVICE-PLAN/batches HTTP/1.1"
    assert request.headers["authorization"] == "Bearer SINCH-TOKEN"
    assert request.json() == {
        "from": OURS[1:],
        "to": [TO[1:]],
        "body": TEXT,
        "client_reference": "msg_1",
        "delivery_report": "per_recipient",
        "callback_url": url_of("sinch"),
    }
    error = await refused("sinch", wire, Answer.json({"code": "unauthorized", "text": "No"}, 401))
    assert (error.reason, error.provider_code) == (Reason.AUTH_FAILED, "unauthorized")


def sinch_call(data: dict[str, Any]) -> WebhookRequest:
    body = json.dumps(data).encode()
    text = body + f".n1.{int(NOW)}".encode()
    name = "x-sinch-webhook-signature"
    headers = {
        "content-type": "application/json",
        name: b64encode(hmac.digest(b"SINCH-SECRET", text, "sha256")).decode(),
        f"{name}-nonce": "n1",
        f"{name}-timestamp": str(int(NOW)),
    }
    return WebhookRequest("POST", url_of("sinch"), headers, body, NOW)


async def test_sinch_webhooks() -> None:
    webhook = hook("sinch")
    message = {
        "type": "mo_text",
        "id": "01XXXXX21XXXXX119Z8P1XXXXX",
        "from": TO[1:],
        "to": OURS[1:],
        "body": "Hello",
        "received_at": "2026-11-21T04:00:00.000Z",
    }
    request = sinch_call(message)
    await webhook.verify(request)
    assert webhook.parse(request) == [
        InboundSms(
            dedupe_key=message["id"],
            provider_message_id=message["id"],
            sender=TO,
            to=OURS,
            text="Hello",
            sent_at=NOW,
        )
    ]
    report = {
        "type": "recipient_delivery_report_sms",
        "batch_id": "01FC66621XXXXX119Z8PMV1QPQ",
        "client_reference": "msg_1",
        "recipient": TO[1:],
        "code": 0,
        "status": "Delivered",
        "at": "2026-11-21T04:00:00.000Z",
    }
    assert webhook.parse(sinch_call(report)) == [
        DeliveryReport(
            dedupe_key="01FC66621XXXXX119Z8PMV1QPQ:delivered",
            provider_message_id="01FC66621XXXXX119Z8PMV1QPQ",
            status=ProviderStatus.DELIVERED,
            own_id="msg_1",
            provider_code="0",
            occurred_at=NOW,
        )
    ]
    assert webhook.parse(sinch_call({"type": "mo_binary"})) == [Ignored("undeclared")]


async def test_published_sinch_vector() -> None:
    section = dict(declared()["sinch"])
    section["inbound"] = {**section["inbound"], "secret": "foo_secret1234"}
    webhook = HttpWebhook(
        HttpGateway("sinch", **{k: v for k, v in section.items() if k != "provider"})
    )
    name = "x-sinch-webhook-signature"
    headers = {
        name: "hVESN0mAvpvjkVFurDA8rCkStSQNCVXSSO2EJ0WLNDc=",
        f"{name}-nonce": "n1",
        f"{name}-timestamp": "1767225600",
    }
    await webhook.verify(WebhookRequest("POST", url_of("sinch"), headers, b'{"a":1}', 1767225600.0))
    with pytest.raises(Forged):
        await webhook.verify(
            WebhookRequest("POST", url_of("sinch"), headers, b'{"a":2}', 1767225600.0)
        )


def infobip(name: str, group: str) -> Answer:
    status = {"groupName": group, "id": 26, "name": name, "description": "Words"}
    message = {"messageId": "msg_1", "destination": TO[1:], "status": status}
    return Answer.json({"bulkId": "b-1", "messages": [message]})


async def test_infobip(wire: WireServer) -> None:
    result = await exchange("infobip", wire, infobip("PENDING_ACCEPTED", "PENDING"))
    assert result == SendResult(ProviderStatus.QUEUED, "msg_1")
    request = wire.requests[0]
    assert request.line == "POST /sms/3/messages HTTP/1.1"
    assert request.headers["authorization"] == "App INFOBIP-KEY"
    assert request.json() == {
        "messages": [
            {
                "sender": OURS[1:],
                "destinations": [{"to": TO[1:], "messageId": "msg_1"}],
                "content": {"text": TEXT},
                "webhooks": {
                    "delivery": {"url": url_of("infobip")},
                    "contentType": "application/json",
                },
            }
        ]
    }
    error = await refused("infobip", wire, infobip("REJECTED_NOT_ENOUGH_CREDITS", "REJECTED"))
    assert (error.reason, error.ambiguous) == (Reason.INSUFFICIENT_FUNDS, False)
    problem = {"errorCode": "E401", "description": "Unauthorized"}
    error = await refused("infobip", wire, Answer.json(problem, 401))
    assert error.reason is Reason.AUTH_FAILED


async def test_infobip_webhooks() -> None:
    webhook = hook("infobip")

    def call(*results: dict[str, Any]) -> WebhookRequest:
        user = b64encode(b"infobip:INFOBIP-PASSWORD").decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {user}"}
        body = json.dumps({"results": results, "messageCount": len(results)}).encode()
        return WebhookRequest("POST", url_of("infobip"), headers, body, NOW)

    message = {
        "messageId": "m-1",
        "from": TO[1:],
        "to": OURS[1:],
        "text": "KEY Hello",
        "cleanText": "Hello",
        "keyword": "KEY",
        "receivedAt": "2026-11-21T04:00:00.000+0000",
        "smsCount": 1,
    }
    await webhook.verify(call(message))
    expected = InboundSms(
        dedupe_key="m-1",
        provider_message_id="m-1",
        sender=TO,
        to=OURS,
        text="KEY Hello",
        sent_at=NOW,
        segments=1,
    )
    assert webhook.parse(call(message)) == [expected]
    report = {
        "messageId": "msg_1",
        "to": TO[1:],
        "doneAt": "2026-11-21T04:00:00.000+0000",
        "messageCount": 1,
        "status": {"groupName": "UNDELIVERABLE", "id": 9, "name": "UNDELIVERABLE_NOT_DELIVERED"},
        "error": {"groupName": "HANDSET_ERRORS", "id": 27, "name": "EC_ABSENT_SUBSCRIBER"},
    }
    assert webhook.parse(call(message, report)) == [
        expected,
        DeliveryReport(
            dedupe_key="msg_1:undeliverable",
            provider_message_id="msg_1",
            status=ProviderStatus.UNDELIVERED,
            own_id="msg_1",
            reason=Reason.UNREACHABLE,
            provider_code="EC_ABSENT_SUBSCRIBER",
            occurred_at=NOW,
        ),
    ]


async def test_messagebird(wire: WireServer) -> None:
    reply = {
        "id": "e8077d803532c0b5937c639b60216938",
        "recipients": {"totalCount": 1, "items": [{"status": "sent", "messagePartCount": 1}]},
    }
    result = await exchange("messagebird", wire, Answer.json(reply, 201))
    assert result == SendResult(ProviderStatus.QUEUED, "e8077d803532c0b5937c639b60216938", 1)
    request = wire.requests[0]
    assert request.line == "POST /messages HTTP/1.1"
    assert request.headers["authorization"] == "AccessKey MESSAGEBIRD-KEY"
    assert dict(parse_qsl(request.body.decode())) == {
        "originator": OURS[1:],
        "recipients": TO[1:],
        "body": TEXT,
        "reference": "msg_1",
        "datacoding": "auto",
        "reportUrl": f"{url_of('messagebird')}?key=REPORT-TOKEN",
    }
    for code, words, reason in (
        (25, "Not enough balance", Reason.INSUFFICIENT_FUNDS),
        (10, "recipient is invalid", Reason.INVALID_NUMBER),
        (10, "type is invalid", Reason.INVALID_REQUEST),
    ):
        answer = Answer.json({"errors": [{"code": code, "description": words}]}, 422)
        error = await refused("messagebird", wire, answer)
        assert (error.reason, error.provider_code) == (reason, str(code))


async def test_messagebird_reports() -> None:
    webhook = hook("messagebird")
    fields = {
        "id": "e8077d803532c0b5937c639b60216938",
        "reference": "msg_1",
        "recipient": TO[1:],
        "status": "delivered",
        "statusDatetime": "2026-11-21T04:00:00+00:00",
    }

    def call(token: str) -> WebhookRequest:
        query = urlencode({"key": token, **fields})
        return WebhookRequest("GET", f"{url_of('messagebird')}?{query}", {}, b"", NOW)

    await webhook.verify(call("REPORT-TOKEN"))
    with pytest.raises(Forged):
        await webhook.verify(call("x"))
    assert webhook.parse(call("REPORT-TOKEN")) == [
        DeliveryReport(
            dedupe_key=f"{fields['id']}:delivered",
            provider_message_id=fields["id"],
            status=ProviderStatus.DELIVERED,
            own_id="msg_1",
            occurred_at=NOW,
        )
    ]
    assert webhook.answer([]) == WebhookAnswer(200, "OK", "text/plain")


@pytest.mark.parametrize("name", sorted(declared()))
def test_no_secret_of_an_example_is_ever_shown(name: str, tmp_path: Path) -> None:
    made = gateway(name)
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)))
    lines = shown(load_settings(path, environment={}))
    seen = "\n".join(str(line) for line in lines if line.path.startswith(f"gateways.{name}."))
    assert f"gateways.{name}.provider" in seen
    for text in (seen, repr(made), repr(made.options)):
        assert not re.search("SECRET|SINCH-TOKEN|INFOBIP-|MESSAGEBIRD-KEY|REPORT-TOKEN", text)
