"""A server with phones of its own: webhooks at the start, SIM cards over a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from enum_backend.app import Server
from enum_backend.gateways import AndroidGateway
from enum_backend.gateways.android_hooks import EVENTS
from enum_backend.settings import load_settings
from tests.smsgate import FakePhone, fake_phone

HOOK = "https://sms.example.org/sms/webhook/android/office"


@pytest.fixture
async def phone() -> AsyncIterator[FakePhone]:
    async with fake_phone() as phone:
        yield phone


def server(folder: Path, gateway: dict[str, Any], **more: Any) -> Server:
    """A server of a data directory that outlives it."""
    flags: dict[tuple[str, ...], Any] = {
        ("data_dir",): str(folder / "data"),
        ("public_base_url",): "https://sms.example.org",
        ("http", "port"): 0,
        ("dns", "port"): 0,
        ("gateways", "office"): gateway,
    }
    flags |= {(key,): value for key, value in more.items()}
    return Server(load_settings(environment={}, flags=flags))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_phones_are_told_where_to_report(tmp_path: Path, phone: FakePhone) -> None:
    async with server(tmp_path, phone.settings()):
        await until(lambda: len(phone.hooks) == len(EVENTS))
    assert {hook["url"] for hook in phone.hooks.values()} == {HOOK}
    assert {hook["event"] for hook in phone.hooks.values()} == set(EVENTS)


async def test_a_phone_that_is_away_holds_nothing_up(tmp_path: Path, phone: FakePhone) -> None:
    phone.away = True
    async with asyncio.timeout(20), server(tmp_path, phone.settings()) as running:
        assert running.http_port
    assert phone.hooks == {}


@pytest.mark.parametrize("more", [{"mode": "simulation"}, {"public_base_url": ""}])
async def test_nobody_is_told_anything(
    tmp_path: Path, phone: FakePhone, more: dict[str, Any]
) -> None:
    async with server(tmp_path, phone.settings(), **more):
        await asyncio.sleep(0.1)
    assert phone.hooks == {}


async def test_sim_cards_count_over_a_restart(tmp_path: Path, phone: FakePhone) -> None:
    for expected in (["queued", "queued"], ["rate_limited"]):
        async with server(tmp_path, phone.settings(daily_limit=2)) as running:
            gateway = running.services.pool.registry.get("office")
            assert isinstance(gateway, AndroidGateway)
            for outcome in expected:
                assert await sent(running, len(phone.messages)) == outcome
    assert len(phone.messages) == 2


async def sent(running: Server, number: int) -> str:
    registry = running.services.pool.registry
    try:
        text, message_id = "canary text", f"msg_{number}"
        return (await registry.send("+15550100002", text, message_id=message_id)).status
    except Exception as error:
        return str(getattr(error, "reason", error))
