"""Tells of spend alerts: in the log, in the metrics, and by the ways that are configured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from enum_backend.clock import now_ms
from enum_backend.messaging.policy import alerts
from enum_backend.messaging.policy.alerts import SpendAlert
from enum_backend.rounds import Rounds
from enum_backend.storage import Database

POLL_SECONDS = 5.0
LEASE_MS: Final = 120_000
FIRST_PAUSE_MS: Final = 60_000
LONGEST_PAUSE_MS: Final = 3_600_000

log = structlog.get_logger("enum_backend.alerts")


class NotTold(Exception):
    """An alert did not get through; the text holds no address and no secret."""


class Way(Protocol):
    """One way to tell of an alert.

    Attributes:
        name: one word.
    """

    @property
    def name(self) -> str: ...

    async def tell(self, alert: SpendAlert) -> None:
        """Tell of it, within a time-out.

        Raises:
            NotTold: try again later.
        """
        ...


class Announcer(Rounds):
    """Works beside the server; every process has one. What one was at when it ended is told again.

    Args:
        on_alert: called once per alert with the kind of its scope and its level.
    """

    def __init__(
        self,
        database: Database,
        ways: Sequence[Way] = (),
        *,
        on_alert: Callable[[str, int], None] = lambda kind, level: None,
    ) -> None:
        super().__init__("alerts", self.announce, pause=POLL_SECONDS)
        self._database = database
        self._ways = ways
        self._on_alert = on_alert

    async def announce(self) -> int:
        """Tell of everything that is due; returns how many alerts that were.

        Raises:
            DatabaseUnavailable: they stay due.
        """
        if not await self._database.read(lambda c: alerts.is_due(c, now_ms())):
            return 0
        found = await self._database.write(lambda c: alerts.due(c, now_ms(), LEASE_MS))
        for alert in found:
            await self._tell(alert)
        return len(found)

    async def _tell(self, alert: SpendAlert) -> None:
        if not alert.attempts:
            self._on_alert(alert.kind, alert.level)
            log.warning(
                "spend limit is near" if alert.level < 100 else "spend limit is reached",
                scope=alert.scope,
                percent=alert.level,
                used=f"{alert.used:.2f}",
                limit=f"{alert.limit:.2f}",
            )
        ways, failed = list(alert.told), False
        for way in self._ways:
            if way.name in ways:
                continue
            try:
                await way.tell(alert)
            except NotTold as error:
                failed = True
                log.warning("alert not told", way=way.name, percent=alert.level, why=str(error))
            else:
                ways.append(way.name)
        retry_at = None
        if failed:
            pause = min(FIRST_PAUSE_MS * 2 ** min(alert.attempts, 10), LONGEST_PAUSE_MS)
            retry_at = now_ms() + pause
        await self._database.write(lambda c: alerts.told(c, alert, ways, retry_at))
