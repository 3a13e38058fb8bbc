"""`kill -9` at the two worst moments: nothing accepted is lost, nothing is sent twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.serving import Serving, serving
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer

FIRST, SECOND, THIRD = "+14155550101", "+14155550102", "+14155550103"
TAKEN = Answer.json(
    {"data": {"id": "40385f64-5717-4562-b3fc-2c963f66afa6", "to": [{"status": "queued"}]}}
)
QUIET = 1.5
"""Seconds in which a second dispatch would show: more than the dispatcher's poll."""


@dataclass(frozen=True)
class Provider:
    """How a gateway is set, and how its requests look."""

    kind: str

    def settings(self, server: WireServer) -> str:
        if self.kind == "url":
            template = f"{server.url}/sms?phone={{{{phone}}}}&message={{{{message}}}}"
            gateway = f'provider = "url"\nurl = "{template}"\n'
        else:
            gateway = f'api_key = "KEYtest"\nfrom = "+14155550100"\nbase_url = "{server.url}"\n'
        return (
            f"[gateways.{self.kind}]\n{gateway}"
            "[nvs]\nfile = 'records.json'\n[dispatch]\nconcurrency = 1\nbackoff = 0.1\n"
        )

    def recipient(self, request: WireRequest) -> str:
        if self.kind == "telnyx":
            number: str = request.json()["to"]
            return number
        return request.line.split("phone=%2B")[1].partition("&")[0].join(("+", ""))

    def sent_to(self, server: WireServer) -> list[str]:
        return [self.recipient(request) for request in server.requests]


@pytest.fixture(params=["url", "telnyx"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Provider:
    (tmp_path / "records.json").write_text("{}")
    return Provider(request.param)


async def shim(server: Serving, phone: str, message: str) -> None:
    url = server.shim_url.replace("{{phone}}", phone.replace("+", "%2B"))
    async with (
        aiohttp.ClientSession() as http,
        http.get(url.replace("{{message}}", message)) as response,
    ):
        assert response.status == 200


async def arrived(server: WireServer, count: int) -> None:
    async with asyncio.timeout(10):
        while len(server.requests) < count:
            server.seen.clear()
            await server.seen.wait()


async def test_killed_between_accepting_and_dispatching(provider: Provider, tmp_path: Path) -> None:
    async with WireServer() as wire:
        wire.answers = [Answer(action="stall"), TAKEN]
        settings = provider.settings(wire)
        async with serving(tmp_path, settings) as server:
            assert server.mode == "live"
            await server.send(FIRST, "holds the only place")
            await arrived(wire, 1)
            waiting = await server.send(SECOND, "accepted only")
            await shim(server, THIRD, "code-123456")
            assert (await server.status(waiting))["status"] == "queued"
            await server.kill()
        assert provider.sent_to(wire) == [FIRST]
        async with serving(tmp_path, settings) as server:
            seen = await server.wait_for(waiting, "sent")
            assert [attempt["outcome"] for attempt in seen["attempts"]] == ["accepted"]
            await arrived(wire, 3)
            await asyncio.sleep(QUIET)
            assert await server.stop() == 0
        assert sorted(provider.sent_to(wire)) == [FIRST, SECOND, THIRD]


async def test_killed_between_dispatching_and_the_answer(
    provider: Provider, tmp_path: Path
) -> None:
    async with WireServer() as wire:
        wire.answers = [Answer(action="stall"), TAKEN]
        settings = provider.settings(wire)
        async with serving(tmp_path, settings) as server:
            message = await server.send(FIRST, "nobody knows")
            await arrived(wire, 1)
            assert (await server.status(message))["status"] == "dispatching"
            await server.kill()
        for _ in range(2):
            async with serving(tmp_path, settings) as server:
                seen = await server.status(message)
                assert (seen["status"], seen["success"]) == ("unknown", False)
                (attempt,) = seen["attempts"]
                assert attempt["outcome"] == "ambiguous"
                assert attempt["finished_at"] is not None
                other = await server.send(SECOND, "life goes on")
                await server.wait_for(other, "sent")
                await asyncio.sleep(QUIET)
                await server.kill()
        assert provider.sent_to(wire) == [FIRST, SECOND, SECOND]
