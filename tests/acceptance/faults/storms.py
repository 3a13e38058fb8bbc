"""How long and how hard: by environment, so that `make soak` runs the same tests for longer.

`SOAK_KILLS` is how often a server is killed, `SOAK_SEED` repeats a run that went
wrong, `SOAK_PAUSE` is for how many seconds a process is stopped.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

LIMITS = """
[limits]
per_recipient_hour = 0
per_recipient_day = 0
per_client_minute = 0
daily_cost = "0"
"""


@dataclass(frozen=True, slots=True)
class Length:
    """Of a run.

    Attributes:
        pauses: how often a process is stopped, for `pause_seconds`.
        restarts: how often a database or Redis crashes.
        gap: most seconds between two faults.
    """

    seed: int
    kills: int
    pauses: int
    restarts: int
    pause_seconds: float
    gap: float

    def dice(self, name: str) -> random.Random:
        """Chance that a seed repeats, its own for each name."""
        return random.Random(f"{self.seed} {name}")


def length() -> Length:
    """What the environment asks for; short without it."""
    kills = int(os.environ.get("SOAK_KILLS", "2"))
    return Length(
        seed=int(os.environ.get("SOAK_SEED", "1")),
        kills=kills,
        pauses=max(kills // 5, 1),
        restarts=max(kills // 5, 1),
        pause_seconds=float(os.environ.get("SOAK_PAUSE", "2")),
        gap=1.5,
    )


Fault = Callable[[], Awaitable[None]]


def gaps(dice: random.Random, how_many: int, longest: float) -> list[float]:
    """Seconds between faults."""
    return [dice.uniform(0.2, longest) for _ in range(how_many)]


async def storm(
    faults: Mapping[str, tuple[int, Fault]],
    change_moods: Callable[[random.Random], None],
    dice: random.Random,
    gap: float,
) -> str:
    """Every fault as often as asked, in random order.

    Args:
        faults: name -> how often, what to do.
        change_moods: makes those around the servers behave differently; before each fault.
        gap: most seconds between two.

    Returns:
        What happened, in words.
    """
    order = [name for name, (times, _) in faults.items() for _ in range(times)]
    dice.shuffle(order)
    for name, pause in zip(order, gaps(dice, len(order), gap), strict=True):
        change_moods(dice)
        await asyncio.sleep(pause)
        await faults[name][1]()
    await asyncio.sleep(gap)
    return ", ".join(f"{name} x {times}" for name, (times, _) in faults.items() if times)
