"""`GET /sms/stream` as clients see it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update

from enum_backend.access import CACHE_SECONDS
from enum_backend.messaging import stream as stream_module
from enum_backend.storage.tables import api_keys
from enum_backend.web.routes import inbound
from tests.integration.web.test_inbound_flow import Running, bind, running
from tests.telnyx_webhooks import TelnyxSigner
from tests.unit.messaging.deliveries.hook_server import hook_server

PATH = "/sms/stream"


class Client:
    """Reads server-sent events as the specification says."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.last_id = ""
        self.comments = 0

    async def event(self, seconds: float = 5.0) -> dict[str, Any]:
        """The data of the next event; its name is checked."""
        async with asyncio.timeout(seconds):
            while True:
                fields = await self._block()
                if "data" in fields:
                    assert fields["event"] == "message.received"
                    found: dict[str, Any] = json.loads(fields["data"])
                    return found

    async def text(self) -> str:
        return str((await self.event())["data"]["message"])

    async def place(self) -> None:
        """Read the block that tells where the stream begins."""
        fields = await self._block()
        assert fields["retry"] == str(inbound.RETRY_MS)
        assert self.last_id

    async def ended(self) -> bool:
        async with asyncio.timeout(10):
            return await self._response.content.read() is not None

    async def _block(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        while line := (await self._response.content.readline()).decode().rstrip("\n"):
            if line.startswith(":"):
                self.comments += 1
                continue
            name, _, value = line.partition(": ")
            fields[name] = value
        if self._response.content.at_eof() and not fields:
            raise EOFError
        self.last_id = fields.get("id", self.last_id)
        return fields


async def listen(server: Running, key: str | None = None, last: str = "") -> Client:
    headers = {"Authorization": f"Bearer {key or server.server.api_key}"}
    if last:
        headers["Last-Event-ID"] = last
    response = await server.http.get(PATH, headers=headers)
    server.open.append(response)
    assert response.status == 200, await response.text()
    assert response.content_type == "text/event-stream"
    client = Client(response)
    await client.place()
    return client


async def test_messages_as_they_come_and_from_where_one_was() -> None:
    async with running() as server:
        await server.receive("before")
        client = await listen(server)
        start = client.last_id
        await server.receive("one")
        event = await client.event()
        assert event["data"]["message"] == "one"
        assert event["id"] == event["data"]["message_id"]
        place = client.last_id
        await server.receive("two")
        await server.receive("three")
        assert [await client.text(), await client.text()] == ["two", "three"]
        again = await listen(server, last=place)
        assert [await again.text(), await again.text()] == ["two", "three"]
        from_start = await listen(server, last=start)
        assert await from_start.text() == "one"


async def test_two_servers_on_one_database(storage_settings: dict[str, Any]) -> None:
    """What one is told, the other streams; each message is delivered once."""
    if not storage_settings:
        pytest.skip("SQLite has one server")
    async with hook_server() as hook:
        signer = TelnyxSigner()
        options = storage_settings | {"deliveries": {"webhook_url": hook.url}}
        async with (
            running(signer=signer, **options) as one,
            running(signer=signer, **options) as two,
        ):
            client = await listen(two)
            for n in range(20):
                await (one if n % 2 else two).receive(str(n))
            assert [await client.text() for _ in range(20)] == [str(n) for n in range(20)]
            found = await one.until("delivered", count=20)
            assert len(found) == len(hook.calls) == 20


async def test_whose_messages() -> None:
    async with running(tenants=[{"name": "acme"}]) as server:
        key = await server.server.create_key("sms:read", tenant="acme")
        theirs = await listen(server, key)
        mine = await listen(server)
        await server.receive("mine")
        await bind(server, "acme")
        await server.receive("theirs")
        assert await mine.text() == "mine"
        assert await theirs.text() == "theirs"
        for last, who in ((theirs.last_id, None), ("nonsense", key), ("5", key)):
            headers = {"Last-Event-ID": last}
            token = who or server.server.api_key
            async with server.http.get(
                PATH, headers=headers | {"Authorization": f"Bearer {token}"}
            ) as answer:
                assert answer.status == 422
                assert (await answer.json())["errors"][0]["field"] == "Last-Event-ID"


async def test_who_may_listen() -> None:
    async with running() as server:
        key = await server.server.create_key("sms:send")
        assert (await server.call("GET", PATH, key))[0] == 403
        async with server.http.get(PATH) as answer:
            assert answer.status == 401


async def test_heartbeats_and_revoked_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "HEARTBEAT_SECONDS", 0.1)
    async with running() as server:
        keys = server.server.services.keys
        key, token = await keys.create("reader", ("sms:read",))
        client = await listen(server, token)
        await server.receive("one")
        assert await client.text() == "one"
        await asyncio.sleep(0.4)
        await server.receive("two")
        assert await client.text() == "two"
        assert client.comments >= 1
        await keys.revoke(key.id)
        assert await client.ended()


