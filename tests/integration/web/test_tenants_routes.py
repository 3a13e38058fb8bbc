"""`/tenants...` and `/keys` against a running server."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp

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


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def code_sent(server: RunningServer, count: int = 1) -> str:
    sms = (await server.wait_for_messages(count))[count - 1]
    assert sms.to == NUMBER
    (code,) = re.findall(r"\b[0-9]{6}\b", sms.text)
    return str(code)


async def test_tenants(http: Client) -> None:
    made = await ask(http, "POST", "/tenants", json={"name": "acme", "daily_cost": "7.5"})
    assert made["daily_cost"] == {"amount": "7.50", "currency": "USD"}
    assert (made["source"], made["disabled_at"], made["title"]) == ("api", None, "")
    assert await ask(http, "GET", "/tenants/acme") == made
    listed = (await ask(http, "GET", "/tenants"))["tenants"]
    assert [tenant["name"] for tenant in listed] == ["acme", "default"]
    changed = await ask(http, "PATCH", "/tenants/acme", json={"title": "Acme"})
    assert (changed["title"], changed["daily_cost"]) == ("Acme", made["daily_cost"])
    changed = await ask(http, "PATCH", "/tenants/acme", json={"daily_cost": None, "title": None})
    assert (changed["title"], changed["daily_cost"]) == ("", None)
    assert await ask(http, "PATCH", "/tenants/acme", json={}) == changed
    answer = await ask(http, "POST", "/tenants", 422, json={"name": "acme"})
    assert answer["errors"] == [{"field": "name", "message": "is taken"}]
    await ask(http, "DELETE", "/tenants/acme")
    for method in ("GET", "DELETE", "PATCH"):
        options = {"json": {}} if method == "PATCH" else {}
        await ask(http, method, "/tenants/acme", 404, **options)
    answer = await ask(http, "DELETE", "/tenants/default", 422)
    assert answer["error_code"] == "VALIDATION_FAILED"


async def test_a_disabled_tenants_keys_are_refused_at_once(
    server: RunningServer, http: Client
) -> None:
    theirs = bearer(await server.create_key("sms:read", tenant="acme"))
    await ask(http, "GET", "/sms/messages", headers=theirs)
    disabled = await ask(http, "PATCH", "/tenants/acme", json={"disabled": True})
    assert disabled["disabled_at"].endswith("Z")
    await ask(http, "GET", "/sms/messages", 401, headers=theirs)
    await ask(http, "PATCH", "/tenants/acme", json={"disabled": False})
    await ask(http, "GET", "/sms/messages", headers=theirs)
    answer = await ask(http, "DELETE", "/tenants/acme", 422)
    assert "still has 1 API key" in answer["detail"]


async def test_tenants_of_the_settings() -> None:
    settings = {
        "tenants": [{"name": "acme", "title": "Acme", "daily_cost": "1.5"}],
        "gateways": {
            "theirs": {
                "provider": "telnyx",
                "api_key": "KEY_fake",
                "from": "+15550100001",
                "tenant": "acme",
            }
        },
    }
    async with (
        running_server({}, settings=settings) as server,
        Client(server.http_url, headers=server.headers) as http,
    ):
        acme = await ask(http, "GET", "/tenants/acme")
        assert (acme["source"], acme["title"]) == ("settings", "Acme")
        for method, options in (("PATCH", {"json": {"title": "x"}}), ("DELETE", {})):
            answer = await ask(http, method, "/tenants/acme", 422, **options)
            assert "stands in the settings" in answer["detail"]
        (binding,) = (await ask(http, "GET", "/tenants/acme/bindings"))["bindings"]
        assert (binding["number"], binding["proof"]) == ("+15550100001", "inventory")
        body = {"number": "+15550100001"}
        await ask(http, "POST", "/tenants/default/bindings", 422, json=body)


async def test_a_tenants_ceiling_counts() -> None:
    settings = {
        "mode": None,
        "tenants": [{"name": "acme", "daily_cost": "0.01"}],
        "gateways": {
            "shared": {
                "provider": "telnyx",
                "api_key": "KEY_fake",
                "from": "+15550100001",
                "price": "0.006",
                "base_url": "http://127.0.0.1:9",
            }
        },
    }
    async with running_server({}, settings=settings) as server:
        theirs = bearer(await server.create_key("sms:send", tenant="acme"))
        async with Client(server.http_url) as http:
            body = {"to": "+14155550101", "message": "x"}
            await ask(http, "POST", "/sms/send", json=body, headers=theirs)
            answer = await ask(http, "POST", "/sms/send", 402, json=body, headers=theirs)
            assert answer["error_code"] == "COST_LIMIT_EXCEEDED"
            await ask(http, "POST", "/sms/send", json=body, headers=server.headers)


async def test_an_admin_binds(server: RunningServer, http: Client) -> None:
    await ask(http, "POST", "/tenants", json={"name": "acme"})
    await ask(http, "POST", "/tenants", json={"name": "rival"})
    bound = await ask(http, "POST", "/tenants/acme/bindings", json={"number": "(415) 555-0177"})
    assert (bound["number"], bound["status"], bound["proof"]) == (NUMBER, "bound", "admin")
    assert (await ask(http, "GET", "/tenants/acme/bindings"))["bindings"] == [bound]
    answer = await ask(http, "POST", "/tenants/rival/bindings", 422, json={"number": NUMBER})
    assert answer["errors"][0]["field"] == "number"
    assert "acme" not in answer["detail"]
    await ask(http, "DELETE", f"/tenants/rival/bindings/{NUMBER}", 404)
    await ask(http, "DELETE", f"/tenants/acme/bindings/{NUMBER}")
    await ask(http, "DELETE", f"/tenants/acme/bindings/{NUMBER}", 404)
    await ask(http, "POST", "/tenants/nobody/bindings", 404, json={"number": NUMBER})
    assert server.messages == []


async def test_a_tenant_binds_by_a_code(server: RunningServer, http: Client) -> None:
    theirs = bearer(await server.create_key("numbers", tenant="acme"))
    path = "/tenants/acme/bindings"
    pending = await ask(http, "POST", path, 202, json={"number": NUMBER}, headers=theirs)
    assert (pending["status"], pending["proof"], pending["created_at"]) == ("pending", "code", None)
    code = await code_sent(server)
    assert code not in str(pending)
    wrong = {"code": f"{(int(code) + 1) % 10**6:06}"}
    confirm = f"{path}/{NUMBER}/confirm"
    answer = await ask(http, "POST", confirm, 400, json=wrong, headers=theirs)
    assert answer["error_code"] == "CODE_INVALID"
    bound = await ask(http, "POST", confirm, json={"code": code}, headers=theirs)
    assert (bound["status"], bound["proof"], bound["tenant"]) == ("bound", "code", "acme")
    answer = await ask(http, "POST", confirm, 400, json={"code": code}, headers=theirs)
    assert answer["error_code"] == "CODE_EXPIRED"
    assert (await ask(http, "GET", path, headers=theirs))["bindings"] == [bound]
    await ask(http, "DELETE", f"{path}/{NUMBER}", headers=theirs)
    body = {"number": NUMBER, "proof": "admin"}
    answer = await ask(http, "POST", path, 403, json=body, headers=theirs)
    assert answer["error_code"] == "FORBIDDEN"
    for body in ({"code": "12345"}, {"code": "١٢٣٤٥٦"}):
        await ask(http, "POST", confirm, 422, json=body, headers=theirs)


async def test_an_admin_may_want_a_code(server: RunningServer, http: Client) -> None:
    body = {"number": NUMBER, "proof": "code"}
    await ask(http, "POST", "/tenants/default/bindings", 202, json=body)
    await ask(http, "POST", "/tenants/default/bindings", 202, json=body)
    first = await code_sent(server)
    assert await code_sent(server, 2) == first
    confirm = f"/tenants/default/bindings/{NUMBER}/confirm"
    for _ in range(3):
        wrong = {"code": f"{(int(first) + 1) % 10**6:06}"}
        await ask(http, "POST", confirm, 400, json=wrong)
    for path, sent in ((confirm, {"code": first}), ("/tenants/default/bindings", body)):
        answer = await ask(http, "POST", path, 400, json=sent)
        assert answer["error_code"] == "TOO_MANY_ATTEMPTS"


async def test_a_bound_number_of_a_shared_gateway_is_its_tenants_alone() -> None:
    settings = {
        "gateways": {
            "shared": {
                "provider": "telnyx",
                "api_key": "KEY_fake",
                "from": "+15550100001",
                "numbers": ["+15550100002"],
            }
        }
    }
    async with running_server({}, settings=settings) as server:
        acme = bearer(await server.create_key("numbers", "sms:send", tenant="acme"))
        rival = bearer(await server.create_key("numbers", "sms:send", tenant="rival"))

        async def listed(headers: dict[str, str]) -> list[str]:
            answer = await ask(http, "GET", "/numbers", headers=headers)
            return [item["number"] for item in answer["numbers"]]

        async with Client(server.http_url, headers=server.headers) as http:
            both = ["+15550100001", "+15550100002"]
            assert await listed(acme) == await listed(rival) == both
            body = {"number": "+15550100002"}
            await ask(http, "POST", "/tenants/acme/bindings", json=body)
            assert await listed(acme) == both
            assert await listed(rival) == ["+15550100001"]
            pool = server.services.pool
            assert pool.registry.get("shared").bindings == {"+15550100002": "acme"}  # type: ignore[union-attr]
            await ask(http, "DELETE", "/tenants/acme/bindings/+15550100002")
            assert await listed(rival) == both


async def test_keys(server: RunningServer, http: Client) -> None:
    await ask(http, "POST", "/tenants", json={"name": "acme"})
    wanted = {
        "name": "shop",
        "scopes": ["sms:send"],
        "tenant": "acme",
        "daily_cost": 2,
        "per_minute": 1,
        "senders": ["(415) 555-0101"],
        "expires_at": "2030-01-01T00:00:00Z",
    }
    made = await ask(http, "POST", "/keys", json=wanted)
    token = made.pop("token")
    assert made["senders"] == ["+14155550101"]
    assert made["expires_at"] == "2030-01-01T00:00:00.000Z"
    assert made["daily_cost"] == {"amount": "2.00", "currency": "USD"}
    keys = (await ask(http, "GET", "/keys", params={"tenant": "acme"}))["keys"]
    assert keys == [made]
    assert len((await ask(http, "GET", "/keys"))["keys"]) == 2
    assert token not in str(keys)
    body = {"to": "+14155550199", "message": "x"}
    await ask(http, "POST", "/sms/send", json=body, headers=bearer(token))
    (sms,) = await server.wait_for_messages()
    assert sms.sender == "+14155550101"
    answer = await ask(http, "POST", "/sms/send", 429, json=body, headers=bearer(token))
    assert answer["error_code"] == "RATE_LIMIT_EXCEEDED"
    (used,) = (await ask(http, "GET", "/keys", params={"tenant": "acme"}))["keys"]
    assert used["last_used_at"] is not None
    other = body | {"from": "+14155550102"}
    await ask(http, "POST", "/sms/send", 403, json=other, headers=bearer(token))
    await ask(http, "DELETE", f"/keys/{made['id']}")
    await ask(http, "POST", "/sms/send", 401, json=body, headers=bearer(token))
    await ask(http, "DELETE", f"/keys/{made['id']}", 404)


async def test_wrong_keys(http: Client) -> None:
    for change, field in (
        ({"scopes": ["root"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"tenant": "nobody"}, "tenant"),
        ({"senders": [""]}, "senders"),
        ({"senders": ["12"]}, "senders"),
        ({"daily_cost": 0}, "daily_cost"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"per_minute": -1}, "per_minute"),
    ):
        body = {"name": "x", "scopes": ["sms:send"], **change}
        answer = await ask(http, "POST", "/keys", 422, json=body)
        assert answer["errors"][0]["field"] == field


async def test_only_admins_manage(server: RunningServer, anonymous: Client) -> None:
    scopes = ("sms:send", "sms:read", "numbers", "verify", "agents")
    headers = bearer(await server.create_key(*scopes))
    for method, path in (
        ("GET", "/tenants"),
        ("POST", "/tenants"),
        ("GET", "/tenants/default"),
        ("PATCH", "/tenants/default"),
        ("DELETE", "/tenants/default"),
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("DELETE", "/keys/key_1"),
    ):
        answer = await ask(anonymous, method, path, 403, headers=headers)
        assert answer["error_code"] == "FORBIDDEN"
        await ask(anonymous, method, path, 401)


async def test_two_confirm_at_once(server: RunningServer, http: Client) -> None:
    """One code binds once, however many bring it at the same time."""
    await ask(
        http, "POST", "/tenants/default/bindings", 202, json={"number": NUMBER, "proof": "code"}
    )
    code = await code_sent(server)

    async def confirm() -> int:
        path = f"/tenants/default/bindings/{NUMBER}/confirm"
        async with http.post(path, json={"code": code}) as response:
            return response.status

    statuses = await asyncio.gather(*(confirm() for _ in range(8)))
    assert sorted(statuses) == [200] + [400] * 7
