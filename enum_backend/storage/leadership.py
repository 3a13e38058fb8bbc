"""What exactly one of several processes does, as long as it lives: a lock in PostgreSQL.

The lock belongs to a session on a connection of its own, so the server lets go of it
when the process ends or cannot be reached any more. Who loses the connection cannot
know whether another has the lock by now; it asks as soon as the server answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

import asyncpg
import structlog

from enum_backend.storage.locks import lock_key
from enum_backend.storage.postgres_url import connect

POLL_SECONDS = 2.0
"""Between two looks: whether the lock is free, or whether the connection still lives."""
ANSWER_SECONDS = 5.0

_TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

log = structlog.get_logger("enum_backend.leadership")


class Duty(Protocol):
    """What the leader does."""

    async def take(self) -> bool:
        """Begin; False = it cannot be done yet, ask again."""

    async def leave(self) -> None:
        """End: another is the leader now."""


class Leadership:
    """Competes for a topic, and does a duty while it leads.

    Args:
        url: of the PostgreSQL database.
        topic: what there is one leader for.
    """

    def __init__(self, url: str, topic: str, duty: Duty) -> None:
        self._url = url
        self._topic = topic
        self._key = lock_key(f"leader of {topic}")
        self._duty = duty
        self._on_duty = False
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def on_duty(self) -> bool:
        """Whether this process does it. It goes on while the server cannot be asked."""
        return self._on_duty

    async def start(self, wait: float = ANSWER_SECONDS) -> None:
        """Begin to compete; returns once the first round is decided, or after `wait` seconds."""
        self._task = asyncio.create_task(self._compete(), name=f"leader of {self._topic}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), wait)

    async def close(self) -> None:
        """Let go of the lock; the duty is ended by whoever gave it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _compete(self) -> None:
        while True:
            try:
                connection = await connect(self._url, application_name="enum-backend leader")
                try:
                    await self._round(connection)
                finally:
                    connection.terminate()
            except _TROUBLE as error:
                log.warning("leadership is open", topic=self._topic, why=type(error).__name__)
            except Exception as error:
                # It must outlive whatever it meets: nobody else would lead meanwhile.
                log.error("leadership failed", topic=self._topic, error=type(error).__name__)
            self._settled.set()
            await asyncio.sleep(POLL_SECONDS)

    async def _round(self, connection: asyncpg.Connection[Any]) -> None:
        """Lead, or wait to lead, until the connection ends."""
        leads = False
        while True:
            if not leads:
                leads = await self._ask(connection, "SELECT pg_try_advisory_lock($1)", self._key)
            else:
                await self._ask(connection, "SELECT true")
            if leads and not self._on_duty:
                self._on_duty = await self._duty.take()
                if self._on_duty:
                    log.info("leader", topic=self._topic)
            elif self._on_duty and not leads:
                log.info("another is the leader", topic=self._topic)
                self._on_duty = False
                await self._duty.leave()
            self._settled.set()
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(
        self, connection: asyncpg.Connection[Any], question: str, *values: object
    ) -> bool:
        async with asyncio.timeout(ANSWER_SECONDS):
            return bool(await connection.fetchval(question, *values))
