"""Buying a number: its price agreed and counted, ordered once, followed to its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.errors import FieldError, ProviderError, ValidationFailed
from enum_backend.gateways.base import GatewayError
from enum_backend.gateways.inventory.base import Inventory, Order, OrderState
from enum_backend.numbers import spending, store
from enum_backend.numbers.actor import refused
from enum_backend.numbers.addresses import Addresses
from enum_backend.numbers.store import NumberState, NumberStore, StoredNumber

log = structlog.get_logger("enum_backend.numbers")

ORDER_SECONDS = 60.0
"""Longest wait for a provider to take an order."""
LOST_MS = 24 * 3600 * 1000
"""After this an order that nobody has heard of again counts as never made."""
ABANDONED_MS = 30 * LOST_MS
"""After this an order that the provider still calls pending is given up."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a purchase will cost, in US dollars.

    Attributes:
        monthly, setup: None where nobody tells.
    """

    monthly: Decimal | None
    setup: Decimal | None

    @property
    def first(self) -> Decimal | None:
        """What is due at once: the first month and the set-up."""
        return None if self.monthly is None else self.monthly + (self.setup or Decimal(0))


def agreed(terms: Terms, *, price: Decimal | None, yes: bool) -> Decimal:
    """The amount to count.

    Args:
        price: the most the caller accepts to pay at once.
        yes: the caller accepts the price whatever it is.

    Raises:
        ValidationFailed: not confirmed, or it costs more; says the price.
    """
    first = terms.first
    if first is None:
        if price is None:
            raise _wrong("nobody tells what this number costs: give the most you accept")
        return price
    if price is not None and price < first:
        raise _wrong(f"the number costs {first:.2f} USD at once")
    if price is None and not yes:
        raise _wrong(f"confirm it: the number costs {first:.2f} USD at once (yes, or this price)")
    return first


class Buyer:
    """Orders numbers; never orders one twice.

    Args:
        addresses: where the messages of a bought number go.
        ceiling: US dollars in 24 hours that messages and numbers share, 0 = none.
        wait: seconds to follow an order that the provider does not fill at once.
        pause: seconds before the first look at it, doubling up to 5.
    """

    def __init__(
        self,
        numbers: NumberStore,
        addresses: Addresses,
        *,
        ceiling: Decimal,
        wait: float = 30.0,
        pause: float = 0.5,
    ) -> None:
        self._store = numbers
        self._addresses = addresses
        self._ceiling = ceiling
        self._wait = wait
        self._pause = pause

    async def buy(self, desk: Inventory[Any], row: StoredNumber, amount: Decimal) -> StoredNumber:
        """Count the price, order, and follow the order for a while.

        Args:
            row: the number as it will be stored.

        Returns:
            The number, `active`, or `pending` when the provider needs longer or
            nobody knows yet whether it was ordered: see `look`.

        Raises:
            ValidationFailed: the number is ours already; or the provider refused it.
            CostLimitExceeded: nothing was ordered.
            ProviderError: refused; nothing was bought.
        """
        await self._store.change(lambda c: self._reserve(c, row, amount))
        try:
            async with asyncio.timeout(ORDER_SECONDS):
                order = await desk.buy(row.number, *self._addresses.of(desk.gateway))
        except GatewayError as error:
            if not error.ambiguous:
                await self._forget(row)
                raise refused(desk.gateway, error) from None
            log.warning("unclear order", gateway=row.gateway, reason=error.reason)
            row = await self._store.settle(row, detail=f"unclear: {error.detail}")
        except TimeoutError:
            row = await self._store.settle(row, detail="unclear: no answer in time")
        else:
            row = await self._store.settle(row, order_id=order.id, detail=order.detail)
            if order.state in (OrderState.DONE, OrderState.FAILED):
                return await self._end(desk, row, order)
        return await self._follow(desk, row)

    async def look(self, desk: Inventory[Any], row: StoredNumber) -> StoredNumber | None:
        """Ask once what became of a pending order; None = it came to nothing.

        Raises:
            GatewayError: refused or no answer; nothing changes.
        """
        if row.order_id:
            standing = Order(row.order_id, row.number, OrderState.PENDING, row.detail or "")
            order = await desk.order(standing)
        else:
            # Nobody knows the order: whether the account has the number tells.
            has = any(owned.number == row.number for owned in await desk.owned())
            state = OrderState.BOUGHT if has else OrderState.PENDING
            order = Order("", row.number, state, row.detail or "")
        if order.state is OrderState.BOUGHT:
            return await self.arrived(desk, row)
        if order.state is OrderState.DONE:
            return await self._activate(row, order)
        patience = ABANDONED_MS if row.order_id else LOST_MS
        if order.state is OrderState.FAILED or now_ms() - row.created_at > patience:
            log.warning("order came to nothing", gateway=row.gateway, detail=order.detail)
            await self._forget(row)
            return None
        return row

    async def arrived(self, desk: Inventory[Any], row: StoredNumber) -> StoredNumber:
        """Point the messages of a pending number that the account has at us; then it is active."""
        why = "" if self._addresses.public else "public_base_url is not set"
        try:
            if not why:
                await desk.set_up(row.number, *self._addresses.of(desk.gateway))
        except GatewayError as error:
            why = str(error)
        if why:
            log.warning("number bought, but not set up", gateway=row.gateway, why=why)
            return await self._store.settle(row, detail=f"bought, but not set up: {why}")
        return await self._activate(row, Order("", row.number, OrderState.DONE))

    async def _follow(self, desk: Inventory[Any], row: StoredNumber) -> StoredNumber:
        pause = self._pause
        try:
            async with asyncio.timeout(self._wait):
                while row.state is NumberState.PENDING:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 5.0)
                    row = await self._looked(desk, row)
        except TimeoutError:
            log.info("order still under way", gateway=row.gateway)
        return row

    async def _looked(self, desk: Inventory[Any], row: StoredNumber) -> StoredNumber:
        try:
            found = await self.look(desk, row)
        except GatewayError as error:
            log.info("order cannot be read", gateway=row.gateway, reason=error.reason)
            return row
        if found is None:
            raise _failed(desk, "the order failed")
        return found

    async def _end(self, desk: Inventory[Any], row: StoredNumber, order: Order) -> StoredNumber:
        if order.state is OrderState.DONE:
            return await self._activate(row, order)
        await self._forget(row)
        raise _failed(desk, order.detail or "the order failed")

    async def _activate(self, row: StoredNumber, order: Order) -> StoredNumber:
        log.info("number bought", gateway=row.gateway, tenant=row.tenant)
        return await self._store.settle(
            row,
            state=NumberState.ACTIVE,
            order_id=order.id or row.order_id,
            detail=order.detail or None,
        )

    def _reserve(self, connection: Connection, row: StoredNumber, amount: Decimal) -> None:
        if store.find(connection, row.number) is not None:
            raise ValidationFailed(
                "number: is ours already, or ordered",
                errors=[FieldError("number", "is ours already, or ordered")],
            )
        spending.reserve(
            connection,
            ceiling=self._ceiling,
            amount=amount,
            tenant=row.tenant,
            gateway=row.gateway,
            number=row.number,
            now=row.created_at,
        )
        store.add(connection, row)

    async def _forget(self, row: StoredNumber) -> None:
        def work(connection: Connection) -> None:
            store.remove(connection, row.number)
            spending.give_back(connection, number=row.number, reserved_at=row.created_at)

        await self._store.change(work)


def _failed(desk: Inventory[Any], why: str) -> ProviderError:
    log.info("order failed", gateway=desk.gateway.name, why=why)
    return ProviderError(provider=desk.provider, reason="invalid_request")


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed(f"price: {message}", errors=[FieldError("price", message)])
