"""From a provider's signed call to the owner, over real HTTP and SMTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import standardwebhooks
from sqlalchemy import insert

from enum_backend.storage.tables import bindings
from enum_backend.testing import RunningServer, running_server
from tests.telnyx_webhooks import OURS, PATH, TelnyxSigner
from tests.unit.messaging.deliveries.hook_server import Hook, hook_server
from tests.unit.test_mail import Controllers, Server

SECRET = "plain secret of at least 32 characters"
SENDER = "+15557654321"


class Running:
    """A server with its provider and its clients."""

    def __init__(self, server: RunningServer, signer: TelnyxSigner) -> None:
        self.server = server
        self._signer = signer
        self.http = aiohttp.ClientSession(server.http_url)
        self.open: list[aiohttp.ClientResponse] = []

    async def receive(self, text: str = "canary 5531", body: bytes | None = None) -> bytes:
        """A message comes in; returns the body, to repeat it."""
        body = body or self._signer.received(SENDER, text)
        async with self.http.post(PATH, data=body, headers=self._signer.headers(body)) as answer:
            assert answer.status == 200, await answer.text()
        return body

    async def call(self, method: str, path: str, key: str | None = None, **options: Any) -> Any:
        """(status, JSON) of one of our paths."""
        headers = {"Authorization": f"Bearer {key or self.server.api_key}"}
        async with self.http.request(method, path, headers=headers, **options) as answer:
            return answer.status, await answer.json()

    async def deliveries(self, **query: str) -> list[dict[str, Any]]:
        status, found = await self.call("GET", "/deliveries", params=query)
        assert status == 200
        items: list[dict[str, Any]] = found["deliveries"]
        return items

    async def until(self, *states: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until there are so many deliveries, all in these states."""
        async with asyncio.timeout(10):
            while True:
                found = await self.deliveries()
                if len(found) >= count and all(item["state"] in states for item in found):
                    return found
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    records: dict[str, Any] | None = None, *, signer: TelnyxSigner | None = None, **settings: Any
) -> AsyncIterator[Running]:
    signer = signer or TelnyxSigner()
    gateways = {"telnyx": {"api_key": "KEY", "from": OURS, "public_key": signer.public_key}}
    options = {"gateways": gateways, "limits": {"per_recipient_hour": 0}, **settings}
    async with running_server(records or {}, settings=options) as server:
        made = Running(server, signer)
        async with made.http:
            yield made
            for response in made.open:
                response.close()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hook_server() as server:
        yield server


async def test_the_default_tenant_s_webhook(hook: Hook) -> None:
    options = {"webhook_url": hook.url, "webhook_secret": SECRET}
    async with running(deliveries=options) as server:
        body = await server.receive("Hello \N{WAVING HAND SIGN}")
        await hook.called()
        (found,) = await server.until("delivered")
        for _ in range(3):
            await server.receive(body=body)
        assert len(await server.deliveries()) == 1
    ((headers, raw),) = hook.calls
    data = standardwebhooks.Webhook(SECRET.encode()).verify(raw, headers)
    assert data["id"] == found["id"] == headers["webhook-id"]
    assert data["data"]["message"] == "Hello \N{WAVING HAND SIGN}"
    assert (data["data"]["from"], data["data"]["to"]) == (SENDER, OURS)
    assert data["data"]["message_id"] == found["message_id"]


async def test_a_record_names_where_its_owner_wants_messages(hook: Hook) -> None:
    forward = [hook.url.replace("http:", "https:"), hook.url, "alice@example.com"]
    records = {
        "enum:14155550199:0": {"sms": {"provider": "telnyx", "number": OURS, "forward_to": forward}}
    }
    mail_box = Server()
    with Controllers(mail_box) as port:
        smtp = {"host": "127.0.0.1", "port": port, "tls": "none", "from": "sms@example.org"}
        async with running(records, smtp=smtp, deliveries={"backoff": 3600}) as server:
            await server.receive("to my mail")
            found = await server.until("delivered", "dead", count=2)
            assert mail_box.taken
            assert {item["kind"] for item in found} == {"webhook", "email"}
            dead = await server.deliveries(state="dead")
            assert [item["reason"] for item in dead] == ["unusable_address"]
    assert hook.calls == []
    mail = mail_box.mail()
    assert mail["To"] == "alice@example.com"
    assert "to my mail" in mail.get_content()


