"""Work done again and again beside the servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

STOP_SECONDS = 5.0

log = structlog.get_logger("enum_backend.rounds")


class Rounds:
    """One task that outlives whatever its work meets.

    Args:
        name: what it looks after, for the log.
        work: one round; what it raises is logged by its type, once as long as it stays the
            same, and the next round tries again.
        pause: seconds between two rounds.
        at_once: False = the first round comes after a pause.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        pause: float,
        at_once: bool = True,
    ) -> None:
        self._name = name
        self._work = work
        self._pause = pause
        self._at_once = at_once
        self._wake = asyncio.Event()
        self._stopping = False
        self._trouble = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End after the round under way, or break it off after `STOP_SECONDS`.

        May be started again.
        """
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def notify(self) -> None:
        """There is something to do: the next round comes now. Harmless at any time."""
        self._wake.set()

    async def _run(self) -> None:
        if not self._at_once:
            await self._rest()
        while not self._stopping:
            self._wake.clear()
            await self._round()
            await self._rest()

    async def _round(self) -> None:
        try:
            await self._work()
        except Exception as error:
            # A text or a number may stand in the message; the type says enough.
            trouble = type(error).__name__
            if trouble != self._trouble:
                log.error("round failed", task=self._name, error=trouble)
        else:
            trouble = ""
        self._trouble = trouble

    async def _rest(self) -> None:
        if self._stopping:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._pause)
