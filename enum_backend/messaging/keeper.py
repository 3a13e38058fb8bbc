"""Looks after the inbox: parts that wait too long, owners that are still to be found.

Every process has one; what two of them look at is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from enum_backend.clock import now_ms
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.messaging import inbox, reports
from enum_backend.messaging.inbound import Stored
from enum_backend.messaging.intake import Intake, log_stored
from enum_backend.messaging.owners import UNKNOWN_CLAIMS, Claims, RecordClaims
from enum_backend.messaging.webhooks import AfterCommit
from enum_backend.rounds import Rounds
from enum_backend.storage import Database

log = structlog.get_logger("enum_backend.inbox")

PAUSE_SECONDS = 5.0
LOOK_SECONDS = 5.0
"""Longest wait for the records of one number."""
ROUND_SECONDS = 15.0
"""The same for all numbers of one round."""
AT_ONCE = 200
"""Messages whose owner is sought in one round."""


class InboxKeeper(Rounds):
    """The keeper of one process.

    Args:
        after_commit: as in `WebhookService`.
    """

    def __init__(
        self,
        database: Database,
        intake: Intake,
        claims: RecordClaims,
        registry: GatewayRegistry,
        *,
        after_commit: AfterCommit = lambda gateway, stored: None,
    ) -> None:
        super().__init__("inbox", self.look, pause=PAUSE_SECONDS)
        self._database = database
        self._intake = intake
        self._claims = claims
        self._registry = registry
        self._after_commit = after_commit

    async def look(self) -> None:
        """One round.

        Raises:
            DatabaseUnavailable: nothing can be done now.
        """
        released = await self._database.write(
            lambda connection: self._intake.release(connection, self._registry, now_ms())
        )
        for stored in released:
            log.warning("long message released without some of its parts", id=stored.inbox_id)
        if released:
            self._after_commit("", released)
        await self._database.write(lambda connection: reports.match_late(connection, now_ms()))
        await self._find_owners()

    async def _find_owners(self) -> None:
        due = await self._database.read(lambda c: inbox.due_for_owner(c, now_ms(), AT_ONCE))
        if not due:
            return
        claims = await self._ask({row.to_number for row in due})
        found = await self._database.write(lambda c: self._settle(c, due, claims))
        log_stored(found)
        if found:
            self._after_commit("", found)

    async def _ask(self, numbers: Collection[str]) -> dict[str, Claims]:
        """What the records say about numbers; those that the time is not enough for wait."""
        loop = asyncio.get_running_loop()
        end = loop.time() + ROUND_SECONDS
        found = {}
        for number in numbers:
            left = min(LOOK_SECONDS, end - loop.time())
            found[number] = (
                await self._claims.of(number, seconds=left) if left > 0 else UNKNOWN_CLAIMS
            )
        return found

    def _settle(
        self, connection: Connection, due: Sequence[Row[Any]], claims: dict[str, Claims]
    ) -> list[Stored]:
        now = now_ms()
        settled = (
            self._intake.settle(
                connection, self._registry, row.inbox_id, claims[row.to_number], now
            )
            for row in due
        )
        return [stored for stored in settled if stored is not None]
