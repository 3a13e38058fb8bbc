"""What the running server records of admin actions and security events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from enum_backend.errors import DatabaseUnavailable
from enum_backend.testing import RunningServer, running_server

Client = aiohttp.ClientSession
NUMBER = "+14155550177"


async def ask(
    http: Client, method: str, path: str, status: int = 200, **options: Any
) -> dict[str, Any]:
    async with http.request(method, path, **options) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == status, answer
        return answer


async def entries(http: Client, **query: str) -> list[dict[str, Any]]:
    """Without what the server itself did at its start."""
    found: list[dict[str, Any]] = (await ask(http, "GET", "/audit", params=query))["entries"]
    return [entry for entry in found if entry["metadata"].get("adminId") != "system"]


async def only(http: Client, event_type: str) -> dict[str, Any]:
    (entry,) = await entries(http, event_type=event_type)
    return entry


async def test_admin_actions(http: Client, server: RunningServer) -> None:
    await ask(http, "POST", "/tenants", json={"name": "acme", "daily_cost": "7.5"})
    await ask(http, "PATCH", "/tenants/acme", json={"disabled": True})
    key = await ask(http, "POST", "/keys", json={"name": "all", "scopes": ["admin"]})
    await ask(http, "DELETE", f"/keys/{key['id']}")
    await ask(http, "POST", "/tenants/default/bindings", json={"number": NUMBER})
    await ask(http, "DELETE", f"/tenants/default/bindings/{NUMBER}")
    await ask(http, "POST", "/opt-outs", json={"recipient": NUMBER})
    await ask(http, "POST", "/opt-outs", json={"recipient": NUMBER})  # changes nothing
    await ask(http, "DELETE", "/opt-outs", params={"recipient": NUMBER})
    await ask(http, "PUT", "/shims/authentik/main", json={})
    await ask(http, "DELETE", "/shims/authentik/main")
    hook = {"tenant": "default", "kind": "webhook", "address": "https://hook.example.org/x"}
    made = await ask(http, "POST", "/deliveries/endpoints", json=hook)
    path = f"/deliveries/endpoints/{made['id']}"
    await ask(http, "PATCH", path, json={"enabled": False})
    await ask(http, "POST", f"{path}/rotate", json={})
    await ask(http, "POST", f"{path}/rotate", json={"finish": True})
    await ask(http, "DELETE", path)
    await ask(http, "POST", "/deliveries/dead/replay")
    await ask(http, "DELETE", "/tenants/acme")
    sms = {"to": NUMBER, "message": "canary text 5531"}
    await ask(http, "POST", "/sms/send", json=sms | {"skip_rate_limit": True})
    await ask(http, "POST", "/sms/send", json=sms)
    later = await ask(http, "POST", "/sms/send", json=sms | {"send_at": _tomorrow()})
    await ask(http, "POST", f"/sms/messages/{later['message_id']}/cancel")
    found = await entries(http)
    assert [entry["eventType"] for entry in found] == [
        "TENANT_CREATED",
        "TENANT_CHANGED",
        "KEY_CREATED",
        "KEY_REVOKED",
        "NUMBER_BOUND",
        "NUMBER_UNBOUND",
        "OPT_OUT_ADDED",
        "OPT_OUT_REMOVED",
        "SHIM_TOKEN_SET",
        "SHIM_TOKEN_REVOKED",
        "ENDPOINT_ADDED",
        "ENDPOINT_CHANGED",
        "ENDPOINT_SECRET_ROTATED",
        "ENDPOINT_SECRET_ROTATED",
        "ENDPOINT_REMOVED",
        "DEAD_LETTERS_REPLAYED",
        "TENANT_DELETED",
        "RATE_LIMIT_SKIPPED",
        "MESSAGE_CANCELED",
    ]
    (mine,) = [key for key in await server.services.keys.list() if key.name == "test"]
    assert {entry["metadata"]["adminId"] for entry in found} == {mine.id}
    assert {entry["metadata"]["ip"] for entry in found} == {"127.0.0.1"}
    first, created, bound = found[0], found[2], found[4]
    assert first["metadata"]["dailyCost"] == "7.5 USD"
    assert (created["severity"], created["metadata"]["keyId"]) == ("HIGH", key["id"])
    assert bound["description"] == f"{NUMBER} was bound by an admin's word."
    told = json.dumps(found)
    for secret in (key["token"], made["secret"], "canary"):
        assert secret not in told
    assert (await server.services.audit.verify()).holds


def _tomorrow() -> str:
    from enum_backend.clock import now_ms, rfc3339

    return rfc3339(now_ms() + 86_400_000)


async def test_refused_actions_leave_no_entry(http: Client) -> None:
    await ask(http, "POST", "/tenants", 422, json={"name": "default"})
    await ask(http, "DELETE", "/tenants/nobody", 404)
    await ask(http, "DELETE", "/keys/key_none", 404)
    await ask(http, "DELETE", "/opt-outs", 404, params={"recipient": NUMBER})
    await ask(http, "DELETE", "/shims/authentik/none", 404)
    assert await entries(http) == []


async def test_pages_filters_and_scope(
    http: Client, anonymous: Client, server: RunningServer
) -> None:
    for n in range(5):
        scopes = ["admin"] if n == 3 else ["numbers"]
        await ask(http, "POST", "/keys", json={"name": f"k{n}", "scopes": scopes})
    one, two, three, four, five = [entry["seq"] for entry in await entries(http)]
    page = await ask(http, "GET", "/audit", params={"limit": "2", "after": str(one - 1)})
    assert [entry["seq"] for entry in page["entries"]] == [one, two]
    page = await ask(http, "GET", "/audit", params={"limit": "9", "after": str(page["next"])})
    assert [entry["seq"] for entry in page["entries"]] == [three, four, five]
    assert page["next"] is None
    newest = await entries(http, order="newest", limit="2")
    assert [entry["seq"] for entry in newest] == [five, four]
    assert [entry["seq"] for entry in await entries(http, severity="HIGH")] == [four]
    for wrong in ({"severity": "high"}, {"limit": "0"}, {"after": "-1"}, {"order": "up"}):
        assert (await ask(http, "GET", "/audit", 422, params=wrong))["errors"]
    await ask(anonymous, "GET", "/audit", 401)
    headers = {"Authorization": f"Bearer {await server.create_key('numbers')}"}
    await ask(anonymous, "GET", "/audit", 403, headers=headers)


async def test_a_revoked_key_that_is_used(http: Client, anonymous: Client) -> None:
    key = await ask(http, "POST", "/keys", json={"name": "k", "scopes": ["numbers"]})
    headers = {"Authorization": f"Bearer {key['token']}"}
    await ask(anonymous, "GET", "/numbers", headers=headers)
    await ask(http, "DELETE", f"/keys/{key['id']}")
    for _ in range(3):
        await ask(anonymous, "GET", "/numbers", 401, headers=headers)
    await ask(anonymous, "GET", "/numbers", 401, headers={"Authorization": "Bearer ebk_none"})
    entry = await only(http, "REVOKED_KEY_USED")
    assert entry["severity"] == "HIGH"
    assert entry["metadata"]["keyId"] == key["id"]
    assert key["token"] not in json.dumps(entry)


@pytest.fixture
async def with_telnyx() -> AsyncIterator[RunningServer]:
    gateway = {
        "provider": "telnyx",
        "api_key": "KEY",
        "from": "+14155550100",
        "public_key": "e7VH1EnHOvm0GQxe4vs3RZQsQu8yFyrcZJxE4aEFYxM=",
    }
    async with running_server({}, settings={"gateways": {"telnyx": gateway}}) as running:
        yield running


async def test_forged_webhooks_one_entry_a_minute(with_telnyx: RunningServer) -> None:
    async with Client(with_telnyx.http_url, headers=with_telnyx.headers) as http:
        for _ in range(4):
            async with http.post("/sms/webhook/telnyx", data=b"{}") as response:
                assert response.status == 401
        async with http.post("/sms/webhook/telnyx/telnyx", data=b"{}") as response:
            assert response.status == 401
        found = await entries(http, event_type="WEBHOOK_FORGED")
    assert [entry["metadata"]["gateway"] for entry in found] == [None, "telnyx"]


async def test_what_cannot_be_recorded_afterwards_is_done_all_the_same(
    http: Client, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DatabaseUnavailable("The disk is full.")

    monkeypatch.setattr(type(server.services.audit), "record_in", full)
    await ask(http, "POST", "/deliveries/dead/replay")
    await ask(http, "POST", "/tenants", 503, json={"name": "acme"})  # in one transaction
    monkeypatch.undo()
    assert [tenant.name for tenant in await server.services.tenants.all()] == ["default"]
    assert await entries(http) == []


async def test_the_head_is_exported(http: Client, server: RunningServer) -> None:
    await ask(http, "POST", "/tenants", json={"name": "acme"})
    async with asyncio.timeout(30):
        while not (file := server.data_dir / "audit-head.json").exists():
            await asyncio.sleep(0.05)
    assert json.loads(file.read_text())["head"] == str(await server.services.audit.head())