async def test_a_number_gets_it_as_an_sms() -> None:
    phone = "+14155550134"
    records = {
        "enum:14155550199:0": {"sms": {"provider": "telnyx", "number": OURS, "forward_to": phone}}
    }
    async with running(records) as server:
        await server.receive("forward me")
        (sms,) = await server.server.wait_for_messages()
        assert (sms.to, sms.text) == (phone, f"From {SENDER}: forward me")
        await server.until("delivered")


async def test_stop_is_answered_through_the_queue() -> None:
    async with running() as server:
        await server.receive("STOP")
        (sms,) = await server.server.wait_for_messages()
        assert sms.to == SENDER
        (found,) = await server.until("delivered")
        assert (found["kind"], found["target"]) == ("sms", "reply:stop")
        await server.receive("Stop")
        await asyncio.sleep(0.1)
        assert len(await server.deliveries()) == 1


async def test_dead_letters_are_kept_and_replayed(hook: Hook) -> None:
    hook.answers = [500] * 99
    options = {"webhook_url": hook.url, "backoff": 0.01, "validity": 0.2}
    async with running(deliveries=options) as server:
        await server.receive("one")
        (dead,) = await server.until("dead")
        assert (dead["reason"], dead["status"]) == ("bad_status", 500)
        status, found = await server.call("GET", "/deliveries/dead")
        assert (status, [item["id"] for item in found["deliveries"]]) == (200, [dead["id"]])
        hook.answers = []
        status, again = await server.call("POST", f"/deliveries/{dead['id']}/replay")
        assert (status, again["state"]) == (200, "queued")
        await server.until("delivered")
        ids = {json.loads(body)["id"] for _, body in hook.calls}
        assert ids == {dead["id"]}
        assert (await server.call("POST", "/deliveries/dlv_none/replay"))[0] == 404
        hook.answers = [500] * 99
        await server.receive("two")
        await server.until("delivered", "dead", count=2)
        hook.answers = []
        assert (await server.call("POST", "/deliveries/dead/replay", json={"tenant": "x"}))[1] == {
            "success": True,
            "replayed": 0,
        }
        assert (await server.call("POST", "/deliveries/dead/replay"))[1]["replayed"] == 1
        await server.until("delivered", count=2)


async def test_lists_page_by_page(hook: Hook) -> None:
    async with running(deliveries={"webhook_url": hook.url}) as server:
        for n in range(5):
            await server.receive(str(n))
        await server.until("delivered", count=5)
        seen, after = [], None
        for _ in range(3):
            query = {"limit": "2"} | ({"after": after} if after else {})
            _, found = await server.call("GET", "/deliveries", params=query)
            seen += [item["id"] for item in found["deliveries"]]
            after = found["next"]
        assert after is None
        assert len(set(seen)) == 5
        message_id = (await server.deliveries())[0]["message_id"]
        assert len(await server.deliveries(message_id=message_id)) == 1
        assert await server.deliveries(tenant="acme") == []
        for query in ({"after": "x"}, {"state": "odd"}, {"limit": "0"}, {"unknown": "1"}):
            assert (await server.call("GET", "/deliveries", params=query))[0] == 422


