"""What a gateway is: one configured account at one SMS provider.

A provider is one file beside this one that subclasses `Gateway`, declares its
settings and capabilities on the class, and sends. Everything a caller sees is
normalised here, so that routing and the dispatcher know no provider.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import SecretStr, ValidationError

from enum_backend.gateways.options import (
    Credential,
    GatewayOptions,
    GatewayOptionsError,
    options_errors,
)
from enum_backend.unicode_text import is_unicode

__all__ = [
    "FAIL_OVER",
    "RETRY_SAME_GATEWAY",
    "Capabilities",
    "Cost",
    "Credential",
    "Gateway",
    "GatewayError",
    "GatewayOptions",
    "GatewayOptionsError",
    "OutboundSms",
    "ProviderStatus",
    "Reason",
    "SendResult",
    "StatusResult",
]


class Reason(StrEnum):
    """Why a provider refused or lost a message, in one vocabulary for all of them."""

    INVALID_REQUEST = "invalid_request"
    INVALID_NUMBER = "invalid_number"
    INVALID_SENDER = "invalid_sender"
    UNVERIFIED = "unverified"
    FORBIDDEN = "forbidden"
    OPTED_OUT = "opted_out"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    AUTH_FAILED = "auth_failed"
    RATE_LIMITED = "rate_limited"
    CARRIER_REJECTED = "carrier_rejected"
    UNREACHABLE = "unreachable"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    TEMPORARY_UNAVAILABLE = "temporary_unavailable"
    UNKNOWN = "unknown"


RETRY_SAME_GATEWAY = frozenset({Reason.RATE_LIMITED, Reason.TEMPORARY_UNAVAILABLE})
"""Reasons after which the same gateway is tried again, later."""

FAIL_OVER = frozenset(
    {
        Reason.INVALID_SENDER,
        Reason.UNVERIFIED,
        Reason.FORBIDDEN,
        Reason.INSUFFICIENT_FUNDS,
        Reason.AUTH_FAILED,
        Reason.RATE_LIMITED,
        Reason.TEMPORARY_UNAVAILABLE,
    }
)
"""Reasons after which the next gateway of the chain may be tried."""


class ProviderStatus(StrEnum):
    """How far the provider says a message got."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Cost:
    """Money as decimal text would print it, with its ISO 4217 currency."""

    amount: Decimal
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class OutboundSms:
    """One SMS as a gateway gets it.

    Attributes:
        message_id: our id (`msg_...`), the idempotency key where one exists.
        to: `+E.164`.
        text: the whole text, any number of segments.
        sender: one of the gateway's own numbers, None for its default.
    """

    message_id: str
    to: str
    text: str = field(repr=False)
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """What an accepted message looks like at the provider."""

    status: ProviderStatus
    provider_message_id: str | None = None
    segments: int | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class StatusResult:
    """What the provider says of an earlier message."""

    status: ProviderStatus
    reason: Reason | None = None
    provider_code: str | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; declared on the class, rendered into the docs.

    Attributes:
        idempotency: `key` = a header makes repeats safe for current stacks,
            `own_id` = the provider refuses our message id the second time.
        lookup_by_own_id: an ambiguous send can be looked up by our id.
        max_characters: longest text the provider takes, None for no limit.
    """

    idempotency: Literal["none", "key", "own_id"] = "none"
    lookup_by_own_id: bool = False
    status_query: bool = False
    delivery_reports: bool = False
    inbound: bool = False
    numbers: bool = False
    line_type: bool = False
    balance: bool = False
    max_characters: int | None = None


class GatewayError(Exception):
    """The provider did not take the message, or nobody knows whether it did.

    Attributes:
        reason: normalised word.
        provider_code: the provider's own code, text.
        detail: for the operator; never holds secrets, numbers or message text.
        retry_after: seconds the provider asked us to wait.
        ambiguous: the request was written and no answer came: the SMS may have
            been sent, so it must not be repeated blindly.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        provider_code: str | None = None,
        retry_after: float | None = None,
        ambiguous: bool = False,
    ) -> None:
        self.reason = reason
        self.detail = detail
        self.provider_code = provider_code
        self.retry_after = retry_after
        self.ambiguous = ambiguous
        code = f" {provider_code}" if provider_code else ""
        super().__init__(f"{reason}{code}: {detail}" if detail else f"{reason}{code}")


