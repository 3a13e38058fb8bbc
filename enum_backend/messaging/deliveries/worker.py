"""Takes due deliveries from the queue and hands each to whoever makes its kind.

A target that keeps failing is left alone for a while, and one that is slow is given no
more than its share of places, so that neither holds up the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Row

from enum_backend.clock import now_ms
from enum_backend.errors import DatabaseUnavailable
from enum_backend.messaging.batches import Batcher
from enum_backend.messaging.deliveries import endpoints, opening, outcomes, queue
from enum_backend.messaging.deliveries.lanes import Lanes, Room
from enum_backend.messaging.deliveries.model import Claimed, Kind, Result, Why
from enum_backend.messaging.deliveries.opening import SecretsOf
from enum_backend.messaging.deliveries.outcomes import Finished, Postponed
from enum_backend.messaging.deliveries.retry import RetryPlan
from enum_backend.storage import Database, Sealer

MOST_AT_ONCE = 512
"""Deliveries of one process, those that wait for a place of their target included."""
LEASE_MS = 150_000
"""Longer than the slowest delivery: two addresses or a mail, with all their time-outs."""
POLL_SECONDS = 1.0
PUT_OFF_SECONDS = 5.0
"""For how long deliveries to a target that rests are put off where other processes work, too."""
PACE_SECONDS = 0.01
"""Least time between two looks into the queue: what comes meanwhile is taken together."""
SHUTDOWN_SECONDS = 10.0
OUTCOME_TRIES = 8

log = structlog.get_logger("enum_backend.deliveries")

OnOutcome = Callable[[str, str], None]
"""Called with (kind, what became of it) for metrics."""


class Sender(Protocol):
    """Makes deliveries of one kind."""

    async def deliver(self, claimed: Claimed) -> Result:
        """Make one attempt; never raises."""
        ...


class DeliveryWorker:
    """The worker of one process.

    Args:
        senders: who makes which kind.
        secrets_of: the secrets of tenants, for addresses that have none of their own.
        concurrency: deliveries at once to one target.
        alone: no other process works on this database, so leases of other owners are
            left-overs of a crash.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        senders: Mapping[Kind, Sender],
        secrets_of: SecretsOf,
        *,
        plan: RetryPlan,
        concurrency: int,
        alone: bool,
        on_outcome: OnOutcome = lambda kind, outcome: None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._senders = senders
        self._secrets_of = secrets_of
        self._plan = plan
        self._alone = alone
        self._on_outcome = on_outcome
        self._owner = f"deliverer_{secrets.token_hex(8)}"
        self._outcomes: Batcher[Finished | Postponed, None] = Batcher(database, self._record)
        self._lanes = Lanes(concurrency)
        self._active: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._loop_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what a crash left behind, then begin to work.

        Raises:
            DatabaseUnavailable: the queue cannot be written.
        """
        if self._alone:
            await self._database.write(lambda c: queue.free_leases(c, self._owner, now_ms()))
        self._loop_task = asyncio.create_task(self._run(), name="deliveries")

    def notify(self) -> None:
        """New deliveries may be due; harmless at any time."""
        self._wake.set()

    @property
    def running(self) -> bool:
        """Whether the loop is alive."""
        return self._loop_task is not None and not self._loop_task.done()

    async def stop(self) -> None:
        """Take no more work, let what is under way finish, then return."""
        self._stopping = True
        self._wake.set()
        if self._loop_task is not None:
            await asyncio.wait([self._loop_task], timeout=SHUTDOWN_SECONDS)
            self._loop_task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=SHUTDOWN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_look = 0.0
        while not self._stopping:
            if (wait := next_look - loop.time()) > 0:
                await asyncio.sleep(wait)
            next_look = loop.time() + PACE_SECONDS
            self._wake.clear()
            pause = POLL_SECONDS
            try:
                if await self._take():
                    pause = 0.0
                elif not self._tasks:
                    pause = await self._until_due()
            except DatabaseUnavailable as error:
                log.error("the deliveries cannot be reached", error=str(error))
            except Exception as error:
                # The loop must outlive whatever it meets: nothing would be delivered any more.
                log.error("delivery loop failed", error=type(error).__name__)
            if pause:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)

    async def _until_due(self) -> float:
        due = await self._database.read(queue.next_due_at)
        if due is None:
            return POLL_SECONDS
        return min(POLL_SECONDS, max((due - now_ms()) / 1000, 0.01))

    async def _take(self) -> int:
        places = MOST_AT_ONCE - len(self._tasks)
        if places <= 0:
            return 0
        room = self._lanes.room()
        rows = await self._database.write(lambda c: self._claim(c, places, room))
        for row in rows:
            if row.id in self._active:
                continue  # its lease ran out while the database was away; the task goes on
            self._active.add(row.id)
            self._lanes.took(row.target)
            task = asyncio.create_task(self._handle(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(rows)

    def _claim(self, connection: Connection, places: int, room: Room) -> list[Row[Any]]:
        now = now_ms()
        for target, seconds in room.resting.items():
            # A target may be out of reach for this process alone.
            rest = seconds if self._alone else min(seconds, PUT_OFF_SECONDS)
            queue.defer(connection, target, now, now + int(rest * 1000))
        return queue.claim(
            connection,
            owner=self._owner,
            now=now,
            lease_ms=LEASE_MS,
            limit=places,
            room=room.of,
            full=room.full,
        )

    async def _handle(self, row: Row[Any]) -> None:
        try:
            try:
                claimed = opening.opened(row, self._sealer, self._secrets_of)
                result = await self._attempt(claimed)
            finally:
                self._lanes.gave_back(row.target)
            outcome = self._plan.after(claimed, result, now_ms())
            await self._store(claimed, outcome)
            self._tell(claimed, result, outcome)
        except Exception as error:
            log.error("delivery failed", id=row.delivery_id, error=type(error).__name__)
        finally:
            self._active.discard(row.id)
            self._wake.set()

    async def _attempt(self, claimed: Claimed) -> Result:
        if claimed.refused is not None:
            return Result(claimed.refused, final=True)
        async with self._lanes.place(claimed.target) as rest:
            if rest:
                return Result(Why.RESTING, retry_after=rest)
            result = await self._deliver(claimed)
            if self._lanes.judge(claimed.target, broken=result.broken):
                log.warning("target rests", target=claimed.target, tenant=claimed.tenant)
        return result

    async def _deliver(self, claimed: Claimed) -> Result:
        try:
            return await self._senders[claimed.kind].deliver(claimed)
        except Exception as error:
            log.error("delivery raised", id=claimed.delivery_id, error=type(error).__name__)
            return Result(Why.INTERNAL)

    async def _store(self, claimed: Claimed, outcome: Finished | Postponed) -> None:
        """Store an outcome. If the database stays away, the lease ends and it is made again."""
        pause = 0.1
        for _ in range(OUTCOME_TRIES):
            try:
                await self._outcomes.put(outcome)
            except DatabaseUnavailable:
                await asyncio.sleep(pause)
                pause *= 2
            else:
                return
        log.error("outcome of a delivery not stored", id=claimed.delivery_id)

    def _record(self, connection: Connection, ended: Sequence[Finished | Postponed]) -> list[None]:
        now = now_ms()
        outcomes.record_many(connection, ended, owner=self._owner, now=now)
        gone = [item.id for item in ended if item.why is Why.GONE]
        if gone:
            endpoints.disable_of(connection, gone, Why.GONE, now)
        return [None] * len(ended)

    def _tell(self, claimed: Claimed, result: Result, outcome: Finished | Postponed) -> None:
        state = outcome.state.value if isinstance(outcome, Finished) else "retried"
        self._on_outcome(claimed.kind, state)
        if result.delivered:
            return
        level = log.warning if state == "dead" else log.info
        level(
            "message not delivered",
            id=claimed.delivery_id,
            kind=claimed.kind,
            target=claimed.target,
            why=result.why,
            status=result.status,
            attempts=claimed.attempts,
            state=state,
        )
