"""The windows in memory count what is in them, and hold nothing for long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from enum_backend.messaging.moving_windows import SWEEP_SECONDS, MovingWindows

START = 1_000_000.0


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab")), max_size=40),
    st.integers(1, 5),
)
def test_a_window_counts_what_is_in_it(events: list[tuple[int, str]], limit: int) -> None:
    item = RateLimitItemPerMinute(limit)
    ours = MovingWindowRateLimiter(MovingWindows())
    taken: dict[str, list[float]] = {"a": [], "b": []}
    now = START
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now)
        for pause, client in events:
            now += pause
            inside = [at for at in taken[client] if at >= now - 60]
            assert ours.get_window_stats(item, client) == (
                (inside[0] if inside else now) + 60,
                limit - len(inside),
            )
            assert ours.hit(item, client) == (len(inside) < limit)
            if len(inside) < limit:
                taken[client].append(now)


def test_several_events_at_once() -> None:
    windows = MovingWindows()
    assert windows.acquire_entry("k", 3, 60, amount=2)
    assert not windows.acquire_entry("k", 3, 60, amount=2)
    assert windows.get_moving_window("k", 3, 60)[1] == 2


def test_callers_that_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = START
    monkeypatch.setattr(time, "time", lambda: now)
    windows = MovingWindows()
    for n in range(50):
        windows.acquire_entry(f"k{n}", 3, 60)
    windows.get_moving_window("never", 3, 60)
    now += SWEEP_SECONDS + 1
    windows.acquire_entry("new", 3, 60)
    assert set(windows._times) == {"new"}


def test_the_name_of_the_librarys_own_storage_stays_its_own() -> None:
    assert type(storage_from_string("memory://")) is MemoryStorage
