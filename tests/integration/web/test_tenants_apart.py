"""Two tenants cannot see each other: every route, with a foreign key and foreign ids.

Each route of the OpenAPI document stands in `rules`; a new one fails this test until
somebody has said what another tenant's key gets there.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from sqlalchemy import Connection, insert, select, update
from yarl import URL

from enum_backend.access import SCOPES
from enum_backend.clock import now_ms, rfc3339
from enum_backend.messaging.list_pages import Wanted
from enum_backend.messaging.lists import Viewer
from enum_backend.storage import Sealer
from enum_backend.storage.sealing import load_server_key
from enum_backend.storage.tables import (
    api_keys,
    binding_proofs,
    bindings,
    inbox,
    metadata,
    numbers,
    outbox,
)
from enum_backend.testing import RunningServer, running_server

OWNER, FOREIGN, UNKNOWN = "canary-tenant", "rival", "nobody"
NUMBER, NO_NUMBER = "+15550100011", "+15550100099"
"""A number of the owner's, and one that nobody has."""
HANDSET = "+15550100012"
"""Where the owner's messages went to and came from."""
PROVING = "+15550100013"
"""A number the owner was sent a code for."""
OPTED_OUT = "+15550100014"
VERIFIED = "+15550100015"
"""A number the owner has a verification for."""
TEXT = "canary-text"
REFERENCE = "canary-reference"
GATEWAY, NO_GATEWAY = "private", "absent"

SETTINGS: Mapping[str, Any] = {
    "mode": "live",
    "gateways": {
        name: {
            "provider": "telnyx",
            "api_key": "KEY_fake",
            "base_url": "http://127.0.0.1:9",
            **more,
        }
        for name, more in {
            "shared": {"from": "+15550100001", "numbers": ["+15550100002"]},
            GATEWAY: {"from": "+15550100003", "tenant": OWNER},
        }.items()
    },
    "tenants": [{"name": OWNER, "title": "canary-title"}],
    "limits": {"per_recipient_hour": 20},
}


@dataclass(frozen=True)
class Ask:
    """One request."""

    path: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Apart:
    """What is another's must be answered as what is not there.

    Attributes:
        status: of both answers.
        owner: status that the owner gets, to know that the thing is there; None = not asked.
    """

    foreign: Ask
    unknown: Ask
    status: int = 404
    owner: int | None = None


@dataclass(frozen=True)
class Own:
    """An answer that holds nothing of another tenant."""

    ask: Ask
    status: int = 200


ADMIN = "needs the scope admin, which sees all tenants"
SESSION = "needs a person who is signed in; a key is nobody there"
PUBLIC = "needs no key, and holds nothing of another tenant whatever key is sent"


FOR_PEOPLE = (
    "POST /api/auth/refresh",
    "GET /api/auth/me",
    "GET /api/auth/sessions",
    "DELETE /api/auth/sessions",
    "DELETE /api/auth/sessions/{session_id}",
    "POST /api/auth/password",
    "POST /api/auth/sms/send-phone-verification",
    "POST /api/auth/sms/verify-phone",
    "POST /api/auth/sms/remove-phone",
    "POST /api/auth/2fa/enable",
    "POST /api/auth/2fa/verify-and-enable",
    "POST /api/auth/2fa/disable",
    "POST /api/auth/totp/enroll",
    "POST /api/auth/totp/confirm",
    "POST /api/auth/totp/disable",
)
FOR_ANYBODY = (
    "POST /api/auth/register",
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "POST /api/auth/sms/request-password-reset",
    "POST /api/auth/sms/verify-and-reset",
    "POST /api/auth/2fa/send-code",
    "POST /api/auth/2fa/verify",
)


@dataclass(frozen=True)
class World:
    server: RunningServer
    foreign_key: str
    owner_key: str
    ids: Mapping[str, str]

    @property
    def canaries(self) -> tuple[str, ...]:
        known = (NUMBER, HANDSET, PROVING, OPTED_OUT, "canary")
        return (*known, *self.ids.values())


