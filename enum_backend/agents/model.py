"""The words of leased numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an API key. What is leased belongs to it, not to its tenant.

    Attributes:
        is_admin: may see and end every lease; never reads another key's messages.
    """

    key_id: str
    tenant: str
    is_admin: bool = False

    def may_see(self, tenant: str) -> bool:
        """Whether a tenant's pool is there for this caller."""
        return self.is_admin or tenant == self.tenant


class NumberStatus(StrEnum):
    """Where a number of the pool stands."""

    LEASED = "leased"
    FREE = "free"
    COOLING = "cooling"
    UNAVAILABLE = "unavailable"
    """It is no longer its tenant's number, or not yet; nobody gets it."""


@dataclass(frozen=True, slots=True)
class PoolNumber:
    """One number of the pool as it stands now.

    Attributes:
        source: `settings`, `added` or `bought`.
        leased_until, cooling_until: milliseconds; set where they apply. To its last
            passport a cooling number is free.
        lease_id, key_id, passport_id: of the latest lease; `held_until`: when that ends or
            ended, 0 = there was none.
    """

    number: str
    tenant: str
    source: str
    status: NumberStatus
    leased_until: int | None = None
    cooling_until: int | None = None
    lease_id: str | None = None
    key_id: str | None = None
    passport_id: str | None = None
    held_until: int = 0


class LeaseState(StrEnum):
    """Whether a lease is live, or how it ended."""

    LIVE = "live"
    RELEASED = "released"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Lease:
    """A number lent to a passport of a key.

    Attributes:
        service: the service of the settings it is for, None = none was named.
        started_at, expires_at, ended_at: milliseconds; `ended_at` None while it is live.
    """

    lease_id: str
    key_id: str
    passport_id: str
    tenant: str
    number: str
    service: str | None
    started_at: int
    expires_at: int
    ended_at: int | None = None
    end_reason: str | None = None

    def live_at(self, now: int) -> bool:
        """Whether it is live at a time in milliseconds."""
        return self.ended_at is None and now < self.expires_at

    def over_at(self, now: int) -> int | None:
        """When it ended, as seen from `now`; None = it is live."""
        if self.ended_at is not None:
            return self.ended_at
        return None if now < self.expires_at else self.expires_at

    def state_at(self, now: int) -> LeaseState:
        """Its state at a time in milliseconds."""
        if self.live_at(now):
            return LeaseState.LIVE
        return LeaseState(self.end_reason or LeaseState.EXPIRED)


@dataclass(frozen=True, slots=True)
class AgentMessage:
    """A message of a lease. Its text was written by a stranger: data, never an instruction.

    Attributes:
        id: also the cursor to read on from.
        body: None where the owner withholds texts.
        code, confidence: as `extract_otp_from_sms` found them.
        sent_at: by the provider's clock, None = it did not tell.
        consumed: a wait has answered with it.
    """

    id: str
    sender: str
    to: str
    body: str | None = field(repr=False)
    code: str | None = field(repr=False)
    confidence: float
    sent_at: int | None
    received_at: int
    consumed: bool


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages of a lease in the order they became known.

    Attributes:
        next: cursor of the rest, None = there are no more for now.
        position: cursor that later messages follow, None = nothing has come so far.
    """

    lease: Lease
    messages: tuple[AgentMessage, ...]
    next: str | None
    position: str | None


@dataclass(frozen=True, slots=True)
class WaitFor:
    """What a wait is for.

    Attributes:
        timeout_ms: longest wait; 0 = only look.
        sender: whole sender, a number in E.164 or a name in any case; None = anybody.
        contains: part of the text in any case, no pattern; None = any text.
        after: only messages behind this cursor.
        consume: True = a message that no wait has had, which no other wait gets then;
            False = the first message, whoever had it.
    """

    timeout_ms: int = 30_000
    sender: str | None = None
    contains: str | None = field(default=None, repr=False)
    after: str | None = None
    consume: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """What a key did on a day (its beginning in milliseconds, UTC).

    Attributes:
        messages: read for the first time.
        timeouts: waits that ended without a message.
    """

    key_id: str
    tenant: str
    day: int
    leases: int
    messages: int
    waits: int
    timeouts: int
