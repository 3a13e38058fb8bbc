"""`agents ...`: the loop number, message, code on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import Result

from enum_backend.testing import RunningServer, running_server
from tests.integration.cli.conftest import Invoke, document

NUMBER = "+15550100001"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningServer]:
    async with running_server({}, settings={"tenants": [{"name": "acme"}]}) as running:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", running.http_url)
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", running.api_key)
        yield running


async def run(invoke: Invoke, *arguments: str, code: int = 0) -> Result:
    return await asyncio.to_thread(invoke, "agents", *arguments, code=code)


async def read(invoke: Invoke, *arguments: str) -> Any:
    return document(await run(invoke, *arguments, "--json"))


async def test_the_loop(server: RunningServer, invoke: Invoke) -> None:
    refused = await run(invoke, "lease", "signup", code=1)
    assert "agents pool add NUMBER" in refused.stderr
    assert (await run(invoke, "pool", "add", NUMBER)).stdout.endswith("free\n")
    lease = await read(invoke, "lease", "signup", "--ttl", "15m")
    text = "Your Acme code is 482913"
    told = (await run(invoke, "simulate", "--to", NUMBER, "--text", text, "--from", "ACME")).stdout
    assert f"came to {NUMBER}" in told
    found = await read(invoke, "wait", lease["lease_id"], "--contains", "code", "--sender", "ACME")
    assert found["code"] == "482913"
    listed = (await run(invoke, "messages", lease["lease_id"])).stdout
    assert "code 482913" in listed
    assert text in listed
    page = await read(invoke, "messages", lease["lease_id"], "--after", told.split()[0])
    assert page["messages"] == []
    assert "leased until" in (await run(invoke, "pool")).stdout
    assert (await read(invoke, "pool"))["counts"]["leased"] == 1
    assert "leases 1, messages 1, waits 1 (0 timed out)" in (await run(invoke, "usage")).stdout
    assert "signup" in (await run(invoke, "leases")).stdout
    assert "cooling until" in (await run(invoke, "release", lease["lease_id"])).stdout
    assert (await run(invoke, "leases")).stdout.strip() == ""
    assert "released" in (await run(invoke, "leases", "--ended", "--everybody")).stdout
    assert "cooling until" in (await run(invoke, "pool", "list", "--tenant", "default")).stdout


async def test_refusals(server: RunningServer, invoke: Invoke) -> None:
    nowhere = await run(invoke, "simulate", "--to", NUMBER, "--text", "x", code=1)
    assert "not in the agents' pool" in nowhere.stderr
    await run(invoke, "simulate", "--to", NUMBER, code=2)
    await run(invoke, "pool", "add", NUMBER, "--tenant", "acme")
    assert "is no longer lent" in (await run(invoke, "pool", "remove", NUMBER)).stdout
    failed = await run(invoke, "pool", "remove", NUMBER, "--end-lease", "--json", code=1)
    assert document(failed)["error_code"] == "NOT_FOUND"
    await run(invoke, "wait", "lease_none", code=1)
    failed = await run(invoke, "lease", "p", "--ttl", "soon", "--json", code=1)
    assert document(failed)["error_code"] == "VALIDATION_FAILED"


async def test_texts_withheld(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    agents = {"withhold_bodies": True, "numbers": [NUMBER]}
    async with running_server({}, settings={"agents": agents}) as running:
        monkeypatch.setenv("ENUM_BACKEND_API_URL", running.http_url)
        monkeypatch.setenv("ENUM_BACKEND_API_KEY", running.api_key)
        lease = await read(invoke, "lease", "p")
        await run(invoke, "simulate", "--to", NUMBER, "--text", "Your code is 482913")
        shown = (await run(invoke, "wait", lease["lease_id"], "--timeout", "5")).stdout
        assert "code 482913  (text withheld)" in shown
