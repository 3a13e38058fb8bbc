"""`/sms/messages...` against a running server, and messages for later."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from sqlalchemy import insert

from enum_backend.clock import now_ms, rfc3339
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.storage import Sealer
from enum_backend.storage.sealing import load_server_key
from enum_backend.storage.tables import inbox
from enum_backend.testing import RunningServer

Client = aiohttp.ClientSession
NUMBER = "+14155550101"
CANARY = "canary-outbound-text"


async def ask(
    http: Client, method: str, path: str, status: int = 200, **options: Any
) -> dict[str, Any]:
    async with http.request(method, path, **options) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == status, answer
        return answer


async def send(http: Client, **body: Any) -> str:
    wanted = {"to": NUMBER, "message": CANARY, **body}
    answer = await ask(http, "POST", "/sms/send", json=wanted)
    return str(answer["message_id"])


async def settled(http: Client, message_id: str, *states: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            seen = await ask(http, "GET", f"/sms/status/{message_id}")
            if seen["status"] in states:
                return seen
            await asyncio.sleep(0.01)


async def receive(server: RunningServer, name: str, tenant: str | None = "default") -> None:
    configured = server.services.settings.server_key.get_secret_value()
    sealer = Sealer(load_server_key(configured, server.data_dir))
    row = {
        "inbox_id": name,
        "tenant": tenant,
        "gateway": "simulator",
        "provider": "simulator",
        "dedupe_key": name,
        "sender": NUMBER,
        "to_number": "+14155550177",
        "body": sealer.seal(f"text of {name}", name),
        "media": "[]",
        "received_at": now_ms(),
    }
    await server.services.database.write(lambda c: c.execute(insert(inbox).values(**row)).rowcount)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_list_of_both_directions(server: RunningServer, http: Client) -> None:
    first = await send(http, client_reference="order-1")
    await settled(http, first, "delivered")
    await receive(server, "in_1")
    answer = await ask(http, "GET", "/sms/messages")
    sent, got = answer["messages"]
    assert (answer["next"], bool(answer["position"])) == (None, True)
    assert (sent["id"], sent["direction"], sent["status"]) == (first, "outbound", "delivered")
    assert (sent["to"], sent["body"], sent["client_reference"]) == (NUMBER, None, "order-1")
    assert (got["id"], got["direction"], got["status"]) == ("in_1", "inbound", "received")
    assert (got["from"], got["to"], got["body"]) == (NUMBER, "+14155550177", "text of in_1")
    assert CANARY not in str(answer)
    assert await ask(http, "GET", "/sms/messages/in_1") == got
    assert await ask(http, "GET", f"/sms/messages/{first}") == sent
    await ask(http, "GET", "/sms/messages/in_none", 404)
    for query, expected in (
        ({"direction": "inbound"}, ["in_1"]),
        ({"direction": "outbound"}, [first]),
        ({"status": "received"}, ["in_1"]),
        ({"status": "delivered, failed"}, [first]),
        ({"status": "failed,unknown"}, []),
        ({"client_reference": "order-1"}, [first]),
        ({"number": "(415) 555-0101"}, [first, "in_1"]),
        ({"number": "+14155550177"}, ["in_1"]),
        ({"tenant": "default"}, [first, "in_1"]),
        ({"tenant": "nobody"}, []),
        ({"since": "2001-01-01T00:00:00Z"}, [first, "in_1"]),
        ({"until": "2001-01-01T00:00:00Z"}, []),
    ):
        found = await ask(http, "GET", "/sms/messages", params=query)
        assert [message["id"] for message in found["messages"]] == expected, query


async def test_page_by_page_and_on_from_the_end(server: RunningServer, http: Client) -> None:
    for index in range(5):
        await receive(server, f"in_{index}")
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        answer = await ask(http, "GET", "/sms/messages", params=query)
        seen += [message["id"] for message in answer["messages"]]
        query = {"limit": "2", "after": answer["position"]}
        if answer["next"] is None:
            break
        assert answer["next"] == answer["position"]
    assert seen == [f"in_{index}" for index in range(5)]
    assert (await ask(http, "GET", "/sms/messages", params=query))["messages"] == []
    await receive(server, "in_later")
    (late,) = (await ask(http, "GET", "/sms/messages", params=query))["messages"]
    assert late["id"] == "in_later"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"direction": "both"}, "direction"),
        ({"status": "arrived"}, "status"),
        ({"number": "12"}, "number"),
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"after": "nonsense"}, "after"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-01-01"}, "until"),
        ({"order": "asc"}, "order"),
    ],
)
async def test_wrong_questions(http: Client, query: dict[str, str], field: str) -> None:
    answer = await ask(http, "GET", "/sms/messages", 422, params=query)
    assert answer["errors"][0]["field"] == field


async def test_admins_see_all_tenants_but_no_foreign_text(
    server: RunningServer, http: Client
) -> None:
    await receive(server, "in_ours")
    await receive(server, "in_theirs", "acme")
    await receive(server, "in_nobodys", None)
    found = (await ask(http, "GET", "/sms/messages"))["messages"]
    texts = {message["id"]: (message["tenant"], message["body"]) for message in found}
    assert texts == {
        "in_ours": ("default", "text of in_ours"),
        "in_theirs": ("acme", None),
        "in_nobodys": (None, "text of in_nobodys"),
    }
    only = await ask(http, "GET", "/sms/messages", params={"tenant": "acme"})
    assert [message["id"] for message in only["messages"]] == ["in_theirs"]


async def test_an_admin_reads_and_ends_other_tenants_messages(
    server: RunningServer, http: Client
) -> None:
    theirs = bearer(await server.create_key("sms:send", "sms:read", tenant="acme"))
    at = rfc3339(now_ms() + 3_600_000)
    body = {"to": NUMBER, "message": CANARY, "send_at": at}
    sent = await ask(http, "POST", "/sms/send", json=body, headers=theirs)
    message_id = sent["message_id"]
    assert (await ask(http, "GET", f"/sms/status/{message_id}"))["status"] == "scheduled"
    done = await ask(http, "POST", f"/sms/messages/{message_id}/cancel")
    assert done["status"] == "canceled"
    for path in ("/sms/status/msg_none", "/sms/status/in_none"):
        await ask(http, "GET", path, 404)


async def test_scheduled_and_canceled(server: RunningServer, http: Client) -> None:
    at = now_ms() + 3_600_000
    message_id = await send(http, send_at=rfc3339(at))
    (listed,) = (await ask(http, "GET", "/sms/messages", params={"status": "scheduled"}))[
        "messages"
    ]
    assert (listed["id"], listed["send_at"]) == (message_id, rfc3339(at))
    done = await ask(http, "POST", f"/sms/messages/{message_id}/cancel")
    assert done["status"] == "canceled"
    answer = await ask(http, "POST", f"/sms/messages/{message_id}/cancel", 422)
    assert answer["error_code"] == "VALIDATION_FAILED"
    await ask(http, "POST", "/sms/messages/msg_none/cancel", 404)
    soon = await send(http, send_at=rfc3339(now_ms() + 300), message="soon")
    assert (await server.wait_for_messages())[0].text == "soon"
    await settled(http, soon, "delivered")


@pytest.mark.parametrize(
    "at",
    ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "tomorrow", "2030-01-01T00:00:00", ""],
)
async def test_wrong_times_to_send(http: Client, at: str) -> None:
    body = {"to": NUMBER, "message": CANARY, "send_at": at}
    answer = await ask(http, "POST", "/sms/send", 422, json=body)
    assert answer["errors"][0]["field"] == "send_at"


async def test_retried(server: RunningServer, http: Client) -> None:
    server.simulator.fail_next(GatewayError(Reason.INVALID_REQUEST, "no"))
    message_id = await send(http)
    await settled(http, message_id, "failed")
    (dead,) = (await ask(http, "GET", "/sms/messages", params={"status": "failed"}))["messages"]
    assert (dead["id"], dead["reason"]) == (message_id, "invalid_request")
    again = await ask(http, "POST", f"/sms/messages/{message_id}/retry")
    assert again["message_id"] == message_id
    seen = await settled(http, message_id, "delivered")
    assert len(seen["attempts"]) == 2
    answer = await ask(http, "POST", f"/sms/messages/{message_id}/retry", 422)
    assert answer["error_code"] == "VALIDATION_FAILED"
    await ask(http, "POST", "/sms/messages/msg_none/retry", 404)


async def test_scopes(server: RunningServer, http: Client) -> None:
    reader = bearer(await server.create_key("sms:read"))
    sender = bearer(await server.create_key("sms:send"))
    await ask(http, "GET", "/sms/messages", headers=reader)
    await ask(http, "GET", "/sms/messages", 403, headers=sender)
    await ask(http, "POST", "/sms/messages/msg_1/cancel", 403, headers=reader)
    await ask(http, "POST", "/sms/messages/msg_1/cancel", 404, headers=sender)


async def test_transliterated(server: RunningServer, http: Client) -> None:
    await send(http, message="It’s “fine” – really…", transliterate=True)
    (sms,) = await server.wait_for_messages()
    assert sms.text == 'It\'s "fine" - really...'
