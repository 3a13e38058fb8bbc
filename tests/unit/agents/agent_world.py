"""Leased numbers with a clock of their own, on a database, without a server."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from enum_backend import clock as clock_module
from enum_backend.agents.journal import AgentJournal
from enum_backend.agents.metrics import AgentMetrics
from enum_backend.agents.model import Caller
from enum_backend.agents.ownership import Ownership
from enum_backend.agents.provisioning import Provisioner
from enum_backend.agents.service import AgentService
from enum_backend.agents.simulation import Simulation
from enum_backend.audit.model import AuditEvent
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.gateways.webhooks.base import InboundSms
from enum_backend.messaging.gateways import GatewayPool, Mode
from enum_backend.messaging.inbound import Arrival, Stored
from enum_backend.messaging.intake import Intake
from enum_backend.messaging.owners import Claims
from enum_backend.settings.agents import AgentSettings
from enum_backend.settings.deliveries import DeliverySettings
from enum_backend.storage import Database, Sealer

ONE, TWO, THREE = "+15550100001", "+15550100002", "+15550100003"
SENDER = "+15557654321"
START = 1_800_000_000_000
HOUR, DAY = 3_600_000, 86_400_000
ALICE, BOB = Caller("key_alice", "default"), Caller("key_bob", "default")
ADMIN = Caller("key_admin", "default", is_admin=True)

_keys = itertools.count()


class Clock:
    """What `now_ms` tells; stands still unless it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        fake = SimpleNamespace(time_ns=lambda: self.now * 1_000_000)
        monkeypatch.setattr(clock_module, "time", fake)

    def pass_(self, milliseconds: int) -> None:
        self.now += milliseconds


class AgentWorld:
    """The service, and whatever comes in.

    Attributes:
        audited: what was recorded, as (type, metadata).
    """

    def __init__(
        self,
        database: Database,
        *,
        numbers: Sequence[str] = (ONE, TWO),
        provisioner: Provisioner | None = None,
        registry: GatewayRegistry | None = None,
        simulation: bool = True,
        sealer: Sealer | None = None,
        **settings: Any,
    ) -> None:
        self.database = database
        self.sealer = sealer or Sealer(bytes(32))
        self.numbers = dict.fromkeys(numbers, "default")
        self.audited: list[tuple[str, dict[str, Any]]] = []
        self.registry = registry or GatewayRegistry()
        self.metrics = AgentMetrics(CollectorRegistry())
        self.journal = AgentJournal(self._audit)
        mode: Mode = "simulation" if simulation else "live"
        pool = GatewayPool(mode, self.registry, SimulatorGateway())
        self.agents = AgentService(
            database,
            self.sealer,
            AgentSettings(**settings),
            ownership=Ownership(self.registry, simulation=simulation),
            simulation=Simulation(pool, None),  # type: ignore[arg-type]
            metrics=self.metrics,
            journal=self.journal,
            provisioner=provisioner,
            keep_ms=90 * DAY,
        )
        self._intake = Intake(self.sealer, DeliverySettings())

    def _audit(self, connection: object, event: AuditEvent) -> None:
        self.audited.append((event.event_type, dict(event.metadata)))

    async def seeded(self) -> AgentWorld:
        await self.agents.desk.seed(self.numbers)
        return self

    @asynccontextmanager
    async def awake(self) -> AsyncIterator[AgentWorld]:
        """With waits woken."""
        self.agents.room.start()
        try:
            yield self
        finally:
            self.agents.close()
            await self.agents.room.stop()

    async def arrive(
        self,
        to: str,
        text: str = "Your code is 482913",
        *,
        sender: str = SENDER,
        key: str | None = None,
        content_key: str | None = None,
        sent_at: int | None = None,
        tenant: str = "",
        now: int | None = None,
        incomplete: bool = False,
        part: Any = None,
    ) -> Stored:
        """A message comes in, and whoever waits hears of it; times in milliseconds."""
        sms = InboundSms(
            dedupe_key=key or f"m-{next(_keys)}",
            sender=sender,
            to=to,
            text=text,
            content_key=content_key,
            sent_at=None if sent_at is None else sent_at / 1000,
            part=part,
        )
        gateway = SimulatorGateway("simulator", numbers=(to,), tenant=tenant)
        arrival = Arrival("simulator", "simulator", gateway, sms, Claims(), incomplete=incomplete)
        at = clock_module.now_ms() if now is None else now
        (stored,) = await self.database.write(lambda c: self._intake.store(c, [arrival], at))
        self.agents.notify()
        return stored

    async def texts(self, caller: Caller, lease_id: str, **options: Any) -> list[str | None]:
        page = await self.agents.messages(caller, lease_id, **options)
        return [message.body for message in page.messages]
