"""Takes due messages from the outbox and hands each to its gateway, once.

Order of events for one message: lease, commit `dispatching`, write the request,
read the answer, commit the outcome. A crash after the second step leaves a
message whose fate nobody knows; it is looked up where the provider can be
asked by our own id, and is otherwise `unknown`, never silently sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Row

from enum_backend.clock import now_ms
from enum_backend.errors import DatabaseUnavailable
from enum_backend.gateways.base import (
    Gateway,
    GatewayError,
    OutboundSms,
    Reason,
    SendResult,
)
from enum_backend.messaging import outcomes, queue, recovery, reports
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.messaging.model import MessageState
from enum_backend.messaging.queue import Claimed
from enum_backend.messaging.retry import RetryPolicy
from enum_backend.settings.models import DispatchSettings
from enum_backend.storage import Database, Sealer
from enum_backend.storage.sealing import SealBroken

T = TypeVar("T")

LEASE_MS = 60_000
"""For messages that wait for a free place at their gateway."""

ANSWER_MARGIN = 5.0
"""Seconds past the gateway's own time-out after which we stop waiting ourselves."""

POLL_SECONDS = 1.0
BUSY_POLL_SECONDS = 0.05
SWEEP_SECONDS = 15.0
SHUTDOWN_SECONDS = 10.0
START_SECONDS = 2.0
"""How long the start waits for providers to say what became of orphans; the look-ups go on."""

log = structlog.get_logger("enum_backend.dispatcher")

OnOutcome = Callable[[str, str, str], None]
"""Called with (gateway, provider, new state) for metrics."""


