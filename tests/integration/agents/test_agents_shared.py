"""Two processes on one database: a message that one takes wakes who waits at the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from enum_backend.testing import RunningServer, running_server
from tests.integration.agents.agents_kit import OURS, SECOND, AgentClient

pytestmark = pytest.mark.parametrize("storage_settings", ["postgresql+redis"], indirect=True)


@pytest.fixture
async def servers(
    storage_settings: dict[str, Any],
) -> AsyncIterator[tuple[RunningServer, RunningServer]]:
    options = {**storage_settings, "agents": {"numbers": [OURS, SECOND], "waits_per_key": 100}}
    async with (
        running_server({}, settings=options) as one,
        running_server({}, settings=options) as two,
    ):
        yield one, two


async def test_woken_across_processes(servers: tuple[RunningServer, RunningServer]) -> None:
    one, two = servers
    key = await one.create_key("agents")
    here, there = AgentClient(one.http_url, key), AgentClient(two.http_url, key)
    lease = await here.lease()
    task = here.waiting(lease)
    await here.settled()
    await there.simulate(OURS, "your code is 482913")
    status, found = await task
    assert (status, found["code"]) == (200, "482913")


async def test_each_message_once_among_processes(
    servers: tuple[RunningServer, RunningServer],
) -> None:
    key = await servers[0].create_key("agents")
    clients = [AgentClient(server.http_url, key) for server in servers]
    lease = await clients[0].lease()
    tasks = [client.waiting(lease) for client in clients for _ in range(8)]
    for client in clients:
        await client.settled(8)
    for n in range(16):
        assert (await clients[n % 2].simulate(OURS, f"m{n}"))[0] == 200
    answers = await asyncio.gather(*tasks)
    assert sorted(found["body"] for _, found in answers) == sorted(f"m{n}" for n in range(16))


async def test_a_release_elsewhere_ends_the_wait(
    servers: tuple[RunningServer, RunningServer],
) -> None:
    one, two = servers
    key = await one.create_key("agents")
    here, there = AgentClient(one.http_url, key), AgentClient(two.http_url, key)
    lease = await here.lease()
    task = here.waiting(lease)
    await here.settled()
    await there.call("DELETE", f"/agents/leases/{lease['lease_id']}")
    assert (await task)[0] == 404


async def test_the_last_number_is_lent_once(servers: tuple[RunningServer, RunningServer]) -> None:
    keys = [await servers[0].create_key("agents") for _ in range(3)]
    clients = [AgentClient(server.http_url, key) for key in keys for server in servers]

    async def lease(client: AgentClient, n: int) -> str:
        status, document = await client.call(
            "POST", "/agents/leases", json={"passport_id": f"p{n}"}
        )
        return str(document["phone_number"] if status == 200 else document["error_code"])

    answers = await asyncio.gather(*(lease(client, n) for n, client in enumerate(clients)))
    assert sorted(answers) == [OURS, SECOND] + ["POOL_EXHAUSTED"] * 4
