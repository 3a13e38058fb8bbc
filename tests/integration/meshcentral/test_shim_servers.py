"""MeshCentral servers with tokens of their own: POST, kinds, limits, what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.testing import RunningServer, running_server

NUMBER = "+15557654321"
LOGIN = "MeshTest access token is: 048291"
LIMITS = {"per_recipient_hour": 0, "per_recipient_day": 0}
Client = aiohttp.ClientSession


@pytest.fixture
async def server(storage_settings: dict[str, Any]) -> AsyncIterator[RunningServer]:
    records = {"enum:15557654329:0": {"sms": "telnyx:+15557650000"}}
    async with running_server(records, settings={"limits": LIMITS, **storage_settings}) as running:
        yield running


@pytest.fixture
async def admin(server: RunningServer) -> AsyncIterator[Client]:
    async with Client(server.http_url, headers=server.headers) as session:
        yield session


async def token_of(server: RunningServer, name: str, **changes: Any) -> str:
    _, token = await server.services.shim_tokens.ensure("meshcentral", name, changes=changes)
    return token


def of(server: RunningServer, token: str) -> Client:
    return Client(server.http_url, headers={"Authorization": f"Bearer {token}"})


async def post(http: Client, phone: str, message: str) -> tuple[int, dict[str, Any]]:
    body = {"phone": phone, "message": message}
    async with http.post("/meshcentral/sms", json=body) as response:
        return response.status, await response.json()


async def shown(http: Client, query: str = "") -> list[dict[str, Any]]:
    async with http.get(f"/meshcentral/messages{query}") as response:
        document = await response.json()
        assert response.status == 200, document
    messages: list[dict[str, Any]] = document["messages"]
    return messages


async def ended(http: Client, count: int) -> list[dict[str, Any]]:
    """The messages, once none of them is under way."""
    async with asyncio.timeout(5):
        while True:
            found = await shown(http)
            states = {message["status"] for message in found}
            if len(found) == count and not states & {"queued", "dispatching", "sent"}:
                return found
            await asyncio.sleep(0.02)


async def test_post_is_the_same_as_get(server: RunningServer, admin: Client) -> None:
    token = await token_of(server, "mesh.example")
    async with of(server, token) as mesh:
        status, answer = await post(mesh, "+1 555-765.4321", LOGIN)
        assert (status, answer["success"], answer["status"]) == (200, True, "queued")
        assert (await post(mesh, NUMBER, LOGIN))[1]["message_id"] == answer["message_id"]
        query = {"phone": NUMBER, "message": LOGIN}
        async with admin.get(f"/meshcentral/sms/{token}", params=query) as response:
            assert (await response.json())["message_id"] == answer["message_id"]
    (sms,) = await server.wait_for_messages()
    assert (sms.to, sms.text) == (NUMBER, LOGIN)


async def test_post_with_an_api_key(server: RunningServer) -> None:
    async with of(server, await server.create_key("sms:send", "sms:read")) as program:
        status, answer = await post(program, NUMBER, LOGIN)
        assert status == 200
        (message,) = await shown(program)
        assert (message["message_id"], message["server"]) == (answer["message_id"], None)
    for scope in ("sms:read", "sms:send"):
        async with of(server, await server.create_key(scope)) as program:
            status, answer = await post(program, NUMBER, LOGIN)
            assert status == (200 if scope == "sms:send" else 403)
            async with program.get("/meshcentral/messages") as response:
                assert response.status == (200 if scope == "sms:read" else 403)


@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer nobody", "Bearer ebk_nobody", "Basic eDp5", "Bearer {shim}x"],
)
async def test_callers_that_are_nobody(server: RunningServer, header: str | None) -> None:
    token = await token_of(server, "mesh.example")
    headers = {} if header is None else {"Authorization": header.replace("{shim}", token)}
    async with Client(server.http_url, headers=headers) as http:
        for method, path in (
            ("POST", "/meshcentral/sms"),
            ("GET", "/meshcentral/messages"),
            ("GET", "/meshcentral/health"),
        ):
            async with http.request(method, path, json={}) as response:
                answer = await response.json()
                assert (response.status, answer["error_code"]) == (401, "UNAUTHORIZED")
                assert response.headers["WWW-Authenticate"] == "Bearer"
    assert server.messages == []


async def test_readable_errors(server: RunningServer) -> None:
    async with of(server, await token_of(server, "mesh.example", per_hour=1)) as mesh:
        status, answer = await post(mesh, "123", LOGIN)
        assert (status, answer["error_code"]) == (422, "INVALID_PHONE_FORMAT")
        assert answer["detail"] == "phone: is too short for its country (3 digits)"
        async with mesh.post("/meshcentral/sms", json={"phone": NUMBER}) as response:
            assert response.status == 422
            assert (await response.json())["errors"][0]["field"] == "message"
        assert (await post(mesh, NUMBER, LOGIN))[0] == 200
        status, answer = await post(mesh, NUMBER, "another")
        assert (status, answer["error_code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert answer["detail"].startswith("per_hour: 1 messages")


async def test_kinds_decide_where_a_text_goes(server: RunningServer, admin: Client) -> None:
    """A code goes to the number itself, an administrator's words where its record points."""
    recorded = "+15557654329"
    async with of(server, await token_of(server, "mesh.example")) as mesh:
        for text in (LOGIN, "Tom's Mesh verification code is: 048291", "Hello from Tom"):
            assert (await post(mesh, recorded, text))[0] == 200
        hello, check, login = await ended(admin, 3)
    assert [(item["kind"], item["destination"]) for item in (login, check, hello)] == [
        ("code", recorded),
        ("code", recorded),
        ("admin", "+15557650000"),
    ]
    assert login["about"] == "a login code of MeshCentral"
    assert check["about"] == "MeshCentral's check of a phone number"
    assert "administrator" in hello["about"]
    assert [step["applied"] for step in hello["route"] if step["rule"] == "record"] == [True]
    assert "048291" not in str((hello, check, login))
    assert "Hello from" not in str((hello, check, login))
    rows = await server.services.database.read(
        lambda c: c.exec_driver_sql("SELECT body, priority FROM outbox ORDER BY id").all()
    )
    assert [tuple(row) for row in rows] == [(None, 0), (None, 0), (None, 1)]


