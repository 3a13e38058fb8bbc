"""Opt-outs, keywords, alerts and explain against a running server."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enum_backend.clock import now_ms
from enum_backend.messaging.policy import alerts
from enum_backend.testing import RunningServer, running_server

OURS, OTHER, HANDSET = "+15550100001", "+15550100002", "+14155550134"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

Client = aiohttp.ClientSession


@pytest.fixture
async def server(storage_settings: dict[str, Any]) -> AsyncIterator[RunningServer]:
    gateway = {"provider": "telnyx", "api_key": "KEYtest", "public_key": PUBLIC, "price": "0.01"}
    settings = {
        **storage_settings,
        "gateways": {"one": gateway | {"from": OURS}, "two": gateway | {"from": OTHER}},
        "keywords": {"help_text": "Acme Ltd, help@example.com"},
        "policy": {"countries": ["US", "GB"]},
    }
    async with running_server({}, settings=settings) as running:
        yield running


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(server.http_url, headers=server.headers) as session:
        yield session


async def asked(http: Client, method: str, path: str, **options: Any) -> tuple[int, Any]:
    async with http.request(method, path, **options) as response:
        return response.status, await response.json()


async def send(http: Client, **changes: Any) -> tuple[int, Any]:
    body = {"to": HANDSET, "message": "Hello", **changes}
    return await asked(http, "POST", "/sms/send", json=body)


_ids = iter(range(10_000))


async def writes(http: Client, text: str, to: str = OURS, **payload: Any) -> None:
    """The handset writes to one of our numbers."""
    message = {
        "id": f"m-{next(_ids)}",
        "direction": "inbound",
        "type": "SMS",
        "from": {"phone_number": HANDSET},
        "to": [{"phone_number": to}],
        "text": text,
        "parts": 1,
        **payload,
    }
    event = {"event_type": "message.received", "id": f"e-{message['id']}", "payload": message}
    body = json.dumps({"data": {**event, "record_type": "event"}}).encode()
    stamp = str(int(time.time()))
    signature = KEY.sign(f"{stamp}|".encode() + body)
    headers = {
        "telnyx-timestamp": stamp,
        "telnyx-signature-ed25519": base64.b64encode(signature).decode(),
    }
    name = "one" if to == OURS else "two"
    async with http.post(f"/sms/webhook/telnyx/{name}", data=body, headers=headers) as response:
        assert response.status == 200


async def entries(http: Client, **query: str) -> list[tuple[str, str]]:
    status, body = await asked(http, "GET", "/opt-outs", params=query)
    assert status == 200
    return [(item["sender"], item["source"]) for item in body["opt_outs"]]


async def test_stop_from_the_handset(server: RunningServer, http: Client) -> None:
    assert (await send(http))[0] == 200
    await writes(http, "Stop!")
    status, body = await send(http)
    assert (status, body["error_code"]) == (403, "OPTED_OUT")
    assert HANDSET not in json.dumps(body)
    assert await entries(http) == [(OURS, "keyword")]
    assert (await send(http, **{"from": OTHER}))[0] == 200
    status, body = await asked(http, "GET", f"/enum/{HANDSET}/explain")
    assert body["refusals"][0]["error_code"] == "OPTED_OUT"
    await writes(http, "STOP")
    await writes(http, "STOP 12345", to=OTHER)
    sent = await server.wait_for_messages(3)
    answers = [item for item in sent if "unsubscribed" in item.text]
    assert [(item.to, item.sender) for item in answers] == [(HANDSET, OURS)]
    await writes(http, "START")
    sent = await server.wait_for_messages(4)
    assert sent[-1].text.startswith("You are subscribed again")
    assert (await send(http))[0] == 200
    assert await entries(http) == []


async def test_help_once(server: RunningServer, http: Client) -> None:
    await writes(http, "HELP")
    await writes(http, "help")
    (answer, *_) = await server.wait_for_messages(1)
    assert (answer.text, answer.sender) == ("Acme Ltd, help@example.com", OURS)
    await writes(http, "STOP")
    sent = await server.wait_for_messages(2)
    assert [item.text[:4] for item in sent] == ["Acme", "You "]


async def test_the_provider_has_answered_already(server: RunningServer, http: Client) -> None:
    await writes(http, "whatever", autoresponse_type="STOP")
    assert await entries(http) == [(OURS, "provider")]
    assert (await send(http))[0] == 403
    assert server.messages == []


async def test_by_hand(http: Client) -> None:
    body = {"recipient": "(415) 555-0134"}
    assert await asked(http, "POST", "/opt-outs", json=body) == (
        200,
        {"success": True, "changed": True},
    )
    assert (await asked(http, "POST", "/opt-outs", json=body))[1]["changed"] is False
    for sender in (OURS, OTHER):
        assert (await send(http, **{"from": sender}))[0] == 403
    status, listed = await asked(http, "GET", "/opt-outs", params={"recipient": HANDSET})
    assert status == 200
    assert listed["next"] is None
    (entry,) = listed["opt_outs"]
    assert entry.pop("created_at").endswith("Z")
    assert entry == {
        "tenant": "default",
        "sender": "*",
        "recipient": HANDSET,
        "source": "manual",
    }
    gone = {"recipient": HANDSET}
    assert (await asked(http, "DELETE", "/opt-outs", params=gone))[0] == 200
    status, body = await asked(http, "DELETE", "/opt-outs", params=gone)
    assert (status, body["error_code"]) == (404, "NOT_FOUND")
    assert (await send(http))[0] == 200


async def test_pages(http: Client) -> None:
    for last in range(3):
        body = {"recipient": f"+1415555013{last}", "sender": OURS}
        await asked(http, "POST", "/opt-outs", json=body)
    _, first = await asked(http, "GET", "/opt-outs", params={"limit": 2})
    _, second = await asked(http, "GET", "/opt-outs", params={"limit": 2, "after": first["next"]})
    seen = [item["recipient"][-1] for page in (first, second) for item in page["opt_outs"]]
    assert (seen, second["next"]) == (["0", "1", "2"], None)


async def test_tenants_do_not_see_each_other(server: RunningServer, http: Client) -> None:
    await asked(http, "POST", "/opt-outs", json={"recipient": HANDSET})
    services = server.services
    tenant = {"tenant": "default"}
    _, token = await services.keys.create("reader", ("sms:send",), "default")
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server.http_url, headers=headers) as plain:
        assert await entries(plain, **tenant) == [("*", "manual")]
        for method, options in (
            ("GET", {"params": {"tenant": "acme"}}),
            ("POST", {"json": {"recipient": HANDSET, "tenant": "acme"}}),
            ("DELETE", {"params": {"recipient": HANDSET, "tenant": "*"}}),
        ):
            status, body = await asked(plain, method, "/opt-outs", **options)
            assert (status, body["error_code"]) == (403, "FORBIDDEN")
        assert (await asked(plain, "GET", "/alerts"))[0] == 403
    assert await entries(http, tenant="acme") == []
    assert (await asked(http, "POST", "/opt-outs", json={"recipient": HANDSET, "tenant": "acme"}))[
        0
    ] == 200
    assert await entries(http, tenant="acme") == [("*", "manual")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recipient": "12"}, "recipient"),
        ({"recipient": HANDSET, "sender": "12"}, "sender"),
        ({"recipient": HANDSET, "sender": "x" * 33}, "sender"),
        ({}, "recipient"),
        ({"recipient": HANDSET, "reason": "x"}, "reason"),
    ],
)
async def test_wrong_bodies_name_the_field(http: Client, body: Any, field: str) -> None:
    status, answer = await asked(http, "POST", "/opt-outs", json=body)
    assert status == 422
    assert [item["field"] for item in answer["errors"]] == [field]


async def test_countries(http: Client) -> None:
    status, body = await send(http, to="+4915112345678")
    assert (status, body["error_code"]) == (403, "FORBIDDEN")
    assert body["detail"] == "Messages to numbers of DE are not allowed here."
    assert (await send(http, to="+447700900123"))[0] == 200


async def test_transliteration_is_in_the_send_answer(server: RunningServer, http: Client) -> None:
    fancy = "“Hello” – it’s me…"
    assert (await send(http, message=fancy))[1]["encoding"] == "UCS-2"
    status, body = await send(http, message=fancy, transliterate=True)
    assert (status, body["encoding"], body["segments"]) == (200, "GSM-7", 1)
    sent = await server.wait_for_messages(2)
    assert {item.text for item in sent} == {fancy, '"Hello" - it\'s me...'}


async def test_explain_shows_text_chain_and_policy(http: Client) -> None:
    query = {"message": "“Hi”", "code": "true", "transliterate": "true"}
    status, body = await asked(http, "GET", "/enum/+4915112345678/explain", params=query)
    assert status == 200
    assert (body["chain"], body["senders"]) == (["one", "two"], {"one": OURS, "two": OTHER})
    assert (body["encoding"], body["units"], body["forcing_ucs2"]) == ("GSM-7", 4, ["“", "”"])
    assert body["transliterated"] == {
        "message": '"Hi"',
        "replaced": [{"character": "“", "plain": '"'}, {"character": "”", "plain": '"'}],
        "encoding": "GSM-7",
        "segments": 1,
        "applied": True,
    }
    assert body["estimated_cost"] == {"amount": "0.0100", "currency": "USD"}
    assert body["refusals"] == [
        {
            "error_code": "FORBIDDEN",
            "detail": "Messages to numbers of DE are not allowed here.",
        }
    ]
    _, body = await asked(http, "GET", f"/enum/{HANDSET}/explain")
    assert (body["transliterated"], body["forcing_ucs2"], body["refusals"]) == (None, [], [])


async def test_alerts(server: RunningServer, http: Client) -> None:
    limit = Decimal("50.00")
    await server.services.database.write(
        lambda c: alerts.crossed(c, "all", Decimal("41.5"), limit, now_ms())
    )
    status, body = await asked(http, "GET", "/alerts", params={"limit": 1})
    assert status == 200
    (first,) = body["alerts"]
    assert first.pop("raised_at").endswith("Z")
    assert first == {
        "scope": "all",
        "level": 80,
        "used": "41.5000",
        "limit": "50.0000",
        "told": [],
    }
    _, more = await asked(http, "GET", "/alerts", params={"before": body["next"]})
    assert ([item["level"] for item in more["alerts"]], more["next"]) == ([50], None)
