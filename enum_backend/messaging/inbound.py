"""The words of inbound messages: what a provider handed over, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import Connection

from enum_backend.gateways.base import Gateway
from enum_backend.gateways.webhooks.base import InboundSms
from enum_backend.messaging.owners import Claims, Owner

RECEIVED: Final = "message.received"
"""The event that deliveries and streams tell of."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, or a part of one, on its way into the inbox.

    Attributes:
        gateway, provider: names of whose call it came with, proven.
        account: the gateway itself; None when it is no longer configured.
        claims: what the records say about its destination.
        incomplete: it was put together without parts that never came.
    """

    gateway: str
    provider: str
    account: Gateway | None
    sms: InboundSms
    claims: Claims
    incomplete: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Equal for repeats of the same message."""
        return self.gateway, self.sms.dedupe_key


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an arrival.

    Attributes:
        inbox_id: None for a part whose message is not complete yet.
        is_new: False for a repeat and for such a part; nothing may be handed on then.
        owner: None unless `is_new`.
        targets: how many deliveries it got.
    """

    inbox_id: str | None
    is_new: bool
    foreign_number: bool = False
    owner: Owner | None = None
    targets: int = 0


@dataclass(frozen=True, slots=True)
class StoredInbound:
    """A new message as those who follow the inbox see it.

    Attributes:
        tenant: its owner; None = nobody's, for good.
        sender: `+E.164`, or a name or short code.
        to: `+E.164` of ours.
        opt_out: what the provider's own opt-out handling did.
        is_shared: other tenants may send from `to`, too.
        sent_at, received_at: milliseconds.
    """

    inbox_id: str
    tenant: str | None
    gateway: str
    provider: str
    sender: str
    to: str
    text: str = field(repr=False)
    opt_out: Literal["stop", "start", "help"] | None = None
    sent_at: int | None = None
    received_at: int = 0
    is_shared: bool = False


OnStored = Callable[[Connection, StoredInbound, int], None]
"""Called with each new message, once, and the time in milliseconds, inside the transaction
that stores it or finds its owner. It may run again after a conflict, so it changes nothing
but the database."""
