"""Other programs' requests, each in its own shape, through a running server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs
from yarl import URL

from enum_backend.errors import (
    BodyTooLarge,
    DatabaseUnavailable,
    EnumBackendError,
    RedisUnavailable,
)
from enum_backend.testing import RunningServer, running_server
from enum_backend.web.routes.shims import MAX_BODY

NUMBER = "+15557654321"
WHSEC = "whsec_" + base64.b64encode(b"fake-secret-of-a-hook-000000").decode()
OTHER_WHSEC = "whsec_" + base64.b64encode(b"fake-secret-of-another-hook-").decode()
KEY = "fake-signing-key-0000"
LIMITS = {"per_recipient_hour": 0, "per_recipient_day": 0}


@dataclass(frozen=True)
class Ask:
    """One request of a program; `signed` over exactly `body`."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def supabase(
    code: str = "048291",
    phone: str = "15557654321",
    *,
    secret: str = WHSEC,
    at: float | None = None,
    message_id: str = "2b2b1d2e-fake",
    changed_to: str | None = None,
    user: Mapping[str, object] | None = None,
    sms_type: str = "sms",
) -> Ask:
    """As supabase/auth makes it, signed by the official library."""
    person = {"id": "6481a5c1-fake", "phone": phone, "role": "authenticated"}
    document = {
        "user": person | dict(user or {}),
        "sms": {"otp": code, "sms_type": sms_type} | ({"phone": changed_to} if changed_to else {}),
    }
    body = json.dumps(document)
    signed_at = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, signed_at, body),
    }
    return Ask(body.encode(), headers)


def zitadel(
    code: str = "0M53RF",
    phone: str = NUMBER,
    *,
    secret: str = KEY,
    at: int | None = None,
    more_signatures: str = "",
) -> Ask:
    """As ZITADEL's pkg/actions/signing.go signs it."""
    document = {
        "contextInfo": {
            "eventType": "user.human.phone.code.added",
            "provider": {"id": "285181292935381355", "description": "test"},
            "recipientPhoneNumber": phone,
        },
        "templateData": {"title": "Verify phone", "text": f"Use this code to verify it: {code}"},
        "args": {"code": code, "domain": "id.example"},
    }
    body = json.dumps(document).encode()
    signed_at = str(int(time.time()) if at is None else at)
    mac = hmac.new(secret.encode(), digestmod=hashlib.sha256)
    mac.update(signed_at.encode())
    mac.update(b".")
    mac.update(body)
    header = f"t={signed_at},{more_signatures}v1={mac.hexdigest()}"
    return Ask(body, {"ZITADEL-Signature": header})


def logto(code: str = "048291", phone: str = "15557654321", *, secret: str = KEY) -> Ask:
    document = {"to": phone, "type": "SignIn", "payload": {"code": code}, "ip": "192.0.2.7"}
    return Ask(json.dumps(document).encode(), {"Authorization": secret})


def authentik(code: str = "048291", phone: str = NUMBER, *, secret: str = KEY) -> Ask:
    document = {
        "From": "+15550100000",
        "To": phone,
        "Body": code,
        "Message": f"Use this code to authenticate in authentik: {code}",
    }
    return Ask(json.dumps(document).encode(), {"Authorization": f"Bearer {secret}"})


def nextcloud(code: str = "048291", phone: str = NUMBER, *, secret: str = KEY) -> Ask:
    text = f"{code} is your Nextcloud authentication code"
    query = {"app": "ws", "u": "any", "h": secret, "op": "pv", "to": phone, "msg": text}
    return Ask(query=query, method="GET")


MAKERS = {
    "supabase": (supabase, f"v1,{WHSEC}"),
    "zitadel": (zitadel, KEY),
    "logto": (logto, KEY),
    "authentik": (authentik, KEY),
    "nextcloud": (nextcloud, KEY),
}
ALL = pytest.mark.parametrize("program", list(MAKERS))


