"""`/agents/...` over HTTP: the whole loop, who may do what, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from enum_backend.testing import RunningServer, running_server
from tests.integration.agents.agents_kit import OURS, SECOND, SECONDS, SENDER, AgentClient

AGENTS = {"numbers": [OURS, SECOND]}


@pytest.fixture
async def server(storage_settings: dict[str, Any]) -> AsyncIterator[RunningServer]:
    options = {**storage_settings, "tenants": [{"name": "acme"}], "agents": AGENTS}
    async with running_server({}, settings=options) as running:
        yield running


@pytest.fixture
async def alice(server: RunningServer) -> AgentClient:
    return AgentClient(server.http_url, await server.create_key("agents"))


@pytest.fixture
async def bob(server: RunningServer) -> AgentClient:
    return AgentClient(server.http_url, await server.create_key("agents"))


@pytest.fixture
def admin(server: RunningServer) -> AgentClient:
    return AgentClient(server.http_url, server.api_key)


async def test_number_wait_extract(alice: AgentClient) -> None:
    lease = await alice.lease("signup")
    assert lease["phone_number"] == OURS
    assert lease["state"] == "live"
    assert not lease["renewed"]
    task = alice.waiting(lease, contains="code")
    await alice.settled()
    assert (await alice.simulate(OURS, "Welcome!"))[0] == 200
    status, told = await alice.simulate(OURS, "Your Acme code is 482913", **{"from": "ACME"})
    status, message = await task
    assert status == 200
    assert message == {
        "id": told["message_id"],
        "from": "ACME",
        "to": OURS,
        "body": "Your Acme code is 482913",
        "code": "482913",
        "confidence": message["confidence"],
        "sent_at": None,
        "received_at": message["received_at"],
        "consumed": True,
        "lease_id": lease["lease_id"],
        "lease_expires_at": lease["expires_at"],
    }
    status, page = await alice.messages(lease)
    assert [item["body"] for item in page["messages"]] == ["Welcome!", "Your Acme code is 482913"]
    assert (page["next"], page["position"]) == (None, message["id"])
    status, rest = await alice.messages(lease, after=page["messages"][0]["id"])
    assert [item["code"] for item in rest["messages"]] == ["482913"]
    status, released = await alice.call("DELETE", f"/agents/leases/{lease['lease_id']}")
    assert (status, released["success"], released["phone_number"]) == (200, True, OURS)
    assert released["cooling_until"] > released["ended_at"]
    status, document = await alice.messages(lease)
    assert (status, document["error_code"]) == (404, "NOT_FOUND")
    assert document["lease_ended_at"] == released["ended_at"]


async def test_exhausted(alice: AgentClient, bob: AgentClient) -> None:
    await alice.lease("a")
    lease = await alice.lease("b", ttl="2h")
    status, document, headers = await bob.exchange(
        "POST", "/agents/leases", json={"passport_id": "c"}
    )
    assert (status, document["error_code"]) == (409, "POOL_EXHAUSTED")
    assert document["next_free_at"] in document["detail"]
    assert 86_000 < int(headers["Retry-After"]) < 90_000
    assert (await alice.lease("b"))["renewed"]
    status, pool = await bob.call("GET", "/agents/pool")
    assert [item["status"] for item in pool["numbers"]] == ["leased", "leased"]
    assert pool["counts"] == {"leased": 2, "free": 0, "cooling": 0, "unavailable": 0}
    assert pool["next_free_at"] == document["next_free_at"]
    assert {item["passport_id"] for item in pool["numbers"]} == {None}
    await alice.call("DELETE", f"/agents/leases/{lease['lease_id']}")
    status, pool = await alice.call("GET", "/agents/pool")
    assert [item["status"] for item in pool["numbers"]] == ["leased", "cooling"]
    assert {item["passport_id"] for item in pool["numbers"]} == {"a", "b"}


async def test_agents_do_not_see_each_other(alice: AgentClient, bob: AgentClient) -> None:
    mine, theirs = await alice.lease(), await bob.lease()
    assert mine["phone_number"] != theirs["phone_number"]
    path = f"/agents/leases/{theirs['lease_id']}"
    for method, suffix in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/messages"),
        ("POST", "/wait"),
        ("POST", "/renew"),
    ):
        status, document = await alice.call(method, f"{path}{suffix}")
        assert (status, document["error_code"]) == (404, "NOT_FOUND")
    status, listed = await alice.call("GET", "/agents/leases")
    assert [item["lease_id"] for item in listed["leases"]] == [mine["lease_id"]]


async def test_who_may_do_what(
    server: RunningServer, alice: AgentClient, admin: AgentClient
) -> None:
    lease = await alice.lease()
    for method, path in (
        ("GET", "/agents/leases?everybody=true"),
        ("GET", "/agents/pool?tenant=acme"),
        ("GET", "/agents/usage?key_id=key_other"),
    ):
        assert (await alice.call(method, path))[0] == 403, path
    body = {"phone_number": "+15550100009"}
    assert (await alice.call("POST", "/agents/pool", json=body))[0] == 403
    assert (await alice.call("DELETE", f"/agents/pool/{OURS}"))[0] == 403
    other = AgentClient(server.http_url, await server.create_key("sms:read"))
    assert (await other.call("GET", "/agents/pool"))[0] == 403
    acme = AgentClient(server.http_url, await server.create_key("agents", tenant="acme"))
    assert (await acme.call("GET", "/agents/pool"))[1]["numbers"] == []
    assert (await acme.simulate(OURS, "x"))[0] == 404
    # An admin sees and ends leases, and reads nobody's messages.
    _, listed = await admin.call("GET", "/agents/leases", params={"everybody": "true"})
    assert [item["passport_id"] for item in listed["leases"]] == ["p"]
    path = f"/agents/leases/{lease['lease_id']}"
    assert (await admin.call("GET", path))[0] == 200
    assert (await admin.call("GET", f"{path}/messages"))[0] == 404
    assert (await admin.call("DELETE", path))[0] == 200
    assert (await alice.call("GET", path))[1]["state"] == "withdrawn"


async def test_the_pool_is_the_admin_s(admin: AgentClient, alice: AgentClient) -> None:
    status, added = await admin.call(
        "POST", "/agents/pool", json={"phone_number": "+1 (415) 555-0134", "tenant": "acme"}
    )
    assert (status, added["phone_number"], added["tenant"]) == (200, "+14155550134", "acme")
    assert (added["status"], added["source"]) == ("free", "added")
    for body, field in (
        ({"phone_number": "+14155550134", "tenant": "default"}, "phone_number"),
        ({"phone_number": "+14155550135", "tenant": "nobody"}, "tenant"),
        ({"phone_number": "12"}, "phone_number"),
    ):
        status, document = await admin.call("POST", "/agents/pool", json=body)
        assert (status, document["errors"][0]["field"]) == (422, field)
    status, document = await admin.call("DELETE", f"/agents/pool/{OURS}")
    assert (status, document["errors"][0]["field"]) == (422, "phone_number")
    assert (await admin.call("DELETE", "/agents/pool/+14155550134"))[0] == 200
    assert (await admin.call("DELETE", "/agents/pool/+14155550134"))[0] == 404
    await admin.call("POST", "/agents/pool", json={"phone_number": "+14155550136"})
    leases = [await alice.lease(str(n)) for n in range(3)]
    (lease,) = [item for item in leases if item["phone_number"] == "+14155550136"]
    task = alice.waiting(lease)
    await alice.settled()
    await admin.call("DELETE", "/agents/pool/+14155550136", params={"end_lease": "true"})
    assert (await task)[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "passport_id"),
        ({"passport_id": ""}, "passport_id"),
        ({"passport_id": " x"}, "passport_id"),
        ({"passport_id": "x" * 129}, "passport_id"),
        ({"passport_id": 7}, "passport_id"),
        ({"passport_id": "x", "ttl": 0}, "ttl"),
        ({"passport_id": "x", "ttl": -5}, "ttl"),
        ({"passport_id": "x", "ttl": 10**9}, "ttl"),
        ({"passport_id": "x", "ttl": "soon"}, "ttl"),
        ({"passport_id": "x", "ttl": True}, "ttl"),
        ({"passport_id": "x", "ttl": "999999999999h"}, "ttl"),
        ({"passport_id": "x", "colour": "red"}, "colour"),
    ],
)
async def test_wrong_leases(alice: AgentClient, body: dict[str, Any], field: str) -> None:
    status, document = await alice.call("POST", "/agents/leases", json=body)
    assert status == 422
    assert document["errors"][0]["field"].startswith(field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timeout_ms": -1}, "timeout_ms"),
        ({"timeout_ms": 10**9}, "timeout_ms"),
        ({"timeout_ms": "long"}, "timeout_ms"),
        ({"contains": ""}, "contains"),
        ({"contains": "x" * 201}, "contains"),
        ({"sender": "+1 555"}, None),
        ({"sender": "+99999999999999999"}, "sender"),
        ({"after": "x"}, "after"),
        ({"consume": "yes"}, "consume"),
        ({"pattern": ".*"}, "pattern"),
    ],
)
async def test_wrong_waits(alice: AgentClient, body: dict[str, Any], field: str | None) -> None:
    lease = await alice.lease()
    status, document = await alice.wait(lease, **({"timeout_ms": 1} | body))
    if field is None:
        assert status == 408
        return
    assert status == 422
    assert document["errors"][0]["field"] == field


async def test_a_time_out(alice: AgentClient) -> None:
    lease = await alice.lease()
    status, document = await alice.wait(lease, timeout_ms=5)
    assert (status, document["error_code"]) == (408, "WAIT_TIMEOUT")
    assert "wait again" in document["detail"]
    assert (document["after"], document["lease_expires_at"]) == (None, lease["expires_at"])


async def test_senders_as_they_are_written(alice: AgentClient) -> None:
    lease = await alice.lease()
    for sender in ("+15557654321", "ACME", "62226"):
        await alice.simulate(OURS, f"from {sender}", **{"from": sender} if sender[0] != "6" else {})
    for written, body in (("(555) 765-4321", f"from {SENDER}"), ("acme", "from ACME")):
        status, found = await alice.wait(lease, sender=written, timeout_ms=0)
        assert (status, found["body"]) == (200, body)
    assert (await alice.wait(lease, sender="62226", timeout_ms=0))[0] == 408


async def test_cursor_and_consumption(alice: AgentClient) -> None:
    lease = await alice.lease()
    for text in ("one", "two", "three"):
        await alice.simulate(OURS, text)
    _, first = await alice.wait(lease)
    _, peeked = await alice.wait(lease, consume=False)
    _, second = await alice.wait(lease, after=first["id"])
    _, again = await alice.wait(lease, after=first["id"])
    _, consumed = await alice.wait(lease, after=first["id"], consume=True)
    _, third = await alice.wait(lease)
    seen = [item["body"] for item in (first, peeked, second, again, consumed, third)]
    assert seen == ["one", "one", "two", "two", "two", "three"]


async def test_a_client_that_leaves_takes_nothing_along(
    server: RunningServer, alice: AgentClient
) -> None:
    lease = await alice.lease()
    task = alice.waiting(lease)
    await alice.settled()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await alice.settled(0)
    await alice.simulate(OURS, "kept")
    assert (await alice.wait(lease, timeout_ms=0))[1]["body"] == "kept"


async def test_an_abandoned_socket_takes_nothing_along(
    server: RunningServer, alice: AgentClient
) -> None:
    """It is closed in the moment in which the message comes."""
    lease = await alice.lease()
    tasks = [alice.waiting(lease) for _ in range(5)]
    await alice.settled(5)
    for task in tasks:
        task.cancel()
    await alice.simulate(OURS, "kept")
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (await alice.wait(lease))[1]["body"] == "kept"


async def test_renewing_over_http(alice: AgentClient) -> None:
    lease = await alice.lease(ttl=60)
    path = f"/agents/leases/{lease['lease_id']}/renew"
    status, renewed = await alice.call("POST", path)
    assert status == 200
    assert renewed["expires_at"] > lease["expires_at"]
    status, longer = await alice.call("POST", path, json={"ttl": "3h"})
    assert longer["expires_at"] > renewed["expires_at"]
    assert (await alice.call("POST", path, json={"ttl": 0}))[0] == 422


async def test_usage(alice: AgentClient, bob: AgentClient, admin: AgentClient) -> None:
    lease = await alice.lease()
    await alice.simulate(OURS, "one")
    await alice.wait(lease, timeout_ms=0)
    await alice.wait(lease, timeout_ms=0)
    await bob.lease()
    status, usage = await alice.call("GET", "/agents/usage")
    (day,) = usage["usage"]
    counted = (day["leases"], day["messages"], day["waits"], day["timeouts"])
    assert (status, counted, usage["live_leases"]) == (200, (1, 1, 2, 1), 1)
    status, everybody = await admin.call("GET", "/agents/usage", params={"days": "1"})
    assert len(everybody["usage"]) == 2
    only = {"key_id": day["key_id"]}
    assert len((await admin.call("GET", "/agents/usage", params=only))[1]["usage"]) == 1


async def test_texts_withheld(storage_settings: dict[str, Any]) -> None:
    options = {**storage_settings, "agents": {**AGENTS, "withhold_bodies": True}}
    async with running_server({}, settings=options) as server:
        alice = AgentClient(server.http_url, await server.create_key("agents"))
        lease = await alice.lease()
        await alice.simulate(OURS, "Your Acme code is 482913")
        _, found = await alice.wait(lease)
        assert "body" not in found
        assert found["code"] == "482913"
        _, page = await alice.messages(lease)
        assert "body" not in page["messages"][0]


async def test_the_owner_s_deliveries_are_as_ever(alice: AgentClient, admin: AgentClient) -> None:
    """A leased number's messages stand in its tenant's inbox like any other's."""
    lease = await alice.lease()
    await alice.simulate(OURS, "for both")
    await alice.wait(lease)
    _, listed = await admin.call("GET", "/sms/messages", params={"direction": "inbound"})
    assert [item["body"] for item in listed["messages"]] == ["for both"]


