"""When a delivery is tried again, and when it is given up."""

from __future__ import annotations

import random
from dataclasses import dataclass

from enum_backend.messaging.deliveries.model import Claimed, Result, State, Why
from enum_backend.messaging.deliveries.outcomes import Finished, Postponed

GROWTH = 3.0
LONGEST_PAUSE = 7200.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Exponential backoff with jitter until a delivery's time is over.

    With 5 seconds at first: 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, then every 2 h.
    The other side may ask for a longer pause, up to `LONGEST_PAUSE` and half of the time left.

    Attributes:
        backoff: seconds before the first repeat.
    """

    backoff: float

    def after(self, claimed: Claimed, result: Result, now: int) -> Finished | Postponed:
        """What an attempt turns a delivery into."""
        if result.delivered:
            return Finished(claimed.id, State.DELIVERED, status=result.status)
        if result.skip:
            return Finished(claimed.id, State.SKIPPED, result.why, result.status)
        waits_its_turn = result.why in (Why.LIMIT, Why.RESTING)
        pause = result.retry_after or 0.0
        if not waits_its_turn:
            # One long wait must not use up the time there is: other tries have to follow.
            most = min(LONGEST_PAUSE, (claimed.expires_at - now) / 2000)
            pause = max(min(pause, most), self._pause(claimed.attempts))
        at = now + int(pause * 1000)
        if result.final or at >= claimed.expires_at:
            return Finished(claimed.id, State.DEAD, result.why, result.status)
        return Postponed(claimed.id, at, result.why, result.status, counts=not waits_its_turn)

    def _pause(self, attempts: int) -> float:
        longest = min(self.backoff * GROWTH ** min(attempts - 1, 30), LONGEST_PAUSE)
        return longest * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, keeps no secret
