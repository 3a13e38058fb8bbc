"""Messages that come in without a provider, in simulation mode only.

They take the way of a provider's call from where it is proven: stored once, delivered to
their owner, seen by whoever waits.
"""

from __future__ import annotations

import secrets

from enum_backend.errors import DatabaseUnavailable, Forbidden
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.gateways.webhooks.base import InboundSms
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.messaging.webhooks import WebhookService

SENDER = "+15005550006"
"""Who writes where nobody else is named."""


class Simulation:
    """Lets messages come in."""

    def __init__(self, gateways: GatewayPool, webhooks: WebhookService) -> None:
        self._gateways = gateways
        self._webhooks = webhooks

    @property
    def on(self) -> bool:
        """Whether the server simulates."""
        return self._gateways.mode == "simulation"

    def require(self) -> None:
        """Stop here unless the server simulates.

        Raises:
            Forbidden
        """
        if not self.on:
            raise Forbidden("Messages can be simulated in simulation mode only.")

    async def receive(
        self, *, to: str, tenant: str, text: str, sender: str | None, sent_at: int | None
    ) -> str:
        """A message to a tenant's number; returns its id.

        Args:
            to: `+E.164`.
            sent_at: milliseconds by the provider's clock, None = it does not tell.
        """
        gateway = self._gateways.registry.owner_of(to) or SimulatorGateway(
            SIMULATOR, numbers=(to,), tenant=tenant
        )
        unique = f"simulated-{secrets.token_hex(12)}"
        sms = InboundSms(
            dedupe_key=unique,
            provider_message_id=unique,
            sender=sender or SENDER,
            to=to,
            text=text,
            sent_at=None if sent_at is None else sent_at / 1000,
        )
        (stored,) = await self._webhooks.hand_in(gateway, [sms])
        if stored.inbox_id is None:
            raise DatabaseUnavailable
        return stored.inbox_id
