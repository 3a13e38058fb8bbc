"""How often one caller may call one endpoint; for paths that have no API key."""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


class CallLimiter:
    """A moving window of one minute per caller, in memory: it protects this process.

    Args:
        per_minute: calls, 0 = no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def allow(self, caller: str) -> bool:
        """Count one call; False when it is one too many."""
        return self._item is None or self._limiter.hit(self._item, caller)
