from __future__ import annotations

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging.breakers import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breakers

DOWN = GatewayError(Reason.TEMPORARY_UNAVAILABLE)
WRONG = GatewayError(Reason.INVALID_NUMBER)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breakers:
    breakers = Breakers(clock)
    assert [breakers.failed("one", DOWN) for _ in range(FAILURES)] == [False] * 4 + [True]
    return breakers


def test_opens_after_failures_in_a_row_only() -> None:
    clock = Clock()
    breakers = Breakers(clock)
    for _ in range(FAILURES - 1):
        breakers.failed("one", DOWN)
    assert breakers.health("one") == "closed"
    assert not breakers.failed("one", WRONG)  # it works: it looked at the number
    for _ in range(FAILURES - 1):
        breakers.failed("one", DOWN)
    assert not breakers.passed("one")
    assert breakers.health("one") == "closed"
    assert breakers.seconds_left("one") == 0


def test_half_open_then_closed_or_open_for_longer() -> None:
    clock = Clock()
    breakers = opened(clock)
    assert (breakers.health("one"), breakers.health("two")) == ("open", "closed")
    assert breakers.seconds_left("one") == FIRST_PAUSE
    assert not breakers.failed("one", DOWN)  # it was under way
    clock.now += FIRST_PAUSE
    assert breakers.health("one") == "half_open"
    assert breakers.failed("one", DOWN)
    assert breakers.seconds_left("one") == 2 * FIRST_PAUSE
    for _ in range(9):
        clock.now += LONGEST_PAUSE
        breakers.failed("one", DOWN)
    assert breakers.seconds_left("one") == LONGEST_PAUSE
    clock.now += LONGEST_PAUSE
    assert breakers.passed("one")
    assert breakers.health("one") == "closed"


def test_an_ambiguous_answer_is_a_failure() -> None:
    breakers = Breakers(Clock())
    for _ in range(FAILURES):
        breakers.failed("one", GatewayError(Reason.INVALID_NUMBER, ambiguous=True))
    assert breakers.health("one") == "open"
