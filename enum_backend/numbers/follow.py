"""Follows what is under way at providers to its end: orders, and numbers given back.

What waits stands in the database, so that a restart follows it as well.
"""

from __future__ import annotations

import asyncio

from enum_backend.clock import now_ms
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.numbers.store import StoredNumber
from enum_backend.rounds import Rounds

SHORTEST, LONGEST = 15.0, 3600.0
"""Seconds between two looks at one order: a tenth of its age, within these."""


class OrderFollower(Rounds):
    """Looks at every number that is neither ours nor gone.

    Args:
        pause: seconds between two looks at the table.
    """

    def __init__(self, inventory: NumberInventory, *, pause: float = 15.0) -> None:
        super().__init__("orders", self.round, pause=pause)
        self._inventory = inventory
        self._looked: dict[str, int] = {}

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
