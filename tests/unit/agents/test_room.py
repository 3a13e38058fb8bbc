"""The reader that wakes waits, and turns of purchases."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from sqlalchemy import insert

from enum_backend.agents import provisioning, room
from enum_backend.agents.model import Caller, Lease
from enum_backend.agents.provisioning import NotBought, Provisioner
from enum_backend.agents.room import WaitRoom, Watch
from enum_backend.errors import CostLimitExceeded
from enum_backend.settings.agents import AgentSettings
from enum_backend.storage import Database
from enum_backend.storage.tables import agent_purchases
from tests.unit.agents.agent_world import ALICE, DAY, ONE, START, TWO, AgentWorld, Clock


def lease(number: str, lease_id: str = "lease_1") -> Lease:
    return Lease(lease_id, "key_alice", "p", "default", number, None, START, START + DAY)


@pytest.mark.parametrize("listed", [0, 200])
async def test_only_those_whom_it_concerns(
    world: AgentWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch, listed: int
) -> None:
    monkeypatch.setattr(room, "PAGE", 2)
    monkeypatch.setattr(room, "LISTED", listed)
    waits = WaitRoom(world.database, most=10, most_of_key=10)
    await waits.look()
    with waits.watch(lease(ONE)) as one, waits.watch(lease(TWO, "lease_2")) as two:
        await waits.look()
        assert one.changed.is_set()  # whoever begins looks once more
        for watch in (one, two):
            watch.changed.clear()
        await waits.look()
        assert not one.changed.is_set()
        for number in (ONE, ONE, "+15550100009", ONE, ONE):
            await world.arrive(number)
        await waits.look()
        assert one.changed.is_set()
        assert not two.changed.is_set()
        waits.touch("lease_2")
        assert two.changed.is_set()
    assert waits.waiting == 0


async def test_one_that_comes_while_the_inbox_is_read(world: AgentWorld, clock: Clock) -> None:
    """It looked itself before the message came, and the reader does not ask for its number."""

    class Slow:
        """A database whose reads take long enough for `meanwhile`."""

        async def read(self, work: Any) -> Any:
            await meanwhile()
            return await world.database.read(work)

    async def nothing() -> None: ...

    async def somebody_comes() -> None:
        late.append(places.enter_context(waits.watch(lease(TWO, "lease_2"))))
        await world.arrive(TWO)

    late: list[Watch] = []
    meanwhile = nothing
    waits = WaitRoom(Slow(), most=10, most_of_key=10)  # type: ignore[arg-type]
    with contextlib.ExitStack() as places:
        places.enter_context(waits.watch(lease(ONE)))
        await waits.look()
        meanwhile = somebody_comes
        await waits.look()
        assert late[0].changed.is_set()


class Shop:
    """An inventory that cannot sell."""

    def __init__(self) -> None:
        self.searches = 0
        self.hold = asyncio.Event()

    async def search(self, *_: Any) -> Any:
        self.searches += 1
        await self.hold.wait()
        raise CostLimitExceeded


def provisioner(database: Database, shop: Shop) -> Provisioner:
    return Provisioner(
        database,
        shop,  # type: ignore[arg-type]
        AgentSettings(provision="office"),
        country="US",
        on_bought=lambda connection, caller, number: None,
    )


async def needed() -> bool:
    return True


async def test_purchases_of_a_tenant_take_turns(world: AgentWorld) -> None:
    shop = Shop()
    buyer = provisioner(world.database, shop)
    tasks = [asyncio.create_task(buyer.provide(ALICE, needed)) for _ in range(3)]
    other = asyncio.create_task(buyer.provide(Caller("key_acme", "acme"), needed))
    async with asyncio.timeout(30):
        while shop.searches < 2:
            await asyncio.sleep(0.01)
        shop.hold.set()
        for task in (*tasks, other):
            with pytest.raises(NotBought, match="daily spend limit"):
                await task
    assert shop.searches == 4
    await buyer.stop()


async def test_a_turn_of_a_dead_process_runs_out(world: AgentWorld, clock: Clock) -> None:
    row = {"tenant": "default", "token": "dead", "until_at": START + 1000}
    await world.database.write(lambda c: c.execute(insert(agent_purchases).values(row)).rowcount)
    shop = Shop()
    shop.hold.set()
    task = asyncio.create_task(provisioner(world.database, shop).provide(ALICE, needed))
    await asyncio.sleep(0)
    clock.pass_(1000)
    with pytest.raises(NotBought):
        await task
    assert shop.searches == 1


async def test_a_purchase_outlives_its_caller_but_not_the_server(
    world: AgentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisioning, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(provisioning, "STOP_SECONDS", 0.05)
    shop = Shop()
    buyer = provisioner(world.database, shop)
    with pytest.raises(NotBought, match="is being bought"):
        await buyer.provide(ALICE, needed)
    await buyer.stop()
    shop.hold.set()
    with pytest.raises(NotBought, match="daily spend limit"):
        await buyer.provide(ALICE, needed)
