"""Numbers of ours and bindings: one owner in all, whatever proves it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from enum_backend.errors import NotFound, ValidationFailed
from enum_backend.gateways.inventory.base import OwnedNumber
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.numbers.actor import Actor
from enum_backend.storage import Sealer
from enum_backend.tenants import bindings
from enum_backend.tenants.bindings import NumberTaken
from enum_backend.tenants.numbers import TenantNumbers
from enum_backend.tenants.store import TenantStore
from tests.unit.numbers.numbers_world import ACME, NUMBER, OTHER, SMS, US, NumbersWorld

RIVAL = Actor("rival")
LISTED = "+15550100001"


async def tenants_of(world: NumbersWorld) -> TenantNumbers:
    store = TenantStore(world.database)
    for name in ("acme", "rival"):
        await store.create(name)
    return TenantNumbers(world.database, Sealer(bytes(32)), on_change=world.store.load)


async def owner(world: NumbersWorld, number: str) -> str | None:
    def work(connection: Connection) -> str | None:
        return bindings.tenant_bound_to(connection, number)

    return await world.database.read(work)


async def test_a_bought_number_is_bound_until_it_is_released(world: NumbersWorld) -> None:
    shop = world.shop()
    numbers = await tenants_of(world)
    await world.inventory.buy(ACME, NUMBER, yes=True)
    assert await owner(world, NUMBER) == "acme"
    assert shop.bindings == {NUMBER: "acme"}
    with pytest.raises(NumberTaken):
        await numbers.bind("rival", NUMBER, "key:k")
    await world.inventory.release(ACME, NUMBER)
    assert await owner(world, NUMBER) is None
    assert (await numbers.bind("rival", NUMBER, "key:k")).tenant == "rival"


async def test_nobody_buys_or_imports_what_is_bound_to_another(world: NumbersWorld) -> None:
    shop = world.shop()
    numbers = await tenants_of(world)
    await numbers.bind("acme", NUMBER, "key:k")
    with pytest.raises(ValidationFailed) as refused:
        await world.inventory.buy(RIVAL, NUMBER, yes=True)
    assert "acme" not in refused.value.message
    assert shop.calls == []
    assert await world.spent() == []
    shop.has = [OwnedNumber(NUMBER, SMS), OwnedNumber(OTHER, SMS)]
    found = await world.inventory.import_account(US)
    assert (found.added, found.elsewhere) == ((OTHER,), (NUMBER,))
    assert await owner(world, NUMBER) == "acme"
    assert (await world.inventory.buy(ACME, NUMBER, yes=True)).tenant == "acme"


async def test_a_bound_number_of_the_settings_is_its_tenants_alone(world: NumbersWorld) -> None:
    shop = world.shop(numbers=[OTHER])
    numbers = await tenants_of(world)
    pool = GatewayPool("live", world.registry, SimulatorGateway())
    for actor in (ACME, RIVAL):
        rows = await world.inventory.ours(actor)
        assert [(row.number, row.tenant) for row in rows] == [(LISTED, ""), (OTHER, "")]
        assert pool.owner_of(OTHER, actor.tenant) is shop
    await numbers.bind("acme", OTHER, "key:k")
    assert shop.bindings == {OTHER: "acme"}
    assert [row.number for row in await world.inventory.ours(RIVAL)] == [LISTED]
    assert [row.tenant for row in await world.inventory.ours(ACME)] == ["", "acme"]
    assert [row.tenant for row in await world.inventory.ours(US)] == ["", "acme"]
    assert pool.owner_of(OTHER, "rival") is None
    assert pool.owner_of(OTHER, "acme") is shop
    with pytest.raises(NotFound):
        await world.inventory.check_loop(RIVAL, OTHER)


async def test_a_binding_makes_no_gateway_own_a_number(world: NumbersWorld) -> None:
    shop = world.shop()
    numbers = await tenants_of(world)
    await numbers.bind("acme", NUMBER, "key:k")
    assert not shop.owns(NUMBER)
    assert world.store.owner_gateway(NUMBER) is None
