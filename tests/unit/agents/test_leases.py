"""Who gets which number, for how long, and when another one may have it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from enum_backend.agents.model import Caller, LeaseState, NumberStatus
from enum_backend.clock import rfc3339
from enum_backend.errors import (
    Forbidden,
    LeaseEnded,
    NotFound,
    PoolExhausted,
    RateLimitExceeded,
    ValidationFailed,
)
from enum_backend.storage import Database
from enum_backend.storage.tables import agent_leases
from tests.unit.agents.agent_world import (
    ADMIN,
    ALICE,
    BOB,
    DAY,
    HOUR,
    ONE,
    START,
    TWO,
    AgentWorld,
    Clock,
)


async def status(world: AgentWorld) -> dict[str, NumberStatus]:
    return {n.number: n.status for n in await world.agents.desk.numbers(ADMIN)}


async def test_a_lease_and_its_end(world: AgentWorld, clock: Clock) -> None:
    lease, was_live = await world.agents.lease(ALICE, "p", 600)
    assert not was_live
    assert (lease.number, lease.started_at, lease.expires_at) == (ONE, START, START + 600_000)
    assert await status(world) == {ONE: NumberStatus.LEASED, TWO: NumberStatus.FREE}
    clock.pass_(599_999)
    assert (await world.agents.find(ALICE, lease.lease_id)).live_at(clock.now)
    clock.pass_(1)
    found = await world.agents.find(ALICE, lease.lease_id)
    assert found.state_at(clock.now) is LeaseState.EXPIRED
    assert await status(world) == {ONE: NumberStatus.COOLING, TWO: NumberStatus.FREE}
    clock.pass_(DAY)
    assert await status(world) == {ONE: NumberStatus.FREE, TWO: NumberStatus.FREE}


async def test_a_passport_keeps_its_live_lease(world: AgentWorld, clock: Clock) -> None:
    first, _ = await world.agents.lease(ALICE, "p", 600)
    clock.pass_(60_000)
    again, was_live = await world.agents.lease(ALICE, "p", 600)
    assert was_live
    assert (again.lease_id, again.expires_at) == (first.lease_id, first.expires_at + 60_000)
    shorter, _ = await world.agents.lease(ALICE, "p", 60)
    assert shorter.expires_at == again.expires_at
    other_key, was_live = await world.agents.lease(BOB, "p")
    assert (other_key.number, was_live) == (TWO, False)


async def test_the_same_passport_gets_its_number_again(world: AgentWorld, clock: Clock) -> None:
    for passport in ("a", "b"):
        lease, _ = await world.agents.lease(ALICE, passport)
        await world.agents.release(ALICE, lease.lease_id)
        clock.pass_(1000)
    for passport, number in (("b", TWO), ("a", ONE)):
        lease, was_live = await world.agents.lease(ALICE, passport)
        assert (lease.number, was_live) == (number, False)
        await world.agents.release(ALICE, lease.lease_id)
    with pytest.raises(PoolExhausted):
        await world.agents.lease(BOB, "a")


async def test_cool_down_and_when_the_next_one_is_free(world: AgentWorld, clock: Clock) -> None:
    first, _ = await world.agents.lease(ALICE, "a", 600)
    await world.agents.lease(ALICE, "b", 3600)
    clock.pass_(1000)
    await world.agents.release(ALICE, first.lease_id)
    with pytest.raises(PoolExhausted) as caught:
        await world.agents.lease(BOB, "c")
    free_at = clock.now + DAY
    assert caught.value.next_free_at == rfc3339(free_at)
    assert caught.value.retry_after == DAY / 1000
    assert rfc3339(free_at) in caught.value.message
    clock.pass_(DAY - 1)
    with pytest.raises(PoolExhausted):
        await world.agents.lease(BOB, "c")
    clock.pass_(1)
    lease, _ = await world.agents.lease(BOB, "c")
    assert lease.number == ONE
    # Somebody else has it now: the first passport cannot have it back.
    other, _ = await world.agents.lease(ALICE, "b")
    assert other.number == TWO
    with pytest.raises(PoolExhausted):
        await world.agents.lease(ALICE, "a")


async def test_an_empty_pool_says_so(database: Database, clock: Clock) -> None:
    world = await AgentWorld(database, numbers=()).seeded()
    with pytest.raises(PoolExhausted, match="pool add") as caught:
        await world.agents.lease(ALICE, "p")
    assert (caught.value.next_free_at, caught.value.retry_after) == (None, None)


async def test_numbers_take_turns(database: Database, clock: Clock) -> None:
    world = await AgentWorld(database, cool_down=0).seeded()
    seen = []
    for passport in "abcd":
        lease, _ = await world.agents.lease(ALICE, passport)
        seen.append(lease.number)
        clock.pass_(1000)
        await world.agents.release(ALICE, lease.lease_id)
        clock.pass_(1)
    assert seen == [ONE, TWO, ONE, TWO]


@pytest.mark.parametrize("passport", ["", " p", "p ", "a\nb", "x" * 129, "\x00"])
async def test_unusable_passports(world: AgentWorld, passport: str) -> None:
    with pytest.raises(ValidationFailed, match="passport_id"):
        await world.agents.lease(ALICE, passport)


@pytest.mark.parametrize("ttl", [0, 0.5, -1, 86401, float("inf"), float("nan")])
async def test_the_bounds_are_in_the_error(world: AgentWorld, ttl: float) -> None:
    with pytest.raises(ValidationFailed, match="1 to 86400 seconds"):
        await world.agents.lease(ALICE, "p", ttl)
    lease, _ = await world.agents.lease(ALICE, "p")
    with pytest.raises(ValidationFailed, match="1 to 86400 seconds"):
        await world.agents.renew(ALICE, lease.lease_id, ttl)


async def test_renewing(world: AgentWorld, clock: Clock) -> None:
    lease, _ = await world.agents.lease(ALICE, "p", 60)
    clock.pass_(30_000)
    renewed = await world.agents.renew(ALICE, lease.lease_id, 60)
    assert renewed.expires_at == clock.now + 60_000
    assert (await world.agents.renew(ALICE, lease.lease_id, 1)).expires_at == renewed.expires_at
    clock.pass_(60_000)
    with pytest.raises(LeaseEnded):
        await world.agents.renew(ALICE, lease.lease_id)
    for stranger in (BOB, ADMIN):
        with pytest.raises(NotFound):
            await world.agents.renew(stranger, lease.lease_id)
    (number,) = [n for n in await world.agents.desk.numbers(ALICE) if n.number == ONE]
    assert number.cooling_until == renewed.expires_at + DAY


async def test_releasing_twice_and_by_others(world: AgentWorld, clock: Clock) -> None:
    lease, _ = await world.agents.lease(ALICE, "p")
    with pytest.raises(NotFound):
        await world.agents.release(BOB, lease.lease_id)
    ended = await world.agents.release(ALICE, lease.lease_id)
    clock.pass_(1000)
    assert await world.agents.release(ALICE, lease.lease_id) == ended
    assert ended.state_at(clock.now) is LeaseState.RELEASED
    with pytest.raises(NotFound):
        await world.agents.release(ALICE, "lease_none")
    second, _ = await world.agents.lease(ALICE, "p")
    withdrawn = await world.agents.release(ADMIN, second.lease_id)
    assert withdrawn.state_at(clock.now) is LeaseState.WITHDRAWN


async def test_quotas(database: Database, clock: Clock) -> None:
    numbers = [f"+1555010000{n}" for n in range(6)]
    world = await AgentWorld(
        database, numbers=numbers, leases_per_key=2, leases_per_tenant=3, new_leases_per_day=4
    ).seeded()
    first, _ = await world.agents.lease(ALICE, "1", 600)
    await world.agents.lease(ALICE, "2", 900)
    with pytest.raises(RateLimitExceeded, match="This key has 2 live") as caught:
        await world.agents.lease(ALICE, "3")
    assert caught.value.retry_after == 600
    await world.agents.lease(ALICE, "2", 900)
    await world.agents.lease(BOB, "1")
    with pytest.raises(RateLimitExceeded, match="This tenant has 3 live"):
        await world.agents.lease(BOB, "2")
    await world.agents.release(ALICE, first.lease_id)
    for passport in "34":
        lease, _ = await world.agents.lease(ALICE, passport, 600)
        await world.agents.release(ALICE, lease.lease_id)
    clock.pass_(HOUR)
    with pytest.raises(RateLimitExceeded, match="begun 4") as caught:
        await world.agents.lease(ALICE, "5")
    assert caught.value.retry_after == (DAY - HOUR) / 1000
    clock.pass_(DAY - HOUR)
    await world.agents.lease(ALICE, "5")


async def test_lists(world: AgentWorld, clock: Clock) -> None:
    first, _ = await world.agents.lease(ALICE, "1", 60)
    clock.pass_(1)
    second, _ = await world.agents.lease(BOB, "2")
    agents = world.agents
    assert [item.lease_id for item in await agents.leases(ALICE)] == [first.lease_id]
    everybody = await agents.leases(ADMIN, everybody=True)
    assert [item.lease_id for item in everybody] == [second.lease_id, first.lease_id]
    assert await agents.leases(ADMIN) == []
    with pytest.raises(Forbidden):
        await agents.leases(ALICE, everybody=True)
    clock.pass_(60_000)
    assert await agents.leases(ALICE) == []
    assert len(await agents.leases(ALICE, ended=True)) == 1
    assert await agents.leases(ALICE, ended=True, passport_id="other") == []


async def test_tenants_are_apart(database: Database, clock: Clock) -> None:
    world = AgentWorld(database)
    await world.agents.desk.seed({ONE: "default", TWO: "acme"})
    acme = Caller("key_acme", "acme")
    lease, _ = await world.agents.lease(acme, "p")
    assert lease.number == TWO
    with pytest.raises(PoolExhausted):
        await world.agents.lease(acme, "q")
    assert [n.number for n in await world.agents.desk.numbers(acme)] == [TWO]
    with pytest.raises(Forbidden):
        await world.agents.desk.numbers(acme, "default")
    for stranger in (ALICE, ADMIN):
        with pytest.raises(NotFound):
            await world.agents.messages(stranger, lease.lease_id)


async def test_one_live_lease_a_number_under_any_concurrency(
    database: Database, clock: Clock
) -> None:
    numbers = [f"+1555010000{n}" for n in range(5)]
    world = await AgentWorld(database, numbers=numbers).seeded()
    callers = [Caller(f"key_{n % 4}", "default") for n in range(40)]

    async def one(n: int) -> str | None:
        try:
            lease, _ = await world.agents.lease(callers[n], f"p{n % 10}")
        except PoolExhausted:
            return None
        return lease.lease_id

    given = await asyncio.gather(*(one(n) for n in range(40)))
    live = agent_leases.c.ended_at.is_(None)
    count = await database.read(
        lambda c: c.execute(
            select(func.count(), func.count(agent_leases.c.number.distinct())).where(live)
        ).one()
    )
    assert tuple(count) == (5, 5)
    assert len({lease_id for lease_id in given if lease_id}) == 5


async def test_an_expired_lease_of_a_number_that_changed_hands(
    database: Database, clock: Clock
) -> None:
    """Nobody of its old tenant has written down its end."""
    world = AgentWorld(database, cool_down=0)
    await world.agents.desk.seed({ONE: "acme"})
    await world.agents.lease(Caller("key_acme", "acme"), "p", 60)
    await world.agents.desk.seed({ONE: "default"})
    with pytest.raises(PoolExhausted):
        await world.agents.lease(ALICE, "p")
    clock.pass_(60_000)
    lease, _ = await world.agents.lease(ALICE, "p")
    assert (lease.number, lease.started_at) == (ONE, clock.now + 1)


async def test_what_is_audited(world: AgentWorld, clock: Clock) -> None:
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.agents.lease(ALICE, "p", 1800)
    await world.agents.release(ALICE, lease.lease_id)
    types = [event for event, _ in world.audited]
    assert types == ["AGENT_LEASE_STARTED", "AGENT_LEASE_RENEWED", "AGENT_LEASE_RELEASED"]
    assert world.audited[0][1] == {
        "keyId": "key_alice",
        "tenant": "default",
        "leaseId": lease.lease_id,
        "passportId": "p",
        "phoneNumber": ONE,
    }
