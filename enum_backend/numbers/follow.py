"""Follows what is under way at providers to its end: orders, and numbers given back.

What waits stands in the database, so that a restart follows it as well.
"""

from __future__ import annotations

import asyncio

import structlog

from enum_backend.clock import now_ms
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.numbers.store import StoredNumber

log = structlog.get_logger("enum_backend.numbers")

SHORTEST, LONGEST = 15.0, 3600.0
"""Seconds between two looks at one order: a tenth of its age, within these."""


class OrderFollower:
    """One task that looks at every number that is neither ours nor gone.

    Args:
        pause: seconds between two looks at the table.
    """

    def __init__(self, inventory: NumberInventory, *, pause: float = 15.0) -> None:
        self._inventory = inventory
        self._pause = pause
        self._looked: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = asyncio.create_task(self._run(), name="orders")

    async def stop(self) -> None:
        """End; what is under way is broken off, and found again at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
            except Exception as error:
                # The task must outlive whatever it meets: nothing would be followed any more.
                log.error("orders cannot be followed", error=type(error).__name__)
            await asyncio.sleep(self._pause)

    async def round(self) -> None:
        """Look at everything whose time has come."""
        waiting = await self._inventory.waiting()
        self._looked = {row.number: self._looked.get(row.number, 0) for row in waiting}
        due = [row for row in waiting if self._due(row)]
        for row in due:
            self._looked[row.number] = now_ms()
        await asyncio.gather(*(self._inventory.look(row) for row in due))

    def _due(self, row: StoredNumber) -> bool:
        now = now_ms()
        age = (now - row.created_at) / 1000
        wait = min(max(age / 10, SHORTEST), LONGEST)
        return now - self._looked[row.number] >= wait * 1000