@pytest.mark.parametrize("how", ["revoked", "disabled", "expired", "elsewhere"])
async def test_who_may_no_longer_read_gets_no_further_message(how: str) -> None:
    async with running() as server:
        services = server.server.services
        other = await listen(server, await server.server.create_key("sms:read", tenant="acme"))
        key, token = await services.keys.create("reader", ("sms:read",), "acme")
        await bind(server, "acme")
        client = await listen(server, token)
        await server.receive("one")
        assert await client.text() == await other.text() == "one"
        if how == "revoked":
            assert (await server.call("DELETE", f"/keys/{key.id}"))[0] == 200
        elif how == "disabled":
            change = await server.call("PATCH", "/tenants/acme", json={"disabled": True})
            assert change[0] == 200
        else:
            column = {"expired": api_keys.c.expires_at, "elsewhere": api_keys.c.revoked_at}[how]
            query = update(api_keys).where(api_keys.c.id == key.id).values({column: 1})
            await services.database.write(lambda c: c.execute(query).rowcount)
            await asyncio.sleep(CACHE_SECONDS + 0.1)
        await server.receive("two")
        with pytest.raises(EOFError):
            await client.event()
        if how == "disabled":
            with pytest.raises(EOFError):
                await other.event()
        else:
            assert await other.text() == "two"


async def test_too_many_clients() -> None:
    async with running(deliveries={"stream_clients": 1}) as server:
        await listen(server)
        async with server.http.get(PATH, headers=server.server.headers) as answer:
            assert answer.status == 429
            assert answer.headers["Retry-After"] == "10"


async def test_many_clients_get_every_message() -> None:
    async with running() as server:
        clients = [await listen(server) for _ in range(30)]
        for n in range(10):
            await server.receive(str(n))
        for client in clients:
            assert [await client.text() for _ in range(10)] == [str(n) for n in range(10)]


async def test_the_server_stops_at_once() -> None:
    async with running() as server:
        client = await listen(server)
        loop = asyncio.get_running_loop()
        started = loop.time()
    assert loop.time() - started < 4
    assert client.last_id


async def test_no_stream_begins_while_the_server_stops() -> None:
    async with running() as server:
        await server.server.services.streams.stop()
        assert (await server.call("GET", PATH))[0] == 503


async def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(stream_module, "KEPT", 10)
    async with running(http={"max_body": 10_000_000, "webhooks_per_minute": 0}) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.server.http_port)
        writer.write(
            f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            f"{server.server.api_key}\r\n\r\n".encode()
        )
        await reader.readuntil(b"retry")
        streams = server.server.services.streams
        text = "x" * 50_000
        async with asyncio.timeout(20):
            while streams._listeners:
                await server.receive(text)
        writer.close()


async def test_a_client_that_leaves_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "HEARTBEAT_SECONDS", 0.05)
    async with running() as server:
        client = await listen(server)
        client._response.close()
        streams = server.server.services.streams
        async with asyncio.timeout(5):
            while streams._listeners:
                await asyncio.sleep(0.02)
