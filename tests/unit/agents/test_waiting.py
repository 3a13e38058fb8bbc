"""Waiting: woken by the message that fits, had once, lost never."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Update, delete, insert, update

from enum_backend.agents import reading, reads
from enum_backend.agents.model import Caller, Lease, WaitFor
from enum_backend.agents.waiting import ClientGone, Found
from enum_backend.errors import (
    DatabaseUnavailable,
    LeaseEnded,
    NotFound,
    RateLimitExceeded,
    Unauthorized,
    ValidationFailed,
    WaitTimeout,
)
from enum_backend.storage import Database
from enum_backend.storage.tables import agent_reads, api_keys, tenants
from enum_backend.tenants.store import require
from tests.unit.agents.agent_world import ALICE, BOB, ONE, TWO, AgentWorld, Clock

SECONDS = 30.0


@pytest.fixture
async def awake(database: Database) -> AsyncIterator[AgentWorld]:
    """A pool of two numbers by the real clock, with waits woken."""
    world = await AgentWorld(database, max_wait=3600).seeded()
    async with world.awake():
        yield world


@pytest.fixture
async def lease(awake: AgentWorld) -> Lease:
    made, _ = await awake.agents.lease(ALICE, "p")
    return made


def waiting(
    world: AgentWorld,
    lease: Lease,
    seconds: float = SECONDS,
    caller: Caller = ALICE,
    **wanted: object,
) -> asyncio.Task[Found]:
    options = WaitFor(timeout_ms=round(seconds * 1000), **wanted)  # type: ignore[arg-type]
    return asyncio.create_task(world.agents.wait(caller, lease.lease_id, options))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def settled(world: AgentWorld, count: int = 1) -> None:
    """So many wait."""
    await until(lambda: world.agents.room.waiting == count)


async def test_woken_by_the_message_that_fits(awake: AgentWorld, lease: Lease) -> None:
    task = waiting(awake, lease, sender="acme", contains="YOUR CODE")
    await settled(awake)
    await awake.arrive(ONE, "Your code is 1111", sender="OTHER")
    await awake.arrive(ONE, "Hello", sender="ACME")
    await awake.arrive(TWO, "Your code is 2222", sender="ACME")
    await awake.arrive(ONE, "your code is 482913", sender="Acme")
    message = (await task).message
    assert (message.code, message.sender, message.consumed) == ("482913", "Acme", True)


async def test_what_is_there_already(awake: AgentWorld, lease: Lease) -> None:
    for n in range(3):
        await awake.arrive(ONE, f"m{n}")
    seen = [(await waiting(awake, lease, 0)).message.body for _ in range(3)]
    assert seen == ["m0", "m1", "m2"]
    with pytest.raises(WaitTimeout):
        await waiting(awake, lease, 0)
    # Waiting takes a message from other waits, not from the lease.
    assert await awake.texts(ALICE, lease.lease_id) == ["m0", "m1", "m2"]


async def test_peeking(awake: AgentWorld, lease: Lease) -> None:
    tasks = [waiting(awake, lease, consume=False) for _ in range(5)]
    await settled(awake, 5)
    await awake.arrive(ONE, "first")
    await awake.arrive(ONE, "second")
    assert {(await task).message.body for task in tasks} == {"first"}
    found = await waiting(awake, lease, 0)
    assert found.message.body == "first"
    assert (await waiting(awake, lease, 0, consume=False)).message.body == "first"


async def test_many_waits_share_the_messages(awake: AgentWorld, lease: Lease) -> None:
    tasks = [waiting(awake, lease) for _ in range(15)]
    await settled(awake, 15)
    for n in range(15):
        await awake.arrive(ONE, f"m{n}")
    async with asyncio.timeout(SECONDS):
        bodies = [(await task).message.body for task in tasks]
    assert sorted(map(str, bodies)) == sorted(f"m{n}" for n in range(15))


async def test_going_on_from_a_cursor(awake: AgentWorld, lease: Lease) -> None:
    await awake.arrive(ONE, "one")
    first = (await waiting(awake, lease, 0)).message
    with pytest.raises(WaitTimeout) as caught:
        await waiting(awake, lease, 0, after=first.id)
    assert caught.value.members["after"] == first.id
    await awake.arrive(ONE, "two")
    assert (await waiting(awake, lease, 0, after=first.id)).message.body == "two"
    # Whoever keeps the place himself gets it again; whoever does not, does not.
    again = await waiting(awake, lease, 0, after=first.id, consume=False)
    assert again.message.body == "two"
    with pytest.raises(WaitTimeout):
        await waiting(awake, lease, 0)
    with pytest.raises(ValidationFailed, match="after"):
        await waiting(awake, lease, 0, after="in_none")


async def test_the_time_out_says_what_to_try(awake: AgentWorld, lease: Lease) -> None:
    with pytest.raises(WaitTimeout, match="Check that the service") as caught:
        await waiting(awake, lease, 0.01)
    assert caught.value.members["lease_expires_at"]
    await awake.arrive(ONE, "no code")
    with pytest.raises(WaitTimeout, match="1 came that did not fit"):
        await waiting(awake, lease, 0.01, contains="code:")
    (day,) = await awake.agents.desk.usage(ALICE)
    assert (day.waits, day.timeouts) == (2, 2)


async def test_what_the_policy_hides(database: Database) -> None:
    services = [{"name": "shop", "senders": ["SHOP"]}]
    world = await AgentWorld(database, services=services).seeded()
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "hidden", sender="BANK")
    with pytest.raises(WaitTimeout, match="1 came that the owner's policy"):
        await waiting(world, lease, 0)


@pytest.mark.parametrize("milliseconds", [-1, 3_600_001])
async def test_bounds(awake: AgentWorld, lease: Lease, milliseconds: int) -> None:
    with pytest.raises(ValidationFailed, match="0 to 3600000"):
        await awake.agents.wait(ALICE, lease.lease_id, WaitFor(timeout_ms=milliseconds))


async def test_the_lease_ends_the_wait(awake: AgentWorld, lease: Lease) -> None:
    task = waiting(awake, lease)
    await settled(awake)
    await awake.agents.release(ALICE, lease.lease_id)
    with pytest.raises(LeaseEnded, match="ended at"):
        await task
    short, _ = await awake.agents.lease(ALICE, "q", 1)
    with pytest.raises(LeaseEnded):
        await waiting(awake, short)
    with pytest.raises(LeaseEnded):
        await waiting(awake, short)


async def test_another_process_ends_the_lease(awake: AgentWorld, lease: Lease) -> None:
    other = AgentWorld(awake.database, sealer=awake.sealer)
    task = waiting(awake, lease)
    await settled(awake)
    await other.agents.release(ALICE, lease.lease_id)
    with pytest.raises(LeaseEnded):
        await task


async def test_a_message_another_process_stored(awake: AgentWorld, lease: Lease) -> None:
    """Nobody wakes: the room looks by itself."""
    other = AgentWorld(awake.database, sealer=awake.sealer)
    task = waiting(awake, lease)
    await settled(awake)
    await other.arrive(ONE, "from afar")
    assert (await task).message.body == "from afar"


async def test_a_renewal_prolongs_the_wait(awake: AgentWorld, clock: Clock) -> None:
    lease, _ = await awake.agents.lease(ALICE, "q", 1)
    task = waiting(awake, lease)
    await settled(awake)
    await awake.agents.renew(ALICE, lease.lease_id, 600)
    clock.pass_(60_000)
    await awake.arrive(lease.number, "after its first end")
    assert (await task).message.body == "after its first end"


async def test_leases_of_others(awake: AgentWorld, lease: Lease) -> None:
    with pytest.raises(NotFound):
        await waiting(awake, lease, caller=BOB)


async def test_a_client_that_has_gone_costs_nothing(awake: AgentWorld, lease: Lease) -> None:
    left = False
    wanted = WaitFor(timeout_ms=60_000)

    async def wait() -> None:
        async with awake.agents.waiting(ALICE, lease.lease_id, wanted, gone=lambda: left):
            raise AssertionError("nobody is there")

    task = asyncio.create_task(wait())
    await settled(awake)
    left = True
    await awake.arrive(ONE, "kept")
    with pytest.raises(ClientGone):
        await task
    assert (await waiting(awake, lease, 0)).message.body == "kept"


async def test_a_wait_that_nobody_wakes_looks_before_it_gives_up(
    world: AgentWorld, clock: Clock
) -> None:
    """The room does not run here: nothing is there to wake anybody."""
    lease, _ = await world.agents.lease(ALICE, "p")
    task = waiting(world, lease, 0.5)
    await settled(world)
    await world.arrive(ONE, "there")
    assert (await task).message.body == "there"


@pytest.mark.parametrize("late", [False, True])
async def test_a_client_that_leaves_an_answer_is_counted_once(
    awake: AgentWorld, lease: Lease, late: bool
) -> None:
    """It goes while its message is taken (`late`: while the answer is written)."""
    await awake.arrive(ONE, "kept")
    asked = 0

    def gone() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1 and not late

    async def answer() -> None:
        async with awake.agents.waiting(ALICE, lease.lease_id, WaitFor(), gone=gone):
            assert late
            raise ClientGone

    with pytest.raises(ClientGone):
        await answer()
    (day,) = await awake.agents.desk.usage(ALICE)
    assert (day.waits, day.timeouts, day.messages) == (1, 0, 1)
    assert awake.metrics.waits.labels("gone")._value.get() == 1
    assert (await waiting(awake, lease, 0)).message.body == "kept"


async def test_packs_that_are_being_loaded_hold_up_one_message_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop goes on, and who leaves meanwhile breaks nothing off."""
    loaded = threading.Event()
    monkeypatch.setattr(reading, "prepare", lambda: loaded.wait(SECONDS))
    world = await AgentWorld(database).seeded()
    lease, _ = await world.agents.lease(ALICE, "p")
    await world.arrive(ONE, "Your code is 482913")
    leaves, stays = waiting(world, lease), waiting(world, lease)
    pages = asyncio.create_task(world.texts(ALICE, lease.lease_id))
    try:
        await settled(world, 2)
        leaves.cancel()
        await asyncio.wait([leaves])
        assert not stays.done()
        assert not pages.done()
    finally:
        loaded.set()
    assert (await stays).message.code == "482913"
    assert len(await pages) == 1


