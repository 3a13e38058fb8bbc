"""A number sends a message to itself: what leaves, comes back in, and reaches us."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection, select

from enum_backend.clock import now_ms
from enum_backend.storage import Database, Sealer
from enum_backend.storage.sealing import SealBroken
from enum_backend.storage.tables import inbox

LOST: Final = frozenset({"failed", "undelivered", "expired", "canceled"})
"""States after which nothing will come back."""


class Messenger(Protocol):
    """Sends messages, as every entry point does it."""

    async def send(self, number: str, gateway: str, tenant: str, text: str) -> str:
        """One message from `number` to `number`; returns its id.

        Raises:
            EnumBackendError: refused by mode, routing or limits.
        """

    async def state(self, message_id: str, tenant: str) -> str:
        """Where the message stands."""


@dataclass(frozen=True, slots=True)
class LoopReport:
    """What came of it.

    Attributes:
        state: of the outbound message.
        arrived: whether it came in through our webhook.
        seconds: until it came in, or until we stopped waiting.
    """

    number: str
    gateway: str
    message_id: str
    state: str
    arrived: bool
    seconds: float


class LoopCheck:
    """Sends the message and waits for it in the inbox.

    Args:
        wait, pause: seconds, in all and between two looks.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        messenger: Messenger,
        *,
        wait: float = 60.0,
        pause: float = 0.5,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._messenger = messenger
        self._wait = wait
        self._pause = pause

    async def run(self, number: str, gateway: str, tenant: str) -> LoopReport:
        """Check one number; a paid message.

        Raises:
            EnumBackendError: the message was not accepted.
        """
        token = secrets.token_hex(6)
        since, started = now_ms(), time.monotonic()
        message_id = await self._messenger.send(
            number, gateway, tenant, f"enum-backend loop test {token}"
        )
        arrived, state = False, ""
        while not arrived and state not in LOST and time.monotonic() - started < self._wait:
            await asyncio.sleep(self._pause)
            state = await self._messenger.state(message_id, tenant)
            arrived = await self._database.read(
                lambda connection: self._has(connection, number, gateway, since, token)
            )
        seconds = round(time.monotonic() - started, 1)
        return LoopReport(number, gateway, message_id, state, arrived, seconds)

    def _has(
        self, connection: Connection, number: str, gateway: str, since: int, token: str
    ) -> bool:
        rows = connection.execute(
            select(inbox.c.inbox_id, inbox.c.body).where(
                inbox.c.to_number == number,
                inbox.c.gateway == gateway,
                inbox.c.received_at >= since,
            )
        )
        return any(token in self._open(row.body, row.inbox_id) for row in rows)

    def _open(self, body: bytes, inbox_id: str) -> str:
        try:
            return self._sealer.open(body, inbox_id)
        except SealBroken:
            return ""
