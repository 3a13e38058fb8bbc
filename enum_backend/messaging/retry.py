"""What to do after a provider said no: repeat, fail over, or stop."""

from __future__ import annotations

import random
from dataclasses import dataclass

from enum_backend.gateways.base import FAIL_OVER, RETRY_SAME_GATEWAY, GatewayError

MAX_BACKOFF = 300.0
"""Seconds."""

MAX_RETRY_AFTER = 86400.0
"""Seconds; a provider that names a longer wait is asked again after this one."""

LONG_WAIT = 30.0
"""A provider that asks for a longer wait than this is left for the next gateway, if any."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Repeat after `retry_after` seconds, go to the next gateway, or (neither) end it."""

    retry_after: float | None = None
    fail_over: bool = False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter.

    Attributes:
        max_attempts: attempts at one gateway.
        backoff: seconds before the first repeat; doubles up to `MAX_BACKOFF`.
    """

    max_attempts: int = 4
    backoff: float = 2.0

    def after(
        self, error: GatewayError, *, attempts: int, has_next: bool, resend_ambiguous: bool
    ) -> Decision:
        """What follows an error.

        Args:
            attempts: made at this gateway, this one included.
            has_next: another gateway follows in the chain.
            resend_ambiguous: the operator prefers a double to a loss here.
        """
        if error.ambiguous:
            if resend_ambiguous and attempts < self.max_attempts:
                return Decision(retry_after=self._pause(attempts))
            return Decision()
        may_fail_over = has_next and error.reason in FAIL_OVER
        if error.reason in RETRY_SAME_GATEWAY and attempts < self.max_attempts:
            wait = max(self._pause(attempts), min(error.retry_after or 0.0, MAX_RETRY_AFTER))
            if not (may_fail_over and wait > LONG_WAIT):
                return Decision(retry_after=wait)
        return Decision(fail_over=may_fail_over)

    def _pause(self, attempts: int) -> float:
        longest = min(self.backoff * 2.0 ** (attempts - 1), MAX_BACKOFF)
        return longest * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, keeps no secret