async def test_an_answer_that_fails_gives_the_message_back(awake: AgentWorld, lease: Lease) -> None:
    await awake.arrive(ONE, "kept")
    others: list[asyncio.Task[Found]] = []

    async def answer() -> None:
        async with awake.agents.waiting(ALICE, lease.lease_id, WaitFor(timeout_ms=0)) as found:
            assert found.message.body == "kept"
            others.append(waiting(awake, lease))
            await settled(awake)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await answer()
    assert (await others[0]).message.body == "kept"


async def test_a_claim_of_a_dead_process_runs_out(
    awake: AgentWorld, lease: Lease, clock: Clock
) -> None:
    """Killed after it took the message and before it answered."""
    clock.now = lease.started_at + 1
    await awake.arrive(ONE, "kept")
    dead = awake.agents.waiting(ALICE, lease.lease_id, WaitFor(timeout_ms=0))
    await dead.__aenter__()
    page = await awake.agents.messages(ALICE, lease.lease_id)
    assert page.messages[0].consumed
    task = waiting(awake, lease)
    await settled(awake)
    clock.pass_(reads.CLAIM_MS)
    assert (await task).message.body == "kept"


async def test_behind_a_claimed_message(awake: AgentWorld, lease: Lease) -> None:
    await awake.arrive(ONE, "claimed")
    await awake.arrive(ONE, "free")
    wanted = WaitFor(timeout_ms=0)
    async with awake.agents.waiting(ALICE, lease.lease_id, wanted) as first:
        assert first.message.body == "claimed"
        assert (await waiting(awake, lease, 0)).message.body == "free"
        with pytest.raises(WaitTimeout):
            await waiting(awake, lease, 0)


