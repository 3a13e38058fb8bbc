"""`/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from enum_backend.errors import DatabaseUnavailable
from enum_backend.testing import RunningServer, running_server

Client = aiohttp.ClientSession


async def test_alive(anonymous: Client) -> None:
    async with anonymous.get("/livez") as response:
        assert response.status == 200
        assert (await response.json())["status"] == "alive"


async def test_ready(server: RunningServer, anonymous: Client) -> None:
    async with anonymous.get("/readyz") as response:
        assert response.status == 200
        body = await response.json()
    assert (body["status"], body["mode"]) == ("ready", "simulation")
    assert body["checks"]["nvs"]["ok"] is True
    assert body["checks"]["nvs"]["source"] == "file"
    assert body["checks"]["dispatcher"] == {"ok": True}
    shared = server.services.database.shared
    assert body["checks"]["database"] == {"ok": True, "pending": 0, "shared": shared}
    assert body["checks"].get("redis") == ({"ok": True} if shared else None)


async def test_broken_edit_of_the_records_is_degraded(tmp_path: Path) -> None:
    records = tmp_path / "records.json"
    records.write_text('{"enum:14155550101:0": "!^.*$!sip:a@b.example!"}')
    async with running_server(records) as server, Client(server.http_url) as http:
        records.write_text("{ this is not JSON ")
        async with asyncio.timeout(10):
            while True:
                async with http.get("/enum/+14155550101") as response:
                    assert response.status == 200
                async with http.get("/readyz") as response:
                    assert response.status == 200
                    body = await response.json()
                if body["status"] != "ready":
                    break
                await asyncio.sleep(0.05)
        assert body["status"] == "degraded"
        assert body["checks"]["nvs"]["ok"] is False
        async with http.get("/metrics") as response:
            assert "enum_backend_nvs_ok 0.0" in await response.text()


async def test_stopped_dispatcher_is_not_ready(server: RunningServer, anonymous: Client) -> None:
    await server.services.dispatcher.stop()
    async with anonymous.get("/readyz") as response:
        assert response.status == 503
        assert (await response.json())["checks"]["dispatcher"] == {"ok": False}


async def test_database_away(
    server: RunningServer, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailable("The database cannot be read: disk I/O error")

    monkeypatch.setattr(type(server.services.database), "read", away)
    async with anonymous.get("/readyz") as response:
        assert response.status == 503
        body = await response.json()
    assert body["status"] == "not ready"
    assert body["checks"]["database"]["ok"] is False
    async with anonymous.get("/metrics") as response:
        assert response.status == 200
    async with anonymous.get("/livez") as response:
        assert response.status == 200


async def test_metrics(server: RunningServer, http: Client) -> None:
    body = {"to": "+14155550101", "message": "Hello"}
    async with http.post("/sms/send", json=body) as response:
        assert response.status == 200
    await server.wait_for_messages()
    async with asyncio.timeout(5):
        while True:
            async with http.get("/metrics") as response:
                assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                text = await response.text()
            if "enum_backend_messages_total{" in text:
                break
            await asyncio.sleep(0.01)
    sent = 'enum_backend_http_requests_total{method="POST",route="/sms/send",status="200"} 1.0'
    assert sent in text
    assert 'gateway="simulator",provider="simulator",state="delivered"} 1.0' in text
    assert 'enum_backend_messages_pending{state="queued"} 0.0' in text
    assert "enum_backend_nvs_ok 1.0" in text
    assert "enum_backend_redis_ok 1.0" in text


async def test_metrics_of_queued_messages(server: RunningServer, http: Client) -> None:
    await server.services.dispatcher.stop()
    body = {"to": "+14155550101", "message": "Hello"}
    async with http.post("/sms/send", json=body) as response:
        assert response.status == 200
    async with http.get("/metrics") as response:
        assert 'enum_backend_messages_pending{state="queued"} 1.0' in await response.text()
