"""Providers' calls to a running server: proven, stored once, and never about another's numbers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from enum_backend.errors import DatabaseUnavailable
from enum_backend.gateways.base import ProviderStatus
from enum_backend.gateways.webhooks.base import DeliveryReport
from enum_backend.messaging import reports
from enum_backend.storage.tables import attempts, inbox, outbox
from enum_backend.testing import RunningServer, running_server

FIRST, SECOND = "+15550100001", "+15550100002"
PATH = "/sms/webhook/telnyx"
KEYS = {name: Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n, name in enumerate("ab")}


def public_key(name: str) -> str:
    raw = KEYS[name].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def signed(body: bytes, name: str = "a", at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    signature = KEYS[name].sign(f"{stamp}|".encode() + body)
    return {
        "telnyx-timestamp": stamp,
        "telnyx-signature-ed25519": base64.b64encode(signature).decode(),
    }


def received(message_id: str = "m-1", to: str = FIRST, text: str = "canary text 5531") -> bytes:
    payload = {
        "id": message_id,
        "direction": "inbound",
        "type": "SMS",
        "from": {"phone_number": "+15557654321"},
        "to": [{"phone_number": to}],
        "text": text,
        "parts": 1,
    }
    event = {"event_type": "message.received", "id": f"e-{message_id}", "payload": payload}
    return json.dumps({"data": {**event, "record_type": "event"}}).encode()


def finalized(message_id: str, status: str, event_id: str = "e-9") -> bytes:
    payload = {
        "id": message_id,
        "direction": "outbound",
        "from": {"phone_number": FIRST},
        "to": [{"phone_number": "+15557654321", "status": status}],
        "errors": [],
    }
    event = {"event_type": "message.finalized", "id": event_id, "payload": payload}
    return json.dumps({"data": {**event, "record_type": "event"}}).encode()


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    gateways = {
        "telnyx": {"api_key": "KEY1", "from": FIRST, "public_key": public_key("a")},
        "other": {
            "provider": "telnyx",
            "api_key": "KEY2",
            "from": SECOND,
            "public_key": public_key("b"),
        },
        "keyless": {"provider": "telnyx", "api_key": "KEY3", "from": "+15550100003"},
    }
    async with running_server({}, settings={"gateways": gateways}) as running:
        yield running


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.http_url) as session:
        yield session


async def stored(server: RunningServer) -> list[Any]:
    return await server.services.database.read(
        lambda c: list(c.execute(select(inbox).order_by(inbox.c.id)))
    )


async def post(
    client: aiohttp.ClientSession, body: bytes, headers: dict[str, str], path: str = PATH
) -> tuple[int, str]:
    headers = {"Content-Type": "application/json", **headers}
    async with client.post(path, data=body, headers=headers) as response:
        return response.status, await response.text()


async def test_a_proven_message_is_stored_once(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    body = received()
    for path in (PATH, PATH, f"{PATH}/telnyx"):
        status, _ = await post(client, body, signed(body), path)
        assert status == 200
    (row,) = await stored(server)
    assert (row.gateway, row.sender, row.to_number) == ("telnyx", "+15557654321", FIRST)
    assert row.foreign_number is False
    assert b"canary text" not in row.body


async def test_the_gateway_is_found_by_proof(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    body = received(to=SECOND)
    assert (await post(client, body, signed(body, "b")))[0] == 200
    (row,) = await stored(server)
    assert row.gateway == "other"


async def test_a_number_of_another_gateway_goes_to_nobody(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    body = received(to=FIRST)
    assert (await post(client, body, signed(body, "b")))[0] == 200
    (row,) = await stored(server)
    assert (row.gateway, row.foreign_number) == ("other", True)


async def test_forgeries_change_nothing(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    body = received()
    raw_key = base64.b64decode(public_key("a"))
    stamp = str(int(time.time()))
    forged = [{}, signed(body, at=time.time() - 400), signed(b"other"), {"telnyx-timestamp": stamp}]
    for key in (public_key("a").encode(), raw_key):
        digest = hmac.new(key, f"{stamp}|".encode() + body, hashlib.sha256)
        texts = (digest.hexdigest(), base64.b64encode(digest.digest()).decode())
        forged += [{"telnyx-timestamp": stamp, "telnyx-signature-ed25519": text} for text in texts]
    for headers in forged:
        for path in (PATH, f"{PATH}/telnyx"):
            status, answer = await post(client, body, headers, path)
            assert status in (401, 503), headers
            assert "canary" not in answer
    for path in (f"{PATH}/telnyx", f"{PATH}/other"):
        assert (await post(client, body, signed(body, at=0), path))[0] == 401
    assert (await post(client, body, signed(body, "a"), f"{PATH}/other"))[0] == 401
    assert await stored(server) == []


async def test_no_key_is_our_trouble(server: RunningServer, client: aiohttp.ClientSession) -> None:
    body = received(to="+15550100003")
    assert (await post(client, body, signed(body), f"{PATH}/keyless"))[0] == 503


async def test_unknown_events_and_nonsense(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    unknown = b'{"data": {"event_type": "call.hangup", "id": "1", "payload": {}}}'
    assert (await post(client, unknown, signed(unknown)))[0] == 200
    nonsense = b"[[["
    assert (await post(client, nonsense, signed(nonsense)))[0] == 422
    assert (await post(client, unknown, signed(unknown), "/sms/webhook/none"))[0] == 404
    assert (await post(client, unknown, signed(unknown), f"{PATH}/none"))[0] == 404
    assert await stored(server) == []


async def accepted(server: RunningServer, provider_id: str | None, state: str = "sent") -> str:
    """A message that gateway `telnyx` has taken."""
    async with aiohttp.ClientSession(server.http_url, headers=server.headers) as http:
        body = {"to": "+14155550134", "message": "Hello"}
        async with http.post("/sms/send", json=body) as response:
            message_id: str = (await response.json())["message_id"]
    await server.wait_for_messages()
    async with aiohttp.ClientSession(server.http_url, headers=server.headers) as http:
        for _ in range(100):
            async with http.get(f"/sms/status/{message_id}") as response:
                if (await response.json())["status"] == "delivered":
                    break

    def work(connection: Any) -> None:
        connection.execute(outbox.update().values(state=state))
        connection.execute(
            attempts.update().values(gateway="telnyx", provider_message_id=provider_id)
        )

    await server.services.database.write(work)
    return message_id


async def state_of(server: RunningServer, message_id: str) -> str:
    query = select(outbox.c.state).where(outbox.c.message_id == message_id)
    return await server.services.database.read(lambda c: c.execute(query).scalar_one())


async def test_reports_move_forward_only(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    message_id = await accepted(server, "p-1")
    for status, event, expected in (
        ("sent", "e-1", "sent"),
        ("delivered", "e-2", "delivered"),
        ("sent", "e-3", "delivered"),
        ("delivery_failed", "e-4", "delivered"),
    ):
        body = finalized("p-1", status, event)
        assert (await post(client, body, signed(body)))[0] == 200
        assert await state_of(server, message_id) == expected


async def test_reports_of_another_gateway_are_not_believed(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    message_id = await accepted(server, "p-1")
    body = finalized("p-1", "delivery_failed")
    assert (await post(client, body, signed(body, "b")))[0] == 200
    assert await state_of(server, message_id) == "sent"


async def test_a_report_may_come_before_the_answer(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    message_id = await accepted(server, None)
    body = finalized("p-7", "delivered")
    assert (await post(client, body, signed(body)))[0] == 200
    assert await state_of(server, message_id) == "sent"
    await server.services.database.write(
        lambda c: reports.apply_waiting(c, [(message_id, "telnyx", "p-7")], 1)
    )
    assert await state_of(server, message_id) == "delivered"


async def test_a_report_by_our_own_id_tells_of_an_unknown_message(server: RunningServer) -> None:
    message_id = await accepted(server, None, state="unknown")
    report = DeliveryReport("k-1", "p-8", ProviderStatus.SENT, own_id=message_id, segments=2)
    assert await server.services.database.write(lambda c: reports.store(c, "telnyx", report, 1))
    assert await state_of(server, message_id) == "sent"
    again = await server.services.database.write(lambda c: reports.store(c, "telnyx", report, 1))
    assert again is False


async def test_storage_away_is_repeated(
    server: RunningServer, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailable

    body = received()
    with monkeypatch.context() as patch:
        patch.setattr(type(server.services.database), "write", away)
        assert (await post(client, body, signed(body)))[0] == 503
    assert (await post(client, body, signed(body)))[0] == 200
    assert len(await stored(server)) == 1


async def test_too_many_calls() -> None:
    settings = {"http": {"webhooks_per_minute": 2}}
    async with (
        running_server({}, settings=settings) as server,
        aiohttp.ClientSession(server.http_url) as client,
    ):
        answers = [(await post(client, b"{}", {}))[0] for _ in range(3)]
    assert answers == [404, 404, 429]


async def test_twilio_alias_answers_empty_twiml(client: aiohttp.ClientSession) -> None:
    async with client.get("/webhook/sms-received") as response:
        assert response.status == 200
        assert response.content_type == "text/xml"
        assert "<Response/>" in await response.text()
    async with client.post("/webhook/sms-received", data={"From": "x"}) as response:
        assert response.status == 404


async def test_two_gateways_of_one_account_each_get_their_own_numbers() -> None:
    shared = {
        "provider": "telnyx",
        "api_key": "KEY1",
        "public_key": public_key("a"),
        "messaging_profile_id": "00000000-0000-4000-8000-000000000001",
    }
    gateways = {"first": {**shared, "from": FIRST}, "second": {**shared, "from": SECOND}}
    event = json.loads(received(to=SECOND))
    event["data"]["payload"]["messaging_profile_id"] = shared["messaging_profile_id"]
    body = json.dumps(event).encode()
    async with (
        running_server({}, settings={"gateways": gateways}) as running,
        aiohttp.ClientSession(running.http_url) as session,
    ):
        assert (await post(session, body, signed(body)))[0] == 200
        (row,) = await stored(running)
    assert (row.gateway, row.foreign_number) == ("second", False)
