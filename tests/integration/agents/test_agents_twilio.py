"""Leased numbers of a real gateway: signed calls of Twilio, repeats, seeding by variables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from enum_backend.app import Server
from enum_backend.errors import SettingsError
from enum_backend.settings import load_settings
from enum_backend.testing import RunningServer, running_server
from tests.integration.agents.agents_kit import (
    ACCOUNT,
    OURS,
    PUBLIC,
    SECOND,
    SENDER,
    TOKEN,
    AgentClient,
    twilio_receives,
    twilio_settings,
)


@pytest.fixture
async def server(storage_settings: dict[str, Any]) -> AsyncIterator[RunningServer]:
    options = {
        **storage_settings,
        "mode": None,
        "public_base_url": PUBLIC,
        "gateways": {"twilio": twilio_settings()},
        "agents": {"numbers": [OURS, SECOND], "cool_down": 0},
    }
    async with running_server({}, settings=options) as running:
        assert running.services.pool.mode == "live"
        yield running


async def client(server: RunningServer) -> AgentClient:
    return AgentClient(server.http_url, await server.create_key("agents"))


@pytest.mark.parametrize("path", ["/webhook/sms-received", "/sms/webhook/twilio"])
async def test_number_wait_extract(server: RunningServer, path: str) -> None:
    agent = await client(server)
    lease = await agent.lease()
    task = agent.waiting(lease, sender=SENDER)
    await agent.settled()
    text = "123 456 is your Acme code. Do not share it."
    await twilio_receives(server.http_url, OURS, text, path=path)
    status, found = await task
    assert (status, found["code"], found["body"]) == (200, "123456", text)


async def test_a_late_repeat_reaches_nobody(server: RunningServer) -> None:
    """Twilio repeats a message when the number is somebody else's."""
    first, second = await client(server), await client(server)
    lease = await first.lease()
    other = await first.lease("other")
    sid = await twilio_receives(server.http_url, OURS, "code 111111")
    assert (await first.wait(lease))[1]["code"] == "111111"
    for item in (lease, other):
        await first.call("DELETE", f"/agents/leases/{item['lease_id']}")
    leases = [await second.lease(str(n)) for n in range(2)]
    await twilio_receives(server.http_url, OURS, "code 111111", sid=sid)
    for item in leases:
        assert (await second.messages(item))[1]["messages"] == []
        assert (await second.wait(item, timeout_ms=50))[0] == 408


async def test_no_simulation_in_live_mode(server: RunningServer) -> None:
    agent = await client(server)
    status, document = await agent.simulate(OURS, "x")
    assert (status, document["error_code"]) == (403, "FORBIDDEN")


async def test_only_numbers_that_messages_can_come_to(server: RunningServer) -> None:
    admin = AgentClient(server.http_url, server.api_key)
    body = {"phone_number": "+15550100009"}
    status, document = await admin.call("POST", "/agents/pool", json=body)
    assert (status, document["errors"][0]["field"]) == (422, "phone_number")


VARIABLES = {
    "SMS_SIMULATION_MODE": "true",
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_PHONE_NUMBERS": f"{OURS}, {SECOND}",
}


def flags(tmp_path: object) -> dict[tuple[str, ...], Any]:
    return {
        ("data_dir",): str(tmp_path),
        ("http", "port"): 0,
        ("dns", "port"): 0,
    }


async def test_the_variable_seeds_the_pool(tmp_path: object) -> None:
    for numbers, expected in (
        (f"{OURS}, {SECOND}", [OURS, SECOND]),
        (f"{OURS}, {SECOND}", [OURS, SECOND]),
        (SECOND, [SECOND]),
        (f"{SECOND},{OURS}", [OURS, SECOND]),
    ):
        variables = VARIABLES | {"TWILIO_PHONE_NUMBERS": numbers}
        loaded = load_settings(environment=variables, flags=flags(tmp_path))
        async with Server(loaded) as server:
            _, token = await server.services.keys.create("a", ["agents"])
            agent = AgentClient(server.http_url, token)
            _, pool = await agent.call("GET", "/agents/pool")
            assert [item["phone_number"] for item in pool["numbers"]] == expected
            assert {item["source"] for item in pool["numbers"]} == {"settings"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TWILIO_PHONE_NUMBERS": "+12"}, "agents.numbers"),
        ({"ENUM_BACKEND_AGENTS__PROVISION": "nowhere"}, "agents.provision"),
    ],
)
async def test_unusable_settings(tmp_path: object, variables: dict[str, str], words: str) -> None:
    loaded = load_settings(environment=VARIABLES | variables, flags=flags(tmp_path))
    with pytest.raises(SettingsError, match=words):
        async with Server(loaded):
            pass