class Gateway(ABC):
    """One configured account at a provider.

    To add a provider: subclass, set `provider`, `Options`, `required` and
    `capabilities`, implement `send`, and register it in `gateways/providers.py`
    (docs/how-to/add-a-gateway.md).

    Args:
        name: the gateway's name in settings; the provider's by default.
        options: keys of `Options` (`sender=` or `**{"from": ...}`).

    Raises:
        GatewayOptionsError: a key is unknown or its value wrong.
    """

    provider: ClassVar[str]
    Options: ClassVar[type[GatewayOptions]] = GatewayOptions
    required: ClassVar[tuple[str, ...]] = ()
    """Settings keys (as written in the file) without which nothing can be sent."""
    capabilities: ClassVar[Capabilities] = Capabilities()
    credential_formats: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """What credentials look like: settings key -> (pattern, how to say it without the value)."""

    def __init__(self, name: str | None = None, **options: Any) -> None:
        self.name = name or self.provider
        try:
            self.options = self.Options.model_validate(options)
        except ValidationError as error:
            raise GatewayOptionsError(self.name, options_errors(error, self.Options)) from None
        self._looked_at: tuple[GatewayOptions, bool] | None = None
        self.bindings: Mapping[str, str] = {}
        """Numbers of this gateway that belong to one tenant -> that tenant."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"

    def missing(self) -> list[str]:
        """Names of required settings that are empty; none = usable."""
        names = _names(self.Options)
        return [
            key for key in self.required if not _text(getattr(self.options, names.get(key, ""), ""))
        ]

    @property
    def usable(self) -> bool:
        """Whether nothing is `missing`; looked up once for the same settings."""
        if self._looked_at is None or self._looked_at[0] is not self.options:
            self._looked_at = self.options, not self.missing()
        return self._looked_at[1]

    def owns(self, number: str) -> bool:
        """Whether `+E.164` is one of this gateway's own numbers."""
        listed = (self.options.sender, *self.options.numbers)
        return bool(number) and (number in listed or number in self.bindings)

    def check(self, sms: OutboundSms) -> None:
        """Refuse, before anything is written, what cannot be sent; `send` calls it first.

        Raises:
            GatewayError: settings are missing (`auth_failed`), or the text is
                empty, too long for the provider, or no Unicode text: half of a
                surrogate pair has no UTF-8 form (`invalid_request`).
        """
        if not self.usable and (
            lacks := [key for key in self.missing() if not (key == "from" and sms.sender)]
        ):
            raise GatewayError(Reason.AUTH_FAILED, f"settings lack {', '.join(lacks)}")
        if not sms.text:
            raise GatewayError(Reason.INVALID_REQUEST, "the text is empty")
        if not is_unicode(sms.text):
            raise GatewayError(Reason.INVALID_REQUEST, "the text holds half of a surrogate pair")
        limit = self.capabilities.max_characters
        if limit is not None and len(sms.text) > limit:
            raise GatewayError(Reason.INVALID_REQUEST, f"the text is longer than {limit}")

    def has_account(self, account: str) -> bool:
        """Whether `account` is what the provider calls this account or one of its devices."""
        del account
        return False

    @abstractmethod
    async def send(self, sms: OutboundSms) -> SendResult:
        """Hand one SMS to the provider.

        Raises:
            GatewayError: refused, failed, or ambiguous (see there).
        """

    async def status(self, provider_message_id: str) -> StatusResult:
        """Ask the provider how far a message got.

        Raises:
            NotImplementedError: `capabilities.status_query` is False.
            GatewayError: the query failed; says nothing about the message.
        """
        raise NotImplementedError(f"{self.provider} has no status query")

    async def find(self, message_id: str) -> StatusResult | None:
        """Look an ambiguous message up by our own id; None = surely never sent.

        Raises:
            NotImplementedError: `capabilities.lookup_by_own_id` is False.
            GatewayError: the query failed; says nothing about the message.
        """
        raise NotImplementedError(f"{self.provider} has no look-up by our own id")

    async def close(self) -> None:
        """Release connections."""
        return


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")


@cache
def _names(options: type[GatewayOptions]) -> dict[str, str]:
    """Settings key -> attribute."""
    return {field.alias or name: name for name, field in options.model_fields.items()}