async def test_nothing_is_logged(alice: AgentClient) -> None:
    with capture_logs() as logs:
        lease = await alice.lease("canary-passport")
        await alice.simulate(OURS, "canary-text 482913")
        await alice.wait(lease, contains="canary")
    for word in ("canary", "482913", OURS):
        assert word not in str(logs)


async def test_the_audit_log_has_it(server: RunningServer, alice: AgentClient) -> None:
    lease = await alice.lease()
    await alice.simulate(OURS, "canary-text")
    await alice.wait(lease)
    page = await server.services.audit.page(limit=200)
    types = {entry.event_type for entry in page.entries}
    assert {"AGENT_LEASE_STARTED", "AGENT_MESSAGES_READ"} <= types
    assert "canary-text" not in str(page.entries)


async def test_metrics_are_there(server: RunningServer, alice: AgentClient) -> None:
    await alice.lease()
    async with aiohttp.ClientSession(server.http_url) as http, http.get("/metrics") as answer:
        text = await answer.text()
    assert 'enum_backend_agent_leases_total{event="started"} 1.0' in text


async def test_stopping_sends_waits_away(storage_settings: dict[str, Any]) -> None:
    options = {**storage_settings, "agents": AGENTS}
    async with running_server({}, settings=options) as server:
        alice = AgentClient(server.http_url, await server.create_key("agents"))
        task = alice.waiting(await alice.lease())
        await alice.settled()
    async with asyncio.timeout(SECONDS):
        status, document = await task
    assert (status, document["error_code"]) == (408, "WAIT_TIMEOUT")
