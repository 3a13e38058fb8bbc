"""Learns of number bindings that other processes change: they share only the database."""

from __future__ import annotations

import asyncio

import structlog

from enum_backend.errors import DatabaseUnavailable
from enum_backend.numbers.store import NumberStore

PAUSE_SECONDS = 5.0
"""How late at most a change of another process counts here."""

log = structlog.get_logger("enum_backend.numbers")


class BindingRefresher:
    """One task that reads the bindings again now and then."""

    def __init__(self, store: NumberStore) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = asyncio.create_task(self._run(), name="bindings")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self._store.load()
            except DatabaseUnavailable:
                pass  # what is known still counts
            except Exception as error:
                # The task must outlive whatever it meets: nothing would be learned any more.
                log.error("bindings cannot be read", error=type(error).__name__)