def rules(ids: Mapping[str, str]) -> dict[str, Any]:
    """Route -> what another tenant's key gets there."""
    sent, received, waiting, failed = (
        ids[name] for name in ("sent", "received", "waiting", "failed")
    )
    later = {"to": HANDSET, "message": "x", "send_at": rfc3339(now_ms() + 3_600_000)}

    def messages(format_: str, *names: str, owner: int = 200) -> list[Apart]:
        return [
            Apart(
                Ask(format_.format(name)),
                Ask(format_.format("in_none" if name == received else "msg_none")),
                owner=owner,
            )
            for name in names
        ]

    def query(path: str, name: str, foreign: str, unknown: str, status: int) -> Apart:
        asks = (Ask(str(URL(path).with_query({name: value}))) for value in (foreign, unknown))
        return Apart(*asks, status=status)

    def lease(rest: str, json: Any = None, owner: int | None = None) -> Apart:
        asks = (Ask(f"/agents/leases/{name}{rest}", json) for name in (ids["lease"], "lease_none"))
        return Apart(*asks, owner=owner)

    theirs, nobodys = f"/tenants/{OWNER}/bindings", f"/tenants/{UNKNOWN}/bindings"
    ours = f"/tenants/{FOREIGN}/bindings"
    code = {"code": "123456"}
    return {
        "GET /enum/{number}": PUBLIC,
        "GET /enum/{number}/naptr": PUBLIC,
        "GET /enum/{number}/explain": [
            query(f"/enum/{NO_NUMBER}/explain", "gateway", GATEWAY, NO_GATEWAY, 503),
            query(f"/enum/{HANDSET}/explain", "from", NUMBER, NO_NUMBER, 422),
        ],
        "GET /sms/status/{message_id}": messages("/sms/status/{}", sent)
        + messages(f"/sms/status/{{}}?gateway={GATEWAY}", sent, owner=503),
        "GET /sms/messages": [
            Own(Ask("/sms/messages")),
            Own(Ask("/sms/messages?direction=inbound")),
            Own(Ask("/sms/messages?status=failed,scheduled,queued")),
            query("/sms/messages", "tenant", OWNER, UNKNOWN, 404),
            query("/sms/messages", "number", NUMBER, NO_NUMBER, 200),
            query("/sms/messages", "number", HANDSET, NO_NUMBER, 200),
            query("/sms/messages", "client_reference", REFERENCE, "none", 200),
            query("/sms/messages", "after", ids["cursor"], "none", 422),
        ],
        "GET /sms/messages/{message_id}": messages("/sms/messages/{}", sent, received),
        "POST /sms/messages/{message_id}/cancel": messages("/sms/messages/{}/cancel", waiting),
        "POST /sms/messages/{message_id}/retry": messages("/sms/messages/{}/retry", failed),
        "GET /sms/stream": [
            Apart(
                Ask("/sms/stream", headers={"Last-Event-ID": ids["event"]}),
                Ask("/sms/stream", headers={"Last-Event-ID": "none"}),
                422,
            ),
        ],
        "GET /webhook/sms-notifications/{number}": [
            Apart(
                Ask(f"/webhook/sms-notifications/{NUMBER}"),
                Ask(f"/webhook/sms-notifications/{NO_NUMBER}"),
                owner=200,
            ),
        ],
        "GET /opt-outs": [
            Own(Ask("/opt-outs")),
            query("/opt-outs", "tenant", OWNER, UNKNOWN, 403),
            query("/opt-outs", "recipient", OPTED_OUT, NO_NUMBER, 200),
        ],
        "POST /opt-outs": [
            Apart(
                Ask("/opt-outs", {"recipient": OPTED_OUT, "tenant": OWNER}),
                Ask("/opt-outs", {"recipient": OPTED_OUT, "tenant": UNKNOWN}),
                403,
            ),
        ],
        "DELETE /opt-outs": [
            Apart(
                Ask(f"/opt-outs?recipient=%2B{OPTED_OUT[1:]}"),
                Ask(f"/opt-outs?recipient=%2B{NO_NUMBER[1:]}"),
                owner=200,
            ),
        ],
        "GET /alerts": ADMIN,
        "POST /sms/webhook/{provider}": PUBLIC,
        "GET /sms/webhook/{provider}": PUBLIC,
        "POST /sms/webhook/{provider}/{gateway}": PUBLIC,
        "GET /sms/webhook/{provider}/{gateway}": PUBLIC,
        "POST /sms/webhook/{provider}/{gateway}/{token}": PUBLIC,
        "GET /sms/webhook/{provider}/{gateway}/{token}": PUBLIC,
        "POST /webhook/sms-received": PUBLIC,
        "GET /webhook/sms-received": PUBLIC,
        "GET /deliveries": ADMIN,
        "GET /deliveries/dead": ADMIN,
        "POST /deliveries/dead/replay": ADMIN,
        "POST /deliveries/{delivery_id}/replay": ADMIN,
        "GET /deliveries/endpoints": ADMIN,
        "POST /deliveries/endpoints": ADMIN,
        "PATCH /deliveries/endpoints/{endpoint_id}": ADMIN,
        "POST /deliveries/endpoints/{endpoint_id}/rotate": ADMIN,
        "DELETE /deliveries/endpoints/{endpoint_id}": ADMIN,
        "GET /deliveries/secret": ADMIN,
        "GET /numbers": [Own(Ask("/numbers"))],
        "GET /numbers/available": [
            query("/numbers/available", "gateway", GATEWAY, NO_GATEWAY, 503)
        ],
        "POST /numbers": [
            Apart(
                Ask("/numbers", {"number": NO_NUMBER, "gateway": GATEWAY, "yes": True}),
                Ask("/numbers", {"number": NO_NUMBER, "gateway": NO_GATEWAY, "yes": True}),
                503,
            ),
        ],
        "POST /numbers/import": [
            Apart(
                Ask("/numbers/import", {"gateway": GATEWAY}),
                Ask("/numbers/import", {"gateway": NO_GATEWAY}),
                503,
            ),
            Apart(
                Ask("/numbers/import", {"gateway": "shared", "tenant": OWNER}),
                Ask("/numbers/import", {"gateway": "shared", "tenant": UNKNOWN}),
                403,
            ),
        ],
        "DELETE /numbers/{number}": [
            Apart(Ask(f"/numbers/{NUMBER}"), Ask(f"/numbers/{NO_NUMBER}"), owner=502),
        ],
        "GET /numbers/{number}/classify": [
            Apart(Ask(f"/numbers/{NUMBER}/classify"), Ask(f"/numbers/{NO_NUMBER}/classify"), 200),
        ],
        "POST /numbers/{number}/check": [
            Apart(Ask(f"/numbers/{NUMBER}/check"), Ask(f"/numbers/{NO_NUMBER}/check")),
        ],
        "GET /costs": [Own(Ask("/costs"))],
        "GET /tenants": ADMIN,
        "POST /tenants": ADMIN,
        "GET /tenants/{tenant}": ADMIN,
        "PATCH /tenants/{tenant}": ADMIN,
        "DELETE /tenants/{tenant}": ADMIN,
        "GET /tenants/{tenant}/bindings": [
            Apart(Ask(theirs), Ask(nobodys), owner=200),
            Own(Ask(ours)),
        ],
        "POST /tenants/{tenant}/bindings": [
            Apart(Ask(theirs, {"number": NO_NUMBER}), Ask(nobodys, {"number": NO_NUMBER})),
            Own(Ask(ours, {"number": NUMBER}), 422),
        ],
        "POST /tenants/{tenant}/bindings/{number}/confirm": [
            Apart(
                Ask(f"{theirs}/{PROVING}/confirm", code),
                Ask(f"{nobodys}/{PROVING}/confirm", code),
                owner=400,
            ),
            Apart(
                Ask(f"{ours}/{PROVING}/confirm", code),
                Ask(f"{ours}/{NO_NUMBER}/confirm", code),
                400,
            ),
        ],
        "DELETE /tenants/{tenant}/bindings/{number}": [
            Apart(Ask(f"{theirs}/{HANDSET}"), Ask(f"{nobodys}/{HANDSET}"), owner=200),
            Apart(Ask(f"{ours}/{HANDSET}"), Ask(f"{ours}/{NO_NUMBER}")),
        ],
        "GET /keys": ADMIN,
        "POST /keys": ADMIN,
        "DELETE /keys/{key_id}": ADMIN,
        "POST /verify/start": [
            # Theirs is of the same number and still counts: ours is another one.
            Own(Ask("/verify/start", {"to": VERIFIED})),
        ],
        "POST /verify/check": [
            Apart(
                Ask("/verify/check", {"verification_id": ids["verification"], **code}),
                Ask("/verify/check", {"verification_id": "ver_none", **code}),
                400,
                owner=400,
            ),
        ],
        "POST /verify/preview": [Own(Ask("/verify/preview", {}))],
        "GET /verify/stats": [
            Own(Ask("/verify/stats")),
            query("/verify/stats", "tenant", OWNER, UNKNOWN, 403),
        ],
        "GET /verify/decisions": ADMIN,
        "POST /agents/leases": [Own(Ask("/agents/leases", {"passport_id": "mine"}), 409)],
        "GET /agents/leases": [Own(Ask("/agents/leases"))],
        "GET /agents/leases/{lease_id}": [lease("", owner=200)],
        "DELETE /agents/leases/{lease_id}": [lease("")],
        "POST /agents/leases/{lease_id}/renew": [lease("/renew", owner=200)],
        "GET /agents/leases/{lease_id}/messages": [lease("/messages", owner=200)],
        "POST /agents/leases/{lease_id}/wait": [lease("/wait", {"timeout_ms": 0}, owner=408)],
        "GET /agents/pool": [
            Own(Ask("/agents/pool")),
            query("/agents/pool", "tenant", OWNER, UNKNOWN, 403),
        ],
        "POST /agents/pool": ADMIN,
        "DELETE /agents/pool/{phone_number}": ADMIN,
        "POST /agents/simulate": [
            Apart(
                Ask("/agents/simulate", {"to": NUMBER, "text": "x"}),
                Ask("/agents/simulate", {"to": NO_NUMBER, "text": "x"}),
                403,
            ),
        ],
        "GET /agents/usage": [
            Own(Ask("/agents/usage")),
            query("/agents/usage", "key_id", ids["key"], "key_none", 403),
        ],
        **dict.fromkeys(FOR_PEOPLE, SESSION),
        **dict.fromkeys(FOR_ANYBODY, PUBLIC),
        "POST /api/admin/sms/send-password-reset": ADMIN,
        "POST /api/admin/sms/verify-user-phone": ADMIN,
        "GET /api/admin/sms/sms-logs": ADMIN,
        "GET /api/admin/sms/stats": ADMIN,
        "GET /audit": ADMIN,
        "GET /livez": PUBLIC,
        "GET /readyz": PUBLIC,
        "GET /metrics": PUBLIC,
        "GET /openapi.json": PUBLIC,
        "GET /docs": PUBLIC,
        "GET /meshcentral/sms/{token}": PUBLIC,
        "POST /meshcentral/sms": [
            Own(Ask("/meshcentral/sms", {"phone": "+15550100098", "message": "x"})),
        ],
        "GET /meshcentral/messages": [
            Own(Ask("/meshcentral/messages")),
            query("/meshcentral/messages", "server", "canary-mesh", "none", 422),
            query("/meshcentral/messages", "before", ids["shim"], "msg_none", 422),
        ],
        "GET /meshcentral/health": [Own(Ask("/meshcentral/health"))],
        "GET /meshcentral/lookup": [Own(Ask(f"/meshcentral/lookup?phone={NO_NUMBER[1:]}"), 404)],
        "GET /meshcentral/explain": [
            query(f"/meshcentral/explain?phone={NO_NUMBER[1:]}", "gateway", GATEWAY, "none", 422),
        ],
        "GET /meshcentral/plugin/config.json": PUBLIC,
        "GET /meshcentral/tokens": ADMIN,
        "PUT /meshcentral/tokens/{server}": ADMIN,
        "DELETE /meshcentral/tokens/{server}": ADMIN,
        "POST /shim/{program}/{token}": PUBLIC,
        "GET /shim/{program}/{token}": PUBLIC,
        "GET /shims": ADMIN,
        "PUT /shims/{program}/{server}": ADMIN,
        "DELETE /shims/{program}/{server}": ADMIN,
        # Last: what it sends stands in its own lists.
        "POST /sms/send": [
            Apart(
                Ask("/sms/send", later | {"gateway": GATEWAY}),
                Ask("/sms/send", later | {"gateway": NO_GATEWAY}),
                503,
            ),
            Apart(
                Ask("/sms/send", later | {"from": NUMBER}),
                Ask("/sms/send", later | {"from": NO_NUMBER}),
                422,
                owner=200,
            ),
            Own(Ask("/sms/send", later | {"client_reference": REFERENCE})),
        ],
    }


