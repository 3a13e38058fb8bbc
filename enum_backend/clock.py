"""Time as it is stored and shown."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def rfc3339(milliseconds: int) -> str:
    """`1767225600000` -> `2026-01-01T00:00:00.000Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> int:
    """`2026-01-01T00:00:00Z` -> `1767225600000`.

    Raises:
        ValueError: it is none, or has no time zone.
    """
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("expected a time such as 2026-01-31T09:00:00Z")
    return round(datetime.fromisoformat(text.upper()).timestamp() * 1000)