async def test_more_than_a_page(awake: AgentWorld, lease: Lease) -> None:
    for n in range(230):
        await awake.arrive(ONE, f"m{n}")
    assert (await waiting(awake, lease, 0, contains="m229")).message.body == "m229"
    task = waiting(awake, lease, contains="late")
    await settled(awake)
    await awake.arrive(ONE, "the late one")
    assert (await task).message.body == "the late one"


async def test_so_many_waits_and_no_more(database: Database) -> None:
    world = await AgentWorld(database, waits=3, waits_per_key=2).seeded()
    mine, _ = await world.agents.lease(ALICE, "p")
    theirs, _ = await world.agents.lease(BOB, "p")
    async with world.awake():
        tasks = [waiting(world, mine), waiting(world, mine)]
        await settled(world, 2)
        assert world.agents.waiting_of(ALICE) == 2
        with pytest.raises(RateLimitExceeded, match="This key"):
            await waiting(world, mine)
        tasks.append(waiting(world, theirs, caller=BOB))
        await settled(world, 3)
        with pytest.raises(RateLimitExceeded, match="Too many waits"):
            await waiting(world, theirs, caller=BOB)
        world.agents.close()
        for task in tasks:
            with pytest.raises(WaitTimeout, match="wait again"):
                await task
    assert world.agents.waiting_of(ALICE) == 0


