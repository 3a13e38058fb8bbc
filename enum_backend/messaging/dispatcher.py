"""Takes due messages from the outbox and has each handed to its gateway, once.

Order of events for one message: commit `dispatching` and the attempt, write the
request, read the answer, commit the outcome. A crash after the first step leaves a
message whose fate nobody knows; it is looked up where the provider can be asked by
our own id, and is otherwise `unknown`, never silently sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection, Row

from enum_backend.clock import now_ms
from enum_backend.errors import DatabaseUnavailable
from enum_backend.gateways.base import Gateway, Reason
from enum_backend.messaging import outcomes, queue, recovery, reports
from enum_backend.messaging.batches import Batcher
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.messaging.handover import Ended, Handover
from enum_backend.messaging.leaving import Left
from enum_backend.messaging.made_texts import TextMaker
from enum_backend.messaging.model import MessageState
from enum_backend.messaging.policy import sticky, stopping
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.queue import Begun, Taken
from enum_backend.messaging.retry import RetryPolicy
from enum_backend.messaging.rooms import POLL_SECONDS, Rooms
from enum_backend.settings.models import DispatchSettings
from enum_backend.storage import Database, Sealer

OTHERS_SECONDS = 0.1
"""How long the work that came to another process is left to it."""
PATIENCE_MS = 3000
"""How long messages of a gateway that is broken for this process are left to others, for
which it may work."""
SWEEP_SECONDS = 15.0
SHUTDOWN_SECONDS = 30.0
"""Longer than a request to a provider may take as shipped (`timeout`)."""
START_SECONDS = 2.0
"""How long the start waits for providers to say what became of orphans; the look-ups go on."""

log = structlog.get_logger("enum_backend.dispatcher")

OnOutcome = Callable[[str, str, str], None]
"""Called with (gateway, provider, new state) for metrics."""

Finished = tuple[Ended, str]
"""How an attempt ended, and the gateway's name."""


