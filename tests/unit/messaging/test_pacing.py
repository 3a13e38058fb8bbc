from __future__ import annotations

import pytest

from enum_backend.messaging.pacing import Pacer
from tests.unit.messaging.messaging_world import Scripted


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_no_rate_is_no_limit() -> None:
    pacer, gateway = Pacer(Clock()), Scripted("one")
    assert pacer.places(gateway) is None
    pacer.sends(gateway, None)
    assert pacer.waiting("one") == frozenset()
    assert pacer.next_in(gateway) == 0


def test_a_bucket_holds_a_second_and_fills_again() -> None:
    clock = Clock()
    pacer, gateway = Pacer(clock), Scripted("one", per_second=4)
    assert pacer.places(gateway) == 4
    for _ in range(4):
        pacer.sends(gateway, None)
    assert pacer.places(gateway) == 0
    assert pacer.next_in(gateway) == pytest.approx(0.25)
    clock.now += 0.5
    assert pacer.places(gateway) == 2
    clock.now += 60
    assert pacer.places(gateway) == 4


def test_less_than_one_a_second() -> None:
    clock = Clock()
    pacer, gateway = Pacer(clock), Scripted("one", per_second=0.1)
    assert pacer.places(gateway) == 1
    pacer.sends(gateway, None)
    assert pacer.places(gateway) == 0
    assert pacer.next_in(gateway) == pytest.approx(10)
    clock.now += 10
    assert pacer.places(gateway) == 1


def test_senders_wait_each_for_itself() -> None:
    clock = Clock()
    pacer, gateway = Pacer(clock), Scripted("one", sender_pause=3)
    pacer.sends(gateway, None)
    clock.now += 1
    pacer.sends(gateway, "+15550100002")
    assert pacer.waiting("one") == {"", "+15550100002"}
    assert pacer.next_in(gateway) == pytest.approx(2)
    clock.now += 2
    assert pacer.waiting("one") == {"+15550100002"}
    clock.now += 1
    assert pacer.waiting("one") == frozenset()
