"""Giving a number back: asked for once, followed until the account has it no more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import structlog

from enum_backend.clock import now_ms
from enum_backend.gateways.base import GatewayError
from enum_backend.gateways.inventory.base import Inventory, Order, OrderState
from enum_backend.numbers import store
from enum_backend.numbers.actor import refused
from enum_backend.numbers.store import NumberState, NumberStore, StoredNumber

log = structlog.get_logger("enum_backend.numbers")

RELEASE_SECONDS = 120.0
"""Longest wait for a provider to take a release."""
KEPT_MS = 24 * 3600 * 1000
"""After this a number that is still in the account counts as not released."""


class Releaser:
    """Releases numbers of ours."""

    def __init__(self, numbers: NumberStore) -> None:
        self._store = numbers

    async def release(self, desk: Inventory[Any], row: StoredNumber) -> StoredNumber:
        """Give a number back.

        Returns:
            The number, `released`; or `releasing` while the provider's order is under way
            or nobody knows whether it was taken: see `look`.

        Raises:
            ValidationFailed, ProviderError: refused; the number is still ours.
        """
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                order = await desk.release(row.number)
        except GatewayError as error:
            if not error.ambiguous:
                raise refused(desk.gateway, error) from None
            order = Order("", row.number, OrderState.PENDING, f"unclear: {error.detail}")
        except TimeoutError:
            order = Order("", row.number, OrderState.PENDING, "unclear: no answer in time")
        if order is None:
            return await self._gone(row)
        log.info("number is being released", gateway=row.gateway, tenant=row.tenant)
        return await self._store.settle(
            row,
            state=NumberState.RELEASING,
            order_id=order.id or None,
            detail=order.detail or None,
        )

    async def look(self, desk: Inventory[Any], row: StoredNumber) -> StoredNumber:
        """Ask once how a release stands; one that failed leaves the number `active`.

        Raises:
            GatewayError: refused or no answer; nothing changes.
        """
        standing = Order(row.order_id or "", row.number, OrderState.PENDING, row.detail or "")
        order = await desk.released(standing)
        if order.state is OrderState.DONE:
            return await self._gone(row)
        late = now_ms() - row.updated_at > KEPT_MS and not row.order_id
        if order.state is not OrderState.FAILED and not late:
            return row
        why = f"not released: {order.detail}" if order.detail else "not released"
        log.warning("number not released", gateway=row.gateway, detail=order.detail)
        return await self._store.settle(row, state=NumberState.ACTIVE, order_id=None, detail=why)

    async def _gone(self, row: StoredNumber) -> StoredNumber:
        await self._store.change(lambda connection: store.remove(connection, row.number))
        log.info("number released", gateway=row.gateway, tenant=row.tenant)
        return replace(row, state=NumberState.RELEASED)