@pytest.mark.parametrize(
    "ended",
    [
        update(api_keys).values(revoked_at=2),
        update(api_keys).values(expires_at=2),
        update(tenants).values(disabled_at=2),
        update(tenants).values(deleted_at=2),
    ],
    ids=lambda query: f"{query.table.name}-{next(iter(query.compile().params))}",
)
async def test_a_key_that_was_ended_meanwhile(
    awake: AgentWorld, lease: Lease, ended: Update
) -> None:
    row = {
        "id": ALICE.key_id,
        "name": "a",
        "tenant": "default",
        "scopes": "agents",
        "token_hash": b"x",
        "senders": "[]",
        "created_at": 1,
    }
    await awake.database.write(lambda c: require(c, "default"))
    await awake.database.write(lambda c: c.execute(insert(api_keys).values(**row)).rowcount)
    task = waiting(awake, lease)
    await settled(awake)
    await awake.database.write(lambda c: c.execute(ended).rowcount)
    await awake.arrive(ONE, "secret")
    with pytest.raises(Unauthorized):
        await task


async def test_metrics(awake: AgentWorld, lease: Lease) -> None:
    task = waiting(awake, lease)
    await settled(awake)
    await awake.arrive(ONE)
    await task
    with pytest.raises(WaitTimeout):
        await waiting(awake, lease, 0)
    metrics = awake.metrics
    outcomes = {
        name: metrics.waits.labels(name)._value.get() for name in ("message", "timeout", "gone")
    }
    assert outcomes == {"message": 1, "timeout": 1, "gone": 0}
    assert metrics.waiting._value.get() == 0
    assert metrics.wake_seconds._sum.get() >= 0
    await awake.agents.desk.look_after()
    assert metrics.numbers.labels("leased")._value.get() == 1


async def test_an_answer_that_cannot_be_noted(
    awake: AgentWorld, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message was answered with; it may come once more, and the caller hears of nothing."""

    def away(*_: object) -> None:
        raise DatabaseUnavailable

    await awake.arrive(ONE, "had")
    monkeypatch.setattr(reads, "consume", away)
    assert (await waiting(awake, lease, 0)).message.body == "had"


async def test_a_wait_survives_lost_rows(awake: AgentWorld, lease: Lease, clock: Clock) -> None:
    """Retention may take what was read away; the message is then unread again, not lost."""
    clock.now = lease.started_at + 1
    await awake.arrive(ONE, "once")
    await waiting(awake, lease, 0)
    await awake.database.write(lambda c: c.execute(delete(agent_reads)).rowcount)
    assert (await waiting(awake, lease, 0)).message.body == "once"
