"""What can be done about numbers at a provider, in one shape for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Generic, Literal, TypeVar

from enum_backend.gateways.base import Cost, Gateway

G = TypeVar("G", bound=Gateway)

Feature = Literal["sms", "mms", "voice"]


class LineType(StrEnum):
    """What kind of line a number is, as far as a provider's look-up can say."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    FIXED_OR_MOBILE = "fixed_or_mobile"
    VOIP = "voip"
    TOLL_FREE = "toll_free"
    PREMIUM = "premium"
    SHARED_COST = "shared_cost"
    PERSONAL = "personal"
    PAGER = "pager"
    UAN = "uan"
    VOICEMAIL = "voicemail"
    UNKNOWN = "unknown"


class OrderState(StrEnum):
    """Where an order stands.

    `bought` = the number is the account's, but nobody knows that its messages come to
    us: `Inventory.set_up` is still to be called.
    """

    PENDING = "pending"
    BOUGHT = "bought"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AvailableNumber:
    """A number that can be bought; costs None where the provider does not tell."""

    number: str
    features: frozenset[Feature]
    region: str | None = None
    locality: str | None = None
    monthly: Cost | None = None
    setup: Cost | None = None


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """A number of ours; `resource_id` is the provider's own id for it."""

    number: str
    features: frozenset[Feature]
    resource_id: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order; providers that deliver at once answer `done`."""

    id: str
    number: str
    state: OrderState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LineReport:
    """A live look-up of one number; `cost` is None where the provider does not tell it."""

    number: str
    line_type: LineType
    carrier: str | None = None
    ported: bool | None = None
    detail: str = ""
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class NumberQuery:
    """What to search: ISO country, area code digits, features, at most `quantity`."""

    country: str = "US"
    area_code: str = ""
    features: frozenset[Feature] = frozenset({"sms"})
    quantity: int = 10


class Inventory(ABC, Generic[G]):
    """One gateway's numbers. All methods raise `GatewayError`; none of them repeats a purchase.

    An order that is not done at once is followed by its caller, also over a restart:
    with `order` while it is pending, with `set_up` once the number is bought.

    Args:
        gateway: the account.
    """

    provider: ClassVar[str]

    def __init__(self, gateway: G) -> None:
        self.gateway = gateway

    @abstractmethod
    async def search(self, query: NumberQuery) -> list[AvailableNumber]:
        """Numbers on offer."""

    @abstractmethod
    async def buy(self, number: str, webhook_url: str, failover_url: str = "") -> Order:
        """Order `+E.164` and point its inbound messages at our webhook."""

    @abstractmethod
    async def order(self, order: Order) -> Order:
        """The order as it stands now."""

    async def set_up(self, number: str, webhook_url: str, failover_url: str = "") -> None:
        """Point the messages of a number of ours at us; a repeat changes nothing.

        Here nothing: most providers take the address with the order.
        """
        del number, webhook_url, failover_url

    @abstractmethod
    async def owned(self) -> list[OwnedNumber]:
        """Every number of the account, all pages."""

    @abstractmethod
    async def release(self, number: str) -> Order | None:
        """Give `+E.164` back; from then on it costs nothing and receives nothing.

        Returns:
            None if it is gone, else the order that takes it away: see `released`.
        """

    async def released(self, order: Order) -> Order:
        """The order of a release as it stands now; here: whether the account has the number."""
        if any(item.number == order.number for item in await self.owned()):
            return order
        return replace(order, state=OrderState.DONE)


class LineLookup(ABC, Generic[G]):
    """A provider's live look-up of any number (usually paid)."""

    provider: ClassVar[str]

    def __init__(self, gateway: G) -> None:
        self.gateway = gateway

    @abstractmethod
    async def look_up(self, number: str) -> LineReport:
        """What kind of line `+E.164` is now.

        Raises:
            GatewayError: refused or no answer.
        """


class Balance(ABC, Generic[G]):
    """A cheap authenticated call that also tells the money left; used to check credentials."""

    provider: ClassVar[str]

    def __init__(self, gateway: G) -> None:
        self.gateway = gateway

    @abstractmethod
    async def check(self) -> Cost | None:
        """Money left, None where the provider does not say; success proves the credentials.

        Raises:
            GatewayError: `auth_failed` when they are wrong.
        """
