"""A number is bought when the pool has none left: off by default, bounded, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from enum_backend.agents import provisioning
from enum_backend.numbers.purchase import Buyer
from enum_backend.numbers.store import StoredNumber
from enum_backend.testing import RunningServer, running_server
from tests.integration.agents.agents_kit import AgentClient
from tests.telnyx_numbers import NUMBER, FakeTelnyx, fake_telnyx


@pytest.fixture
async def telnyx() -> AsyncIterator[FakeTelnyx]:
    async with fake_telnyx() as fake:
        yield fake


@pytest.fixture
def settings(storage_settings: dict[str, Any], telnyx: FakeTelnyx) -> dict[str, Any]:
    return {
        **storage_settings,
        "mode": None,
        "public_base_url": "https://sms.example.org",
        "gateways": {"telnyx": telnyx.settings()},
    }


@asynccontextmanager
async def running(settings: dict[str, Any], **agents: Any) -> AsyncIterator[RunningServer]:
    options = {"provision": "telnyx", **agents}
    async with running_server({}, settings={**settings, "agents": options}) as server:
        yield server


async def client(server: RunningServer) -> AgentClient:
    return AgentClient(server.http_url, await server.create_key("agents"))


def orders(telnyx: FakeTelnyx) -> int:
    return telnyx.asked.count("POST number_orders")


async def lease(agent: AgentClient, passport: str) -> tuple[int, dict[str, Any]]:
    return await agent.call("POST", "/agents/leases", json={"passport_id": passport})


async def test_nothing_is_bought_by_default(settings: dict[str, Any], telnyx: FakeTelnyx) -> None:
    async with running(settings, provision="") as server:
        assert (await lease(await client(server), "p"))[0] == 409
    assert orders(telnyx) == 0


async def test_a_number_is_bought_and_lent(settings: dict[str, Any], telnyx: FakeTelnyx) -> None:
    async with running(settings) as server:
        agent = await client(server)
        status, found = await lease(agent, "p")
        assert (status, found["phone_number"]) == (200, NUMBER)
        _, pool = await agent.call("GET", "/agents/pool")
        assert [(n["source"], n["status"]) for n in pool["numbers"]] == [("bought", "leased")]
        admin = AgentClient(server.http_url, server.api_key)
        _, listed = await admin.call("GET", "/numbers")
        assert NUMBER in [item["number"] for item in listed["numbers"]]
        entries = (await server.services.audit.page(limit=200)).entries
        assert "AGENT_NUMBER_BOUGHT" in {entry.event_type for entry in entries}
    assert orders(telnyx) == 1


async def test_one_passport_that_asks_twice_buys_once(
    settings: dict[str, Any], telnyx: FakeTelnyx
) -> None:
    async with running(settings) as server:
        agent = await client(server)
        answers = await asyncio.gather(*(lease(agent, "p") for _ in range(6)))
        assert {status for status, _ in answers} == {200}
        assert len({found["lease_id"] for _, found in answers}) == 1
    assert orders(telnyx) == 1


async def test_no_more_than_allowed(settings: dict[str, Any], telnyx: FakeTelnyx) -> None:
    async with running(settings, provision_most=1) as server:
        agent = await client(server)
        answers = await asyncio.gather(*(lease(agent, f"p{n}") for n in range(4)))
        assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
        refused = [found for status, found in answers if status == 409]
        assert all("as large as it may" in found["detail"] for found in refused)
    assert orders(telnyx) == 1


async def test_two_that_want_the_only_number_on_sale(
    settings: dict[str, Any], telnyx: FakeTelnyx
) -> None:
    async with running(settings) as server:
        agent = await client(server)
        answers = await asyncio.gather(*(lease(agent, f"p{n}") for n in range(3)))
        assert sorted(status for status, _ in answers) == [200, 409, 409]
        refused = [found for status, found in answers if status == 409]
        assert all(found["error_code"] == "POOL_EXHAUSTED" for found in refused)
        assert all(found["next_free_at"] for found in refused)
    assert orders(telnyx) == 1


@pytest.mark.parametrize(
    ("more", "agents", "words"),
    [
        ({"limits": {"daily_cost": "1.00"}}, {}, "daily spend limit"),
        ({}, {"provision_price": "1.49"}, "agents.provision_price"),
        ({"mode": "simulation"}, {}, "live mode only"),
        ({"public_base_url": ""}, {}, "public_base_url"),
    ],
)
async def test_what_forbids_it(
    settings: dict[str, Any],
    telnyx: FakeTelnyx,
    more: dict[str, Any],
    agents: dict[str, Any],
    words: str,
) -> None:
    async with running({**settings, **more}, **agents) as server:
        status, found = await lease(await client(server), "p")
        assert (status, found["error_code"]) == (409, "POOL_EXHAUSTED")
        assert words in found["detail"]
    assert orders(telnyx) == 0


async def test_an_order_that_takes_its_time(
    settings: dict[str, Any], telnyx: FakeTelnyx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller is told; the number is there as soon as the provider has it."""
    telnyx.order_states = ["pending"] * 3
    monkeypatch.setattr(provisioning, "WAIT_SECONDS", 0.2)
    async with running(settings) as server:
        agent = await client(server)
        status, found = await lease(agent, "p")
        assert status == 409
        assert "is being bought" in found["detail"]
        monkeypatch.undo()
        async with asyncio.timeout(60):
            while (await lease(agent, "p"))[0] != 200:
                await asyncio.sleep(0.1)
    assert orders(telnyx) == 1


async def test_while_one_is_ordered_no_other_is(
    settings: dict[str, Any], telnyx: FakeTelnyx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider takes longer than the purchase is followed; the agent asks again."""
    monkeypatch.setattr(Buyer, "_follow", _not_followed)
    telnyx.order_states = ["pending"]
    telnyx.numbers = [NUMBER, "+14155550102", "+14155550103"]
    async with running(settings) as server:
        agent = await client(server)
        for _ in range(3):
            status, found = await lease(agent, "p")
            assert (status, found["error_code"]) == (409, "POOL_EXHAUSTED")
            assert "ordered, but not there yet" in found["detail"]
        assert orders(telnyx) == 1
        await AgentClient(server.http_url, server.api_key).call("GET", "/numbers")
        status, found = await lease(agent, "p")
        assert (status, found["phone_number"]) == (200, NUMBER)
    assert orders(telnyx) == 1


async def _not_followed(_buyer: Buyer, _desk: object, row: StoredNumber) -> StoredNumber:
    return row
