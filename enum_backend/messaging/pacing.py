"""How fast one gateway, and one sender at it, may send: token buckets.

Carriers block a number that sends too fast, and a phone's SIM sooner still.
Rates are of this process; several processes share a rate by each having a part of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from enum_backend.gateways.base import Gateway


class Pacer:
    """The rates of the gateways (`per_second`) and of their senders (`sender_pause`).

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[float, float]] = {}
        self._senders: dict[str, dict[str, float]] = {}

    def places(self, gateway: Gateway) -> int | None:
        """How many messages it may send now; None = no rate is set."""
        rate = gateway.options.per_second
        return None if not rate else int(self._filled(gateway.name, rate))

    def waiting(self, gateway: str) -> frozenset[str]:
        """Senders that may not send yet; "" = the gateway's own."""
        senders = self._senders.get(gateway)
        if not senders:
            return frozenset()
        now = self._clock()
        for sender in [sender for sender, ready in senders.items() if ready <= now]:
            del senders[sender]
        return frozenset(senders)

    def sends(self, gateway: Gateway, sender: str | None) -> None:
        """Count one message."""
        now = self._clock()
        rate = gateway.options.per_second
        if rate:
            self._tokens[gateway.name] = (self._filled(gateway.name, rate) - 1, now)
        if gateway.options.sender_pause:
            senders = self._senders.setdefault(gateway.name, {})
            senders[sender or ""] = now + gateway.options.sender_pause

    def next_in(self, gateway: Gateway) -> float:
        """Seconds until it may send again as far as rates go; 0 = now."""
        rate = gateway.options.per_second
        lacks = max(0.0, 1 - self._filled(gateway.name, rate)) / rate if rate else 0.0
        senders = self._senders.get(gateway.name, {})
        first = min(senders.values(), default=0.0) - self._clock() if senders else 0.0
        return max(lacks, first, 0.0)

    def _filled(self, name: str, rate: float) -> float:
        """Tokens in the bucket; it holds what a second brings, and one at least."""
        most = max(1.0, rate)
        tokens, at = self._tokens.get(name, (most, 0.0))
        return min(most, tokens + (self._clock() - at) * rate)
