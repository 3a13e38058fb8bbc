"""Our numbers: searched, bought, listed, released, taken over from an account, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import structlog

from enum_backend.clock import now_ms
from enum_backend.errors import (
    Forbidden,
    GatewayNotConfigured,
    NotFound,
    ProviderError,
    SmsDisabled,
    ValidationFailed,
)
from enum_backend.gateways.base import GatewayError
from enum_backend.gateways.inventory.base import Inventory, NumberQuery
from enum_backend.numbers import store
from enum_backend.numbers.actor import Actor, Desks, refused
from enum_backend.numbers.loop import LoopCheck, LoopReport
from enum_backend.numbers.offers import Offers, SearchResult
from enum_backend.numbers.purchase import Buyer, Terms, agreed
from enum_backend.numbers.store import NumberState, NumberStore, StoredNumber
from enum_backend.numbers.takeover import Imported, TakeOver

log = structlog.get_logger("enum_backend.numbers")

LOOK_SECONDS = 10.0
"""Longest wait for what became of pending orders, while a list is made."""
ACCOUNT_SECONDS = 120.0
"""Longest wait for all pages of an account's numbers, or for a release."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where providers reach us, empty = not set; never from a request.

    Attributes:
        public, failover: scheme, host and path, without a slash at the end.
    """

    public: str
    failover: str = ""

    def webhook(self, provider: str, gateway: str) -> str:
        """The address for a bought number's messages."""
        return f"{self.public}{_path(provider, gateway)}"

    def failover_webhook(self, provider: str, gateway: str) -> str:
        """The second one, empty if there is none."""
        return f"{self.failover}{_path(provider, gateway)}" if self.failover else ""


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
        self._takeover = TakeOver(numbers, offers)

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
        webhook = self._addresses.webhook(provider, name)
        failover = self._addresses.failover_webhook(provider, name)
        return await self._buyer.buy(desk, row, amount, lambda: desk.buy(number, webhook, failover))

    async def ours(self, actor: Actor) -> list[StoredNumber]:
        """The caller's numbers: of the table, and of the gateways' settings.

        Pending orders are asked for first, within `LOOK_SECONDS`.
        """
        rows = [row for row in await self.store.all() if actor.may_touch(row.tenant)]
        pending = [row for row in rows if row.state is NumberState.PENDING]
        if pending:
            await asyncio.gather(*(self._look(row) for row in pending))
            rows = [row for row in await self.store.all() if actor.may_touch(row.tenant)]
        stored = {row.number for row in rows}
        return rows + [row for row in self._configured(actor) if row.number not in stored]

    async def release(self, actor: Actor, number: str) -> StoredNumber:
        """Give a bought or imported number back to its provider.

        Raises:
            SmsDisabled: the server is not in live mode.
            NotFound: it is not the caller's.
            ValidationFailed, ProviderError: refused; the number is still ours.
        """
        self._require_live()
        row = await self._own(actor, number)
        desk = self._desks.named(row.gateway, Actor(row.tenant, actor.is_admin))
        try:
            async with asyncio.timeout(ACCOUNT_SECONDS):
                await desk.release(number)
        except GatewayError as error:
            raise refused(desk.gateway, error) from None
        except TimeoutError:
            raise _late(desk) from None
        await self.store.change(lambda connection: store.remove(connection, number))
        log.info("number released", gateway=row.gateway, tenant=row.tenant)
        return row

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
                return await self._loop.run(number, row.gateway, row.tenant)
        raise NotFound("This is not one of your numbers.")

    async def _own(self, actor: Actor, number: str) -> StoredNumber:
        row = await self.store.find(number)
        if row is None or not actor.may_touch(row.tenant):
            raise NotFound("This is not one of your bought or imported numbers.")
        return row

    async def _look(self, row: StoredNumber) -> None:
        try:
            desk = self._desks.named(row.gateway, Actor(row.tenant))
            async with asyncio.timeout(LOOK_SECONDS):
                await self._buyer.look(desk, row)
        except (GatewayError, GatewayNotConfigured, TimeoutError) as error:
            log.info("order cannot be read", gateway=row.gateway, error=type(error).__name__)

    def _configured(self, actor: Actor) -> list[StoredNumber]:
        rows: Mapping[str, StoredNumber] = {
            number: StoredNumber(
                number=number,
                gateway=gateway.name,
                provider=gateway.provider,
                tenant=gateway.options.tenant or actor.tenant,
                state=NumberState.ACTIVE,
                source="settings",
            )
            for gateway in self._desks.registry
            if gateway.options.tenant in ("", actor.tenant) or actor.is_admin
            for number in (gateway.options.sender, *gateway.options.numbers)
            if number.startswith("+")
        }
        return list(rows.values())

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


def _path(provider: str, gateway: str) -> str:
    return f"/sms/webhook/{quote(provider, safe='')}/{quote(gateway, safe='')}"


def _late(desk: Inventory[Any]) -> ProviderError:
    return ProviderError(provider=desk.provider, reason="temporary_unavailable")
