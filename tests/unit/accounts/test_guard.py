"""Counts of failures over time."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from sqlalchemy import select

from enum_backend.accounts import devices
from enum_backend.accounts.guard import (
    FIRST,
    FREE,
    FREE_OF_ADDRESS,
    LONGEST_MS,
    Guard,
    Locked,
    address_of,
)
from enum_backend.accounts.model import Origin
from enum_backend.accounts.sweep import sweep
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import login_failures, login_places
from tests.unit.accounts.conftest import Clock

ALICE, BOB = "alice@example.org", "bob@example.org"
HOME, AWAY = Origin("192.0.2.7"), Origin("198.51.100.7")


async def fail(guard: Guard, times: int, origin: Origin = AWAY, account: str = ALICE) -> None:
    for _ in range(times):
        await guard.take(FIRST, account, origin)


async def test_waits_grow_and_end(guard: Guard, clock: Clock) -> None:
    await fail(guard, FREE[FIRST])
    waits = []
    for _ in range(13):
        with pytest.raises(Locked) as refused:
            await guard.take(FIRST, ALICE, AWAY)
        assert refused.value.retry_after is not None
        waits.append(refused.value.retry_after)
        clock.move(refused.value.retry_after)
        await guard.take(FIRST, ALICE, AWAY)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_MS / 1000
    with pytest.raises(Locked):
        await guard.take(FIRST, ALICE, AWAY)
    clock.move(86_400)
    await fail(guard, FREE[FIRST])


async def test_a_refused_attempt_does_not_make_the_wait_longer(guard: Guard, clock: Clock) -> None:
    await fail(guard, FREE[FIRST] + 0)
    for _ in range(5):
        with pytest.raises(Locked) as refused:
            await guard.take(FIRST, ALICE, AWAY)
        assert refused.value.retry_after == 1
    clock.move(1)
    assert (await guard.take(FIRST, ALICE, AWAY)).locks


async def test_success_starts_anew(guard: Guard, database: Database, clock: Clock) -> None:
    await fail(guard, FREE[FIRST] - 1)
    taken = await guard.take(FIRST, ALICE, AWAY)
    assert taken.locks
    await database.write(lambda c: guard.release_in(c, taken))
    await fail(guard, FREE[FIRST])


async def test_a_known_place_is_counted_apart(
    guard: Guard, database: Database, clock: Clock
) -> None:
    await database.write(lambda c: guard.settle_in(c, ALICE, HOME))
    await database.write(lambda c: guard.settle_in(c, ALICE, HOME))
    await fail(guard, FREE[FIRST])
    with pytest.raises(Locked):
        await guard.take(FIRST, ALICE, AWAY)
    await guard.take(FIRST, ALICE, Origin("192.0.2.99"))
    with pytest.raises(Locked):
        await guard.take(FIRST, ALICE, Origin("192.0.3.99"))
    await fail(guard, FREE[FIRST] - 1, HOME)
    with pytest.raises(Locked):
        await guard.take(FIRST, ALICE, HOME)
    clock.move(91 * 86_400)
    await fail(guard, FREE[FIRST])
    with pytest.raises(Locked):  # it is no known place any more
        await guard.take(FIRST, ALICE, HOME)


@pytest.mark.parametrize(
    ("known", "same", "other"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:ff::2", "2001:db8:0:100::1"),
        ("::ffff:192.0.2.1", "192.0.2.200", "192.0.3.1"),
        ("no address", "no address", "none"),
    ],
)
async def test_what_a_place_is(
    guard: Guard, database: Database, clock: Clock, known: str, same: str, other: str
) -> None:
    await database.write(lambda c: guard.settle_in(c, ALICE, Origin(known)))
    await fail(guard, FREE[FIRST])
    await guard.take(FIRST, ALICE, Origin(same))
    with pytest.raises(Locked):
        await guard.take(FIRST, ALICE, Origin(other))


async def test_an_address_over_many_accounts(guard: Guard, clock: Clock) -> None:
    device = Origin(AWAY.ip, device=guard.device_for(BOB))
    for number in range(FREE_OF_ADDRESS[FIRST]):
        await guard.take(FIRST, f"user{number}@example.org", AWAY)
    with pytest.raises(Locked):
        await guard.take(FIRST, BOB, AWAY)
    await guard.take(FIRST, BOB, device)
    await guard.take(FIRST, BOB, HOME)


async def test_device_tokens(sealer: Sealer, clock: Clock) -> None:
    token = devices.issue(sealer, ALICE)
    name = devices.name_of(sealer, ALICE, token)
    assert name is not None
    assert devices.name_of(sealer, ALICE, devices.issue(sealer, ALICE)) != name
    assert devices.name_of(sealer, BOB, token) is None
    assert devices.name_of(Sealer(bytes(32)), ALICE, token) is None
    for wrong in ("", ".", "..", "a.b.c", token + "x", token.replace(".", "x", 1), "é.1.é"):
        assert devices.name_of(sealer, ALICE, wrong) is None
    clock.move(devices.LIFE_SECONDS)
    assert devices.name_of(sealer, ALICE, token) == name
    clock.move(1)
    assert devices.name_of(sealer, ALICE, token) is None


async def test_nothing_is_stored_in_the_open_and_old_counts_go(
    guard: Guard, database: Database, clock: Clock
) -> None:
    await fail(guard, 3)
    await database.write(lambda c: guard.settle_in(c, BOB, HOME))
    tables = (login_failures, login_places)
    rows = await database.read(lambda c: [c.execute(select(table)).all() for table in tables])
    assert all(rows)
    shown = repr(rows)
    assert not any(word in shown for word in (ALICE, BOB, AWAY.ip, HOME.ip))
    await sweep(database, 3600)
    assert len(await database.read(lambda c: c.execute(select(login_failures)).all())) == 2
    clock.move(91 * 86_400)
    await sweep(database, 3600)
    rows = await database.read(lambda c: [c.execute(select(table)).all() for table in tables])
    assert rows == [[], []]


async def test_successes_beside_attempts_lose_no_count(guard: Guard, database: Database) -> None:
    """A success deletes the row of a count while others are about to add to it."""
    device = Origin(AWAY.ip, device=guard.device_for(ALICE))

    async def come_and_go(origin: Origin) -> None:
        for _ in range(15):
            taken = await guard.take(FIRST, ALICE, origin)
            await database.write(partial(guard.release_in, taken=taken))

    # No more at once than nobody waits for.
    await asyncio.gather(*(come_and_go(origin) for origin in (device, AWAY) for _ in range(4)))
    counts = await database.read(lambda c: c.execute(select(login_failures.c["count"])).all())
    assert {count for (count,) in counts} <= {0}


async def test_a_notice_goes_out_once_a_day(guard: Guard, database: Database, clock: Clock) -> None:
    async def first(email: str) -> bool:
        return await database.write(lambda c: guard.first_today_in(c, email))

    assert [await first(email) for email in (ALICE, ALICE, BOB)] == [True, False, True]
    clock.move(86_400)
    assert [await first(ALICE), await first(ALICE)] == [True, False]


def test_addresses_are_counted_together() -> None:
    assert address_of("192.0.2.7") == address_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert address_of("2001:db8::1") == address_of("2001:db8::ffff:2") == "2001:db8::/64"
    assert address_of("2001:db8:0:1::1") != address_of("2001:db8::1")
