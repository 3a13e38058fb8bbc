"""Numbers over gateways that sell what a test says, on a temporary database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from sqlalchemy import insert, select

from enum_backend.gateways.base import Cost, Gateway, OutboundSms, SendResult
from enum_backend.gateways.inventory.base import (
    AvailableNumber,
    Inventory,
    LineLookup,
    LineReport,
    LineType,
    NumberQuery,
    Order,
    OrderState,
    OwnedNumber,
)
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.numbers import inventory as inventory_module
from enum_backend.numbers import offers as offers_module
from enum_backend.numbers import release as release_module
from enum_backend.numbers.actor import Actor, Desks
from enum_backend.numbers.addresses import Addresses
from enum_backend.numbers.inventory import NumberInventory
from enum_backend.numbers.loop import LoopCheck
from enum_backend.numbers.offers import Offers
from enum_backend.numbers.prices import PriceList, ProviderPrices
from enum_backend.numbers.purchase import Buyer
from enum_backend.numbers.store import NumberStore
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import inbox, spend

NUMBER = "+14155550101"
OTHER = "+14155550102"
US = Actor("default", is_admin=True)
ACME = Actor("acme")
SMS = frozenset({"sms"})

PRICES = PriceList(
    date(2026, 11, 21),
    "USD",
    {"shop": ProviderPrices(source="x", number_month=Decimal("2.00"), setup=Decimal("0.50"))},
)

Step = BaseException | OrderState | Callable[[], Awaitable[Any]]


class Shop(Gateway):
    """An account at a provider that sells numbers.

    Attributes:
        on_sale, has: what `search` and `owned` find, or raise.
        buying, looking: what happens to the next orders and to looks at them;
            afterwards they are done.
        releasing, released: the same for releases; the order of one that is `pending`
            is looked at with `released`.
        setting_up: what happens to the next set-ups.
    """

    provider = "shop"
    required = ("from",)

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **{"from": "+15550100001", **options})
        self.on_sale: list[AvailableNumber] | BaseException = [AvailableNumber(NUMBER, SMS)]
        self.has: list[OwnedNumber] | BaseException = []
        self.buying: list[Step] = []
        self.looking: list[Step] = []
        self.releasing: list[Step] = []
        self.released: list[Step] = []
        self.setting_up: list[Step] = []
        self.calls: list[tuple[Any, ...]] = []

    async def send(self, sms: OutboundSms) -> SendResult:
        raise NotImplementedError


class ShopInventory(Inventory[Shop]):
    """Does what its gateway says."""

    provider: ClassVar[str] = "shop"

    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        self.gateway.calls.append(("search", query))
        return _given(self.gateway.on_sale)

    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        self.gateway.calls.append(("buy", number, webhook_url, failover_url))
        return Order("order-1", number, await _step(self.gateway.buying))

    async def order(self, order: Order) -> Order:
        self.gateway.calls.append(("order", order.id))
        return Order(order.id, order.number, await _step(self.gateway.looking), order.detail)

    async def owned(self) -> list[OwnedNumber]:
        self.gateway.calls.append(("owned",))
        return _given(self.gateway.has)

    async def set_up(self, number: str, webhook_url: str, failover_url: str = "") -> None:
        self.gateway.calls.append(("set up", number, webhook_url, failover_url))
        await _step(self.gateway.setting_up)

    async def release(self, number: str) -> Order | None:
        self.gateway.calls.append(("release", number))
        state = await _step(self.gateway.releasing)
        return None if state is OrderState.DONE else Order("release-1", number, state)

    async def released(self, order: Order) -> Order:
        self.gateway.calls.append(("released", order.id))
        if not order.id:
            return await super().released(order)
        return Order(order.id, order.number, await _step(self.gateway.released), order.detail)


class ShopLookup(LineLookup[Shop]):
    """Says what its class says."""

    provider: ClassVar[str] = "shop"
    answers: ClassVar[dict[str, LineType | BaseException]] = {}
    asked: ClassVar[list[str]] = []
    costs: ClassVar[dict[str, Cost]] = {}

    async def look_up(self, number: str) -> LineReport:
        self.asked.append(self.gateway.name)
        answer = self.answers.get(self.gateway.name, LineType.UNKNOWN)
        if isinstance(answer, BaseException):
            raise answer
        cost = self.costs.get(self.gateway.name)
        return LineReport(number, answer, carrier="Carrier", cost=cost)


async def _step(script: list[Step]) -> OrderState:
    step = script.pop(0) if script else OrderState.DONE
    if isinstance(step, BaseException):
        raise step
    if callable(step):
        return await step()
    return step


def _given(value: Any) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


@dataclass
class Echo:
    """A messenger whose messages come back at once, unless told otherwise."""

    database: Database
    sealer: Sealer
    comes_back: bool = True
    becomes: str = "sent"
    broken: bool = False
    sent: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def send(self, number: str, gateway: str, tenant: str, text: str) -> str:
        self.sent.append((number, gateway, tenant, text))
        if self.comes_back:
            await self._arrive(number, gateway, text)
        return "msg_1"

    async def state(self, message_id: str, tenant: str) -> str:
        assert (message_id, tenant) == ("msg_1", self.sent[-1][2])
        return self.becomes

    async def _arrive(self, number: str, gateway: str, text: str) -> None:
        body = b"broken" if self.broken else self.sealer.seal(text, "in_1")
        row = {
            "inbox_id": "in_1",
            "gateway": gateway,
            "provider": "shop",
            "dedupe_key": "1",
            "sender": number,
            "to_number": number,
            "body": body,
            "media": "[]",
            "received_at": 4_000_000_000_000,
        }
        await self.database.write(lambda c: c.execute(insert(inbox).values(**row)).rowcount)


@dataclass
class NumbersWorld:
    """Everything a test touches."""

    database: Database
    sealer: Sealer
    registry: GatewayRegistry = field(default_factory=GatewayRegistry)
    prices: PriceList = PRICES
    ceiling: Decimal = Decimal(0)
    addresses: Addresses = field(
        default_factory=lambda: Addresses("https://sms.example.org", "https://two.example.org")
    )
    live: bool = True
    wait: float = 0.5

    def __post_init__(self) -> None:
        self.store = NumberStore(self.database, self.registry)
        self.offers = Offers(self.prices)
        self.echo = Echo(self.database, self.sealer)

    def shop(self, name: str = "shop", **options: Any) -> Shop:
        made = Shop(name, **options)
        self.registry.add(name, made)
        return made

    @property
    def desks(self) -> Desks:
        return Desks(self.registry, {"shop": ShopInventory})

    @property
    def inventory(self) -> NumberInventory:
        return NumberInventory(
            self.desks,
            self.store,
            self.offers,
            Buyer(self.store, self.addresses, ceiling=self.ceiling, wait=self.wait, pause=0.01),
            LoopCheck(self.database, self.sealer, self.echo, wait=0.2, pause=0.01),
            addresses=self.addresses,
            live=self.live,
        )

    async def spent(self) -> list[Decimal]:
        query = select(spend.c.cost_micros)
        rows = await self.database.read(lambda c: c.execute(query).scalars().all())
        return [Decimal(row) / 1_000_000 for row in rows]


def stalls(world: NumbersWorld, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let methods of the shop's inventory never answer."""

    async def stall(*_: object) -> None:
        await asyncio.sleep(30)

    for name in names:
        monkeypatch.setattr(ShopInventory, name, stall)
    for limit in ("LOOK_SECONDS", "ACCOUNT_SECONDS"):
        monkeypatch.setattr(inventory_module, limit, 0.05)
    monkeypatch.setattr(offers_module, "SEARCH_SECONDS", 0.05)
    monkeypatch.setattr(release_module, "RELEASE_SECONDS", 0.05)


def dollars(amount: str, currency: str = "USD") -> Cost:
    return Cost(Decimal(amount), currency)