@pytest.fixture
async def world(storage_settings: dict[str, Any]) -> AsyncIterator[World]:
    """The owner has one of everything; the dispatcher stands still."""
    async with running_server({}, settings={**SETTINGS, **storage_settings}) as server:
        await server.services.dispatcher.stop()
        owner_key = await server.create_key(*SCOPES[:-1], tenant=OWNER)
        foreign_key = await server.create_key(*SCOPES[:-1], tenant=FOREIGN)
        ids: dict[str, str] = {}
        async with client(server, owner_key) as http:
            later = rfc3339(now_ms() + 3_600_000)
            for name, more in (
                ("sent", {"client_reference": REFERENCE}),
                ("waiting", {"send_at": later}),
                ("failed", {}),
            ):
                body = {"to": HANDSET, "message": f"{TEXT} {name}", **more}
                async with http.post("/sms/send", json=body) as response:
                    ids[name] = (await response.json())["message_id"]
            for path, body in (
                ("/opt-outs", {"recipient": OPTED_OUT}),
                (f"/tenants/{OWNER}/bindings", {"number": PROVING}),
            ):
                async with http.post(path, json=body) as response:
                    assert response.status in (200, 202), await response.text()
            async with http.post("/verify/start", json={"to": VERIFIED}) as response:
                ids["verification"] = (await response.json())["verification_id"]
        token = await server.services.shim_tokens.token_for("meshcentral", "canary-mesh", OWNER)
        query = {"phone": HANDSET, "message": "canary-shim"}
        async with (
            aiohttp.ClientSession(server.http_url) as http,
            http.get(f"/meshcentral/sms/{token}", params=query) as response,
        ):
            ids["shim"] = (await response.json())["message_id"]
        await server.services.database.write(lambda c: _give(c, server, ids))
        await server.services.numbers.store.load()
        async with client(server, server.api_key) as http:
            body = {"phone_number": NUMBER, "tenant": OWNER}
            async with http.post("/agents/pool", json=body) as response:
                assert response.status == 200, await response.text()
        async with client(server, owner_key) as http:
            body = {"passport_id": "canary-passport"}
            async with http.post("/agents/leases", json=body) as response:
                ids["lease"] = (await response.json())["lease_id"]
        page = await server.services.lists.page(Viewer(OWNER), Wanted(OWNER), None, 1)
        ids["cursor"] = page.position
        ids["event"] = server.services.streams.cursor(OWNER, 0)
        yield World(server, foreign_key, owner_key, ids)


