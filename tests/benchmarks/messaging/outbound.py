"""Outbound: messages accepted and messages that reach the sink, in the same seconds."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.messaging.load import at_rate, saturate
from tests.benchmarks.messaging.sink import SinkProcess
from tests.benchmarks.messaging.system import Kind, System, Unavailable, cpu_seconds, requests

CONNECTIONS = 32
"""Requests at once: what both systems accept most with."""

WARM_UP = 0.125
"""Share of the seconds that count, spent before them."""

Start = Callable[[Path, str], AbstractAsyncContextManager[System]]
"""Starts a system in an empty folder, its messages bound for an address."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run.

    Attributes:
        accepted, arrived: messages a second, in the same seconds.
        cpu_us: processor time of all its processes per accepted message, microseconds;
            what they dispatched meanwhile is in it.
        p99_ms: of accepting, at half the rate just measured; milliseconds.
        refused: requests not answered with 2xx.
        doubled: messages that reached the sink twice.
    """

    accepted: float
    arrived: float
    cpu_us: float
    p99_ms: float
    refused: int
    doubled: int


@dataclass(slots=True)
class Case:
    """A system and its runs."""

    kind: Kind
    start: Start
    runs: list[Figures] = field(default_factory=list)
    skipped: str = ""

    def median(self, name: str) -> float:
        """Of all runs."""
        return float(statistics.median(getattr(run, name) for run in self.runs))

    def as_json(self) -> dict[str, Any]:
        """Every run and the medians."""
        names = Figures.__dataclass_fields__ if self.runs else ()
        return {
            "system": self.kind.name,
            "durability": self.kind.durability,
            "skipped": self.skipped or None,
            "runs": [asdict(run) for run in self.runs],
            "median": {name: self.median(name) for name in names},
        }


async def measure(cases: Sequence[Case], runs: int, seconds: float, directory: Path | None) -> None:
    """Run the cases in turn, each time in the other order, each time from nothing.

    Args:
        directory: where their files are; it should be a disk, not memory.
    """
    for number in range(runs):
        for case in cases if number % 2 == 0 else reversed(cases):
            if not case.skipped:
                try:
                    case.runs.append(await _run(case.start, seconds, directory))
                except Unavailable as why:
                    case.skipped = str(why)


async def _run(start: Start, seconds: float, directory: Path | None) -> Figures:
    with SinkProcess() as sink:
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            async with start(Path(folder), sink.url) as system:
                before = cpu_seconds(system.pids)
                full = await saturate(
                    system.addresses,
                    requests(system),
                    connections=CONNECTIONS,
                    seconds=seconds,
                    warm_up=seconds * WARM_UP,
                )
                used = cpu_seconds(system.pids) - before
                arrived = sink.arrived(full.since, full.until)["count"]
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            async with start(Path(folder), sink.url) as system:
                half = await at_rate(
                    system.addresses,
                    requests(system),
                    rate=max(full.rate / 2, 1.0),
                    connections=CONNECTIONS,
                    seconds=seconds,
                    warm_up=seconds * WARM_UP,
                )
        return Figures(
            accepted=full.rate,
            arrived=arrived / (full.until - full.since),
            cpu_us=used / max(full.total, 1) * 1e6,
            p99_ms=half.quantile(0.99) * 1e3,
            refused=full.refused.total() + half.refused.total(),
            doubled=int(sink.arrived()["doubled"]),
        )