async def test_endpoints_over_http(hook: Hook) -> None:
    options = {"allow": ["127.0.0.1"]}
    async with running(deliveries=options, tenants=[{"name": "acme"}]) as server:
        body = {"tenant": "acme", "address": hook.url}
        status, made = await server.call("POST", "/deliveries/endpoints", json=body)
        assert status == 200
        assert made["secret"].startswith("whsec_")
        path = f"/deliveries/endpoints/{made['id']}"
        await bind(server, "acme")
        await server.receive("one")
        await hook.called()
        standardwebhooks.Webhook(made["secret"]).verify(hook.calls[0][1], hook.calls[0][0])
        _, rotated = await server.call("POST", f"{path}/rotate", json={})
        await server.receive("two")
        await hook.called(2)
        for secret in (made["secret"], rotated["secret"]):
            standardwebhooks.Webhook(secret).verify(hook.calls[1][1], hook.calls[1][0])
        assert await server.call("POST", f"{path}/rotate", json={"finish": True}) == (
            200,
            {"secret": None},
        )
        _, changed = await server.call("PATCH", path, json={"enabled": False})
        assert (changed["enabled"], changed["disabled_reason"]) == (False, "by_hand")
        await server.receive("three")
        await server.until("delivered", count=2)
        phone = {"tenant": "acme", "kind": "sms", "address": "(415) 555-0134"}
        _, found = await server.call("POST", "/deliveries/endpoints", json=phone)
        assert (found["address"], found["secret"]) == ("+14155550134", None)
        _, listed = await server.call("GET", "/deliveries/endpoints", params={"tenant": "acme"})
        assert len(listed["endpoints"]) == 2
        assert "secret" not in listed["endpoints"][0]
        assert (await server.call("DELETE", path))[0] == 200
        assert (await server.call("DELETE", path))[0] == 404
        status, secret = await server.call("GET", "/deliveries/secret", params={"tenant": "acme"})
        assert (status, secret["secret"][:6]) == (200, "whsec_")
        bad = {"tenant": "acme", "address": "https://169.254.169.254/latest"}
        assert (await server.call("POST", "/deliveries/endpoints", json=bad))[0] == 422


async def bind(server: Running, tenant: str, number: str = OURS) -> None:
    row = {"number": number, "tenant": tenant, "proof": "admin", "created_by": "key:k"}
    await server.server.services.database.write(
        lambda c: c.execute(insert(bindings).values(**row, created_at=1)).rowcount
    )


async def test_only_admins(hook: Hook) -> None:
    async with running() as server:
        key = await server.server.create_key("sms:read", "sms:send", "numbers")
        for method, path in (
            ("GET", "/deliveries"),
            ("GET", "/deliveries/dead"),
            ("POST", "/deliveries/dead/replay"),
            ("POST", "/deliveries/dlv_1/replay"),
            ("GET", "/deliveries/endpoints"),
            ("POST", "/deliveries/endpoints"),
            ("PATCH", "/deliveries/endpoints/ep_1"),
            ("DELETE", "/deliveries/endpoints/ep_1"),
            ("POST", "/deliveries/endpoints/ep_1/rotate"),
            ("GET", "/deliveries/secret"),
        ):
            assert (await server.call(method, path, key))[0] == 403, path


async def test_two_tenants_do_not_see_each_other(hook: Hook) -> None:
    async with (
        hook_server() as theirs,
        running(
            deliveries={"webhook_url": hook.url},
            tenants=[{"name": "acme", "webhook_url": theirs.url, "webhook_secret": SECRET}],
        ) as server,
    ):
        mine = await server.server.create_key("sms:read")
        other = await server.server.create_key("sms:read", tenant="acme")
        path = f"/webhook/sms-notifications/{OURS}"
        await server.receive("for default")
        await hook.called()
        await bind(server, "acme")
        await server.receive("for acme")
        await theirs.called()
        await server.until("delivered", count=2)
        texts = []
        for key in (mine, other):
            _, found = await server.call("GET", path, key)
            texts.append([item["body"] for item in found["notifications"]])
        assert texts == [["for default"], ["for acme"]]
        assert (len(hook.calls), len(theirs.calls)) == (1, 1)
        stranger = await server.server.create_key("sms:read", tenant="third")
        assert (await server.call("GET", path, stranger))[0] == 404
        assert (await server.call("GET", f"{path}?limit=0", mine))[0] == 422
        assert (await server.call("GET", "/webhook/sms-notifications/abc", mine))[0] == 422


async def test_metrics_count(hook: Hook) -> None:
    async with running(deliveries={"webhook_url": hook.url}) as server:
        await server.receive("one")
        await server.until("delivered")
        async with server.http.get("/metrics") as answer:
            text = await answer.text()
    assert 'enum_backend_inbound_messages_total{gateway="telnyx",owner="default"} 1.0' in text
    assert 'enum_backend_deliveries_total{kind="webhook",outcome="delivered"} 1.0' in text
    assert 'enum_backend_deliveries_waiting{state="dead"} 0.0' in text
    assert "canary" not in text