def _give(connection: Connection, server: RunningServer, ids: dict[str, str]) -> None:
    configured = server.services.settings.server_key.get_secret_value()
    sealer = Sealer(load_server_key(configured, server.data_dir))
    connection.execute(
        update(outbox).where(outbox.c.message_id == ids["failed"]).values(state="failed")
    )
    ids["received"] = "in_0123456789"
    row = {
        "inbox_id": ids["received"],
        "tenant": OWNER,
        "gateway": "shared",
        "provider": "telnyx",
        "dedupe_key": "d",
        "sender": HANDSET,
        "to_number": NUMBER,
        "body": sealer.seal(TEXT, ids["received"]),
        "media": "[]",
        "received_at": now_ms(),
    }
    connection.execute(insert(inbox).values(**row))
    row = {
        "number": NUMBER,
        "gateway": "shared",
        "provider": "telnyx",
        "tenant": OWNER,
        "state": "active",
        "source": "imported",
        "features": "sms",
        "created_at": 1,
        "updated_at": 1,
    }
    connection.execute(insert(numbers).values(**row))
    for number, proof in ((NUMBER, "inventory"), (HANDSET, "admin")):
        row = {"number": number, "tenant": OWNER, "proof": proof}
        connection.execute(insert(bindings).values(**row, created_by="imported", created_at=1))
    query = select(api_keys.c.id).where(api_keys.c.tenant == OWNER)
    ids["key"] = str(connection.execute(query).scalar())


