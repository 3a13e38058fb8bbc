"""Servers killed and stopped while callers send and a provider calls: the books balance."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.acceptance.faults import endpoint as owner
from tests.acceptance.faults import inbound_ledger, ledger, provider
from tests.acceptance.faults.callers import Callers
from tests.acceptance.faults.ledger import Books
from tests.acceptance.faults.own_servers import own_postgres, own_redis, shared_settings
from tests.acceptance.faults.storms import LIMITS, Fault, Length, storm
from tests.acceptance.faults.webhook_callers import WebhookCallers
from tests.acceptance.faults.world import World
from tests.http_sink import HttpSink
from tests.telnyx_webhooks import TelnyxSigner

SETTLE_SECONDS = 240.0
PAUSE_AFTER = 3.0
"""A delivery that failed all through a storm rests up to twice as long: pauses grow threefold."""
"""The longest chain of repeats, and leases that nobody gave back."""

PAUSE = 0.1
"""Seconds between two messages of one caller."""


class Storm:
    """A provider, an owner's endpoint, callers and webhooks around some servers."""

    def __init__(self, soak: Length, folder: Path, settings: str, nodes: int) -> None:
        self._soak = soak
        self._folder = folder
        self._settings = settings
        self._nodes = nodes
        self._provider = provider.Provider(soak.dice("provider"))
        self._endpoint = owner.Endpoint(soak.dice("endpoint"))
        self._signer = TelnyxSigner()

    async def outlive(self, name: str, more: Mapping[str, tuple[int, Fault]]) -> list[Books]:
        """Call, kill, stop and do `more`; then the books."""
        async with HttpSink(self._provider) as sink, HttpSink(self._endpoint) as hook:
            settings = self._toml(sink.url, hook.url)
            dice = self._soak.dice("world")
            async with World(self._folder, settings, dice, self._nodes) as world:
                since = time.monotonic()
                callers, webhooks, faults = await self._strike(world, more)
                lasted = time.monotonic() - since
                server = world.server()
                assert server is not None
                views = await ledger.settled(server, callers.told.ids, SETTLE_SECONDS)
                await self._delivered(webhooks, max(SETTLE_SECONDS, lasted * PAUSE_AFTER))
                stored = await inbound_ledger.stored(server)
        faults = f"{faults}; seed {self._soak.seed}"
        return [
            ledger.balance(
                f"outbound, {name}", callers.told, views, self._provider, world.blows, faults
            ),
            inbound_ledger.balance(
                f"inbound, {name}", webhooks, stored, self._endpoint.taken, faults
            ),
        ]

    async def _strike(
        self, world: World, more: Mapping[str, tuple[int, Fault]]
    ) -> tuple[Callers, WebhookCallers, str]:
        soak = self._soak
        async with (
            Callers(world.server, soak.dice("callers"), callers=8, pause=PAUSE) as callers,
            WebhookCallers(
                world.server, self._signer, soak.dice("webhooks"), callers=4, pause=PAUSE
            ) as webhooks,
        ):
            faults = await storm(
                {
                    "kill -9": (soak.kills, world.kill),
                    "SIGSTOP": (soak.pauses, lambda: world.pause(soak.pause_seconds)),
                    **more,
                },
                self._change_moods,
                soak.dice("storm"),
                soak.gap,
            )
        self._provider.mood, self._endpoint.mood = provider.CALM, owner.CALM
        return callers, webhooks, faults

    def _change_moods(self, dice: random.Random) -> None:
        self._provider.mood = dice.choice(list(provider.MOODS.values()))
        self._endpoint.mood = owner.BAD

    def _toml(self, sink: str, hook: str) -> str:
        return (
            f"{self._settings}{LIMITS}[http]\nwebhooks_per_minute = 0\n"
            '[routing]\ndefault = ["provider"]\n'
            f"{self._provider.settings(sink)}{self._signer.settings(hook)}"
            f"{self._endpoint.settings(hook)}"
        )

    async def _delivered(self, webhooks: WebhookCallers, seconds: float) -> None:
        """Wait until everything is delivered, or the time is over."""
        end = time.monotonic() + seconds
        while webhooks.accepted - set(self._endpoint.taken):
            if time.monotonic() > end:
                return
            await asyncio.sleep(0.1)


@pytest.mark.timeout(2400)
async def test_one_server_on_sqlite(
    tmp_path: Path, soak: Length, close_books: Callable[[Books], None]
) -> None:
    for books in await Storm(soak, tmp_path, "", nodes=1).outlive("SQLite", {}):
        close_books(books)


@pytest.mark.timeout(2400)
async def test_two_servers_on_postgresql_and_redis(
    tmp_path: Path, soak: Length, close_books: Callable[[Books], None]
) -> None:
    async with own_postgres() as postgres, own_redis() as redis:
        around = Storm(soak, tmp_path, shared_settings(postgres, redis), nodes=2)
        crashes = {
            "PostgreSQL crash": (soak.restarts, postgres.crash),
            "Redis crash": (soak.restarts, redis.crash),
        }
        both = await around.outlive("2 servers on PostgreSQL and Redis", crashes)
    for books in both:
        close_books(books)
