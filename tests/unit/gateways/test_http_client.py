"""The client's own traps; what every gateway needs of it is in gateway_cases."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from enum_backend.gateways import GatewayError, Reason
from enum_backend.gateways.http_client import HttpClient
from tests.unit.gateways.wire_server import Action, Answer, WireServer


async def test_aiohttp_does_repeat_a_dropped_get(wire: WireServer) -> None:
    # The trap itself: if this fails, aiohttp has changed and the guard can go.
    wire.answers = [Answer(action="reset"), Answer()]
    async with aiohttp.ClientSession() as session, session.get(wire.url) as response:
        assert response.status == 200
    assert len(wire.requests) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("action", ["reset", "hang up"])
async def test_no_method_is_repeated(wire: WireServer, method: str, action: Action) -> None:
    wire.answers = [Answer(action=action), Answer()]
    client = HttpClient(timeout=5)
    with pytest.raises(GatewayError) as caught:
        await client.request(method, wire.url)
    await client.close()
    assert caught.value.ambiguous
    assert len(wire.requests) == 1


async def test_unexpected_client_errors_keep_their_name_only() -> None:
    client = HttpClient(timeout=5)
    with pytest.raises(GatewayError) as caught:
        await client.request("GET", "http:///canary")
    await client.close()
    assert caught.value.reason is Reason.TEMPORARY_UNAVAILABLE
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_cancelling_is_not_swallowed(wire: WireServer) -> None:
    wire.answers = [Answer(action="stall")]
    client = HttpClient(timeout=5)
    task = asyncio.create_task(client.request("GET", wire.url))
    async with asyncio.timeout(5):
        await wire.seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.close()
    await client.close()


async def test_form_bodies(wire: WireServer) -> None:
    client = HttpClient(timeout=5)
    await client.request("POST", wire.url, data={"To": "+1555"}, headers={"X-A": "b"})
    await client.close()
    assert wire.requests[0].body == b"To=%2B1555"
    assert wire.requests[0].headers["x-a"] == "b"