class Dispatcher:
    """The worker of one process.

    Args:
        alone: this process holds the database, so what other owners left behind is
            left over from a crash.
        texts: makes the texts that are not stored.
        pricing: estimates; None = what the gateways' own settings say.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        pool: GatewayPool,
        settings: DispatchSettings,
        *,
        alone: bool,
        texts: TextMaker | None = None,
        pricing: Pricing | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> None:
        self._database = database
        self._pool = pool
        self._settings = settings
        policy = RetryPolicy(settings.max_attempts, settings.backoff)
        self._estimate = (pricing or Pricing(pool)).estimate
        self._handover = Handover(sealer, policy, pool.breakers, self._estimate, texts)
        self._outcomes: Batcher[Finished, MessageState | None] = Batcher(database, _record)
        self._owner = f"worker_{secrets.token_hex(8)}"
        self._alone = alone
        self._on_outcome = on_outcome
        self._rooms = Rooms(pool, settings.concurrency, alone=alone)
        self._active: set[str] = set()
        self._doubtful: set[int] = set()
        self._look_for_others = True
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._look_later: asyncio.TimerHandle | None = None
        self._stopping = False
        self._loop_task: asyncio.Task[None] | None = None
        self._sweep_task: asyncio.Task[None] | None = None
        self._next_sweep = 0.0

    async def start(self) -> None:
        """Settle what a crash left behind, then begin to work.

        Raises:
            DatabaseUnavailable: the outbox cannot be written.
        """
        await self._database.write(lambda connection: None)
        self._sweep_task = asyncio.create_task(self._recover(alone=self._alone), name="sweep")
        await asyncio.wait([self._sweep_task], timeout=START_SECONDS)
        self._loop_task = asyncio.create_task(self._run(), name="dispatcher")

    def notify(self) -> None:
        """New work may be due; harmless at any time."""
        self._wake.set()

    def notify_later(self) -> None:
        """Another process was told of new work: look in a while, in case it is busy."""
        if not self._stopping and self._look_later is None:
            loop = asyncio.get_running_loop()
            self._look_later = loop.call_later(OTHERS_SECONDS, self._wake.set)

    @property
    def running(self) -> bool:
        """Whether the loop is alive."""
        return self._loop_task is not None and not self._loop_task.done()

    async def stop(self) -> None:
        """Take no more work, let what is under way finish, then return."""
        self._stopping = True
        self._look_at_once()
        self._wake.set()
        if self._loop_task is not None:
            await asyncio.wait([self._loop_task], timeout=SHUTDOWN_SECONDS)
            self._loop_task.cancel()
        if self._sweep_task is not None:
            self._sweep_task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=SHUTDOWN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_sweep = loop.time() + SWEEP_SECONDS
        while not self._stopping:
            self._wake.clear()
            self._look_at_once()
            try:
                if loop.time() >= self._next_sweep:
                    self._next_sweep = loop.time() + SWEEP_SECONDS
                    self._sweep()
                    self._look_for_others = True
                if self._doubtful:
                    await self._put_back()
                pause = self._rooms.pause_after(await self._take())
            except DatabaseUnavailable as error:
                log.error("the outbox cannot be reached", error=str(error))
                pause = POLL_SECONDS
            except Exception as error:
                # The loop must outlive whatever it meets: nothing would be sent any more.
                log.error("dispatcher failed", error=type(error).__name__)
                pause = POLL_SECONDS
            if pause:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)

    def _look_at_once(self) -> None:
        """What was to be looked at later is looked at now."""
        if self._look_later is not None:
            self._look_later.cancel()
            self._look_later = None

    async def _put_back(self) -> None:
        """Queue again what a take began whose commit was not confirmed: nobody sent it."""
        doubtful = frozenset(self._doubtful)

        def work(connection: Connection) -> None:
            rows = queue.begun_at(connection, self._owner, doubtful)
            back = [
                outcomes.not_sent(row.message_id, row.attempts_made, now_ms())
                for row in rows
                if row.message_id not in self._active
            ]
            if back:
                outcomes.record_many(connection, back, now_ms())

        await self._database.write(work)
        self._doubtful -= doubtful

    async def _take(self) -> Taken:
        carriers = self._carriers()
        room = self._rooms.look(carriers.values())
        others = self._settings.concurrency if self._look_for_others else 0
        if not others and not any(item.places or item.closed_until for item in room.values()):
            return Taken()
        now = now_ms()
        try:
            taken = await self._database.write(
                lambda connection: queue.take(
                    connection,
                    owner=self._owner,
                    now=now,
                    room=room,
                    others=others,
                    hold=self._pool.mode != "live",
                    patience=0 if self._alone else PATIENCE_MS,
                    estimate=self._estimate,
                )
            )
        except DatabaseUnavailable:
            self._doubtful.add(now)
            raise
        self._look_for_others = any(left.gateway not in room for left in taken.left)
        if self._rooms.looked(room, taken):
            self._wake.set()
        for left in taken.left:
            self._tell_left(left)
        for message in taken.begun:
            self._active.add(message.message_id)
            task = asyncio.create_task(self._handle(message, carriers[message.gateway]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return taken

    def _carriers(self) -> dict[str, Gateway]:
        names = (*(gateway.name for gateway in self._pool.registry), SIMULATOR)
        carriers = ((name, self._pool.carrier(name)) for name in names)
        return {name: gateway for name, gateway in carriers if gateway is not None}

    async def _handle(self, message: Begun, gateway: Gateway) -> None:
        try:
            try:
                ended = await self._handover.send(message, gateway)
            finally:
                if self._rooms.ends(gateway.name):
                    self._wake.set()
            state = await self._store(ended, gateway.name)
            if state is MessageState.QUEUED:
                self._wake.set()
            self._tell(message, gateway, ended, state)
        except DatabaseUnavailable as error:
            log.error("outcome not stored", message_id=message.message_id, error=str(error))
        except Exception as error:
            log.error("dispatch failed", message_id=message.message_id, error=type(error).__name__)
        finally:
            self._active.discard(message.message_id)

    async def _store(self, ended: Ended, gateway: str) -> MessageState | None:
        """Store an outcome, which must not be lost: try until it is stored or the stop cuts in."""
        pause = 0.1
        while True:
            try:
                return await self._outcomes.put((ended, gateway))
            except DatabaseUnavailable:
                await asyncio.sleep(min(pause, POLL_SECONDS * 8))
                pause *= 2

    def _tell(
        self, message: Begun, gateway: Gateway, ended: Ended, state: MessageState | None
    ) -> None:
        self._count(gateway.name, gateway.provider, state)
        facts = {"message_id": message.message_id, "gateway": gateway.name, "state": state}
        if ended.taken is not None:
            taken = ended.taken
            log.info("message accepted", provider_message_id=taken.provider_message_id, **facts)
        elif ended.error is not None:
            log.warning(
                "message not accepted",
                reason=ended.error.reason,
                provider_code=ended.error.provider_code,
                ambiguous=ended.error.ambiguous,
                **facts,
            )
        else:
            # Withdrawn, or its lease was over.
            log.info("message not sent", **facts)

    def _tell_left(self, left: Left) -> None:
        self._count(left.gateway, "", left.state)
        log.warning(
            "message not handed over",
            message_id=left.message_id,
            gateway=left.gateway,
            why=left.why,
            state=left.state,
        )

    def _sweep(self) -> None:
        if self._sweep_task is None or self._sweep_task.done():
            self._sweep_task = asyncio.create_task(self._recover(alone=False), name="sweep")

    async def _recover(self, *, alone: bool) -> None:
        """Settle orphans: ask the provider by our own id where that works, else `unknown`."""
        places = asyncio.Semaphore(self._settings.concurrency)

        async def settle(row: Row[tuple[object, ...]]) -> None:
            async with places:
                outcome = await recovery.fate(row, self._pool, self._settings.max_attempts)
                state = await self._store(Ended(outcome), row.gateway)
            self._count(row.gateway, row.provider or "", state)
            log.warning("interrupted message settled", message_id=row.message_id, state=state)
            self._wake.set()

        try:
            found = await self._database.read(
                lambda c: queue.orphans(c, self._owner, now_ms(), alone=alone)
            )
            orphans = [row for row in found if row.message_id not in self._active]
            await asyncio.gather(*(settle(row) for row in orphans))
        except Exception as error:
            log.error("sweep failed", error=type(error).__name__)

    def _count(self, gateway: str, provider: str, state: MessageState | None) -> None:
        if self._on_outcome is not None and state is not None:
            self._on_outcome(gateway, provider, state)


def _record(connection: Connection, finished: Sequence[Finished]) -> list[MessageState | None]:
    """Store how attempts ended, and what providers have told of them before we knew their ids."""
    now = now_ms()
    shut_out = [
        ended.outcome.message_id
        for ended, _ in finished
        if ended.error is not None and ended.error.reason is Reason.OPTED_OUT
    ]
    if shut_out:
        stopping.wait_for_turn(connection)
    states = outcomes.record_many(connection, [ended.outcome for ended, _ in finished], now)
    told = [
        (ended.outcome.message_id, gateway, ended.taken.provider_message_id)
        for ended, gateway in finished
        if ended.taken is not None and ended.taken.provider_message_id is not None
    ]
    reports.apply_waiting(connection, told, now)
    learned = [ended.learned for ended, _ in finished if ended.learned is not None]
    sticky.remember(connection, learned, now)
    stopping.stop_refused(connection, shut_out, now)
    return states
