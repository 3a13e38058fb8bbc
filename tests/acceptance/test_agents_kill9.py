"""`kill -9` while somebody waits: what came is there for the wait that goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.integration.agents.agents_kit import (
    ACCOUNT,
    OURS,
    PUBLIC,
    TOKEN,
    AgentClient,
    twilio_receives,
)
from tests.serving import Serving, serving

SETTINGS = f"""
public_base_url = "{PUBLIC}"
[gateways.twilio]
account_sid = "{ACCOUNT}"
auth_token = "{TOKEN}"
from = "{OURS}"
[agents]
numbers = ["{OURS}"]
"""


def client(server: Serving) -> AgentClient:
    return AgentClient(server.http_url, server.api_key)


async def test_the_message_comes_after_the_kill(tmp_path: Path) -> None:
    """Twilio repeats its call, and the wait goes on by its cursor."""
    async with serving(tmp_path, SETTINGS) as server:
        lease = await client(server).lease(ttl=3600)
        await twilio_receives(server.http_url, OURS, "Your code is 111111")
        _, first = await client(server).wait(lease)
        task = client(server).waiting(lease, after=first["id"])
        await client(server).settled()
        await server.kill()
        with pytest.raises(aiohttp.ClientError):
            await task
    async with serving(tmp_path, SETTINGS) as server:
        task = client(server).waiting(lease, after=first["id"])
        await client(server).settled()
        await twilio_receives(server.http_url, OURS, "Your code is 222222")
        status, second = await task
        assert (status, second["code"]) == (200, "222222")


@pytest.mark.parametrize("by_cursor", [True, False])
async def test_killed_while_the_message_comes(tmp_path: Path, by_cursor: bool) -> None:
    """However far the answer got: the message is committed, so the next wait has it.

    Without a cursor it may have been answered with; then the client has it.
    """
    async with serving(tmp_path, SETTINGS) as server:
        lease = await client(server).lease(ttl=3600)
        await twilio_receives(server.http_url, OURS, "Your code is 111111")
        _, first = await client(server).wait(lease)
        wanted = {"after": first["id"]} if by_cursor else {}
        task = client(server).waiting(lease, **wanted)
        await client(server).settled()
        await twilio_receives(server.http_url, OURS, "Your code is 222222")
        await server.kill()
        await asyncio.gather(task, return_exceptions=True)
    had = task.exception() is None and task.result()[0] == 200
    async with serving(tmp_path, SETTINGS) as server:
        status, page = await client(server).messages(lease, after=first["id"])
        assert [item["code"] for item in page["messages"]] == ["222222"]
        status, found = await client(server).wait(lease, **wanted, timeout_ms=15_000)
        if had and not by_cursor:
            assert status in (200, 408)
            return
        assert (status, found["code"]) == (200, "222222")


async def test_killed_before_the_wait(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server:
        lease = await client(server).lease(ttl=3600)
        await twilio_receives(server.http_url, OURS, "Your code is 333333")
        await server.kill()
    async with serving(tmp_path, SETTINGS) as server:
        again = await client(server).lease(ttl=3600)
        assert (again["lease_id"], again["renewed"]) == (lease["lease_id"], True)
        status, found = await client(server).wait(lease)
        assert (status, found["code"]) == (200, "333333")
