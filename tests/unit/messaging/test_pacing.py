from __future__ import annotations

from collections.abc import Sequence

import pytest

from enum_backend.messaging.pacing import Held, Pace
from tests.unit.messaging.messaging_world import World

START = 1_790_000_000_000


async def go(
    world: World, pace: Pace, now: int, senders: Sequence[str] = (), gateway: str = "one"
) -> Held | None:
    def work(connection: object) -> Held | None:
        return pace.begin(connection, gateway, now).count(connection, senders)  # type: ignore[arg-type]

    return await world.database.write(work)


async def places(world: World, pace: Pace, now: int, wanted: int = 100) -> int:
    return await world.database.write(lambda c: pace.begin(c, "one", now).places(wanted))


async def waiting(world: World, pace: Pace, now: int) -> set[str]:
    return set(await world.database.write(lambda c: pace.begin(c, "one", now).waiting))


async def test_without_a_rate_all_may_go(world: World) -> None:
    pace = Pace(0, 1)
    await go(world, pace, START, ["", ""])
    assert await places(world, pace, START) == 100


async def test_a_bucket_holds_a_tenth_of_a_second_and_fills_again(world: World) -> None:
    pace = Pace(40, 0)
    assert await places(world, pace, START) == 4
    assert await places(world, pace, START, wanted=3) == 3
    assert await go(world, pace, START, [""] * 3) is None
    assert await go(world, pace, START, [""]) == Held(whole=START + 25)
    assert await go(world, pace, START) == Held(whole=START + 25)
    assert await places(world, pace, START + 24) == 0
    assert await places(world, pace, START + 25) == 1
    assert await places(world, pace, START + 50) == 2
    assert await places(world, pace, START + 60_000) == 4
    assert await go(world, pace, START, [], gateway="two") is None


async def test_no_second_has_more_than_the_rate(world: World) -> None:
    pace, times = Pace(5, 0), []
    for now in range(START, START + 3000, 20):
        for _ in range(await places(world, pace, now)):
            times.append(now)
            await go(world, pace, now, [""])
    assert len(times) == 15
    assert max(sum(at <= other < at + 1000 for other in times) for at in times) == 5


@pytest.mark.parametrize(("rate", "pause"), [(0.1, 10_000), (3, 334), (0.7, 1429)])
async def test_any_rate(world: World, rate: float, pause: int) -> None:
    pace = Pace(rate, 0)
    full = await places(world, pace, START)
    assert full == 1
    assert await go(world, pace, START, [""] * full) == Held(whole=START + pause)
    assert await places(world, pace, START + pause - 1) == 0
    assert await places(world, pace, START + pause) == 1


async def test_senders_wait_each_for_itself(world: World) -> None:
    pace = Pace(0, 3)
    assert await go(world, pace, START, [""]) == Held(sender=START + 3000)
    later = START + 1000
    assert await go(world, pace, later, ["+15550100002"]) == Held(sender=START + 3000)
    assert await waiting(world, pace, later) == {"", "+15550100002"}
    assert await waiting(world, pace, START + 3000) == {"+15550100002"}
    assert await go(world, pace, START + 3000, [""]) == Held(sender=START + 4000)
    assert await waiting(world, pace, START + 6000) == set()
    assert await go(world, pace, START + 6000) is None


async def test_the_gateways_own_number_is_one_sender_named_or_not(world: World) -> None:
    pace = Pace(0, 3, "+15550100001")
    assert pace.sender_key("+15550100001") == pace.sender_key(None) == ""
    await go(world, pace, START, [""])
    assert await waiting(world, pace, START) == {"", "+15550100001"}
    await go(world, pace, START + 3000, ["+15550100002"])
    assert await waiting(world, pace, START + 3000) == {"+15550100002"}


async def test_a_clock_that_was_set_back_stops_nothing(world: World) -> None:
    pace = Pace(1, 2)
    await go(world, pace, START, [""])
    earlier = START - 3_600_000
    assert await waiting(world, pace, earlier) == set()
    assert await places(world, pace, earlier + 1000) == 0
    await go(world, pace, earlier, [""])
    assert await waiting(world, pace, earlier + 1999) == {""}
    assert await waiting(world, pace, earlier + 2000) == set()
