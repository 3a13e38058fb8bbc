"""A provider's webhook: proven first, over the raw octets, then read into events.

One file per provider subclasses `Webhook`. It never touches storage: what it
returns is normalised, and what it raises says whose fault it is, because several
providers never repeat a call that was answered with 4xx.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

from enum_backend.gateways.base import Cost, Gateway, ProviderStatus, Reason

G = TypeVar("G", bound=Gateway)


class WebhookError(Exception):
    """A webhook call that is not taken; never raised itself."""

    status = 500


class Forged(WebhookError):
    """The call is not proven to come from the provider: 401, nothing changes.

    The text is for our log; it never holds the signature or the key.
    """

    status = 401


class Malformed(WebhookError):
    """Proven, but not what the provider documents: 422, kept in the log by type only."""

    status = 422


class NotReady(WebhookError):
    """We cannot judge the call now (no key set, storage away): 503, so that it is repeated."""

    status = 503


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One call as it arrived.

    Attributes:
        method: `POST` or `GET`.
        url: the configured public base URL plus the raw path and query of the
            request, undecoded; what the provider signed. Never made from `Host`.
        headers: names in lower case; the last of equal names.
        body: raw octets.
        received_at: seconds since 1970.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: float = field(default_factory=time.time)

    @property
    def query(self) -> list[tuple[str, str]]:
        """Query parameters in order, blank ones included."""
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def form(self) -> list[tuple[str, str]]:
        """Form fields in order, blank ones included; empty for bodies that are no form.

        Raises:
            Malformed: not UTF-8, or too many fields.
        """
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return []
        try:
            return parse_qsl(
                self.body.decode("utf-8"),
                keep_blank_values=True,
                max_num_fields=200,
                errors="strict",
            )
        except ValueError as error:
            raise Malformed(f"form: {type(error).__name__}") from None


@dataclass(frozen=True, slots=True)
class SmsPart:
    """Which part of a long message this is, for providers that leave the joining to us.

    Attributes:
        reference: the sender's, equal for the parts of one message; networks use
            it again soon, so it says nothing beyond some hours.
        number: from 1 to `total`.
    """

    reference: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class InboundSms:
    """An SMS somebody sent to one of our numbers.

    Attributes:
        dedupe_key: equal for repeats of the same message by this provider.
        provider_message_id: the provider's id, None where it has none.
        sender: `+E.164`, or a name or short code as the network gives it.
        to: `+E.164` of ours; normalised, as providers differ about the `+`.
        sent_at: seconds since 1970 by the provider's clock, None if unknown.
        content_key: for providers that change ids on a repeat: equal content,
            sender, receiver and time; None elsewhere.
        opt_out: what the provider's own opt-out handling did.
        part: set if this is a part of a longer message (see `parts.joined`).
    """

    dedupe_key: str
    sender: str
    to: str
    text: str = field(repr=False)
    provider_message_id: str | None = None
    sent_at: float | None = None
    segments: int | None = None
    media: tuple[str, ...] = ()
    content_key: str | None = None
    opt_out: Literal["stop", "start", "help"] | None = None
    part: SmsPart | None = None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a message we sent.

    Attributes:
        dedupe_key: equal for repeats of the same report.
        provider_message_id: the id that `send` returned.
        own_id: our message id where the provider hands it back.
        final: False while more reports are to come.
    """

    dedupe_key: str
    provider_message_id: str
    status: ProviderStatus
    final: bool = True
    own_id: str | None = None
    reason: Reason | None = None
    provider_code: str | None = None
    cost: Cost | None = None
    segments: int | None = None
    occurred_at: float | None = None
    one_part: bool = False


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event we know nothing to do with; answered 2xx and counted by its kind."""

    kind: str


Event = InboundSms | DeliveryReport | Ignored


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """The answer a provider expects; some read the body."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain"


class NonceStore(ABC):
    """Remembers nonces of providers whose signature does not cover the body."""

    @abstractmethod
    async def first_use(self, gateway: str, nonce: str, body_hash: str, keep: float) -> bool:
        """Whether the nonce is new, or comes again with the same body (a provider's repeat).

        Args:
            keep: seconds to remember it.
        """


class Webhook(ABC, Generic[G]):
    """One provider's webhook for one gateway.

    Args:
        gateway: whose secrets prove a call, and whose numbers it may speak of.
        nonces: for providers that sign a nonce.
        clock: seconds since 1970.
    """

    provider: ClassVar[str]
    challenge: ClassVar[str] = ""
    """`WWW-Authenticate` of a 401, for providers that show credentials only when asked."""
    replay_window: ClassVar[float] = 300.0
    """Seconds a signed time may differ from ours, where the provider signs one."""

    def __init__(self, gateway: G, nonces: NonceStore | None = None) -> None:
        self.gateway = gateway
        self.nonces = nonces

    @abstractmethod
    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Numbers, accounts or devices the unproven call speaks of, to find its gateway.

        Only used to choose whose key to try first; proves nothing. Never raises.
        """

    @abstractmethod
    async def verify(self, request: WebhookRequest) -> None:
        """Prove that the call comes from this gateway's account.

        Constant-time comparison; two valid secrets during a rotation.

        Raises:
            Forged: it does not, or its signed time is outside the window.
            NotReady: no key is configured.
        """

    @abstractmethod
    def parse(self, request: WebhookRequest) -> list[Event]:
        """The events of a proven call.

        Raises:
            Malformed: not what the provider documents.
        """

    def answer(self, events: Sequence[Event]) -> WebhookAnswer:
        """What the provider wants to read after the events are stored."""
        del events
        return WebhookAnswer()