class Dispatcher:
    """The worker of one process.

    Args:
        alone: this process holds the data directory's lock, so leases of other
            owners are left-overs of a crash.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        pool: GatewayPool,
        settings: DispatchSettings,
        *,
        alone: bool,
        on_outcome: OnOutcome | None = None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._pool = pool
        self._settings = settings
        self._policy = RetryPolicy(settings.max_attempts, settings.backoff)
        self._owner = f"worker_{secrets.token_hex(8)}"
        self._alone = alone
        self._on_outcome = on_outcome
        self._busy: Counter[str] = Counter()
        self._active: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._loop_task: asyncio.Task[None] | None = None
        self._sweep_task: asyncio.Task[None] | None = None
        self._next_sweep = 0.0

    async def start(self) -> None:
        """Settle what a crash left behind, then begin to work.

        Raises:
            DatabaseUnavailable: the outbox cannot be written.
        """
        if self._alone:
            await self._write(lambda c: queue.free_leases(c, self._owner))
        self._sweep_task = asyncio.create_task(self._recover(alone=self._alone), name="sweep")
        await asyncio.wait([self._sweep_task], timeout=START_SECONDS)
        self._loop_task = asyncio.create_task(self._run(), name="dispatcher")

    def notify(self) -> None:
        """New work may be due; harmless at any time."""
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
            try:
                if loop.time() >= self._next_sweep:
                    self._next_sweep = loop.time() + SWEEP_SECONDS
                    self._sweep()
                took = await self._take()
                pause = 0.0 if took else await self._until_due()
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

    async def _take(self) -> int:
        room = self._room()
        if not any(room.values()):
            return 0
        claimed = await self._database.write(
            lambda connection: queue.claim(
                connection, owner=self._owner, now=now_ms(), lease_ms=LEASE_MS, room=room
            )
        )
        for message in claimed:
            if message.message_id in self._active:
                continue  # its lease ran out while the database was away; the task goes on
            self._active.add(message.message_id)
            self._busy[message.gateway] += 1
            task = asyncio.create_task(self._handle(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claimed)

    def _room(self) -> dict[str, int]:
        names = [gateway.name for gateway in self._pool.registry]
        places = self._settings.concurrency
        room = {name: places - self._busy[name] for name in (*names, SIMULATOR)}
        room[""] = places
        return room

    async def _until_due(self) -> float:
        due = await self._database.read(queue.next_due_at)
        if due is None:
            return POLL_SECONDS
        return min(POLL_SECONDS, max((due - now_ms()) / 1000, BUSY_POLL_SECONDS))

    async def _handle(self, message: Claimed) -> None:
        try:
            await self._deliver(message)
        except DatabaseUnavailable as error:
            log.error("outcome not stored", message_id=message.message_id, error=str(error))
        except Exception as error:
            log.error("dispatch failed", message_id=message.message_id, error=type(error).__name__)
        finally:
            self._active.discard(message.message_id)
            self._busy[message.gateway] -= 1
            self._wake.set()

    async def _deliver(self, message: Claimed) -> None:
        now = now_ms()
        gateway = self._pool.carrier(message.gateway)
        if now >= message.valid_until:
            state = await self._write(lambda c: outcomes.expire(c, message, self._owner, now_ms()))
            self._left(message, state, "expired")
            return
        if gateway is None:
            state = await self._write(
                lambda c: outcomes.skip_gateway(c, message, self._owner, now_ms())
            )
            self._left(message, state, "its gateway is not configured now")
            return
        try:
            text = self._sealer.open(message.body or b"", message.message_id)
        except SealBroken:
            log.error(
                "message text cannot be opened: other server key?", message_id=message.message_id
            )
            text = None
        timeout = gateway.options.timeout + ANSWER_MARGIN
        number = await self._write(
            lambda c: queue.begin_attempt(
                c,
                message,
                owner=self._owner,
                provider=gateway.provider,
                now=now_ms(),
                lease_ms=int((timeout + 30) * 1000),
            )
        )
        if number is None:
            return
        if text is None:
            unreadable = GatewayError(Reason.INVALID_REQUEST, "the stored text cannot be opened")
            await self._failed(message, gateway, number, unreadable)
            return
        sms = OutboundSms(
            message_id=message.message_id,
            to=message.destination,
            text=text,
            sender=self._sender(message, gateway),
        )
        try:
            result = await self._send(gateway, sms, timeout)
        except GatewayError as error:
            await self._refused(message, gateway, number, error)
        else:
            await self._succeeded(message, gateway, number, result)

    def _left(self, message: Claimed, state: MessageState | None, why: str) -> None:
        """Tell of a message that moved on without a request."""
        self._count(message.gateway, "", state)
        log.warning(
            "message not handed over",
            message_id=message.message_id,
            gateway=message.gateway,
            why=why,
            state=state,
        )

    async def _refused(
        self, message: Claimed, gateway: Gateway, number: int, error: GatewayError
    ) -> None:
        """An error; where it leaves open whether the message was sent, ask first."""
        if error.ambiguous or error.reason is Reason.DUPLICATE:
            known, status = await recovery.look_up(gateway, message.message_id)
            if status is not None:
                result = SendResult(status.status, cost=status.cost)
                await self._succeeded(message, gateway, number, result)
                return
            if known and error.ambiguous:
                error = GatewayError(Reason.TEMPORARY_UNAVAILABLE, f"not sent: {error.detail}")
        await self._failed(message, gateway, number, error)

    def _sender(self, message: Claimed, gateway: Gateway) -> str | None:
        """The requested sender where this gateway may use it, else the gateway's own."""
        if message.sender is None:
            return None
        simulated = message.gateway == SIMULATOR
        if simulated or gateway.owns(message.sender) or message.sender_gateway == gateway.name:
            return message.sender
        return None

    async def _send(self, gateway: Gateway, sms: OutboundSms, seconds: float) -> SendResult:
        try:
            async with asyncio.timeout(seconds):
                return await gateway.send(sms)
        except GatewayError:
            raise
        except TimeoutError:
            raise GatewayError(Reason.UNKNOWN, "no answer in time", ambiguous=True) from None
        except Exception as error:
            detail = f"unexpected {type(error).__name__}"
            log.error("gateway raised", gateway=gateway.name, error=detail)
            raise GatewayError(Reason.UNKNOWN, detail, ambiguous=True) from None

    async def _succeeded(
        self, message: Claimed, gateway: Gateway, number: int, result: SendResult
    ) -> None:
        def work(connection: Connection) -> MessageState | None:
            now = now_ms()
            state = outcomes.record_accepted(connection, message.message_id, number, result, now)
            if result.provider_message_id is not None:
                reports.apply_waiting(
                    connection, message.message_id, gateway.name, result.provider_message_id, now
                )
            return state

        state = await self._write(work, patient=True)
        self._count(gateway.name, gateway.provider, state)
        log.info(
            "message accepted",
            message_id=message.message_id,
            gateway=gateway.name,
            provider_message_id=result.provider_message_id,
            state=state,
        )

    async def _failed(
        self, message: Claimed, gateway: Gateway, number: int, error: GatewayError
    ) -> None:
        decision = self._policy.after(
            error,
            attempts=message.attempts_at_gateway + 1,
            has_next=message.next_gateway is not None,
            resend_ambiguous=gateway.options.ambiguous == "resend" and not message.is_code,
        )
        wait = decision.retry_after
        now = now_ms()
        retry_at = None if wait is None else now + int(wait * 1000)
        state = await self._write(
            lambda c: outcomes.record_failure(
                c,
                message,
                number,
                error,
                now=now,
                retry_at=retry_at,
                fail_over=decision.fail_over,
            ),
            patient=True,
        )
        self._count(gateway.name, gateway.provider, state)
        log.warning(
            "message not accepted",
            message_id=message.message_id,
            gateway=gateway.name,
            reason=error.reason,
            provider_code=error.provider_code,
            ambiguous=error.ambiguous,
            state=state,
            retry_in=None if wait is None else round(wait, 1),
        )

    def _sweep(self) -> None:
        if self._sweep_task is None or self._sweep_task.done():
            self._sweep_task = asyncio.create_task(self._recover(alone=False), name="sweep")

    async def _recover(self, *, alone: bool) -> None:
        """Settle orphans: ask the provider by our own id where that works, else `unknown`."""
        places = asyncio.Semaphore(self._settings.concurrency)

        async def settle(row: Row[Any]) -> None:
            async with places:
                await self._settle_orphan(row)

        try:
            found = await self._database.read(
                lambda c: queue.orphans(c, self._owner, now_ms(), alone=alone)
            )
            orphans = [row for row in found if row.message_id not in self._active]
            await asyncio.gather(*(settle(row) for row in orphans))
        except Exception as error:
            log.error("sweep failed", error=type(error).__name__)

    async def _settle_orphan(self, row: Row[Any]) -> None:
        fate, retry = await recovery.fate(row, self._pool, self._settings.max_attempts)
        state = await self._write(
            lambda c: outcomes.settle_orphan(c, row.message_id, fate, now_ms(), retry=retry)
        )
        self._count(row.gateway, row.provider or "", state)
        log.warning("interrupted message settled", message_id=row.message_id, state=state)
        self._wake.set()

    async def _write(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        """Write, trying again while the database is away.

        Args:
            patient: an outcome, which must not be lost: try until it is stored or
                the stop cuts it short.
        """
        pause = 0.1
        while True:
            try:
                return await self._database.write(work)
            except DatabaseUnavailable:
                if not patient and (self._stopping or pause > POLL_SECONDS * 8):
                    raise
                await asyncio.sleep(min(pause, POLL_SECONDS * 8))
                pause *= 2

    def _count(self, gateway: str, provider: str, state: MessageState | None) -> None:
        if self._on_outcome is not None and state is not None:
            self._on_outcome(gateway, provider, state)
