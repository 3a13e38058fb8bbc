"""The words of deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How a message reaches its owner."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    SMS = "sms"


class State(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"


class Why(StrEnum):
    """Why a delivery failed, or was not made."""

    NO_ANSWER = "no_answer"
    NAME_NOT_FOUND = "name_not_found"
    ADDRESS_REFUSED = "address_refused"
    TLS_REFUSED = "tls_refused"
    REDIRECT = "redirect"
    BAD_STATUS = "bad_status"
    GONE = "gone"
    UNUSABLE_ADDRESS = "unusable_address"
    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_REMOVED = "endpoint_removed"
    MAIL_NOT_SET = "mail_not_set"
    MAIL_REFUSED = "mail_refused"
    LIMIT = "limit"
    RESTING = "resting"
    """Its target keeps failing and is left alone for a while."""
    LOOP = "loop"
    NOT_SENT = "not_sent"
    UNREADABLE = "unreadable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message is to go.

    Attributes:
        key: an endpoint's id, or what stands for the address in its place.
        address: URL, mail address or number; None for an endpoint, which is looked up
            at each attempt.
    """

    kind: Kind
    key: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """The inbound message that a delivery hands over.

    Attributes:
        received_at: milliseconds.
        incomplete: parts of it never came.
    """

    inbox_id: str
    sender: str
    to: str
    text: str = field(repr=False)
    provider: str = ""
    gateway: str = ""
    received_at: int = 0
    incomplete: bool = False
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process works on.

    Attributes:
        message: None when its text cannot be opened, or it is gone.
        own_text: a text of our own, sent from `sender`; None = the message.
        address, failover_url: where to; None = the endpoint is gone.
        secrets: what its webhooks are signed with, the valid one first.
        trusted: the operator's settings name the address.
        refused: why it cannot be delivered at all.
        attempts: made so far, this one included.
    """

    id: int
    delivery_id: str
    tenant: str
    kind: Kind
    target: str
    inbox_id: str
    message: Message | None
    address: str | None = None
    failover_url: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    trusted: bool = False
    sender: str | None = None
    own_text: str | None = field(default=None, repr=False)
    refused: Why | None = None
    attempts: int = 1
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt.

    Attributes:
        why: None = delivered.
        final: no repeat can help.
        skip: it was not to be made; not a failure.
        status: HTTP or SMTP status, if there was one.
        retry_after: seconds the other side asked us to wait.
        broken: the other side itself is in trouble, whatever is sent.
    """

    why: Why | None = None
    final: bool = False
    skip: bool = False
    status: int | None = None
    retry_after: float | None = None
    broken: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the other side has it."""
        return self.why is None