@pytest.fixture
async def server(storage_settings: dict[str, Any]) -> AsyncIterator[RunningServer]:
    settings = {"limits": LIMITS, **storage_settings}
    async with running_server({}, settings=settings) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def url_of(server: RunningServer, program: str, **changes: Any) -> str:
    changes = {"secret": MAKERS[program][1]} | changes
    _, token = await server.services.shim_tokens.ensure(program, "id.example", changes=changes)
    return f"{server.http_url}/shim/{program}/{token}"


async def send(http: aiohttp.ClientSession, url: str, ask: Ask) -> tuple[int, str, str]:
    """Status, content type, body."""
    async with http.request(
        ask.method, url, data=ask.body or None, headers=ask.headers, params=ask.query
    ) as response:
        return response.status, response.content_type, await response.text()


@ALL
async def test_a_code_goes_out(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program)
    ask = MAKERS[program][0]()
    status, kind, body = await send(http, url, ask)
    assert (status, kind) == (200, "application/json"), body
    (sms,) = await server.wait_for_messages()
    expected = {
        "supabase": "Your id.example code is 048291",
        "zitadel": "Use this code to verify it: 0M53RF",
        "logto": "Your id.example code is 048291",
        "authentik": "Use this code to authenticate in authentik: 048291",
        "nextcloud": "048291 is your Nextcloud authentication code",
    }
    assert (sms.to, sms.text) == (NUMBER, expected[program])
    if program == "supabase":
        assert json.loads(body) == {}
    # The same request again, within the time its signature is taken: one message.
    assert (await send(http, url, ask))[0] == 200
    await asyncio.sleep(0.05)
    assert len(server.messages) == 1


@ALL
async def test_the_template_of_a_token(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program, app="Acme {x}", template="{code} for {app}\n@id #{code}")
    assert (await send(http, url, MAKERS[program][0]("735102")))[0] == 200
    (sms,) = await server.wait_for_messages()
    assert sms.text == "735102 for Acme {x}\n@id #735102"


@ALL
async def test_it_is_a_code_for_the_number_itself(
    storage_settings: dict[str, Any], http: aiohttp.ClientSession, program: str
) -> None:
    records = {"enum:15557654321:0": {"sms": "telnyx:+15557650000"}}
    async with running_server(records, settings=storage_settings) as server:
        url = await url_of(server, program)
        assert (await send(http, url, MAKERS[program][0]()))[0] == 200
        (sms,) = await server.wait_for_messages()
        assert sms.to == NUMBER
        if server.services.database.shared:
            return
        database = sqlite3.connect(server.data_dir / "enum-backend.sqlite3")
        row = database.execute("SELECT kind, priority, erase_body FROM outbox").fetchone()
        database.close()
        assert row == ("code", 0, 1)


@ALL
async def test_a_wrong_or_missing_proof(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program)
    make = MAKERS[program][0]
    wrong = make(secret=OTHER_WHSEC if program == "supabase" else "another-fake-key-0000")
    unproven = make()
    unproven.headers.clear()
    unproven.query.pop("h", None)
    for ask in (wrong, unproven):
        status, _, body = await send(http, url, ask)
        assert status == 401
        assert "048291" not in body
        assert "signed with this token's secret" in body
    assert server.messages == []


@pytest.mark.parametrize("program", ["supabase", "zitadel"])
async def test_signed_programs_need_their_secret(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program, secret=None)
    for ask in (MAKERS[program][0](), MAKERS[program][0](secret=WHSEC)):
        assert (await send(http, url, ask))[0] == 401
    if program == "zitadel":
        assert (await send(http, url, zitadel(secret="")))[0] == 401
    assert server.messages == []


@pytest.mark.parametrize("program", ["supabase", "zitadel"])
@pytest.mark.parametrize("off", [-301, 301, -86400])
async def test_old_and_future_signatures(
    server: RunningServer, http: aiohttp.ClientSession, program: str, off: int
) -> None:
    url = await url_of(server, program)
    ask = MAKERS[program][0](at=int(time.time()) + off)
    assert (await send(http, url, ask))[0] == 401
    assert server.messages == []


@pytest.mark.parametrize("program", ["supabase", "zitadel"])
async def test_an_altered_body(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program)
    ask = MAKERS[program][0]()
    altered = Ask(ask.body.replace(b"5557654321", b"5557654322"), ask.headers)
    assert (await send(http, url, altered))[0] == 401
    assert server.messages == []


