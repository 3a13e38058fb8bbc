"""The disk is full for a while: callers are told so, and what was accepted still arrives once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.faults.callers import Callers
from tests.acceptance.faults.ledger import Books, balance, settled
from tests.acceptance.faults.provider import Provider
from tests.acceptance.faults.small_disks import Disk, FileLimit, small_disk
from tests.acceptance.faults.storms import LIMITS, Length
from tests.acceptance.faults.world import World
from tests.http_sink import HttpSink

FULL_SECONDS = 2.0
SETTLE_SECONDS = 60.0


@pytest.fixture(params=["small disk", "file limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "file limit":
        yield FileLimit(folder)
        return
    with small_disk(folder) as mounted:
        if mounted is None:
            pytest.skip("no file system may be mounted here")
        yield mounted


async def test_full_disk(
    disk: Disk,
    tmp_path: Path,
    soak: Length,
    close_books: Callable[[Books], None],
    request: pytest.FixtureRequest,
) -> None:
    provider = Provider(soak.dice("provider"))
    async with HttpSink(provider) as sink:
        settings = f'data_dir = "{disk.data_dir}"\n{LIMITS}{provider.settings(sink.url)}'
        async with World(tmp_path, settings, soak.dice("world")) as world:
            server = world.server()
            assert server is not None
            async with Callers(world.server, soak.dice("callers"), callers=8, pause=0.1) as callers:
                await asyncio.sleep(1)
                disk.fill(server.process.pid)
                await asyncio.sleep(FULL_SECONDS)
                while_full = callers.told.refused[503]
                disk.free(server.process.pid)
                before = len(callers.told.ids)
                async with asyncio.timeout(30):
                    while len(callers.told.ids) < before + 20:
                        await asyncio.sleep(0.1)
            views = await settled(server, callers.told.ids, SETTLE_SECONDS)
            assert server.process.returncode is None
    name = f"outbound, {request.node.callspec.id}"
    faults = f"disk full for {FULL_SECONDS:.0f} s, {while_full} callers told so"
    ledger = balance(name, callers.told, views, provider, [], faults)
    close_books(ledger)
    assert while_full > 0
    assert set(callers.told.refused) == {503}
    assert set(ledger.states) == {"sent"}
