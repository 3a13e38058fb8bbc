"""Two servers on one PostgreSQL and one Redis: keys, limits, messages and duties are shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from enum_backend import app as app_module
from enum_backend.errors import SettingsError
from enum_backend.storage import leadership
from enum_backend.testing import RunningServer, running_server
from nvs.testing import FakeChain, FakeChainNode
from tests.acceptance.faults.own_servers import own_redis
from tests.unit.gateways.wire_server import closed_port

pytestmark = pytest.mark.parametrize("storage_settings", ["postgresql+redis"], indirect=True)

NUMBER = "+14155550101"
FREE = {"per_recipient_hour": 0, "per_recipient_day": 0, "daily_cost": "0"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "POLL_SECONDS", 0.05)


@pytest.fixture
def settings(storage_settings: dict[str, Any]) -> dict[str, Any]:
    return {**storage_settings, "limits": {**FREE, "per_client_minute": 3}}


@pytest.fixture
async def servers(settings: dict[str, Any]) -> AsyncIterator[tuple[RunningServer, RunningServer]]:
    async with (
        running_server({}, settings=settings) as one,
        running_server({}, settings=settings) as two,
    ):
        yield one, two


async def send(server: RunningServer, key: str, text: str = "Hello") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}"}
    body = {"to": NUMBER, "message": text}
    async with (
        aiohttp.ClientSession(server.http_url, headers=headers) as http,
        http.post("/sms/send", json=body) as response,
    ):
        return response.status, await response.json()


async def test_a_key_and_its_limit_count_everywhere(
    servers: tuple[RunningServer, RunningServer],
) -> None:
    one, two = servers
    for server in (one, two, two):
        assert (await send(server, one.api_key))[0] == 200
    for server in servers:
        status, body = await send(server, one.api_key)
        assert (status, body["error_code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert (await send(one, two.api_key))[0] == 200


async def test_each_message_is_sent_once_by_whoever_is_there(
    servers: tuple[RunningServer, RunningServer],
) -> None:
    one, two = servers
    await one.services.dispatcher.stop()
    keys = [await one.create_key("sms:send") for _ in range(10)]
    answers = await asyncio.gather(*(send(one, key, f"text {n}") for n, key in enumerate(keys)))
    assert [status for status, _ in answers] == [200] * 10
    sent = await two.wait_for_messages(10)
    assert sorted(sms.text for sms in sent) == [f"text {n}" for n in range(10)]
    assert one.messages == []


async def test_one_watches(servers: tuple[RunningServer, RunningServer]) -> None:
    with capture_logs() as logs:
        await asyncio.sleep(0.3)
    assert not [item for item in logs if item["event"] == "leader"]


async def test_another_server_key_is_refused(settings: dict[str, Any]) -> None:
    async with running_server({}, settings=settings):
        with pytest.raises(SettingsError, match="server_key: the database belongs to another"):
            async with running_server({}, settings={**settings, "server_key": ""}):
                pass


async def test_a_server_with_its_own_database_keeps_off(settings: dict[str, Any]) -> None:
    """The data directory may be shared only by servers that share the database too."""
    async with running_server({}, settings=settings) as one:
        place = {"data_dir": str(one.data_dir)}
        async with running_server({}, settings={**settings, **place}) as two:
            assert two.data_dir == one.data_dir
            assert (await send(two, one.api_key))[0] == 200
        with pytest.raises(SettingsError, match="another server is running on it"):
            async with running_server({}, settings=place):
                pass


async def test_without_redis_each_counts_by_itself(settings: dict[str, Any]) -> None:
    settings = {name: value for name, value in settings.items() if name != "redis"}
    with capture_logs() as logs:
        async with (
            running_server({}, settings=settings) as one,
            running_server({}, settings=settings) as two,
        ):
            for server in (one, two):
                for _ in range(3):
                    assert (await send(server, one.api_key))[0] == 200
                assert (await send(server, one.api_key))[0] == 429
    warning = "redis.url is not set: each process counts client limits by itself"
    assert [item["event"] for item in logs].count(warning) == 2


async def test_health_says_who_follows_the_chain(settings: dict[str, Any]) -> None:
    with FakeChainNode(FakeChain()) as node:
        nvs = {"source": "mirror", "rpc": {"url": node.url, "poll": 0.05}}
        async with (
            running_server(settings={**settings, "nvs": nvs}) as server,
            aiohttp.ClientSession(server.http_url) as http,
            http.get("/readyz") as response,
        ):
            assert (await response.json())["checks"]["nvs"]["following"] is True


async def test_health_with_a_closed_limit(settings: dict[str, Any]) -> None:
    lost = {"url": f"redis://127.0.0.1:{closed_port()}/0"}
    for word, verdict, status in (("open", "degraded", 200), ("closed", "not ready", 503)):
        limits = {**FREE, "redis_lost": word}
        async with (
            running_server({}, settings={**settings, "redis": lost, "limits": limits}) as server,
            aiohttp.ClientSession(server.http_url) as http,
        ):
            async with http.get("/readyz") as response:
                assert (response.status, (await response.json())["status"]) == (status, verdict)
            path = f"/enum/{NUMBER}/explain"
            async with http.get(path, headers=server.headers) as response:
                assert response.status == 200
                found = [item["error_code"] for item in (await response.json())["refusals"]]
            assert found == (["REDIS_UNAVAILABLE"] if word == "closed" else [])
            async with http.get("/metrics") as response:
                assert "enum_backend_redis_ok 0.0" in await response.text()


async def test_bindings_of_another_process(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "BINDINGS_SECONDS", 0.05)
    gateway = {"provider": "telnyx", "api_key": "KEYtest", "from": NUMBER}
    settings = {**settings, "gateways": {"telnyx": gateway}, "tenants": [{"name": "acme"}]}
    async with (
        running_server({}, settings=settings) as one,
        running_server({}, settings=settings) as two,
    ):
        await one.services.tenant_numbers.bind("acme", NUMBER, "admin")
        (registered,) = two.services.pool.registry
        async with asyncio.timeout(10):
            while registered.bindings != {NUMBER: "acme"}:
                await asyncio.sleep(0.01)


async def test_health_with_a_redis_that_takes_no_writes(settings: dict[str, Any]) -> None:
    limits = {**FREE, "redis_lost": "closed"}
    async with own_redis() as redis:
        place = {**settings, "redis": {"url": redis.url}, "limits": limits}
        async with (
            running_server({}, settings=place) as server,
            aiohttp.ClientSession(server.http_url) as http,
        ):
            for command, status, gauge in (
                (("REPLICAOF", "127.0.0.1", "1"), 503, "0.0"),
                (("REPLICAOF", "NO", "ONE"), 200, "1.0"),
            ):
                await redis.tell(*command)
                async with http.get("/readyz") as response:
                    assert response.status == status
                    check = (await response.json())["checks"]["redis"]
                assert check == {"ok": status == 200}
                async with http.get("/metrics") as response:
                    assert f"enum_backend_redis_ok {gauge}" in await response.text()
