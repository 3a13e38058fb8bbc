"""Circuit breakers: a gateway that keeps failing is left alone for a while.

After `FAILURES` failures in a row the circuit is open: messages go to the next
gateway of their chain, or wait. Then one message at a time is tried (half open);
the first that passes closes the circuit, the next failure opens it for longer.
What a provider refuses for the message's own sake (a wrong number, an opt-out)
shows that it works.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from enum_backend.gateways.base import GatewayError, Reason

Health = Literal["closed", "open", "half_open"]

FAILURES = 5
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 300.0
"""Seconds."""

_BROKEN = frozenset(
    {
        Reason.AUTH_FAILED,
        Reason.INSUFFICIENT_FUNDS,
        Reason.TEMPORARY_UNAVAILABLE,
        Reason.UNKNOWN,
    }
)


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    pause: float = FIRST_PAUSE
    open_until: float = 0.0


class Breakers:
    """The circuits of one process, by gateway.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    def health(self, gateway: str) -> Health:
        """How a gateway is doing."""
        circuit = self._circuits.get(gateway)
        if circuit is None or circuit.failures < FAILURES:
            return "closed"
        return "open" if self._clock() < circuit.open_until else "half_open"

    def seconds_left(self, gateway: str) -> float:
        """How long an open circuit stays open; 0 when it is not."""
        circuit = self._circuits.get(gateway)
        return max(0.0, circuit.open_until - self._clock()) if circuit else 0.0

    def passed(self, gateway: str) -> bool:
        """The gateway answered; returns whether that closed its circuit."""
        circuit = self._circuits.pop(gateway, None)
        return circuit is not None and circuit.failures >= FAILURES

    def failed(self, gateway: str, error: GatewayError) -> bool:
        """The gateway refused or did not answer; returns whether that opened its circuit."""
        if error.reason not in _BROKEN and not error.ambiguous:
            self.passed(gateway)
            return False
        circuit = self._circuits.setdefault(gateway, _Circuit())
        if circuit.failures >= FAILURES and self._clock() < circuit.open_until:
            return False  # a request that was under way when it opened
        circuit.failures += 1
        if circuit.failures < FAILURES:
            return False
        circuit.open_until = self._clock() + circuit.pause
        circuit.pause = min(circuit.pause * 2, LONGEST_PAUSE)
        return True
