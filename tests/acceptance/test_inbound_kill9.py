"""`kill -9` at each step of an inbound message: stored once, delivered, recognisable as one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from enum_backend.gateways.webhooks.vonage_signature import signature
from tests.serving import Serving, serving
from tests.telnyx_webhooks import PATH, TelnyxSigner
from tests.unit.messaging.deliveries.hook_server import Hook, hook_server

SENDER = "+15557654321"
VONAGE = "+15550100002"
FAKE_SECRET = "fake-signature-secret"


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hook_server() as server:
        yield server


@pytest.fixture
def signer() -> TelnyxSigner:
    return TelnyxSigner()


def settings(hook: Hook, signer: TelnyxSigner, more: str = "") -> str:
    return (
        f"{signer.settings('http://127.0.0.1:9')}"
        f'[gateways.vonage]\napi_key = "fake"\napi_secret = "fake-secret"\nfrom = "{VONAGE}"\n'
        f'signature_secret = "{FAKE_SECRET}"\nsignature_method = "sha256"\n'
        f'[deliveries]\nwebhook_url = "{hook.url}"\nbackoff = 0.2\n{more}'
    )


async def receive(server: Serving, signer: TelnyxSigner, body: bytes) -> None:
    async with (
        aiohttp.ClientSession(server.http_url) as http,
        http.post(PATH, data=body, headers=signer.headers(body)) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def receive_part(server: Serving, number: int, total: int = 3) -> None:
    fields = {
        "msisdn": SENDER[1:],
        "to": VONAGE[1:],
        "messageId": f"part-{number}",
        "text": f"<{number}>",
        "type": "text",
        "message-timestamp": "2026-01-01 00:00:00",
        "concat": "true",
        "concat-ref": "42",
        "concat-total": str(total),
        "concat-part": str(number),
        "timestamp": str(int(time.time())),
    }
    fields["sig"] = signature(fields, FAKE_SECRET, "sha256")
    async with (
        aiohttp.ClientSession(server.http_url) as http,
        http.get(f"/sms/webhook/vonage?{urlencode(fields)}") as answer,
    ):
        assert answer.status == 200, await answer.text()


async def delivered(server: Serving, count: int = 1) -> list[dict[str, object]]:
    async with server.session() as http, asyncio.timeout(20):
        while True:
            async with http.get("/deliveries") as answer:
                found: list[dict[str, object]] = (await answer.json())["deliveries"]
            if len(found) == count and all(item["state"] == "delivered" for item in found):
                return found
            await asyncio.sleep(0.05)


async def stall(_request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


def ids(hook: Hook) -> list[str]:
    return [headers["webhook-id"] for headers, _ in hook.calls]


async def test_killed_between_storing_and_delivering(
    tmp_path: Path, hook: Hook, signer: TelnyxSigner
) -> None:
    hook.answers = [503] * 1000
    slow = settings(hook, signer, "timeout = 30\n").replace("backoff = 0.2", "backoff = 3600")
    bodies = [signer.received(SENDER, f"message {n}") for n in range(5)]
    async with serving(tmp_path, slow) as server:
        for body in bodies:
            await receive(server, signer, body)
        await server.kill()
    hook.answers, hook.calls = [], []
    async with serving(tmp_path, settings(hook, signer)) as server:
        for body in bodies:
            await receive(server, signer, body)
        async with server.session() as http:
            async with http.get("/deliveries", params={"limit": "100"}) as answer:
                found = (await answer.json())["deliveries"]
            assert len(found) == 5
            for item in found:
                async with http.post(f"/deliveries/{item['id']}/replay") as answer:
                    assert answer.status == 200
        await delivered(server, 5)
        assert await server.stop() == 0
    texts = [json.loads(body)["data"]["message"] for _, body in hook.calls]
    assert sorted(set(texts)) == [f"message {n}" for n in range(5)]


async def test_killed_while_the_owner_s_server_has_it(
    tmp_path: Path, hook: Hook, signer: TelnyxSigner
) -> None:
    hook.answers = [stall]
    async with serving(tmp_path, settings(hook, signer)) as server:
        await receive(server, signer, signer.received(SENDER, "handed over, not heard of"))
        await hook.called(1)
        await server.kill()
    async with serving(tmp_path, settings(hook, signer)) as server:
        await hook.called(2)
        (found,) = await delivered(server)
        assert found["attempts"] == 2
        await server.kill()
    assert ids(hook) == [found["id"]] * 2
    assert hook.calls[0][1] == hook.calls[1][1]
    async with serving(tmp_path, settings(hook, signer)) as server:
        await delivered(server)
        assert await server.stop() == 0
    assert len(hook.calls) == 2


async def test_parts_outlive_every_kill(tmp_path: Path, hook: Hook, signer: TelnyxSigner) -> None:
    for number in (3, 1):
        async with serving(tmp_path, settings(hook, signer)) as server:
            await receive_part(server, number)
            await server.kill()
    async with serving(tmp_path, settings(hook, signer)) as server:
        for number in (1, 3, 2, 2, 1):
            await receive_part(server, number)
        await delivered(server)
        await server.kill()
    async with serving(tmp_path, settings(hook, signer, "parts_timeout = 0.1\n")) as server:
        await receive_part(server, 2)
        await receive_part(server, 1)
        await delivered(server)
    ((_, body),) = hook.calls
    data = json.loads(body)["data"]
    assert (data["message"], "incomplete" in data) == ("<1><2><3>", False)


async def test_parts_that_never_come_are_released_after_a_kill(
    tmp_path: Path, hook: Hook, signer: TelnyxSigner
) -> None:
    async with serving(tmp_path, settings(hook, signer)) as server:
        await receive_part(server, 2)
        await server.kill()
    async with serving(tmp_path, settings(hook, signer, "parts_timeout = 0.1\n")) as server:
        await delivered(server)
    ((_, body),) = hook.calls
    data = json.loads(body)["data"]
    assert (data["message"], data["incomplete"]) == ("[...] <2> [...]", True)