async def test_each_server_has_its_own_settings(server: RunningServer) -> None:
    template = "{text}\n\n@mesh.example #{code}"
    london = await token_of(server, "london", region="GB", template=template, per_minute=2)
    async with of(server, london) as mesh:
        assert (await post(mesh, "07700 900123", LOGIN))[0] == 200
        assert (await post(mesh, "07700 900123", "no code in it"))[0] == 200
        assert (await post(mesh, "07700 900123", "one more"))[0] == 429
    async with of(server, await token_of(server, "ohio")) as mesh:
        assert (await post(mesh, "555 765 4321", LOGIN))[0] == 200
    arrived = sorted((sms.to, sms.text) for sms in await server.wait_for_messages(3))
    assert arrived == [
        (NUMBER, LOGIN),
        ("+447700900123", f"{LOGIN}\n\n@mesh.example #048291"),
        ("+447700900123", "no code in it"),
    ]


async def test_hourly_ceilings_outlive_a_restart(tmp_path: Any) -> None:
    settings = {"limits": LIMITS, "data_dir": str(tmp_path / "data")}
    async with running_server({}, settings=settings) as server:
        token = await token_of(server, "mesh.example", per_day=2)
        async with of(server, token) as mesh:
            assert (await post(mesh, NUMBER, f"{LOGIN}0"))[0] == 200
    async with running_server({}, settings=settings) as server, of(server, token) as mesh:
        answers = await asyncio.gather(*(post(mesh, NUMBER, f"{LOGIN}{n}") for n in range(1, 6)))
    assert sorted(status for status, _ in answers) == [200, 429, 429, 429, 429]


