"""The words of messaging: a request to send, who asks, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from enum_backend.gateways.base import Cost
from enum_backend.numbers.currency import USD, to_usd


class MessageKind(StrEnum):
    """What a message is for; statistics and templates go by it."""

    MESSAGE = "message"
    CODE = "code"
    ADMIN = "admin"
    FORWARD = "forward"
    REPLY = "reply"
    CHECK = "check"


class MessageState(StrEnum):
    """Where an outbound message stands."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    DISPATCHING = "dispatching"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


PENDING = frozenset({MessageState.SCHEDULED, MessageState.QUEUED, MessageState.DISPATCHING})
"""States in which a message may still be handed to a provider."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks us to send.

    Attributes:
        id: `key:KEY_ID` or `shim:TOKEN_ID`; limits and idempotency go by it.
        per_minute: its own ceiling, 0 = none.
        per_hour, per_day: the same; only shims have them.
        daily_cost: what it may spend in 24 hours, US dollars; None = no ceiling of its own.
        limit_name: what its ceiling is called in settings.
        senders: the only numbers and names it may send from; empty = any of its tenant's.
    """

    id: str
    tenant: str
    per_minute: int
    daily_cost: Decimal | None = None
    senders: tuple[str, ...] = ()
    limit_name: str = "per_client_minute"
    per_hour: int = 0
    per_day: int = 0


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One SMS to accept.

    Attributes:
        to: `+E.164`, normalised.
        sender: the number or name to send from, if the caller names one.
        gateway: the gateway the caller insists on.
        is_code: holds a login or validation code: it goes to the number itself,
            never to where a record points, lives shortly, and its text is
            erased at the final state.
        erase_text: the text is erased at the final state; always so for codes.
        template, verification_id: the text is made of them when the message leaves, and
            never stored; `text` is only measured.
        about: what its caller means by it, for the record of its route.
        send_at: milliseconds; not handed to a provider before it. None = now.
        transliterate: replace the characters that alone force UCS-2; None = as set.
        repeat_window: seconds in which the same text from the same client to the
            same number is one message; for callers that have no idempotency key.
    """

    to: str
    text: str = field(repr=False)
    client: Client = field(default=Client("key:local", "default", 0))
    sender: str | None = None
    gateway: str | None = None
    client_reference: str | None = None
    idempotency_key: str | None = None
    skip_rate_limit: bool = False
    is_code: bool = False
    kind: MessageKind = MessageKind.MESSAGE
    erase_text: bool = False
    template: str | None = None
    verification_id: str | None = None
    about: str = ""
    send_at: int | None = None
    transliterate: bool | None = None
    repeat_window: float = 0.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that is stored; `repeated` = it had been accepted before."""

    message_id: str
    status: MessageState
    provider: str | None
    gateway: str
    segments: int
    encoding: str
    cost: Cost | None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One request to a provider, as shown to the caller."""

    number: int
    gateway: str
    provider: str
    outcome: str
    reason: str | None
    provider_code: str | None
    provider_message_id: str | None
    detail: str | None
    cost: Cost | None
    started_at: int
    finished_at: int | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message without its text."""

    message_id: str
    status: MessageState
    to: str
    destination: str
    sender: str | None
    provider: str | None
    gateway: str
    segments: int
    encoding: str
    cost: Cost | None
    reason: str | None
    provider_code: str | None
    client_reference: str | None
    created_at: int
    updated_at: int
    attempts: tuple[AttemptView, ...] = ()


def to_micros(cost: Cost | None) -> tuple[int | None, str | None]:
    """Money as it is stored: millionths of a US dollar, rounded half even, and `USD`.

    Nothing is stored of what cannot be a message's price (NaN, less than zero, a
    million), or is in a currency without a rate.
    """
    if cost is None or not cost.amount.is_finite():
        return None, None
    dollars = cost.amount if cost.currency == USD else to_usd(cost)
    return (None, None) if dollars is None else _micros(dollars)


@lru_cache(maxsize=1024)
def _micros(dollars: Decimal) -> tuple[int | None, str | None]:
    if not 0 <= dollars < 1_000_000:
        return None, None
    return int((dollars * 1_000_000).to_integral_value()), USD


def from_micros(micros: int | None, currency: str | None) -> Cost | None:
    """The inverse of `to_micros`."""
    if micros is None:
        return None
    return Cost(Decimal(micros) / 1_000_000, currency or "USD")


def cost_json(cost: Cost | None) -> dict[str, Any] | None:
    """Money as every interface shows it: `{"amount": "0.0040", "currency": "USD"}`."""
    if cost is None:
        return None
    return {"amount": f"{cost.amount:.4f}", "currency": cost.currency}
