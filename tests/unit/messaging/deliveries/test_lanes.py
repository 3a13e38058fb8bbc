"""Lanes: a slow target keeps its places, a dead one rests, the others go on."""

from __future__ import annotations

import asyncio

from enum_backend.messaging.breakers import FAILURES, FIRST_PAUSE
from enum_backend.messaging.deliveries.lanes import AHEAD, CLEAR_SECONDS, Lanes


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_taken_from_the_queue() -> None:
    lanes = Lanes(2, Clock())
    assert lanes.room().of("a") == 2 * AHEAD
    for left in range(2 * AHEAD - 1, -1, -1):
        lanes.took("a")
        assert lanes.room().of("a") == left
    assert (lanes.room().full, lanes.room().of("b")) == (["a"], 2 * AHEAD)
    for _ in range(2 * AHEAD):
        lanes.gave_back("a")
    assert lanes.room().places == {}


async def test_so_many_at_once() -> None:
    lanes = Lanes(2, Clock())
    busy = most = 0

    async def deliver(target: str) -> None:
        nonlocal busy, most
        lanes.took(target)
        async with lanes.place(target) as rest:
            assert rest == 0
            busy += target == "a"
            most = max(most, busy)
            await asyncio.sleep(0.01)
            busy -= target == "a"
        lanes.gave_back(target)

    await asyncio.gather(*(deliver("a") for _ in range(9)), deliver("b"))
    assert most == 2
    assert lanes.room().places == {}
    assert lanes._gates == {}


async def test_a_dead_target_rests_and_is_tried_one_at_a_time() -> None:
    clock = Clock()
    lanes = Lanes(4, clock)
    failures = [lanes.judge("a", broken=True) for _ in range(FAILURES)]
    assert failures == [False] * (FAILURES - 1) + [True]
    assert lanes.room().resting == {"a": FIRST_PAUSE}
    room = lanes.room()
    assert (room.of("a"), room.full, room.resting) == (0, ["a"], {})
    async with lanes.place("a") as rest:
        assert rest == FIRST_PAUSE
    clock.now += CLEAR_SECONDS
    assert list(lanes.room().resting) == ["a"]
    assert lanes.room().of("b") == 4 * AHEAD
    clock.now += FIRST_PAUSE
    room = lanes.room()
    assert (room.of("a"), room.resting) == (1, {})
    lanes.took("a")
    assert lanes.room().of("a") == 0
    async with lanes.place("a") as rest, lanes.place("a") as second:
        assert (rest, second) == (0, CLEAR_SECONDS)
        assert lanes.judge("a", broken=True)
    lanes.gave_back("a")
    assert lanes.room().resting["a"] == 2 * FIRST_PAUSE
    clock.now += 2 * FIRST_PAUSE
    assert not lanes.judge("a", broken=False)
    assert lanes.room().of("a") == 4 * AHEAD
    assert lanes.room().places == {}