async def test_what_is_shown_to_whom(server: RunningServer, admin: Client) -> None:
    first, second = await token_of(server, "a.example"), await token_of(server, "b.example")
    failure = GatewayError(Reason.INVALID_NUMBER, "no such number: 048291", provider_code="21211")
    server.simulator.fail_next(failure)
    async with of(server, first) as mesh_a, of(server, second) as mesh_b:
        assert (await post(mesh_a, NUMBER, LOGIN))[0] == 200
        await ended(admin, 1)
        assert (await post(mesh_b, "+15557654322", LOGIN))[0] == 200
        await ended(admin, 2)
        (seen,) = await shown(mesh_a)
        assert (seen["to"], seen["server"]) == ("+15*******21", "a.example")
        assert NUMBER not in str(seen)
        async with mesh_a.get("/meshcentral/messages?server=b.example") as response:
            assert response.status == 422
    newest, oldest = await shown(admin)
    assert (newest["server"], newest["status"]) == ("b.example", "delivered")
    assert (oldest["to"], oldest["status"]) == (NUMBER, "failed")
    assert (oldest["reason"], oldest["provider_code"]) == ("invalid_number", "21211")
    (attempt,) = oldest["attempts"]
    assert (attempt["gateway"], attempt["outcome"]) == ("simulator", "refused")
    assert "048291" not in str(oldest)
    assert [message["server"] for message in await shown(admin, "?server=a.example")] == [
        "a.example"
    ]
    async with admin.get("/meshcentral/messages?limit=1") as response:
        page = await response.json()
    assert page["next"] == newest["message_id"]
    assert await shown(admin, f"?limit=1&before={page['next']}") == [oldest]
    assert await shown(admin, f"?before={oldest['message_id']}") == []
    async with admin.get("/meshcentral/messages?before=msg_none") as response:
        assert response.status == 422


async def test_health(server: RunningServer) -> None:
    async with of(server, await token_of(server, "mesh.example")) as mesh:
        async with mesh.get("/meshcentral/health") as response:
            document = await response.json()
        assert response.status == 200
    assert document["status"] == "ready"
    assert document["mode"] == "simulation"
    assert document["default"] == ["simulator"]
    assert document["gateways"] == [
        {"name": "simulator", "provider": "simulator", "usable": True, "health": "closed"}
    ]
    assert document["records"] == {"source": "file", "ok": True}


async def test_health_of_real_gateways() -> None:
    telnyx = {"provider": "telnyx", "api_key": "KEY_fake", "from": "+15550100001"}
    gateways = {
        "shared": telnyx,
        "theirs": {**telnyx, "tenant": "acme"},
        "half": {"provider": "telnyx", "from": "+15550100002"},
    }
    settings = {"mode": "live", "gateways": gateways, "tenants": [{"name": "acme"}]}
    async with (
        running_server({}, settings=settings) as server,
        of(server, await token_of(server, "mesh.example")) as mesh,
        mesh.get("/meshcentral/health") as response,
    ):
        document = await response.json()
    assert {item["name"]: item["usable"] for item in document["gateways"]} == {
        "shared": True,
        "half": False,
    }
    assert document["default"] == ["shared"]


async def test_tokens_over_http(server: RunningServer, admin: Client) -> None:
    path = "/meshcentral/tokens/mesh.example"
    async with admin.put(path, json={"per_hour": 9, "region": "de"}) as response:
        made = await response.json()
        assert response.status == 200, made
    assert (made["per_hour"], made["region"]) == (9, "DE")
    assert "?phone={{phone}}&message={{message}}" in made["url"]
    async with admin.put(path, json={}) as response:
        assert await response.json() == made
    async with admin.put(path, json={"secret": "anything"}) as response:
        assert response.status == 422
    async with admin.get("/meshcentral/tokens") as response:
        servers = {token["server"]: token for token in (await response.json())["tokens"]}
    assert servers["mesh.example"]["per_hour"] == 9
    assert "url" not in servers["mesh.example"]
    for status in (200, 404):
        async with admin.delete(path) as response:
            assert response.status == status
