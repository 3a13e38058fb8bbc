"""A whole messaging stack on a temporary database, with gateways that do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import select, update

from enum_backend.errors import EnumBackendError
from enum_backend.gateways.base import (
    Capabilities,
    Cost,
    Gateway,
    OutboundSms,
    ProviderStatus,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.messaging.accepting import AcceptRules, accept_many
from enum_backend.messaging.dispatcher import Dispatcher
from enum_backend.messaging.gateways import GatewayPool, Mode
from enum_backend.messaging.model import Client, SendRequest
from enum_backend.messaging.policy.sticky import StickySenders
from enum_backend.messaging.routing import Router
from enum_backend.messaging.service import MessageService
from enum_backend.settings.models import DispatchSettings, LimitSettings, PrefixRoute
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import attempts, outbox
from nvs.directory import Directory
from nvs.errors import NvsUnavailable
from nvs.sources import MemorySource
from nvs.trust import TrustPolicy

TO = "+14155550134"
OTHER = "+14155550135"
CANARY = "canary 918273"

Step = BaseException | SendResult | Callable[[OutboundSms], Awaitable[SendResult]]


class Scripted(Gateway):
    """Accepts what it gets, unless the next steps of `script` say otherwise."""

    provider = "scripted"
    required = ("from",)

    def __init__(self, name: str, script: list[Step] | None = None, **options: Any) -> None:
        super().__init__(name, **{"from": "+15550100001", **options})
        self.script = list(script or [])
        self.sent: list[OutboundSms] = []
        self.known: StatusResult | BaseException | None = None
        self.asked: list[str] = []

    async def send(self, sms: OutboundSms) -> SendResult:
        self.sent.append(sms)
        step = self.script.pop(0) if self.script else None
        if isinstance(step, BaseException):
            raise step
        if callable(step):
            return await step(sms)
        return step or SendResult(ProviderStatus.QUEUED, f"{self.name}-{len(self.sent)}")

    async def status(self, provider_message_id: str) -> StatusResult:
        self.asked.append(provider_message_id)
        return StatusResult(ProviderStatus.DELIVERED)

    async def find(self, message_id: str) -> StatusResult | None:
        self.asked.append(message_id)
        if isinstance(self.known, BaseException):
            raise self.known
        return self.known


class Findable(Scripted):
    """The same with a look-up by our own id."""

    provider = "findable"
    capabilities: ClassVar[Capabilities] = Capabilities(lookup_by_own_id=True, status_query=True)


class DownSource(MemorySource):
    """Knows nothing while `down`."""

    down = False

    async def read(self, digits: str) -> Any:
        if self.down:
            raise NvsUnavailable("the node is not reachable")
        return await super().read(digits)


@dataclass
class World:
    """Everything a test touches."""

    database: Database
    sealer: Sealer
    path: Path
    source: DownSource = field(default_factory=DownSource)
    policy: TrustPolicy = field(default_factory=TrustPolicy)
    registry: GatewayRegistry = field(default_factory=GatewayRegistry)
    mode: Mode = "live"
    default: tuple[str, ...] = ()
    disabled_because: str = ""
    fallback: bool = True
    prefixes: tuple[PrefixRoute, ...] = ()
    sticky: bool | None = None
    limits: LimitSettings = field(
        default_factory=lambda: LimitSettings(
            per_recipient_hour=0, per_recipient_day=0, daily_cost=Decimal(0)
        )
    )
    dispatch: DispatchSettings = field(
        default_factory=lambda: DispatchSettings(backoff=0.01, concurrency=4)
    )
    test_numbers: tuple[str, ...] = ()
    simulator: SimulatorGateway = field(default_factory=SimulatorGateway)
    outcomes: list[tuple[str, str, str]] = field(default_factory=list)

    def gateway(self, name: str, *script: Step, kind: type[Scripted] = Scripted, **o: Any) -> Any:
        made = kind(name, list(script), **o)
        self.registry.add(name, made)
        return made

    @property
    def pool(self) -> GatewayPool:
        return GatewayPool(
            self.mode, self.registry, self.simulator, self.default, self.disabled_because
        )

    @property
    def router(self) -> Router:
        directory = Directory(self.source, self.policy)
        return Router(
            directory,
            self.pool,
            fallback=self.fallback,
            prefixes=self.prefixes,
            sticky=self.sticky,
            known=StickySenders(self.database, 86400.0),
        )

    @property
    def service(self) -> MessageService:
        return MessageService(
            self.database,
            self.sealer,
            self.router,
            self.pool,
            rules=AcceptRules(self.limits),
            dispatch=self.dispatch,
            test_numbers=self.test_numbers,
        )

    def dispatcher(self, *, alone: bool = True) -> Dispatcher:
        return Dispatcher(
            self.database,
            self.sealer,
            self.pool,
            self.dispatch,
            alone=alone,
            on_outcome=lambda *told: self.outcomes.append(told),
        )

    async def send(self, **changes: Any) -> str:
        return (await self.service.send(request(**changes))).message_id

    async def row(self, message_id: str) -> Any:
        query = select(outbox).where(outbox.c.message_id == message_id)
        return await self.database.read(lambda c: c.execute(query).one())

    async def rows(self) -> list[Any]:
        return await self.database.read(lambda c: list(c.execute(select(outbox))))

    async def tries(self, message_id: str) -> list[Any]:
        query = select(attempts).where(attempts.c.message_id == message_id)
        query = query.order_by(attempts.c.number)
        return await self.database.read(lambda c: list(c.execute(query)))

    async def change(self, message_id: str, **values: Any) -> None:
        query = update(outbox).where(outbox.c.message_id == message_id).values(**values)
        await self.database.write(lambda c: c.execute(query).rowcount)

    async def settled(self, message_id: str, *states: str, seconds: float = 3.0) -> Any:
        """Wait until the message is in one of the states."""
        async with asyncio.timeout(seconds):
            while (row := await self.row(message_id)).state not in states:
                await asyncio.sleep(0.01)
        return row


def request(**changes: Any) -> SendRequest:
    values = {"to": TO, "text": CANARY, "client": Client("key:k1", "default", 0), **changes}
    return SendRequest(**values)


async def accept(
    world: World, limits: LimitSettings, now: int, price: str | None = None, **changes: Any
) -> Any:
    """Accept one message as if it were `now`; its refusal is raised."""
    (result,) = await accept_all(world, limits, now, [changes], price)
    if isinstance(result, EnumBackendError):
        raise result
    return result


async def accept_all(
    world: World,
    limits: LimitSettings,
    now: int,
    wanted: list[dict[str, Any]],
    price: str | None = None,
) -> list[Any]:
    """Accept messages in one transaction."""
    drafts = []
    for changes in wanted:
        asked = request(**changes)
        route = await world.router.choose(asked)
        service = world.service
        draft = service._draft(asked, route, service._request_hash(asked))
        drafts.append(replace(draft, estimate=Cost(Decimal(price))) if price else draft)
    rules = AcceptRules(limits)
    return await world.database.write(lambda c: accept_many(c, drafts, rules, now))
