"""A provider's call, from the raw request to what is stored.

A valid signature proves one gateway, and only that gateway's numbers and
message ids are then accepted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog
from sqlalchemy import Connection, delete, insert, select

from enum_backend.clock import now_ms
from enum_backend.errors import NotFound
from enum_backend.gateways.base import Gateway
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Event,
    Forged,
    InboundSms,
    NonceStore,
    NotReady,
    Webhook,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.messaging import reports
from enum_backend.messaging.batches import Batcher
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.inbound import Arrival, Stored
from enum_backend.messaging.intake import Intake, log_stored
from enum_backend.messaging.owners import RecordClaims
from enum_backend.storage import Database
from enum_backend.storage.tables import nonces

log = structlog.get_logger("enum_backend.webhooks")

OnEvent = Callable[[str, str, str], None]
"""Called with (gateway, provider, kind) for metrics."""

AfterCommit = Callable[[str, Sequence[Stored]], None]
"""Called with the gateway's name and what became of its messages; must not block."""


class DatabaseNonces(NonceStore):
    """Nonces in the database, so that a restart does not open the window again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first_use(self, gateway: str, nonce: str, body_hash: str, keep: float) -> bool:
        """See `NonceStore`."""

        def work(connection: Connection) -> bool:
            now = now_ms()
            connection.execute(delete(nonces).where(nonces.c.expires_at < now))
            seen = connection.execute(
                select(nonces.c.body_hash).where(
                    nonces.c.gateway == gateway, nonces.c.nonce == nonce
                )
            ).scalar()
            if seen is not None:
                return bool(seen == body_hash)
            connection.execute(
                insert(nonces).values(
                    gateway=gateway,
                    nonce=nonce,
                    body_hash=body_hash,
                    expires_at=now + math.ceil(keep * 1000),
                )
            )
            return True

        return await self._database.write(work)


@dataclass(frozen=True, slots=True)
class _Proven:
    webhook: Webhook[Gateway]
    gateway: Gateway


@dataclass(frozen=True, slots=True)
class _Told:
    """What one call told."""

    gateway: str
    arrivals: Sequence[Arrival]
    reports: Sequence[DeliveryReport]


class WebhookService:
    """Takes providers' calls.

    Args:
        kinds: provider -> its webhook class.
        on_event: called per event after the commit.
        after_commit: wakes those who deliver and follow.
    """

    def __init__(
        self,
        database: Database,
        pool: GatewayPool,
        kinds: Mapping[str, type[Webhook[Gateway]]],
        intake: Intake,
        claims: RecordClaims,
        *,
        on_event: OnEvent = lambda gateway, provider, kind: None,
        after_commit: AfterCommit = lambda gateway, stored: None,
    ) -> None:
        self._pool = pool
        self._kinds = kinds
        self._intake = intake
        self._claims = claims
        self._nonces = DatabaseNonces(database)
        self._storing: Batcher[_Told, list[Stored]] = Batcher(database, self._store_many)
        self._on_event = on_event
        self._after_commit = after_commit

    async def take(
        self, provider: str, gateway_name: str | None, request: WebhookRequest
    ) -> WebhookAnswer:
        """Prove, read and store one call; returns what the provider wants to read.

        Raises:
            NotFound: no such provider or gateway.
            WebhookError: forged, malformed or not ready; nothing is stored.
            DatabaseUnavailable: nothing is stored; the provider will repeat.
        """
        proven = await self._prove(provider, gateway_name, request)
        events = proven.webhook.parse(request)
        await self.hand_in(proven.gateway, events)
        return proven.webhook.answer(events)

    def challenge(self, provider: str) -> str:
        """`WWW-Authenticate` for a call that is not proven, where the provider wants one."""
        kind = self._kinds.get(provider)
        return kind.challenge if kind is not None else ""

    async def _prove(
        self, provider: str, gateway_name: str | None, request: WebhookRequest
    ) -> _Proven:
        candidates = self._candidates(provider, gateway_name, request)
        unready: NotReady | None = None
        for candidate in candidates:
            try:
                await candidate.webhook.verify(request)
            except Forged as error:
                log.debug("not of this gateway", gateway=candidate.gateway.name, why=str(error))
            except NotReady as error:
                unready = error
            else:
                return candidate
        if unready is not None:
            raise unready
        log.warning("webhook refused", provider=provider, gateway=gateway_name)
        raise Forged("The call is not proven to come from the provider.")

    def _candidates(
        self, provider: str, gateway_name: str | None, request: WebhookRequest
    ) -> list[_Proven]:
        """The gateways to try, those the call itself speaks of first."""
        kind = self._kinds.get(provider)
        gateways = [
            gateway
            for gateway in self._pool.registry
            if gateway.provider == provider and gateway_name in (None, gateway.name)
        ]
        if kind is None or not gateways:
            raise NotFound("There is no such webhook.")
        candidates = [_Proven(kind(gateway, self._nonces), gateway) for gateway in gateways]
        if len(candidates) == 1:
            return candidates
        return sorted(candidates, key=lambda item: _distance(item, request))

    async def hand_in(self, gateway: Gateway, events: Sequence[Event]) -> list[Stored]:
        """Store what a gateway is proven to have told; what became of its messages.

        Raises:
            DatabaseUnavailable: nothing is stored.
        """
        arrivals = [
            Arrival(
                gateway=gateway.name,
                provider=gateway.provider,
                account=gateway,
                sms=event,
                claims=await self._claims.of(event.to),
            )
            for event in events
            if isinstance(event, InboundSms)
        ]
        reported = [event for event in events if isinstance(event, DeliveryReport)]
        stored: list[Stored] = []
        if arrivals or reported:
            stored = await self._storing.put(_Told(gateway.name, arrivals, reported))
            log_stored(stored)
            self._after_commit(gateway.name, stored)
        for event in events:
            self._on_event(gateway.name, gateway.provider, type(event).__name__)
        return stored

    def _store_many(self, connection: Connection, told: Sequence[_Told]) -> list[list[Stored]]:
        now = now_ms()
        stored = iter(
            self._intake.store(
                connection, [arrival for item in told for arrival in item.arrivals], now
            )
        )
        for item in told:
            for report in item.reports:
                reports.store(connection, item.gateway, report, now)
        return [list(islice(stored, len(item.arrivals))) for item in told]


def _distance(candidate: _Proven, request: WebhookRequest) -> int:
    """0 = the call speaks of the gateway's number, 1 = only of its account, 2 = of neither.

    Gateways can share an account, and with it what proves a call; numbers they do not.
    """
    gateway = candidate.gateway
    claims = candidate.webhook.claims(request)
    if any(gateway.owns(claim) for claim in claims):
        return 0
    return 1 if any(gateway.has_account(claim) for claim in claims) else 2