def client(server: RunningServer, key: str) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {key}"}
    return aiohttp.ClientSession(server.http_url, headers=headers)


async def answer(http: aiohttp.ClientSession, method: str, ask: Ask) -> tuple[int, str]:
    """Status and body; of a stream what comes at once."""
    options = {} if ask.json is None else {"json": ask.json}
    url = URL(ask.path, encoded=True)
    async with http.request(method, url, headers=ask.headers, **options) as response:
        if response.content_type == "text/event-stream":
            return response.status, (await response.content.readany()).decode()
        return response.status, await response.text()


def routes(server_document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in server_document["paths"].items()
        for method, operation in methods.items()
    }


async def document(http: aiohttp.ClientSession) -> dict[str, Mapping[str, Any]]:
    async with http.get("/openapi.json") as response:
        return routes(await response.json())


def told(world: World, ask: Ask, body: str) -> list[str]:
    """What an answer holds of the owner that did not stand in the question."""
    asked = unquote(ask.path) + json.dumps(ask.json)
    return [canary for canary in world.canaries if canary in body and canary not in asked]


def alike(body: str, *words: str) -> str:
    """A body without what must differ: the ids asked for, new ids, sealed places."""
    for word in words:
        body = body.replace(word, "*")
    body = re.sub(r"msg_[0-9a-f]{24}", "msg_*", body)
    return re.sub(r'"(position|expires_at|created_at)": "[^"]*"', r'"\1": "*"', body)