@pytest.mark.parametrize("program", ["logto", "authentik", "nextcloud"])
async def test_a_secret_beside_the_url_is_optional(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program, secret=None)
    assert (await send(http, url, MAKERS[program][0](secret="anything")))[0] == 200
    assert len(await server.wait_for_messages()) == 1


@ALL
async def test_unknown_addresses(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program)
    other = "logto" if program != "logto" else "authentik"
    make = MAKERS[program][0]
    for wrong in (
        f"{url}x",
        url.replace(f"/shim/{program}/", f"/shim/{other}/"),
        url.replace(f"/shim/{program}/", "/shim/none/"),
        url.replace(f"/shim/{program}/", "/shim/meshcentral/"),
    ):
        status, _, body = await send(http, wrong, make())
        assert status == 404, body
    other_method = Ask(make().body, make().headers, make().query, _other_method(make()))
    assert (await send(http, url, other_method))[0] == 404
    await server.services.shim_tokens.revoke(program, "id.example")
    assert (await send(http, url, make()))[0] == 404
    assert server.messages == []


def _other_method(ask: Ask) -> str:
    return "GET" if ask.method == "POST" else "POST"


@ALL
async def test_errors_in_the_programs_words(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program)
    make = MAKERS[program][0]
    status, kind, body = await send(http, url, make(phone="123"))
    if program == "supabase":
        assert (status, kind) == (200, "application/json")
        error = json.loads(body)["error"]
        assert error["http_code"] == 422
        assert error["message"].startswith("phone: ")
    elif program == "authentik":
        assert (status, kind) == (422, "text/plain")
        assert body.startswith("phone: is too short")
    else:
        assert (status, kind) == (422, "application/problem+json")
        assert json.loads(body)["error_code"] == "INVALID_PHONE_FORMAT"
    assert server.messages == []


