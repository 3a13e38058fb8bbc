from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from enum_backend.clock import now_ms, rfc3339


def test_now() -> None:
    assert abs(now_ms() - time.time() * 1000) < 5000


def test_rfc3339() -> None:
    assert rfc3339(1_767_225_600_000) == "2026-01-01T00:00:00.000Z"
    assert rfc3339(1_767_225_600_001) == "2026-01-01T00:00:00.001Z"


@given(st.integers(0, 4_102_444_800_000))
def test_rfc3339_loses_nothing(milliseconds: int) -> None:
    moment = datetime.fromisoformat(rfc3339(milliseconds))
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert since / timedelta(milliseconds=1) == milliseconds
