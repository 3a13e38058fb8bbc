from __future__ import annotations

import math

import pytest

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging.retry import MAX_BACKOFF, MAX_RETRY_AFTER, Decision, RetryPolicy

POLICY = RetryPolicy(max_attempts=3, backoff=2.0)
STOPS = [
    Reason.INVALID_REQUEST,
    Reason.INVALID_NUMBER,
    Reason.OPTED_OUT,
    Reason.CARRIER_REJECTED,
    Reason.UNREACHABLE,
    Reason.EXPIRED,
    Reason.DUPLICATE,
    Reason.UNKNOWN,
]
MOVES = [
    Reason.INVALID_SENDER,
    Reason.UNVERIFIED,
    Reason.FORBIDDEN,
    Reason.INSUFFICIENT_FUNDS,
    Reason.AUTH_FAILED,
]
REPEATS = [Reason.RATE_LIMITED, Reason.TEMPORARY_UNAVAILABLE]


def after(error: GatewayError, attempts: int = 1, has_next: bool = True, resend: bool = False):
    return POLICY.after(error, attempts=attempts, has_next=has_next, resend_ambiguous=resend)


def test_every_reason_is_in_the_table() -> None:
    assert {*STOPS, *MOVES, *REPEATS} == set(Reason)


@pytest.mark.parametrize("reason", STOPS)
def test_stop(reason: Reason) -> None:
    assert after(GatewayError(reason)) == Decision()


@pytest.mark.parametrize("reason", MOVES)
def test_fail_over_only(reason: Reason) -> None:
    assert after(GatewayError(reason)) == Decision(fail_over=True)
    assert after(GatewayError(reason), has_next=False) == Decision()


@pytest.mark.parametrize("reason", REPEATS)
def test_repeat_then_fail_over(reason: Reason) -> None:
    for attempts, pause in ((1, 2.0), (2, 4.0)):
        decision = after(GatewayError(reason), attempts)
        assert not decision.fail_over
        assert decision.retry_after is not None
        assert pause * 0.75 <= decision.retry_after <= pause * 1.25
    assert after(GatewayError(reason), 3) == Decision(fail_over=True)
    assert after(GatewayError(reason), 3, has_next=False) == Decision()


def test_retry_after() -> None:
    assert after(GatewayError(Reason.RATE_LIMITED, retry_after=30)).retry_after == 30
    assert after(GatewayError(Reason.RATE_LIMITED, retry_after=31)) == Decision(fail_over=True)
    alone = after(GatewayError(Reason.RATE_LIMITED, retry_after=31), has_next=False)
    assert alone.retry_after == 31


@pytest.mark.parametrize("absurd", [math.inf, 1e300, 10**30])
def test_absurd_waits_are_cut(absurd: float) -> None:
    error = GatewayError(Reason.RATE_LIMITED, retry_after=absurd)
    assert after(error, has_next=False).retry_after == MAX_RETRY_AFTER
    error = GatewayError(Reason.RATE_LIMITED, retry_after=math.nan)
    assert 0 < (after(error, has_next=False).retry_after or 0) < 3


def test_ambiguous_never_moves_on() -> None:
    error = GatewayError(Reason.TEMPORARY_UNAVAILABLE, ambiguous=True)
    assert after(error) == Decision()
    again = after(error, resend=True)
    assert again.retry_after is not None
    assert not again.fail_over
    assert after(error, 3, resend=True) == Decision()


def test_backoff_has_a_ceiling() -> None:
    policy = RetryPolicy(max_attempts=50, backoff=2.0)
    error = GatewayError(Reason.RATE_LIMITED)
    decision = policy.after(error, attempts=40, has_next=False, resend_ambiguous=False)
    assert MAX_BACKOFF * 0.75 <= (decision.retry_after or 0) <= MAX_BACKOFF * 1.25
