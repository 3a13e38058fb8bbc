"""Our numbers: searched, bought, listed, released, taken over from an account, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import structlog

from enum_backend.clock import now_ms
from enum_backend.errors import (
    CredentialsMissing,
    Forbidden,
    GatewayNotConfigured,
    NotFound,
    ProviderError,
    SmsDisabled,
    ValidationFailed,
)
from enum_backend.gateways.base import GatewayError
from enum_backend.gateways.inventory.base import Inventory, NumberQuery
from enum_backend.numbers.actor import Actor, Desks, refused
from enum_backend.numbers.addresses import Addresses
from enum_backend.numbers.loop import LoopCheck, LoopReport
from enum_backend.numbers.offers import Offers, SearchResult
from enum_backend.numbers.purchase import Buyer, Terms, agreed
from enum_backend.numbers.release import Releaser
from enum_backend.numbers.store import NumberState, NumberStore, StoredNumber
from enum_backend.numbers.takeover import Imported, TakeOver

log = structlog.get_logger("enum_backend.numbers")

LOOK_SECONDS = 10.0
"""Longest wait for what became of one order."""
ACCOUNT_SECONDS = 120.0
"""Longest wait for all pages of an account's numbers."""


class NumberInventory:
    """What can be done about our numbers, for whoever may do it.

    Args:
        live: whether the server sends for real; otherwise nothing is bought,
            released or checked.
    """

    def __init__(
        self,
        desks: Desks,
        numbers: NumberStore,
        offers: Offers,
        buyer: Buyer,
        loop: LoopCheck,
        *,
        addresses: Addresses,
        live: bool,
    ) -> None:
        self.store = numbers
        self._desks = desks
        self._offers = offers
        self._buyer = buyer
        self._loop = loop
        self._addresses = addresses
        self._live = live
        self._releaser = Releaser(numbers)
        self._takeover = TakeOver(numbers, offers, buyer.arrived)

    async def search(
        self, actor: Actor, query: NumberQuery, gateway: str | None = None
    ) -> SearchResult:
        """Numbers on sale, at one gateway or at all that sell any.

        Raises:
            GatewayNotConfigured, CredentialsMissing: the named gateway, or any, cannot be used.
            ValidationFailed, ProviderError: the named gateway refused.
        """
        return await search(self._desks, self._offers, actor, query, gateway)

    async def buy(
        self,
        actor: Actor,
        number: str,
        *,
        gateway: str | None = None,
        price: Decimal | None = None,
        yes: bool = False,
    ) -> StoredNumber:
        """Buy `+E.164` and point its messages at us.

        Args:
            gateway: may be left out where only one sells numbers.
            price: the most to pay at once, US dollars: first month and set-up.
            yes: accept the price, whatever it is.

        Raises:
            SmsDisabled: the server is not in live mode.
            GatewayNotConfigured: no such gateway; or `public_base_url` is not set.
            ValidationFailed: the price is not confirmed; or refused.
            CostLimitExceeded, ProviderError: nothing was bought.
        """
        self._require_live()
        desk = self._desks.named(gateway, actor) if gateway else self._desks.only(actor)
        name, provider = desk.gateway.name, desk.provider
        if not self._addresses.public:
            raise GatewayNotConfigured(
                "public_base_url is not set: messages to a bought number could not reach us."
            )
        terms = Terms(*self._offers.price(desk, number))
        amount = agreed(terms, price=price, yes=yes)
        row = StoredNumber(
            number=number,
            gateway=name,
            provider=provider,
            tenant=desk.gateway.options.tenant or actor.tenant,
            state=NumberState.PENDING,
            source="bought",
            features=frozenset({"sms"}),
            monthly=terms.monthly,
            created_at=now_ms(),
        )
        return await self._buyer.buy(desk, row, amount)

    async def ours(self, actor: Actor) -> list[StoredNumber]:
        """The caller's numbers: of the table, and of the gateways' settings.

        Those of shared gateways that are bound to nobody are everybody's: they have no tenant.
        What is under way is asked for first, within `LOOK_SECONDS`.
        """
        waiting = [row for row in await self.waiting() if actor.may_touch(row.tenant)]
        await asyncio.gather(*(self.look(row) for row in waiting))
        rows = [row for row in await self.store.all() if actor.may_touch(row.tenant)]
        stored = {row.number for row in rows}
        return rows + [row for row in self._configured(actor) if row.number not in stored]

    async def waiting(self) -> list[StoredNumber]:
        """Numbers that are ordered or being given back; none unless the server sends for real."""
        if not self._live:
            return []
        return [row for row in await self.store.all() if row.state is not NumberState.ACTIVE]

    async def look(self, row: StoredNumber) -> None:
        """Ask a provider how an order stands, within `LOOK_SECONDS`; trouble is only logged."""
        try:
            desk = self._desks.named(row.gateway, Actor(row.tenant))
            async with asyncio.timeout(LOOK_SECONDS):
                if row.state is NumberState.RELEASING:
                    await self._releaser.look(desk, row)
                else:
                    await self._buyer.look(desk, row)
        except (GatewayError, GatewayNotConfigured, CredentialsMissing, TimeoutError) as error:
            log.info("order cannot be read", gateway=row.gateway, error=type(error).__name__)

    async def release(self, actor: Actor, number: str) -> StoredNumber:
        """Give a bought or imported number back to its provider.

        Returns:
            The number, `released`; `releasing` while the provider's order is under way.

        Raises:
            SmsDisabled: the server is not in live mode.
            NotFound: it is not the caller's.
            ValidationFailed, ProviderError: refused; the number is still ours.
        """
        self._require_live()
        row = await self._own(actor, number)
        desk = self._desks.named(row.gateway, Actor(row.tenant, actor.is_admin))
        if row.state is not NumberState.RELEASING:
            return await self._releaser.release(desk, row)
        await self.look(row)
        return await self.store.find(number) or replace(row, state=NumberState.RELEASED)

    async def import_account(
        self, actor: Actor, gateway: str | None = None, tenant: str | None = None
    ) -> Imported:
        """Take the numbers of an account into our table.

        Args:
            tenant: whose they become: the gateway's, else the caller's.

        Raises:
            Forbidden: a shared gateway's numbers, or another tenant, without scope admin.
            GatewayNotConfigured, CredentialsMissing, ValidationFailed, ProviderError
        """
        desk = self._desks.named(gateway, actor) if gateway else self._desks.only(actor)
        owner = desk.gateway.options.tenant
        wanted = tenant or owner or actor.tenant
        if not actor.is_admin and (not owner or wanted != owner):
            raise Forbidden("Importing the numbers of a shared gateway needs the scope admin.")
        if owner and wanted != owner:
            raise ValidationFailed(f"tenant: gateway {desk.gateway.name} belongs to {owner}")
        try:
            async with asyncio.timeout(ACCOUNT_SECONDS):
                owned = await desk.owned()
        except GatewayError as error:
            raise refused(desk.gateway, error) from None
        except TimeoutError:
            raise _late(desk) from None
        return await self._takeover.run(desk, wanted, owned)

    async def check_loop(self, actor: Actor, number: str) -> LoopReport:
        """Send a message from a number to itself and wait for it; a paid message.

        Raises:
            SmsDisabled: the server is not in live mode.
            NotFound: it is not the caller's, or still pending.
            EnumBackendError: the message was not accepted.
        """
        self._require_live()
        for row in await self.ours(actor):
            if row.number == number and row.state is NumberState.ACTIVE:
                return await self._loop.run(number, row.gateway, row.tenant or actor.tenant)
        raise NotFound("This is not one of your numbers.")

    async def _own(self, actor: Actor, number: str) -> StoredNumber:
        row = await self.store.find(number)
        if row is None or not actor.may_touch(row.tenant):
            raise NotFound("This is not one of your bought or imported numbers.")
        return row

    def _configured(self, actor: Actor) -> list[StoredNumber]:
        rows: Mapping[str, StoredNumber] = {
            number: StoredNumber(
                number=number,
                gateway=gateway.name,
                provider=gateway.provider,
                tenant=gateway.bindings.get(number) or gateway.options.tenant,
                state=NumberState.ACTIVE,
                source="settings",
            )
            for gateway in self._desks.registry
            if gateway.options.tenant in ("", actor.tenant) or actor.is_admin
            for number in (gateway.options.sender, *gateway.options.numbers)
            if number.startswith("+")
        }
        return [row for row in rows.values() if not row.tenant or actor.may_touch(row.tenant)]

    def _require_live(self) -> None:
        if not self._live:
            raise SmsDisabled("Numbers are bought, released and checked in live mode only.")


async def search(
    desks: Desks, offers: Offers, actor: Actor, query: NumberQuery, gateway: str | None
) -> SearchResult:
    """See `NumberInventory.search`; needs neither database nor server."""
    if gateway is None:
        able = desks.all(actor)
        if not able:
            raise GatewayNotConfigured("No configured gateway sells numbers.")
        return await offers.search(able, query)
    desk = desks.named(gateway, actor)
    try:
        return SearchResult(await offers.one(desk, query), ())
    except GatewayError as error:
        raise refused(desk.gateway, error) from None
    except TimeoutError:
        raise _late(desk) from None


def _late(desk: Inventory[Any]) -> ProviderError:
    return ProviderError(provider=desk.provider, reason="temporary_unavailable")
