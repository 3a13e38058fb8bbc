"""The owner's side: the pool, and what keys do with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import structlog
from sqlalchemy import Connection

from enum_backend.agents import leases, pool, retention, usage
from enum_backend.agents.ending import end
from enum_backend.agents.journal import AgentJournal
from enum_backend.agents.leases import LeaseRules
from enum_backend.agents.metrics import AgentMetrics
from enum_backend.agents.model import DAY_MS, Caller, NumberStatus, PoolNumber, Usage
from enum_backend.agents.ownership import Ownership
from enum_backend.agents.provisioning import PURCHASE_MS
from enum_backend.clock import now_ms
from enum_backend.errors import Forbidden, NotFound, wrong_field
from enum_backend.messaging.owners import DEFAULT_TENANT
from enum_backend.storage import Database
from enum_backend.storage.locks import serialize
from enum_backend.tenants import store

log = structlog.get_logger("enum_backend.agents")


class PoolDesk:
    """What owners can do.

    Args:
        keep_ms: how long ended leases and usage are kept, 0 = for ever.
        on_ended: called with a lease that was ended.
    """

    def __init__(
        self,
        database: Database,
        rules: LeaseRules,
        ownership: Ownership,
        *,
        metrics: AgentMetrics,
        journal: AgentJournal,
        keep_ms: int,
        on_ended: Callable[[str], None],
    ) -> None:
        self._database = database
        self._rules = rules
        self._ownership = ownership
        self._metrics = metrics
        self._journal = journal
        self._keep_ms = keep_ms
        self._on_ended = on_ended

    async def numbers(self, caller: Caller, tenant: str | None = None) -> list[PoolNumber]:
        """The numbers of the caller's tenant; an admin's: of the named one, or of all.

        Raises:
            Forbidden: another tenant's.
        """
        if tenant is None and not caller.is_admin:
            tenant = caller.tenant
        if tenant is not None and not caller.may_see(tenant):
            raise Forbidden("The pools of other tenants are for admins.")
        return await self._database.read(lambda c: self._pool_now(c, tenant))

    async def add(self, caller: Caller, number: str, tenant: str | None = None) -> PoolNumber:
        """Put `+E.164` into a pool.

        Args:
            tenant: None = whose number it is.

        Raises:
            ValidationFailed: there is no such tenant, it is not its number, or in another
                pool.
        """

        def work(connection: Connection) -> PoolNumber:
            if tenant is not None:
                store.require(connection, tenant)
            owner = tenant or self._ownership.owner(connection, number) or DEFAULT_TENANT
            serialize(connection, pool.lock_of(owner))
            if number not in self._ownership.lendable(connection, {number: owner}):
                raise wrong_field(
                    "phone_number",
                    f"is no number of tenant {owner} that messages can come to: buy, import or"
                    " bind it first",
                )
            by = f"key:{caller.key_id}"
            pool.add(connection, number, owner, source=pool.ADDED, by=by, now=now_ms())
            self._journal.number(connection, caller, number, "ADDED")
            return next(item for item in self._pool_now(connection, owner) if item.number == number)

        added = await self._database.write(work)
        log.info("number added to the agents' pool", tenant=added.tenant, by=caller.key_id)
        return added

    async def remove(self, caller: Caller, number: str, *, end_lease: bool = False) -> None:
        """Take `+E.164` out of its pool.

        Args:
            end_lease: end its live lease; otherwise that goes on to its end.

        Raises:
            NotFound: it is in no pool.
            ValidationFailed: it stands in the settings.
        """

        def work(connection: Connection) -> str | None:
            row = pool.row_of(connection, number)
            if row is None:
                raise NotFound("This number is not in the agents' pool.")
            if row.source == pool.SETTINGS:
                raise wrong_field("phone_number", "stands in the settings: remove it there")
            serialize(connection, pool.lock_of(row.tenant))
            now = now_ms()
            pool.remove(connection, [number], now)
            self._journal.number(connection, caller, number, "REMOVED")
            lease_id = leases.live_of(connection, number, now)
            if not end_lease or lease_id is None:
                return None
            end(connection, self._journal, caller, lease_id)
            return lease_id

        lease_id = await self._database.write(work)
        if lease_id is not None:
            self._on_ended(lease_id)
        log.info("number removed from the agents' pool", by=caller.key_id)

    async def seed(self, wanted: Mapping[str, str]) -> list[str]:
        """Keep the numbers (-> tenant) of the settings in the pool, and no others of them.

        Returns:
            Those that are in another tenant's pool, and stay there.
        """
        return await self._database.write(lambda c: pool.keep_configured(c, wanted, now_ms()))

    async def usage(
        self, caller: Caller, *, key_id: str | None = None, days: int = 30
    ) -> Sequence[Usage]:
        """What keys did, day by day, newest first: the caller's own; an admin's: any, or all.

        Raises:
            Forbidden
        """
        if key_id is None and not caller.is_admin:
            key_id = caller.key_id
        if key_id not in (None, caller.key_id) and not caller.is_admin:
            raise Forbidden("The usage of other keys is for admins.")
        now = now_ms()
        since = now - now % DAY_MS - (days - 1) * DAY_MS
        return await self._database.read(lambda c: usage.of_keys(c, key_id, since))

    async def look_after(self) -> None:
        """One round of upkeep: ended leases settled and, in time, forgotten; the pool counted."""
        now = now_ms()
        await self._database.write(lambda c: self._tidy(c, now))
        if self._keep_ms:
            before = now - self._keep_ms
            while await self._database.write(lambda c: retention.forget(c, before)):
                pass  # others may write between two transactions
        numbers = await self._database.read(lambda c: self._pool_now(c, None))
        counts = Counter(number.status for number in numbers)
        for status in NumberStatus:
            self._metrics.numbers.labels(status.value).set(counts[status])

    def _tidy(self, connection: Connection, now: int) -> None:
        retention.settle_all(connection, now)
        pool.drop_unbought(connection, now - PURCHASE_MS, now)

    def _pool_now(self, connection: Connection, tenant: str | None) -> list[PoolNumber]:
        return leases.pool_now(connection, tenant, self._rules, self._ownership, now_ms())
