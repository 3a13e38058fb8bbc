"""What agents and their owners can do with the numbers of the pool, one call each.

caller = Caller(key.id, key.tenant)
lease, _ = await services.agents.lease(caller, "signup-bot")
...  # give lease.number to the service
found = await services.agents.wait(caller, lease.lease_id, WaitFor(timeout_ms=60_000))
found.message.code
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

import structlog
from sqlalchemy import Connection

from enum_backend.agents import leases, pool, usage
from enum_backend.agents.desk import PoolDesk
from enum_backend.agents.ending import end
from enum_backend.agents.journal import AgentJournal
from enum_backend.agents.leases import LeaseRules
from enum_backend.agents.metrics import AgentMetrics
from enum_backend.agents.model import (
    Caller,
    Lease,
    MessagePage,
    WaitFor,
)
from enum_backend.agents.ownership import Ownership
from enum_backend.agents.pages import MessagePages
from enum_backend.agents.policy import AgentPolicy
from enum_backend.agents.provisioning import Provisioner, buying_if_exhausted
from enum_backend.agents.reading import MessageReader
from enum_backend.agents.room import WaitRoom
from enum_backend.agents.simulation import Simulation
from enum_backend.agents.waiting import ClientGone, Found, Waits, require_there
from enum_backend.clock import now_ms
from enum_backend.errors import (
    DatabaseUnavailable,
    Forbidden,
    LeaseEnded,
    NotFound,
    PoolExhausted,
    RateLimitExceeded,
    WaitTimeout,
    wrong_field,
)
from enum_backend.settings.agents import AgentSettings
from enum_backend.storage import Database, Sealer
from enum_backend.storage.locks import serialize

log = structlog.get_logger("enum_backend.agents")

MAX_PASSPORT = 128


class AgentService:
    """Leased numbers.

    Args:
        provisioner: buys numbers when none is free; None = nobody does.
        keep_ms: how long ended leases and usage are kept, 0 = for ever.

    Attributes:
        desk: the owner's side: the pool and its use.
        cool_down_ms: how long a number rests after a lease.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        settings: AgentSettings,
        *,
        ownership: Ownership,
        simulation: Simulation,
        metrics: AgentMetrics,
        journal: AgentJournal,
        provisioner: Provisioner | None = None,
        keep_ms: int = 0,
    ) -> None:
        self._database = database
        self._settings = settings
        self._ownership = ownership
        self._simulation = simulation
        self._metrics = metrics
        self._journal = journal
        self._provisioner = provisioner
        self._policy = AgentPolicy(settings)
        self._reader = reader = MessageReader(
            sealer, self._policy, withhold=settings.withhold_bodies
        )
        tolerance_ms = int(settings.clock_tolerance * 1000)
        self.cool_down_ms = int(settings.cool_down * 1000)
        self._rules = LeaseRules(
            cool_down_ms=self.cool_down_ms,
            per_key=settings.leases_per_key,
            per_tenant=settings.leases_per_tenant,
            new_per_day=settings.new_leases_per_day,
        )
        self.room = WaitRoom(database, most=settings.waits, most_of_key=settings.waits_per_key)
        self._waits = Waits(
            database, reader, self.room, tolerance_ms=tolerance_ms, on_read=journal.read
        )
        self._pages = MessagePages(database, reader, journal, tolerance_ms=tolerance_ms)
        self.desk = PoolDesk(
            database,
            self._rules,
            ownership,
            metrics=metrics,
            journal=journal,
            keep_ms=keep_ms,
            on_ended=self.room.touch,
        )

    async def prepare(self) -> None:
        """Be ready for the first message, if there is a pool at all."""
        if await self._database.read(lambda c: pool.rows_of(c, None)):
            self._reader.prepare()

    def notify(self) -> None:
        """Messages may have come in; harmless at any time."""
        self.room.notify()

    def close(self) -> None:
        """End every wait: the server stops."""
        self.room.close()

    async def stop(self) -> None:
        """Let purchases under way come to an end."""
        if self._provisioner is not None:
            await self._provisioner.stop()

    def waiting_of(self, caller: Caller) -> int:
        """How many waits of a key are under way in this process."""
        return self.room.waiting_of(caller.key_id)

    async def lease(
        self,
        caller: Caller,
        passport_id: str,
        ttl: float | None = None,
        *,
        service: str | None = None,
    ) -> tuple[Lease, bool]:
        """A number for a passport: (lease, whether it was live already).

        A live lease is prolonged, never cut. Otherwise the passport gets the number it had
        last if nobody else has had it since, else one that has cooled down.

        Args:
            passport_id: 1 to 128 printable characters, the caller's own name for it.
            ttl: seconds, None = `agents.ttl`.
            service: one of `agents.services`.

        Raises:
            ValidationFailed: names the field.
            Forbidden: the owner's policy is against it.
            RateLimitExceeded: the key or its tenant has as many leases as it may.
            PoolExhausted: says when the next number is free.
        """
        _check_passport(passport_id)
        self._reader.prepare()
        ttl_ms = self._ttl_ms(ttl)
        await self._require_allowed(caller, passport_id, service)

        def work(connection: Connection) -> tuple[Lease, bool]:
            lease, was_live = leases.begin(
                connection,
                caller,
                passport_id,
                ttl_ms=ttl_ms,
                service=service,
                rules=self._rules,
                ownership=self._ownership,
            )
            self._journal.lease(connection, caller, lease, "RENEWED" if was_live else "STARTED")
            if not was_live:
                usage.add(connection, caller, lease.started_at, leases=1)
            return lease, was_live

        try:
            lease, was_live = await buying_if_exhausted(
                self._provisioner, self._database, caller, work
            )
        except (PoolExhausted, RateLimitExceeded) as error:
            event = "exhausted" if isinstance(error, PoolExhausted) else "refused"
            self._metrics.leases.labels(event).inc()
            raise
        self._metrics.leases.labels("renewed" if was_live else "started").inc()
        return lease, was_live

    async def renew(self, caller: Caller, lease_id: str, ttl: float | None = None) -> Lease:
        """Let a live lease end `ttl` seconds from now, unless it ends later anyway.

        Raises:
            NotFound, LeaseEnded, ValidationFailed, Forbidden
        """
        ttl_ms = self._ttl_ms(ttl)
        self._policy.require_consent(caller.tenant)

        def work(connection: Connection) -> Lease:
            serialize(connection, pool.lock_of(caller.tenant))
            now = now_ms()
            lease = leases.find(connection, caller, lease_id)
            leases.require_live(lease, now)
            renewed = leases.prolong(connection, lease, now + ttl_ms)
            self._journal.lease(connection, caller, renewed, "RENEWED")
            return renewed

        renewed = await self._database.write(work)
        self.room.touch(lease_id)
        self._metrics.leases.labels("renewed").inc()
        return renewed

    async def release(self, caller: Caller, lease_id: str) -> Lease:
        """End a lease; one that has ended stays as it is. Admins may end any.

        Raises:
            NotFound
        """
        lease, ended = await self._database.write(lambda c: end(c, self._journal, caller, lease_id))
        self.room.touch(lease_id)
        if ended:
            self._metrics.leases.labels(lease.end_reason or "released").inc()
        return lease

    async def find(self, caller: Caller, lease_id: str) -> Lease:
        """A lease of the key, live or ended; for admins any.

        Raises:
            NotFound
        """
        return await self._database.read(lambda c: leases.find(c, caller, lease_id, admin=True))

    async def leases(
        self,
        caller: Caller,
        *,
        passport_id: str | None = None,
        ended: bool = False,
        everybody: bool = False,
        limit: int = 100,
    ) -> list[Lease]:
        """Leases, the newest first.

        Args:
            everybody: of all keys, for admins only.

        Raises:
            Forbidden
        """
        if everybody and not caller.is_admin:
            raise Forbidden("Leases of other keys are for admins.")
        key_id = None if everybody else caller.key_id
        return await self._database.read(
            lambda c: leases.of_key(
                c, key_id, passport_id=passport_id, ended=ended, now=now_ms(), limit=limit
            )
        )

    async def messages(
        self, caller: Caller, lease_id: str, after: str | None = None, limit: int = 50
    ) -> MessagePage:
        """Messages that a live lease shows (see `visibility`), in the order they became known.

        Args:
            after: the id of a message, to read on from there.

        Raises:
            NotFound, LeaseEnded, ValidationFailed, Forbidden
        """
        self._policy.require_consent(caller.tenant)
        return await self._pages.page(caller, lease_id, after, limit)

    @contextlib.asynccontextmanager
    async def waiting(
        self,
        caller: Caller,
        lease_id: str,
        wanted: WaitFor,
        *,
        gone: Callable[[], bool] = lambda: False,
    ) -> AsyncIterator[Found]:
        """Wait for a message of a lease, for callers that hand it on.

        What is found is consumed (see `WaitFor`) when the block ends well; when it raises,
        the message is there for the next wait.

        Args:
            gone: whether nobody wants the answer any more; asked every second.

        Raises:
            WaitTimeout: no message came; says what to try.
            LeaseEnded: the lease ended before one came.
            RateLimitExceeded: the key waits as often as it may.
            NotFound, ValidationFailed, Forbidden, ClientGone
        """
        self._policy.require_consent(caller.tenant)
        longest = int(self._settings.max_wait * 1000)
        if not 0 <= wanted.timeout_ms <= longest:
            raise wrong_field("timeout_ms", f"expected 0 to {longest} (agents.max_wait)")
        lease = await self._database.read(lambda c: leases.find(c, caller, lease_id))
        leases.require_live(lease, now_ms())
        outcome, counted, begun = "failed", False, now_ms()
        self._metrics.waiting.inc()
        try:
            async with self._waits.answering(caller, lease, wanted, gone) as found:
                counted = True
                require_there(gone)
                outcome = "message"
                arrived = found.message.received_at
                if arrived >= begun:
                    self._metrics.wake_seconds.observe((now_ms() - arrived) / 1000)
                yield found
        except WaitTimeout:
            outcome = "timeout"
            raise
        except LeaseEnded:
            outcome = "ended"
            raise
        except ClientGone:
            outcome = "gone"
            raise
        finally:
            self._metrics.waiting.dec()
            self._metrics.waits.labels(outcome).inc()
            if not counted:
                await self._count_wait(caller, timeouts=int(outcome == "timeout"))

    async def wait(self, caller: Caller, lease_id: str, wanted: WaitFor) -> Found:
        """Wait for a message of a lease; it counts as had at once. See `waiting`."""
        async with self.waiting(caller, lease_id, wanted) as found:
            return found

    async def simulate(
        self,
        caller: Caller,
        *,
        to: str,
        text: str,
        sender: str | None = None,
        sent_at: int | None = None,
    ) -> str:
        """Let a message come to a number of the pool; returns its id.

        Raises:
            Forbidden: the server does not simulate.
            NotFound: it is no number of a pool the caller may see.
        """
        self._simulation.require()
        row = await self._database.read(lambda c: pool.row_of(c, to))
        if row is None or not caller.may_see(row.tenant):
            raise NotFound(
                "This number is not in the agents' pool: enum-backend agents pool add NUMBER."
            )
        return await self._simulation.receive(
            to=to, tenant=row.tenant, text=text, sender=sender, sent_at=sent_at
        )

    async def _require_allowed(self, caller: Caller, passport_id: str, service: str | None) -> None:
        try:
            self._policy.require_consent(caller.tenant)
            self._policy.require_service(caller.tenant, service)
        except Forbidden:
            self._metrics.leases.labels("refused").inc()
            await self._database.write(
                lambda c: self._journal.refused(c, caller, passport_id, service)
            )
            raise

    async def _count_wait(self, caller: Caller, timeouts: int) -> None:
        with contextlib.suppress(DatabaseUnavailable):
            await self._database.write(
                lambda c: usage.add(c, caller, now_ms(), waits=1, timeouts=timeouts)
            )

    def _ttl_ms(self, ttl: float | None) -> int:
        settings = self._settings
        wanted = settings.ttl if ttl is None else ttl
        if not settings.min_ttl <= wanted <= settings.max_ttl:
            raise wrong_field(
                "ttl",
                f"expected {settings.min_ttl:g} to {settings.max_ttl:g} seconds"
                " (agents.min_ttl, agents.max_ttl)",
            )
        return int(wanted * 1000)


def _check_passport(passport_id: str) -> None:
    usable = passport_id.isprintable() and passport_id == passport_id.strip()
    if not (usable and 0 < len(passport_id) <= MAX_PASSPORT):
        raise wrong_field(
            "passport_id",
            f"expected 1 to {MAX_PASSPORT} printable characters without blanks at the ends",
        )
