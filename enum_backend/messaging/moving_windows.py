"""Moving windows in this process's memory, in constant time however full they are.

The memory storage of `limits` puts each event before all the others, copies them to let
old ones go, and starts a thread for it each time: at a thousand messages a second that
is more than the rest of accepting one.
"""

from __future__ import annotations

import time
from collections import deque

from limits.storage import MemoryStorage

SWEEP_SECONDS = 60.0
"""How often callers are forgotten that have sent nothing in their window."""


class MovingWindows(MemoryStorage):
    """`MemoryStorage` for moving windows of single events, oldest first; for one thread."""

    def __init__(self) -> None:
        super(MemoryStorage, self).__init__()  # its own would start a thread that finds nothing
        self._times: dict[str, tuple[deque[float], int]] = {}
        self._sweep_at = time.time() + SWEEP_SECONDS

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` events; False = the window has no room for them."""
        now = time.time()
        if now >= self._sweep_at:
            self._sweep(now)
        times = self._window(key, expiry, now)
        if len(times) + amount > limit:
            return False
        times.extend([now] * amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """(time of the oldest event in seconds, now where there is none; how many there are)."""
        now = time.time()
        times = self._window(key, expiry, now)
        return (times[0] if times else now), len(times)

    def _window(self, key: str, expiry: int, now: float) -> deque[float]:
        times, _ = self._times.setdefault(key, (deque(), expiry))
        while times and times[0] < now - expiry:
            times.popleft()
        return times

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + SWEEP_SECONDS
        for key, (times, expiry) in list(self._times.items()):
            if not times or times[-1] < now - expiry:
                del self._times[key]
