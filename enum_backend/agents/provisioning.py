"""Buying a number when the pool has none left. Off unless `agents.provision` names a gateway.

A tenant's purchases come one after the other, whichever process makes them: who comes
second looks again whether a number is free before another one is bought. While one is
ordered and not there yet, no other is ordered.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection, delete, insert, select, update

from enum_backend.agents import pool
from enum_backend.agents.model import Caller
from enum_backend.clock import now_ms
from enum_backend.errors import EnumBackendError, PoolExhausted, ValidationFailed
from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.numbers.actor import Actor
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.numbers.offers import Offer
from enum_backend.numbers.store import NumberState, StoredNumber
from enum_backend.settings.agents import AgentSettings
from enum_backend.storage import Database
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import agent_purchases

T = TypeVar("T")

PURCHASE_MS = 180_000
"""Longest time one purchase keeps others waiting."""
WAIT_SECONDS = 90.0
"""How long a caller waits for its number."""
STOP_SECONDS = 5.0
PAUSE_SECONDS = 0.2
ATTEMPTS = 3
"""Numbers tried when others buy the same."""

log = structlog.get_logger("enum_backend.agents")

OnBought = Callable[[Connection, Caller, str], None]
"""Called in a transaction with a number that was bought."""


class NotBought(Exception):
    """No number was bought; says why."""


class Provisioner:
    """Buys numbers for pools.

    Args:
        country: where `agents.provision_country` is empty.
    """

    def __init__(
        self,
        database: Database,
        inventory: NumberInventory,
        settings: AgentSettings,
        *,
        country: str,
        on_bought: OnBought,
    ) -> None:
        self._database = database
        self._inventory = inventory
        self._settings = settings
        self._country = settings.provision_country or country
        self._on_bought = on_bought
        self._running: set[asyncio.Task[None]] = set()

    @property
    def enabled(self) -> bool:
        """Whether numbers are bought at all."""
        return bool(self._settings.provision)

    async def provide(self, caller: Caller, still_needed: Callable[[], Awaitable[bool]]) -> None:
        """Buy one number for the caller's tenant, unless that has become needless.

        A purchase under way goes on when its caller leaves.

        Args:
            still_needed: asked once it is this caller's turn.

        Raises:
            NotBought
        """
        task = asyncio.create_task(self._provide(caller, still_needed), name="agents' purchase")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.shield(task)
        except TimeoutError:
            task.add_done_callback(_forget)
            raise NotBought("a number is being bought: try again in a minute") from None

    async def stop(self) -> None:
        """End after purchases under way, or break them off after `STOP_SECONDS`.

        What was ordered is followed when the server starts again.
        """
        running = tuple(self._running)
        if running:
            await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _provide(self, caller: Caller, still_needed: Callable[[], Awaitable[bool]]) -> None:
        async with self._turn(caller.tenant):
            if not await still_needed():
                return
            await self._buy(caller)

    async def _buy(self, caller: Caller) -> None:
        rows = await self._database.read(lambda c: pool.rows_of(c, caller.tenant))
        if await self._database.read(lambda c: pool.has_ordered(c, caller.tenant)):
            raise NotBought("a number is ordered, but not there yet")
        if len(rows) >= self._settings.provision_most:
            raise NotBought("the pool is as large as it may become by buying")
        actor = Actor(caller.tenant)
        try:
            row = await self._order(caller, actor, await self._offers(actor))
        except EnumBackendError as error:
            log.warning("no number bought", tenant=caller.tenant, error_code=error.error_code)
            raise NotBought(error.public_message.rstrip(".")) from None
        await self._database.write(lambda c: self._on_bought(c, caller, row.number))
        if row.state is not NumberState.ACTIVE:
            raise NotBought("a number is ordered, but not there yet")

    async def _offers(self, actor: Actor) -> Sequence[Offer]:
        query = NumberQuery(
            country=self._country, area_code=self._settings.provision_area_code, quantity=10
        )
        found = await self._inventory.search(actor, query, self._settings.provision)
        most = self._settings.provision_price
        fitting = [offer for offer in found.offers if _price(offer) <= most]
        if not fitting:
            raise NotBought("no number is on sale within agents.provision_price")
        return sorted(fitting, key=_price)

    async def _order(self, caller: Caller, actor: Actor, offers: Sequence[Offer]) -> StoredNumber:
        taken: ValidationFailed | None = None
        for offer in offers[:ATTEMPTS]:
            number = offer.available.number
            # In the pool before it is paid for: nobody gets it until it is there, and what
            # is ordered when the program dies is not forgotten.
            if not await self._database.write(partial(_announce, caller, number)):
                continue
            try:
                return await self._inventory.buy(
                    actor,
                    number,
                    gateway=self._settings.provision,
                    price=self._settings.provision_price,
                )
            except ValidationFailed as error:
                taken = error
                await self._withdraw(number)
            except EnumBackendError:
                await self._withdraw(number)
                raise
        raise taken or NotBought("no number is on sale")

    async def _withdraw(self, number: str) -> None:
        await self._database.write(lambda c: pool.remove(c, [number], now_ms()))

    @contextlib.asynccontextmanager
    async def _turn(self, tenant: str) -> AsyncIterator[None]:
        """One purchase of a tenant at a time."""
        token = secrets.token_hex(16)
        while True:
            if await self._database.write(lambda c: _take_turn(c, tenant, token)):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        try:
            yield
        finally:
            await self._database.write(lambda c: _end_turn(c, tenant, token))


async def buying_if_exhausted(
    provisioner: Provisioner | None,
    database: Database,
    caller: Caller,
    work: Callable[[Connection], T],
) -> T:
    """Run `work`; where no number is free, buy one if that is wanted, and run it again.

    Raises:
        PoolExhausted: no number is free, nor could one be bought; says why.
    """
    try:
        return await database.write(work)
    except PoolExhausted as error:
        if provisioner is None or not provisioner.enabled:
            raise
        refusals = [error]
    done: list[T] = []

    async def still_needed() -> bool:
        try:
            done.append(await database.write(work))
        except PoolExhausted as error:
            refusals.append(error)
        return not done

    try:
        await provisioner.provide(caller, still_needed)
    except NotBought as error:
        exhausted = refusals[-1]
        raise PoolExhausted(
            f"{exhausted.message} None could be bought: {error}.",
            next_free_at=exhausted.next_free_at,
            retry_after=exhausted.retry_after,
        ) from None
    return done[0] if done else await database.write(work)


def _announce(caller: Caller, number: str, connection: Connection) -> bool:
    """Put a number into the pool that is to be bought; False = it is in a pool already."""
    serialize(connection, pool.lock_of(caller.tenant))
    if pool.row_of(connection, number) is not None:
        return False
    by = f"key:{caller.key_id}"
    pool.add(connection, number, caller.tenant, source=pool.BOUGHT, by=by, now=now_ms())
    return True


def _forget(task: asyncio.Task[None]) -> None:
    """Nobody waits for it any more; what failed is in the log."""
    if not task.cancelled():
        task.exception()


def _price(offer: Offer) -> Decimal:
    """What is due at once; nothing known counts as nothing, the purchase is bounded anyway."""
    return (offer.monthly or Decimal(0)) + (offer.setup or Decimal(0))


def _take_turn(connection: Connection, tenant: str, token: str) -> bool:
    serialize(connection, f"agents' purchase of {tenant}")
    now = now_ms()
    until_at = connection.execute(
        select(agent_purchases.c.until_at).where(agent_purchases.c.tenant == tenant)
    ).scalar()
    values = {"token": token, "until_at": now + PURCHASE_MS}
    if until_at is None:
        connection.execute(insert(agent_purchases).values(tenant=tenant, **values))
        return True
    if until_at > now:
        return False
    connection.execute(
        update(agent_purchases).where(agent_purchases.c.tenant == tenant).values(**values)
    )
    return True


def _end_turn(connection: Connection, tenant: str, token: str) -> None:
    connection.execute(
        delete(agent_purchases).where(
            agent_purchases.c.tenant == tenant, agent_purchases.c.token == token
        )
    )
