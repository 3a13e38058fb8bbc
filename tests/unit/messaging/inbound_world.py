"""An inbox with its owners and deliveries, on the databases of the other messaging tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update

from enum_backend.gateways.webhooks.base import InboundSms, SmsPart
from enum_backend.messaging.deliveries import endpoints, queue
from enum_backend.messaging.deliveries.endpoints import Endpoint
from enum_backend.messaging.deliveries.model import Kind
from enum_backend.messaging.inbound import Arrival, OnStored, Stored, StoredInbound
from enum_backend.messaging.intake import Intake
from enum_backend.messaging.owners import RecordClaims
from enum_backend.settings.deliveries import DeliverySettings
from enum_backend.storage.tables import bindings, deliveries, inbox, inbox_parts, tenants
from nvs.directory import Directory
from nvs.number_record import TrustLevel
from nvs.trust import Owner, TrustPolicy
from tests.unit.messaging.messaging_world import DownSource, World

OURS, SECOND, FOREIGN = "+15550100001", "+15550100002", "+15550100009"
SENDER = "+15557654321"
TEXT = "canary 5531"
NOW = 1_000_000
ADDRESS = {"acme": "EAcme", "other": "EOther", "default": "EDefault"}
POLICY = TrustPolicy(
    owners=tuple(Owner(address, tenant, ("+1",)) for tenant, address in ADDRESS.items()),
    require_signer="never",
)


def sms(key: str = "m-1", **changes: Any) -> InboundSms:
    values = {"dedupe_key": key, "sender": SENDER, "to": OURS, "text": TEXT, **changes}
    return InboundSms(**values)


def part(number: int, total: int, reference: str = "7", **changes: Any) -> InboundSms:
    key = changes.pop("key", f"{reference}-{number}")
    text = changes.pop("text", f"<{number}>")
    return sms(key, text=text, part=SmsPart(reference, number, total), **changes)


@dataclass
class InboundWorld:
    """Everything a test touches."""

    world: World
    settings: DeliverySettings = field(default_factory=DeliverySettings)
    source: DownSource = field(default_factory=lambda: DownSource(trust=TrustLevel.UNTRUSTED))
    seen: list[StoredInbound] = field(default_factory=list)
    followers: list[OnStored] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    """Tenants of `ADDRESS` that there are not."""

    def __post_init__(self) -> None:
        self.claims = RecordClaims(Directory(self.source, POLICY))
        self.followers.append(lambda _connection, message, _now: self.seen.append(message))

    @property
    def database(self) -> Any:
        return self.world.database

    @property
    def intake(self) -> Intake:
        return Intake(self.world.sealer, self.settings, self.followers)

    def claim(self, tenant: str, number: str = OURS, own: str = "14155550001", **sms: Any) -> None:
        """A record of a tenant's whose SMS goes to a number of ours."""
        value = {"sms": {"provider": "telnyx", "number": number, **sms}}
        self.source.put(f"enum:{own}:0", value, ADDRESS.get(tenant, tenant))

    async def make_tenants(self) -> None:
        """Those that the records of tests are of; what there is already stays."""
        row = {"title": "", "source": "api", "created_at": 1}

        def work(connection: Any) -> None:
            known = set(connection.execute(select(tenants.c.name)).scalars())
            wanted = [name for name in ADDRESS if name not in known | self.missing]
            if wanted:
                connection.execute(insert(tenants), [{"name": name, **row} for name in wanted])

        await self.database.write(work)

    async def bind(self, tenant: str, number: str = OURS) -> None:
        row = {"number": number, "tenant": tenant, "proof": "admin", "created_by": "key:k"}
        await self.database.write(
            lambda c: c.execute(insert(bindings).values(**row, created_at=1)).rowcount
        )

    async def endpoint(self, tenant: str, address: str, kind: Kind = Kind.WEBHOOK, **o: Any) -> str:
        made = Endpoint(endpoints.new_id(), tenant, kind, address, **o)
        secret = "whsec_" + "A" * 32 if kind is Kind.WEBHOOK else None
        await self.database.write(lambda c: endpoints.add(c, self.world.sealer, made, secret, NOW))
        return made.id

    async def arrive(
        self, *messages: InboundSms, gateway: str = "office", now: int = NOW
    ) -> list[Stored]:
        await self.make_tenants()
        account = self.world.registry.get(gateway)
        arrivals = [
            Arrival(gateway, "scripted", account, message, await self.claims.of(message.to))
            for message in messages
        ]
        intake = self.intake
        return await self.database.write(lambda c: intake.store(c, arrivals, now))

    async def one(self, message: InboundSms | None = None, **options: Any) -> Stored:
        (stored,) = await self.arrive(message or sms(), **options)
        return stored

    async def rows(self) -> Sequence[Any]:
        return await self._all(inbox)

    async def parts(self) -> Sequence[Any]:
        return await self._all(inbox_parts)

    async def deliveries(self) -> Sequence[Any]:
        return await self._all(deliveries)

    async def delivery(self) -> Any:
        (row,) = await self.deliveries()
        return row

    async def change(self, **values: Any) -> None:
        """Of every delivery."""
        await self.database.write(lambda c: c.execute(update(deliveries).values(values)).rowcount)

    async def settled(self, *states: str, seconds: float = 5.0) -> Sequence[Any]:
        """Wait until every delivery is in one of the states."""
        async with asyncio.timeout(seconds):
            while True:
                rows = await self.deliveries()
                if all(row.state in states for row in rows):
                    return rows
                await asyncio.sleep(0.01)

    async def add_targets(
        self, *targets: Any, tenant: str = "default", now: int = NOW, key: str = "m-1"
    ) -> None:
        """Deliveries of a new message, besides those of its owner."""
        stored = await self.one(sms(key))
        handover = queue.Handover(stored.inbox_id or "", tenant, targets)
        await self.database.write(
            lambda c: queue.add_many(c, [handover], now=now, validity_ms=queue.DAY_MS)
        )

    def text(self, row: Any) -> str:
        return self.world.sealer.open(row.body, row.inbox_id)

    async def _all(self, table: Any) -> Sequence[Any]:
        return await self.database.read(
            lambda c: c.execute(select(table).order_by(table.c.id)).all()
        )