async def owned(server: RunningServer) -> dict[str, list[Any]]:
    """Every row of the owner's, in every table."""

    def work(connection: Connection) -> dict[str, list[Any]]:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).where(mine))]
            for table in metadata.sorted_tables
            for mine in [table.c.tenant == OWNER if "tenant" in table.c else None]
            if mine is not None
        }

    return await server.services.database.read(work)


async def test_every_route_is_classified(world: World) -> None:
    async with client(world.server, world.foreign_key) as http:
        found = await document(http)
    known = rules(world.ids)
    assert set(found) == set(known), "say what another tenant's key gets there"
    for route, operation in found.items():
        scope = operation.get("description", "")
        assert ("security" not in operation) == (known[route] == PUBLIC), route
        assert ("`admin`" in scope) == (known[route] == ADMIN), route


async def test_nothing_of_another_tenant_is_there(world: World) -> None:
    before = await owned(world.server)
    assert {name for name, rows in before.items() if rows} >= {
        "api_keys",
        "binding_proofs",
        "bindings",
        "inbox",
        "numbers",
        "opt_outs",
        "outbox",
    }
    names = (OWNER, UNKNOWN, NUMBER, NO_NUMBER, HANDSET, OPTED_OUT, GATEWAY, NO_GATEWAY, REFERENCE)
    async with client(world.server, world.foreign_key) as http:
        for route, rule in rules(world.ids).items():
            method = route.partition(" ")[0]
            for case in rule if isinstance(rule, list) else ():
                if isinstance(case, Own):
                    status, body = await answer(http, method, case.ask)
                    assert status == case.status, (route, body)
                    assert told(world, case.ask, body) == [], route
                    continue
                first = await answer(http, method, case.foreign)
                second = await answer(http, method, case.unknown)
                assert first[0] == second[0] == case.status, (route, first, second)
                words = (*world.ids.values(), *names, PROVING, "msg_none", "in_none")
                assert alike(first[1], *words) == alike(second[1], *words), route
                assert told(world, case.foreign, first[1]) == [], route
    assert await owned(world.server) == before


