"""Processes on a PostgreSQL and a Redis that go away and come back."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nvs.testing import FakeChain, FakeChainNode
from tests.acceptance.faults.own_servers import Postgres, Redis, own_postgres, own_redis
from tests.serving import Serving, enum_backend, serving

TO, OTHER = "+14155550101", "+14155550102"
VALUE = "E2U+sip=1|1|!^.*$!sip:a@pbx.example!"


@pytest.fixture
async def postgres() -> AsyncIterator[Postgres]:
    async with own_postgres() as server:
        yield server


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with own_redis() as server:
        yield server


async def get(server: Serving, path: str) -> tuple[int, dict[str, Any]]:
    async with server.session() as http, http.get(path) as response:
        return response.status, await response.json()


async def send(server: Serving, to: str = TO) -> tuple[int, dict[str, Any]]:
    async with (
        server.session() as http,
        http.post("/sms/send", json={"to": to, "message": "x"}) as response,
    ):
        return response.status, await response.json()


async def until(
    server: Serving, path: str, condition: Callable[[int, dict[str, Any]], bool]
) -> dict[str, Any]:
    """The answer, once it is as wanted."""
    async with asyncio.timeout(30):
        while not condition(*(answer := await get(server, path))):
            await asyncio.sleep(0.05)
    return answer[1]


def refusal(answer: tuple[int, dict[str, Any]]) -> tuple[int, str | None]:
    status, body = answer
    return status, body.get("error_code")


async def test_what_a_server_does_without_its_servers(
    postgres: Postgres, redis: Redis, tmp_path: Path
) -> None:
    settings = (
        f'[database]\nurl = "{postgres.url}"\n[redis]\nurl = "{redis.url}"\n'
        "[limits]\nper_recipient_hour = 0\nper_recipient_day = 0\nper_client_minute = 1000\n"
        'daily_cost = "0"\n[limits.redis_lost]\nper_client_minute = "PER_CLIENT"\n'
    )
    async with serving(tmp_path, settings.replace("PER_CLIENT", "open")) as server:
        ready = await until(server, "/readyz", lambda status, body: body["status"] == "ready")
        assert ready["checks"]["redis"] == {"ok": True}
        kept = [await server.send(TO, "before")]

        await redis.stop()
        answer = await until(
            server, "/readyz", lambda status, body: not body["checks"]["redis"]["ok"]
        )
        assert answer["status"] == "degraded"
        kept.append(await server.send(TO, "an open limit goes on"))
        await redis.start()
        await until(server, "/readyz", lambda status, body: body["status"] == "ready")

        await postgres.stop()
        body = await until(server, "/readyz", lambda status, body: status == 503)
        assert body["status"] == "not ready"
        assert body["checks"]["database"]["ok"] is False
        assert refusal(await send(server)) == (503, "DATABASE_UNAVAILABLE")
        assert (await get(server, "/livez"))[0] == 200
        await postgres.start()
        await until(server, "/readyz", lambda status, body: body["status"] == "ready")
        kept.append(await server.send(TO, "after"))
        for message in kept:
            await server.wait_for(message, "delivered")
        assert await server.stop() == 0

    async with serving(tmp_path, settings.replace("PER_CLIENT", "closed")) as server:
        await redis.stop()
        body = await until(server, "/readyz", lambda status, body: status == 503)
        assert body["status"] == "not ready"
        assert refusal(await send(server)) == (503, "REDIS_UNAVAILABLE")
        await redis.start()
        await until(server, "/readyz", lambda status, body: body["status"] == "ready")
        async with asyncio.timeout(10):
            while (await send(server))[0] != 200:  # for a second it is left alone
                await asyncio.sleep(0.05)
        assert await server.stop() == 0
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log
    assert TO not in log


async def test_one_of_two_processes_follows_the_chain(postgres: Postgres, tmp_path: Path) -> None:
    chain = FakeChain()
    chain.name_new(f"enum:{TO[1:]}:0", VALUE)
    chain.mine()
    with FakeChainNode(chain) as node:
        settings = (
            f'[database]\nurl = "{postgres.url}"\n[nvs]\nsource = "mirror"\n'
            f'[nvs.rpc]\nurl = "{node.url}"\npoll = 0.05\n'
        )
        async with serving(tmp_path, settings) as one, serving(tmp_path, settings) as two:
            for server, follows in ((one, True), (two, False)):
                await until(server, f"/enum/{TO}", lambda status, body: status == 200)
                ready = await until(server, "/readyz", lambda status, body: status == 200)
                assert ready["checks"]["nvs"]["following"] is follows
            await postgres.crash()
            chain.name_new(f"enum:{OTHER[1:]}:0", VALUE)
            chain.mine()
            await until(two, f"/enum/{OTHER}", lambda status, body: status == 200)
            ready = [
                await until(server, "/readyz", lambda status, body: status == 200)
                for server in (one, two)
            ]
            leader, reader = (one, two) if ready[0]["checks"]["nvs"]["following"] else (two, one)
            await leader.kill()
            await until(
                reader,
                "/readyz",
                lambda status, body: bool(body["checks"]["nvs"].get("following")),
            )
            chain.name_new("enum:14155550103:0", VALUE)
            chain.mine()
            await until(reader, "/enum/+14155550103", lambda status, body: status == 200)


async def test_a_process_with_another_server_key_does_not_start(
    postgres: Postgres, tmp_path: Path
) -> None:
    settings = f'[database]\nurl = "{postgres.url}"\n'
    async with serving(tmp_path, settings):
        pass
    key = b64encode(secrets.token_bytes(32)).decode()
    code, _, errors = await enum_backend(
        *("serve", "--config", str(tmp_path / "settings.toml"), "--port", "0", "--dns-port", "0"),
        cwd=tmp_path,
        ENUM_BACKEND_SERVER_KEY=key,
    )
    assert code == 1
    assert "server_key: the database belongs to another key" in errors
    assert key not in errors
