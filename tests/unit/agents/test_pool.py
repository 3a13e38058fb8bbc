"""The pool: what may be lent, what the settings keep in it, what is forgotten."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, Table, func, insert, select

from enum_backend.agents import pool, retention
from enum_backend.agents.model import NumberStatus
from enum_backend.agents.pool import next_free
from enum_backend.errors import Forbidden, LeaseEnded, NotFound, PoolExhausted, ValidationFailed
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.settings.agents import AgentSettings
from enum_backend.storage import Database
from enum_backend.storage.tables import (
    agent_leases,
    agent_reads,
    agent_usage,
    bindings,
    numbers,
    tenants,
)
from tests.unit.agents.agent_world import (
    ADMIN,
    ALICE,
    BOB,
    DAY,
    ONE,
    START,
    THREE,
    TWO,
    AgentWorld,
    Clock,
)


async def bind(database: Database, number: str, tenant: str) -> None:
    row = {"tenant": tenant, "proof": "admin", "created_by": "x", "created_at": 1}
    await database.write(
        lambda c: c.execute(insert(bindings).values(number=number, **row)).rowcount
    )


async def own(database: Database, number: str, state: str) -> None:
    row = {
        "gateway": "office",
        "provider": "simulator",
        "tenant": "default",
        "state": state,
        "source": "bought",
        "features": "sms",
        "created_at": 1,
        "updated_at": 1,
    }
    await database.write(lambda c: c.execute(insert(numbers).values(number=number, **row)).rowcount)


async def tenant(database: Database, name: str) -> None:
    row = {"name": name, "title": "", "source": "api", "created_at": 1}
    await database.write(lambda c: c.execute(insert(tenants).values(**row)).rowcount)


def registry() -> GatewayRegistry:
    made = GatewayRegistry()
    made.add("office", SimulatorGateway("office", sender=ONE, numbers=[TWO]))
    made.add("acme-own", SimulatorGateway("acme-own", sender=THREE, tenant="acme"))
    return made


async def statuses(world: AgentWorld) -> dict[str, NumberStatus]:
    return {n.number: n.status for n in await world.agents.desk.numbers(ADMIN)}


async def test_whose_numbers_may_be_lent(database: Database, clock: Clock) -> None:
    world = AgentWorld(database, registry=registry(), simulation=False)
    desk = world.agents.desk
    await tenant(database, "acme")
    assert (await desk.add(ADMIN, ONE)).tenant == "default"
    assert (await desk.add(ADMIN, THREE)).tenant == "acme"
    await bind(database, TWO, "acme")
    assert (await desk.add(ADMIN, TWO)).tenant == "acme"
    for number, whose in (("+15550100009", None), (THREE, "default"), (TWO, "default")):
        with pytest.raises(ValidationFailed, match="phone_number"):
            await desk.add(ADMIN, number, whose)
    for n, state in enumerate(("active", "pending")):
        await own(database, f"+1555010001{n}", state)
    assert (await desk.add(ADMIN, "+15550100010")).status is NumberStatus.FREE
    with pytest.raises(ValidationFailed):
        await desk.add(ADMIN, "+15550100011")


async def test_a_number_that_is_no_longer_ours(database: Database, clock: Clock) -> None:
    world = await AgentWorld(
        database, numbers=[ONE], registry=registry(), simulation=False
    ).seeded()
    assert await statuses(world) == {ONE: NumberStatus.FREE}
    await bind(database, ONE, "acme")
    assert await statuses(world) == {ONE: NumberStatus.UNAVAILABLE}
    with pytest.raises(PoolExhausted, match="can be lent now") as caught:
        await world.agents.lease(ALICE, "p")
    assert caught.value.next_free_at is None


async def test_adding_twice_and_taking_out(world: AgentWorld, clock: Clock) -> None:
    desk = world.agents.desk
    await tenant(world.database, "acme")
    first = await desk.add(ADMIN, THREE, "acme")
    assert await desk.add(ADMIN, THREE, "acme") == first
    with pytest.raises(ValidationFailed, match="pool of another"):
        await desk.add(ADMIN, THREE, "default")
    with pytest.raises(ValidationFailed, match="tenant"):
        await desk.add(ADMIN, "+15550100004", "nobody")
    await desk.remove(ADMIN, THREE)
    with pytest.raises(NotFound):
        await desk.remove(ADMIN, THREE)
    with pytest.raises(ValidationFailed, match="stands in the settings"):
        await desk.remove(ADMIN, ONE)
    assert set(await statuses(world)) == {ONE, TWO}
    types = [event for event, _ in world.audited]
    assert types == ["AGENT_NUMBER_ADDED", "AGENT_NUMBER_ADDED", "AGENT_NUMBER_REMOVED"]


async def test_taking_out_ends_no_cool_down(database: Database, clock: Clock) -> None:
    world = await AgentWorld(database, numbers=()).seeded()
    desk = world.agents.desk
    await desk.add(ADMIN, ONE)
    lease, _ = await world.agents.lease(ALICE, "p")
    await desk.remove(ADMIN, ONE)
    assert (await world.agents.find(ALICE, lease.lease_id)).live_at(clock.now)
    await desk.add(ADMIN, ONE)
    assert await statuses(world) == {ONE: NumberStatus.LEASED}
    await desk.remove(ADMIN, ONE, end_lease=True)
    with pytest.raises(LeaseEnded):
        await world.agents.messages(ALICE, lease.lease_id)
    await desk.add(ADMIN, ONE)
    assert await statuses(world) == {ONE: NumberStatus.COOLING}
    with pytest.raises(PoolExhausted):
        await world.agents.lease(BOB, "p")
    await desk.remove(ADMIN, ONE, end_lease=True)


async def test_a_number_that_was_taken_out_is_not_kept_by_renewing(
    database: Database, clock: Clock
) -> None:
    world = await AgentWorld(database, numbers=()).seeded()
    desk = world.agents.desk
    await desk.add(ADMIN, ONE)
    lease, _ = await world.agents.lease(ALICE, "p", 60)
    await desk.remove(ADMIN, ONE)
    clock.pass_(30_000)
    renewed = await world.agents.renew(ALICE, lease.lease_id, 600)
    again, was_live = await world.agents.lease(ALICE, "p", 600)
    assert was_live
    assert renewed.expires_at == again.expires_at == lease.expires_at


async def test_taking_out_long_after_its_last_lease(database: Database, clock: Clock) -> None:
    """That lease has been forgotten."""
    world = await AgentWorld(database, numbers=()).seeded()
    await world.agents.desk.add(ADMIN, ONE)
    await world.agents.lease(ALICE, "p", 60)
    clock.pass_(60_000)
    await world.agents.desk.look_after()
    clock.pass_(91 * DAY)
    await world.agents.desk.look_after()
    assert await counts(world) == (0, 0, 0)
    await world.agents.desk.remove(ADMIN, ONE, end_lease=True)
    assert await statuses(world) == {}


async def test_the_settings_keep_their_numbers(world: AgentWorld, clock: Clock) -> None:
    desk = world.agents.desk
    await desk.add(ADMIN, THREE)
    assert await desk.seed({ONE: "default", TWO: "default"}) == []
    assert await desk.seed({TWO: "default", THREE: "acme"}) == [THREE]
    assert set(await statuses(world)) == {TWO, THREE}
    assert await desk.seed({}) == []
    assert set(await statuses(world)) == {THREE}


async def test_usage_of_others(world: AgentWorld, clock: Clock) -> None:
    await world.agents.lease(ALICE, "p")
    clock.pass_(DAY)
    await world.agents.lease(BOB, "p")
    desk = world.agents.desk
    assert [day.key_id for day in await desk.usage(ADMIN)] == ["key_bob", "key_alice"]
    assert [day.key_id for day in await desk.usage(ADMIN, key_id="key_alice")] == ["key_alice"]
    assert [day.key_id for day in await desk.usage(ADMIN, days=1)] == ["key_bob"]
    with pytest.raises(Forbidden):
        await desk.usage(ALICE, key_id="key_bob")


async def test_what_is_old_is_forgotten(
    world: AgentWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    for passport in "ab":
        lease, _ = await world.agents.lease(ALICE, passport, 60)
        await world.arrive(lease.number)
        await world.texts(ALICE, lease.lease_id)
    clock.pass_(60_000)
    await world.agents.desk.look_after()
    assert await counts(world) == (2, 2, 1)
    clock.pass_(91 * DAY)
    kept, _ = await world.agents.lease(BOB, "p")
    await world.agents.desk.look_after()
    assert await counts(world) == (1, 0, 1)
    assert [item.lease_id for item in await world.agents.leases(BOB)] == [kept.lease_id]


async def counts(world: AgentWorld) -> tuple[int, ...]:
    tables = (agent_leases, agent_reads, agent_usage)
    return tuple([await world.database.read(partial(_count, table)) for table in tables])


def _count(table: Table, connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


async def test_a_purchase_that_came_to_nothing(world: AgentWorld, clock: Clock) -> None:
    """The program died before it could say so."""
    for number in (THREE, "+15550100004"):
        await world.database.write(
            lambda c, n=number: pool.add(  # type: ignore[misc]
                c, n, "default", source=pool.BOUGHT, by="key:x", now=clock.now
            )
        )
    await own(world.database, THREE, "pending")
    assert (await statuses(world))[THREE] is NumberStatus.UNAVAILABLE
    await world.agents.desk.look_after()
    assert len(await statuses(world)) == 4
    clock.pass_(DAY)
    await world.agents.desk.look_after()
    assert set(await statuses(world)) == {ONE, TWO, THREE}


async def test_when_the_next_one_is_free(world: AgentWorld, clock: Clock) -> None:
    numbers = await world.agents.desk.numbers(ALICE)
    assert next_free(numbers, START, DAY) == START
    lease, _ = await world.agents.lease(ALICE, "a", 60)
    await world.agents.lease(ALICE, "b", 600)
    numbers = await world.agents.desk.numbers(ALICE)
    assert next_free(numbers, START, DAY) == lease.expires_at + DAY
    assert next_free([], START, DAY) is None


async def test_nobody_buys_unless_told(world: AgentWorld) -> None:
    await world.agents.stop()
    await world.agents.prepare()


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl": 10, "min_ttl": 20},
        {"ttl": "2d"},
        {"services": [{"name": "a", "senders": ["X"]}, {"name": "a", "senders": ["Y"]}]},
        {"services": [{"name": "A B", "senders": ["X"]}]},
        {"services": [{"name": "a", "senders": []}]},
        {"services": [{"name": "a", "senders": ["*x"]}]},
        {"services": [{"name": "a", "senders": [""]}]},
        {"services": [{"name": "a", "senders": ["x" * 65]}]},
        {"provision_area_code": "x"},
        {"provision_country": "usa"},
        {"provision_price": "0"},
        {"colour": "red"},
    ],
)
def test_wrong_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        AgentSettings.model_validate(wrong)