@ALL
@pytest.mark.parametrize(
    "failure",
    [
        DatabaseUnavailable("The database cannot be read: canary"),
        RedisUnavailable(retry_after=0.5),
        BodyTooLarge(),
        RuntimeError("canary"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_failures_in_the_programs_words(
    server: RunningServer,
    http: aiohttp.ClientSession,
    program: str,
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = await url_of(server, program)
    ask = MAKERS[program][0]()

    async def fails(*_: object, **__: object) -> NoReturn:
        raise failure

    if isinstance(failure, DatabaseUnavailable):
        monkeypatch.setattr(type(server.services.database), "read", fails)
    elif isinstance(failure, BodyTooLarge):
        ask = Ask(b"x" * (MAX_BODY + 1), ask.headers, ask.query, ask.method)
    else:
        monkeypatch.setattr(type(server.services.client_limits), "hit", fails)
    expected = failure if isinstance(failure, EnumBackendError) else EnumBackendError("")
    async with http.request(
        ask.method, url, data=io.BytesIO(ask.body), headers=ask.headers, params=ask.query
    ) as response:
        status, kind, body = response.status, response.content_type, await response.text()
    if program == "supabase":
        error = json.loads(body)["error"]
        assert (status, kind) == (200, "application/json")
        assert (error["http_code"], bool(error["message"])) == (expected.status, True)
    elif program == "authentik":
        assert (status, kind) == (expected.status, "text/plain")
        assert not body.startswith("{")
    else:
        assert (status, kind) == (expected.status, "application/problem+json")
        assert json.loads(body)["error_code"] == expected.error_code
    known = isinstance(failure, RedisUnavailable)
    assert response.headers.get("Retry-After") == ("1" if known else None)
    assert "canary" not in body
    assert server.messages == []


async def test_a_user_of_whom_much_is_known(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    url = await url_of(server, "supabase")
    ask = supabase(user={"user_metadata": {"about": "x" * 70_000}})
    assert json.loads((await send(http, url, ask))[2]) == {}
    assert [sms.to for sms in await server.wait_for_messages()] == [NUMBER]


@ALL
async def test_bodies_that_are_none(
    server: RunningServer, http: aiohttp.ClientSession, program: str
) -> None:
    url = await url_of(server, program)
    if program == "nextcloud":
        asks = [Ask(query={"h": KEY, "to": NUMBER}, method="GET")]
    else:
        asks = [_with_body(program, body) for body in (b"", b"no json", b"{}", b"[]", b'{"to":1}')]
    for ask in asks:
        status, _, body = await send(http, url, ask)
        error = json.loads(body)["error"] if program == "supabase" else None
        assert (error["http_code"] if error else status) == 422, body
    assert server.messages == []


def _with_body(program: str, body: bytes) -> Ask:
    if program == "supabase":
        now = datetime.now(UTC)
        signature = Webhook(WHSEC).sign("id", now, body.decode())
        at = str(int(now.timestamp()))
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        return Ask(body, dict(zip(names, ("id", at, signature), strict=True)))
    if program == "zitadel":
        at = str(int(time.time()))
        mac = hmac.digest(KEY.encode(), f"{at}.".encode() + body, "sha256").hex()
        return Ask(body, {"ZITADEL-Signature": f"t={at},v1={mac}"})
    return Ask(body, {"Authorization": KEY if program == "logto" else f"Bearer {KEY}"})


async def test_limits_of_a_token(server: RunningServer, http: aiohttp.ClientSession) -> None:
    url = await url_of(server, "logto", per_hour=2)
    answers = [await send(http, url, logto(f"04829{index}")) for index in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 429, 429]
    assert "per_hour: 2 messages" in answers[2][2]
    repeat = await send(http, url, logto("048290"))
    assert repeat[0] == 200, "a repeat takes no place"
    other = f"{url.rpartition('/')[0]}/"
    _, token = await server.services.shim_tokens.ensure("logto", "b", changes={"per_minute": 1})
    assert [(await send(http, other + token, logto(f"{i}11111")))[0] for i in range(2)] == [
        200,
        429,
    ]
    # Supabase shows its users a refusal only inside an answer of status 200.
    url = await url_of(server, "supabase", per_day=1)
    assert json.loads((await send(http, url, supabase("111111")))[2]) == {}
    refused = json.loads((await send(http, url, supabase("222222")))[2])
    assert refused["error"]["http_code"] == 429


async def test_region_sender_and_gateway_of_a_token(http: aiohttp.ClientSession) -> None:
    async with running_server({}, settings={"limits": LIMITS}) as server:
        url = await url_of(server, "authentik", region="GB", gateway="simulator")
        assert (await send(http, url, authentik(phone="07700 900123")))[0] == 200
        (sms,) = await server.wait_for_messages()
        assert sms.to == "+447700900123"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (f"to=%2B15557654321&msg=%FF%FE123456&h={KEY}", "msg: is not UTF-8"),
        (f"to=%2B15557654321&to=%2B15557654322&msg=x&h={KEY}", "to: is given more than once"),
        (f"to=%2B15557654321&msg=x&h={KEY}&h=other", "h: is given more than once"),
    ],
)
async def test_nextcloud_queries_that_can_be_read_in_two_ways(
    server: RunningServer, http: aiohttp.ClientSession, query: str, error: str
) -> None:
    url = await url_of(server, "nextcloud")
    async with http.get(URL(f"{url}?{query}", encoded=True)) as response:
        assert (response.status, (await response.json())["error"]) == (422, error)
    assert server.messages == []


async def test_supabase_signs_with_several_secrets(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    """While a secret is rotated; supabase/auth writes a comma and a blank between them."""
    url = await url_of(server, "supabase", secret=f"v1,{OTHER_WHSEC}|v1,{WHSEC}")
    for code, secret in (("111111", WHSEC), ("222222", OTHER_WHSEC)):
        assert (await send(http, url, supabase(code, secret=secret)))[0] == 200
    ours, others = supabase("333333"), supabase("333333", secret=OTHER_WHSEC)
    both = f"{others.headers['webhook-signature']}, {ours.headers['webhook-signature']}"
    headers = {**ours.headers, "webhook-signature": both}
    url = await url_of(server, "supabase", secret=f"v1,{WHSEC}")
    assert json.loads((await send(http, url, Ask(ours.body, headers)))[2]) == {}
    await server.wait_for_messages(3)


async def test_supabase_changes_a_number(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    url = await url_of(server, "supabase")
    ask = supabase(changed_to="15557654322")
    assert (await send(http, url, ask))[0] == 200
    assert [sms.to for sms in await server.wait_for_messages()] == ["+15557654322"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"user": {"new_phone": "15557654322"}}, "the user is changing the number"),
        ({"user": {"phone": "", "new_phone": "15557654322"}}, "the user is changing the number"),
        ({"sms_type": "mfa"}, "a second factor has a number of its own"),
    ],
)
async def test_supabase_before_it_named_the_number(
    server: RunningServer, http: aiohttp.ClientSession, changes: dict[str, Any], why: str
) -> None:
    """Without `sms.phone` such a code may be for another number than `user.phone`."""
    url = await url_of(server, "supabase")
    with capture_logs() as logs:
        status, _, body = await send(http, url, supabase(**changes))
    error = json.loads(body)["error"]
    assert (status, error["http_code"]) == (200, 422)
    assert error["message"].startswith(f"sms.phone: is missing, and {why}: update Supabase Auth")
    (line,) = [item for item in logs if item["event"] == "number of a code is not certain"]
    assert (line["log_level"], line["program"], line["why"]) == ("warning", "supabase", why)
    assert "048291" not in str(logs)
    assert "555765432" not in str(logs)
    named = supabase(changed_to="15557654323", **changes)
    assert json.loads((await send(http, url, named))[2]) == {}
    for same in (None, "", "15557654321", "+15557654321"):
        ask = supabase(f"1{same}", user={"new_phone": same})
        assert json.loads((await send(http, url, ask))[2]) == {}
    sent = [sms.to for sms in await server.wait_for_messages(5)]
    assert sent == ["+15557654323", *[NUMBER] * 4]


async def test_zitadel_signs_with_several_keys(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    url = await url_of(server, "zitadel")
    ask = zitadel(more_signatures="v1=00ff,v1=nothex,v2=x,")
    assert (await send(http, url, ask))[0] == 200
    for header in ("", "v1=00", "t=x,v1=00", "t=1", "t=1,t=2,v1=00"):
        wrong = Ask(ask.body, {"ZITADEL-Signature": header})
        assert (await send(http, url, wrong))[0] == 401
    assert len(await server.wait_for_messages()) == 1


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Basic {base64.b64encode(f'user:{KEY}'.encode()).decode()}", 200),
        (f"Basic {base64.b64encode(f'{KEY}:x'.encode()).decode()}", 401),
        ("Basic ====", 401),
        (f"Digest {KEY}", 401),
    ],
)
async def test_authentik_with_a_password(
    server: RunningServer, http: aiohttp.ClientSession, given: str, status: int
) -> None:
    url = await url_of(server, "authentik")
    ask = Ask(authentik().body, {"Authorization": given})
    assert (await send(http, url, ask))[0] == status


async def test_authentik_without_a_sentence(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    """A mapping of authentik may leave `Message` out."""
    url = await url_of(server, "authentik", app="Acme")
    body = json.dumps({"To": NUMBER, "Body": "735102"}).encode()
    assert (await send(http, url, Ask(body, {"Authorization": f"Bearer {KEY}"})))[0] == 200
    (sms,) = await server.wait_for_messages()
    assert sms.text == "Your Acme code is 735102"


async def test_tokens_over_http(server: RunningServer) -> None:
    async with aiohttp.ClientSession(server.http_url, headers=server.headers) as admin:
        body = {"secret": f"v1,{WHSEC}", "per_day": 7, "app": "Acme"}
        async with admin.put("/shims/supabase/a", json=body) as response:
            made = await response.json()
            assert response.status == 200, made
        assert made["per_day"] == 7
        assert WHSEC not in json.dumps(made)
        assert "Send SMS" in made["settings"]
        async with admin.put("/shims/supabase/a", json={"app": None}) as response:
            again = await response.json()
        assert (again["url"], again["per_day"], again["app"]) == (made["url"], 7, None)
        async with admin.get("/shims?program=supabase") as response:
            (listed,) = (await response.json())["tokens"]
        assert "url" not in listed
        for path, wrong, field_ in (
            ("/shims/none/a", {}, "program"),
            ("/shims/supabase/a", {"secret": "short"}, "secret"),
            ("/shims/supabase/a", {"secret": None}, "secret"),
            ("/shims/zitadel/a", {"secret": "short"}, "secret"),
            ("/shims/logto/a", {"gateway": "none"}, "gateway"),
            ("/shims/logto/a", {"region": "XX"}, "region"),
            ("/shims/logto/a", {"sender": "123"}, "sender"),
            ("/shims/logto/a", {"tenant": "nobody"}, "tenant"),
            ("/shims/logto/a", {"colour": "red"}, "colour"),
        ):
            async with admin.put(path, json=wrong) as response:
                answer = await response.json()
                assert response.status == 422, answer
            assert [item["field"] for item in answer["errors"]] == [field_]
        path = made["url"].partition("/shim/")[2]
        ask = supabase()
        url = f"/shim/{path}"
        async with admin.post(url, data=ask.body, headers=ask.headers) as response:
            assert response.status == 200
        async with admin.delete("/shims/supabase/a") as response:
            assert response.status == 200
        async with admin.delete("/shims/supabase/a") as response:
            assert response.status == 404
        async with admin.post(url, data=ask.body, headers=ask.headers) as response:
            assert response.status == 404


@pytest.mark.parametrize("path", ["/shims/logto/a", "/meshcentral/tokens/a"])
async def test_a_sender_and_a_gateway_that_the_tenant_can_use(path: str) -> None:
    usable = {"provider": "telnyx", "api_key": "KEY_fake"}
    gateways = {
        "shared": {**usable, "from": "+15550100001"},
        "private": {**usable, "from": "+15550100002", "tenant": "acme"},
        "lent": {**usable, "from": "+15550100003"},
        "half": {"provider": "telnyx", "from": "+15550100004"},
    }
    record = {"sms": {"provider": "shared", "number": "+15550100005"}}
    records = {"enum:15550100005:0": record}
    settings = {"mode": "live", "gateways": gateways, "tenants": [{"name": "acme"}]}
    async with (
        running_server(records, settings=settings) as server,
        aiohttp.ClientSession(server.http_url, headers=server.headers) as admin,
    ):
        await server.services.tenant_numbers.bind("acme", "+15550100003", "test")
        for body, field_ in (
            ({"gateway": "shared", "sender": "+15550100001"}, ""),
            ({"sender": "+15550100005"}, ""),  # by its own record
            ({"gateway": "lent", "sender": "+15550100001"}, ""),
            ({"gateway": None, "sender": None}, ""),
            ({"gateway": "gone"}, "gateway"),
            ({"gateway": "private"}, "gateway"),
            ({"gateway": "half"}, "gateway"),
            ({"gateway": "lent"}, "gateway"),
            ({"gateway": "simulator"}, "gateway"),
            ({"sender": "+15550100002"}, "sender"),
            ({"sender": "+15550100003"}, "sender"),
            ({"sender": "+15550100006"}, "sender"),
            ({"sender": "Acme"}, "sender"),
        ):
            async with admin.put(path, json=body) as response:
                answer = await response.json()
                assert response.status == (422 if field_ else 200), (body, answer)
            found = [item["field"] for item in answer.get("errors", ())]
            assert found == ([field_] if field_ else [])
        body = {"tenant": "acme", "gateway": "private", "sender": "+15550100003"}
        async with admin.put(f"{path}-of-acme", json=body) as response:
            assert response.status == 200


async def test_tokens_are_an_admins_matter(server: RunningServer) -> None:
    key = await server.create_key("sms:send", "sms:read")
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(server.http_url, headers=headers) as http:
        for method, path in (
            ("GET", "/shims"),
            ("PUT", "/shims/logto/a"),
            ("DELETE", "/shims/logto/a"),
        ):
            async with http.request(method, path, json={}) as response:
                assert response.status == 403
