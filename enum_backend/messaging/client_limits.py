"""How many messages a caller may send in a minute: counted in memory, or in Redis for
all processes together.

The recipient's and the spend limits are counted from the database and hold whatever
happens here. While Redis is lost each limit does what the settings say: `open` counts
in this process alone, `closed` refuses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, TypeVar

import structlog
from limits import RateLimitItemPerMinute, WindowStats
from limits.aio.storage import Storage
from limits.aio.strategies import MovingWindowRateLimiter as SharedWindow
from limits.strategies import MovingWindowRateLimiter

from enum_backend.errors import RedisUnavailable
from enum_backend.messaging.limits import ClientLimits, LimitState, reached
from enum_backend.messaging.moving_windows import MovingWindows
from enum_backend.settings.models import LimitSettings

T = TypeVar("T")

MINUTE = 60
ANSWER_SECONDS = 1.0
"""Longest wait for Redis."""
PAUSE_SECONDS = 1.0
"""How long a lost Redis is left alone; nobody waits for it meanwhile."""

Waiters = tuple[int, str, str]
"""(messages in a minute, caller, name of the limit)."""

log = structlog.get_logger("enum_backend.limits")


class ClientLimiter(ClientLimits):
    """A moving window of one minute per caller and limit.

    Args:
        settings: what each limit does while the storage is lost.
        storage: shared by all processes (`limits.aio.storage`); None = this process
            counts alone.
    """

    def __init__(self, settings: LimitSettings, storage: Storage | None = None) -> None:
        self._closed = {name for name, word in settings.redis_lost.items() if word == "closed"}
        self._here = MovingWindowRateLimiter(MovingWindows())
        self._shared = None if storage is None else SharedWindow(storage)
        self._errors = _errors(storage)
        self._lost = False
        self._ask_again_at = 0.0
        self._waiting: dict[Waiters, list[asyncio.Future[bool | None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def hit(self, client: str, per_minute: int, *, name: str = "per_client_minute") -> None:
        """See `ClientLimits`."""
        if not per_minute:
            return
        item = RateLimitItemPerMinute(per_minute)
        allowed = None
        if self._shared is not None:
            allowed = await self._together(self._shared, item, client, name)
        if allowed is None:
            allowed = self._here.hit(item, name, client)
        if not allowed:
            stats = await self._stats(item, client, name)
            raise reached(name, per_minute, MINUTE, stats.reset_time - time.time())

    async def _together(
        self, shared: SharedWindow, item: RateLimitItemPerMinute, client: str, name: str
    ) -> bool | None:
        """Count one in the shared storage; None = it is lost, count here.

        Messages of one caller that come while Redis is asked are one question.
        """
        key = (item.amount, client, name)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = []
            task = asyncio.create_task(self._count(shared, item, client, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        answer: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        waiting.append(answer)
        return await answer

    async def _count(
        self, shared: SharedWindow, item: RateLimitItemPerMinute, client: str, name: str
    ) -> None:
        key = (item.amount, client, name)
        while waiting := self._waiting[key]:
            self._waiting[key] = []
            several = {"cost": len(waiting)} if len(waiting) > 1 else {}
            try:
                allowed = await self._ask(shared.hit(item, name, client, **several), name)
                if allowed is False and several:
                    # There is no room for all of them, but perhaps for some.
                    for answer in waiting:
                        one = await self._ask(shared.hit(item, name, client), name)
                        _settle(answer, one)
                    continue
            except Exception as error:
                for answer in waiting:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for answer in waiting:
                    _settle(answer, allowed)
        del self._waiting[key]

    async def state(
        self, client: str, per_minute: int, name: str = "per_client_minute"
    ) -> LimitState | None:
        """See `ClientLimits`."""
        if not per_minute:
            return None
        stats = await self._stats(RateLimitItemPerMinute(per_minute), client, name)
        left = max(stats.remaining, 0)
        wait = 0.0 if left else max(stats.reset_time - time.time(), 0.0)
        return LimitState(name, MINUTE, Decimal(per_minute - left), Decimal(per_minute), wait)

    async def _stats(self, item: RateLimitItemPerMinute, client: str, name: str) -> WindowStats:
        found = None
        if self._shared is not None:
            found = await self._ask(self._shared.get_window_stats(item, name, client), name)
        return found or self._here.get_window_stats(item, name, client)

    async def _ask(self, question: Coroutine[Any, Any, T], name: str) -> T | None:
        """The answer of the shared storage; None = it is lost, count here.

        Raises:
            RedisUnavailable: it is lost, and this limit is closed then.
        """
        if time.monotonic() < self._ask_again_at:
            question.close()
        else:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await question
            except self._errors as error:
                self._note_lost(error)
            else:
                self._note_found()
                return answer
        if name in self._closed:
            raise RedisUnavailable(retry_after=PAUSE_SECONDS)
        return None

    def _note_lost(self, error: Exception) -> None:
        self._ask_again_at = time.monotonic() + PAUSE_SECONDS
        if not self._lost:
            log.error("Redis is lost", error=type(error).__name__, closed=sorted(self._closed))
        self._lost = True

    def _note_found(self) -> None:
        if self._lost:
            log.info("Redis answers again")
        self._lost = False


def _settle(answer: asyncio.Future[bool | None], allowed: bool | None) -> None:
    if not answer.done():
        answer.set_result(allowed)


def _errors(storage: Storage | None) -> tuple[type[Exception], ...]:
    known = () if storage is None else storage.base_exceptions
    return (*(known if isinstance(known, tuple) else (known,)), OSError, TimeoutError)
