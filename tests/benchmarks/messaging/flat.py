"""What a message costs when the outbox holds few messages, and when it holds millions."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.messaging import traced
from tests.benchmarks.messaging.load import saturate
from tests.benchmarks.messaging.ours import Ours, on_sqlite
from tests.benchmarks.messaging.outbound import CONNECTIONS
from tests.benchmarks.messaging.plans import Plan, plans
from tests.benchmarks.messaging.rows import fill
from tests.benchmarks.messaging.sink import SinkProcess
from tests.benchmarks.messaging.system import cpu_seconds, requests

DATABASE = Path("data") / "enum-backend.sqlite3"
DISPATCH_SECONDS = 120.0
SETTLE_SECONDS = 0.5
"""For the last outcomes to be stored after the last message arrived."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one message, accepted and dispatched; medians of all rounds.

    Attributes:
        rows: in the outbox before.
        cpu_us: processor time, microseconds.
        wall_us: time from the first request to the last arrival, shared out.
    """

    rows: int
    cpu_us: float
    wall_us: float


@dataclass(slots=True)
class Flat:
    """Costs by size, and how the statements are run."""

    costs: list[Cost] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Processor time at the largest size over that at the smallest."""
        return self.costs[-1].cpu_us / self.costs[0].cpu_us

    @property
    def scans(self) -> list[str]:
        """Statements that read a growing table from end to end."""
        return [plan.statement for plan in self.plans if plan.scans]

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "costs": [asdict(cost) for cost in self.costs],
            "ratio": self.ratio,
            "plans": [asdict(plan) for plan in self.plans],
        }


async def measure(sizes: Sequence[int], messages: int, rounds: int, directory: Path | None) -> Flat:
    """Fill, send, and fill further.

    Args:
        sizes: rows in the outbox, growing.
        messages: sent per round.
    """
    flat = Flat()
    with SinkProcess() as sink, tempfile.TemporaryDirectory(dir=directory) as name:
        folder = Path(name)
        async with on_sqlite(folder, sink.url) as system:
            await _send(system, sink, 1)
        for rows in sizes:
            await asyncio.to_thread(fill, folder / DATABASE, rows)
            async with on_sqlite(folder, sink.url) as system:
                await _send(system, sink, max(messages // 10, 1))
                costs = [await _send(system, sink, messages) for _ in range(rounds)]
            cpu, wall = (statistics.median(each) for each in zip(*costs, strict=True))
            flat.costs.append(Cost(rows, cpu, wall))
        flat.plans = await _plans(folder, sink)
    return flat


async def _send(system: Ours, sink: SinkProcess, messages: int) -> tuple[float, float]:
    """Processor and wall time per message, microseconds."""
    wanted = sink.arrived()["total"] + messages
    before, started = cpu_seconds(system.pids), time.monotonic()
    sample = await saturate(
        system.addresses,
        requests(system),
        connections=CONNECTIONS,
        seconds=DISPATCH_SECONDS,
        warm_up=0.0,
        at_most=messages,
    )
    if sample.refused:
        raise AssertionError(f"not answered with 200: {dict(sample.refused)}")
    async with asyncio.timeout(DISPATCH_SECONDS):
        while (seen := sink.arrived())["total"] < wanted:
            await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLE_SECONDS)
    used = cpu_seconds(system.pids) - before
    return used / messages * 1e6, (seen["last"] - started) / messages * 1e6


async def _plans(folder: Path, sink: SinkProcess) -> list[Plan]:
    seen = folder / "statements"
    async with on_sqlite(
        folder, sink.url, traced.PROGRAM, **{traced.VARIABLE: str(seen)}
    ) as system:
        seen.write_text("")  # what the start alone asks is not asked per message
        await _send(system, sink, CONNECTIONS)
    return plans(folder / DATABASE, seen)