async def test_admin_routes_refuse_before_they_look(world: World) -> None:
    """The same refusal whatever is asked for."""
    before = await owned(world.server)
    ids = {
        "{tenant}": (OWNER, UNKNOWN),
        "{key_id}": (world.ids["key"], "key_none"),
        "{delivery_id}": ("dlv_1", "dlv_2"),
        "{endpoint_id}": (OWNER, UNKNOWN),
        "{program}": ("meshcentral", "none"),
        "{server}": ("default", "none"),
        "{phone_number}": (NUMBER, NO_NUMBER),
    }
    async with client(world.server, world.foreign_key) as http:
        for route, rule in rules(world.ids).items():
            if rule != ADMIN:
                continue
            method, _, path = route.partition(" ")
            bodies = set()
            for index in (0, 1):
                full = path
                for name, values in ids.items():
                    full = full.replace(name, values[index])
                bodies.add(await answer(http, method, Ask(full, {} if method != "GET" else None)))
            ((status, body),) = bodies
            assert (status, json.loads(body)["error_code"]) == (403, "FORBIDDEN"), route
    assert await owned(world.server) == before


async def test_a_key_is_no_person(world: World) -> None:
    async with client(world.server, world.foreign_key) as http:
        for route, rule in rules(world.ids).items():
            if rule == SESSION:
                method, _, path = route.partition(" ")
                ask = Ask(path.replace("{session_id}", "ses_x"), None if method == "GET" else {})
                status, body = await answer(http, method, ask)
                assert (status, json.loads(body)["error_code"]) == (401, "UNAUTHORIZED"), route


async def test_public_routes_hold_nothing_of_any_tenant(world: World) -> None:
    before = await owned(world.server)
    values = {
        "{number}": NUMBER,
        "{provider}": "telnyx",
        "{gateway}": GATEWAY,
        "{token}": "none",
        "{program}": "supabase",
    }
    for key in (world.foreign_key, ""):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with aiohttp.ClientSession(world.server.http_url, headers=headers) as http:
            for route, rule in rules(world.ids).items():
                if rule != PUBLIC:
                    continue
                method, _, path = route.partition(" ")
                for name, value in values.items():
                    path = path.replace(name, value)
                _, body = await answer(http, method, Ask(path))
                for canary in set(world.canaries) - {NUMBER}:
                    assert canary not in body, (route, canary)
    assert await owned(world.server) == before


async def test_the_owner_finds_what_others_do_not(world: World) -> None:
    """Otherwise the tests above would prove nothing."""
    async with client(world.server, world.owner_key) as http:
        for route, rule in rules(world.ids).items():
            method = route.partition(" ")[0]
            for case in rule if isinstance(rule, list) else ():
                if isinstance(case, Apart) and case.owner is not None:
                    status, body = await answer(http, method, case.foreign)
                    assert status == case.owner, (route, body)
        async with http.get("/meshcentral/messages") as response:
            assert world.ids["shim"] in await response.text()
        async with http.get("/sms/messages") as response:
            listed = await response.json()
    assert TEXT in str(listed)
    assert {message["tenant"] for message in listed["messages"]} == {OWNER}
    rows = await world.server.services.database.read(
        lambda c: c.execute(select(binding_proofs.c.attempts)).scalars().all()
    )
    assert list(rows) == [1]
