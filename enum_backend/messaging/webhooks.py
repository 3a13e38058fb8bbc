"""A provider's call, from the raw request to what is stored.

A valid signature proves one gateway, and only that gateway's numbers and
message ids are then accepted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, delete, insert, select

from enum_backend.clock import now_ms
from enum_backend.errors import NotFound
from enum_backend.gateways.base import Gateway
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Event,
    Forged,
    Ignored,
    InboundSms,
    NonceStore,
    NotReady,
    Webhook,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.messaging import inbox, reports
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import nonces

log = structlog.get_logger("enum_backend.webhooks")

OnEvent = Callable[[str, str, str], None]
"""Called with (gateway, provider, kind) for metrics."""


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


class WebhookService:
    """Takes providers' calls.

    Args:
        kinds: provider -> its webhook class.
        on_event: called per event after the commit.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        pool: GatewayPool,
        kinds: Mapping[str, type[Webhook[Gateway]]],
        *,
        on_event: OnEvent = lambda gateway, provider, kind: None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._pool = pool
        self._kinds = kinds
        self._nonces = DatabaseNonces(database)
        self._on_event = on_event

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
        await self._store(proven.gateway, events)
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
        return sorted(candidates, key=lambda item: not _speaks_of(item, request))

    async def _store(self, gateway: Gateway, events: Sequence[Event]) -> None:
        def work(connection: Connection) -> None:
            for event in events:
                self._store_event(connection, gateway, event, now_ms())

        if any(not isinstance(event, Ignored) for event in events):
            await self._database.write(work)
        for event in events:
            self._on_event(gateway.name, gateway.provider, type(event).__name__)

    def _store_event(
        self, connection: Connection, gateway: Gateway, event: Event, now: int
    ) -> None:
        match event:
            case InboundSms():
                foreign = not gateway.owns(event.to)
                stored = inbox.store(
                    connection,
                    gateway=gateway.name,
                    provider=gateway.provider,
                    sms=event,
                    body=lambda inbox_id: self._sealer.seal(event.text, inbox_id),
                    foreign_number=foreign,
                    now=now,
                )
                if foreign and stored.is_new:
                    log.warning("message to a number that is not the gateway's", id=stored.inbox_id)
            case DeliveryReport():
                reports.store(connection, gateway.name, event, now)
            case Ignored():
                pass


def _speaks_of(candidate: _Proven, request: WebhookRequest) -> bool:
    gateway = candidate.gateway
    claims = candidate.webhook.claims(request)
    return any(gateway.owns(claim) or gateway.has_account(claim) for claim in claims)
