"""When deliveries are tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.messaging.deliveries.model import Claimed, Kind, Result, State, Why
from enum_backend.messaging.deliveries.outcomes import Finished, Postponed
from enum_backend.messaging.deliveries.queue import DAY_MS
from enum_backend.messaging.deliveries.retry import LONGEST_PAUSE, RetryPlan

NOW = 1_000_000
PLAN = RetryPlan(5.0)


def claimed(attempts: int = 1, expires_at: int = NOW + DAY_MS) -> Claimed:
    return Claimed(
        7,
        "dlv_1",
        "default",
        Kind.WEBHOOK,
        "ep_1",
        "in_1",
        None,
        attempts=attempts,
        expires_at=expires_at,
    )


def test_ends() -> None:
    assert PLAN.after(claimed(), Result(status=204), NOW) == Finished(
        7, State.DELIVERED, status=204
    )
    gone = Result(Why.GONE, final=True, status=410)
    assert PLAN.after(claimed(), gone, NOW) == Finished(7, State.DEAD, Why.GONE, 410)
    loop = Result(Why.LOOP, final=True, skip=True)
    assert PLAN.after(claimed(), loop, NOW) == Finished(7, State.SKIPPED, Why.LOOP)
    late = claimed(expires_at=NOW + 3000)
    assert PLAN.after(late, Result(Why.NO_ANSWER), NOW) == Finished(7, State.DEAD, Why.NO_ANSWER)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 15), (3, 45), (7, 3645), (8, 7200), (400, 7200)]
)
def test_pauses_grow(attempts: int, seconds: float) -> None:
    for _ in range(20):
        outcome = PLAN.after(claimed(attempts), Result(Why.BAD_STATUS, status=500), NOW)
        assert isinstance(outcome, Postponed)
        assert 0.75 * seconds <= (outcome.at - NOW) / 1000 <= 1.25 * seconds
        assert (outcome.why, outcome.status, outcome.counts) == (Why.BAD_STATUS, 500, True)


def test_the_other_side_may_ask_for_more_time() -> None:
    outcome = PLAN.after(claimed(), Result(Why.BAD_STATUS, retry_after=600), NOW)
    assert isinstance(outcome, Postponed)
    assert outcome.at == NOW + 600_000


@pytest.mark.parametrize("asked", [7201.0, 90_000.0, 3e9, 1e18])
def test_nobody_may_ask_for_more_than_the_longest_pause(asked: float) -> None:
    for attempts in (1, 2, 7):
        outcome = PLAN.after(claimed(attempts), Result(Why.BAD_STATUS, retry_after=asked), NOW)
        assert isinstance(outcome, Postponed)
        assert outcome.at == NOW + LONGEST_PAUSE * 1000


def test_a_wait_leaves_time_for_another_try() -> None:
    short = claimed(expires_at=NOW + 3_600_000)
    outcome = PLAN.after(short, Result(Why.BAD_STATUS, retry_after=7200), NOW)
    assert isinstance(outcome, Postponed)
    assert outcome.at == NOW + 1_800_000


def test_a_receiver_that_always_asks_for_days_is_asked_all_day() -> None:
    now, attempts, end = NOW, 1, NOW + DAY_MS
    result = Result(Why.BAD_STATUS, status=503, retry_after=90_000)
    while isinstance(outcome := PLAN.after(claimed(attempts, end), result, now), Postponed):
        now, attempts = outcome.at, attempts + 1
    assert attempts > 10
    assert end - now <= LONGEST_PAUSE * 1250


@pytest.mark.parametrize("asked", [None, 0.0, 3.0])
def test_a_shorter_wait_than_ours_changes_nothing(asked: float | None) -> None:
    outcome = PLAN.after(claimed(2), Result(Why.BAD_STATUS, retry_after=asked), NOW)
    assert isinstance(outcome, Postponed)
    assert 11_250 <= outcome.at - NOW <= 18_750


def test_waiting_for_a_limit_is_no_attempt() -> None:
    outcome = PLAN.after(claimed(9), Result(Why.LIMIT, retry_after=2.5), NOW)
    assert outcome == Postponed(7, NOW + 2500, Why.LIMIT, counts=False)


@given(st.integers(1, 10_000), st.floats(0.001, 3600))
def test_never_beyond_its_time(attempts: int, backoff: float) -> None:
    outcome = RetryPlan(backoff).after(claimed(attempts), Result(Why.NO_ANSWER), NOW)
    assert isinstance(outcome, Postponed)
    assert NOW <= outcome.at <= NOW + LONGEST_PAUSE * 1250
