"""One lane for each target: a slow one has no more than its places, a dead one rests."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging.breakers import Breakers

CLEAR_SECONDS = 1.0
"""Least time between two looks for what became due for a resting target."""
AHEAD = 4
"""Deliveries taken from the queue for each place of a target, so that none stays empty
while the next ones are fetched."""

_TROUBLE = GatewayError(Reason.TEMPORARY_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Room:
    """What the targets take at one moment.

    Attributes:
        places: of targets that do not take as much as the others.
        resting: targets whose due deliveries are to be put off -> seconds.
    """

    usual: int
    places: Mapping[str, int]
    resting: Mapping[str, float]

    def of(self, target: str) -> int:
        """How many more deliveries a target takes."""
        return self.places.get(target, self.usual)

    @property
    def full(self) -> list[str]:
        """Targets that take none."""
        return [target for target, places in self.places.items() if places <= 0]


class Lanes:
    """The lanes of one process.

    Args:
        concurrency: deliveries at once to one target.
        clock: seconds that only grow.
    """

    def __init__(self, concurrency: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._concurrency = concurrency
        self._clock = clock
        self._breakers = Breakers(clock)
        self._held: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._ill: dict[str, float] = {}

    def room(self) -> Room:
        """A snapshot; a resting target is named once a second, to be cleared out of the way."""
        now = self._clock()
        places = {target: self._places(target) for target in {*self._held, *self._ill}}
        resting = {}
        for target, next_look in self._ill.items():
            seconds = self._breakers.seconds_left(target)
            if seconds > 0 and now >= next_look:
                resting[target] = seconds
        for target in resting:
            self._ill[target] = now + CLEAR_SECONDS
        return Room(self._concurrency * AHEAD, places, resting)

    def _places(self, target: str) -> int:
        match self._breakers.health(target):
            case "open":
                return 0
            case "half_open":
                return 1 - self._held[target]
        return self._concurrency * AHEAD - self._held[target]

    def took(self, target: str) -> None:
        """A delivery to a target was taken from the queue."""
        self._held[target] += 1

    def gave_back(self, target: str) -> None:
        """It is over."""
        self._held[target] -= 1
        if not self._held[target]:
            del self._held[target]
            self._gates.pop(target, None)

    @asynccontextmanager
    async def place(self, target: str) -> AsyncIterator[float]:
        """Wait for a place; gives the seconds for which the target is to be left alone, 0 = go."""
        gate = self._gates.get(target)
        if gate is None:
            gate = self._gates[target] = asyncio.Semaphore(self._concurrency)
        async with gate:
            if (rest := self._rest(target)) > 0:
                yield rest
                return
            self._busy[target] += 1
            try:
                yield 0.0
            finally:
                self._busy[target] -= 1
                if not self._busy[target]:
                    del self._busy[target]

    def _rest(self, target: str) -> float:
        if self._breakers.health(target) == "half_open" and self._busy[target]:
            return CLEAR_SECONDS
        return self._breakers.seconds_left(target)

    def judge(self, target: str, *, broken: bool) -> bool:
        """How the target did; returns whether it rests from now on."""
        if not broken:
            self._breakers.passed(target)
            self._ill.pop(target, None)
            return False
        opened = self._breakers.failed(target, _TROUBLE)
        if opened:
            self._ill[target] = self._clock()
        return opened
