"""Queries, bodies and answers of `/numbers...` and `/costs`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from enum_backend.gateways.inventory.base import Feature
from enum_backend.web.endpoints import Body
from enum_backend.web.routes.sms import CostAnswer

MAX_QUANTITY = 50
FEATURES = frozenset(get_args(Feature))


def feature_list(text: str) -> frozenset[str]:
    """`"sms,voice"` -> {"sms", "voice"}.

    Raises:
        ValueError: names something else.
    """
    words = {word.strip().lower() for word in text.split(",") if word.strip()}
    if unknown := sorted(words - FEATURES):
        raise ValueError(f"expected some of {', '.join(sorted(FEATURES))}; got {unknown[0][:20]!r}")
    return frozenset(words)


class AvailableQuery(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid")

    gateway: str = Field("", max_length=64, description="empty = all that sell numbers")
    country: str = Field(
        "", pattern=r"^([A-Za-z]{2})?$", description="ISO 3166, empty = default_region"
    )
    area_code: str = Field("", pattern=r"^[0-9]{0,8}$")
    features: Annotated[frozenset[Feature], BeforeValidator(feature_list)] = Field(
        frozenset({"sms"}), description="comma-separated: sms, mms, voice"
    )
    quantity: int = Field(10, ge=1, le=MAX_QUANTITY)


class ClassifyQuery(BaseModel):
    """How to find out."""

    model_config = ConfigDict(extra="forbid")

    live: bool = Field(False, description="ask a provider, which costs money, unless known")


class CostsQuery(BaseModel):
    """What to price."""

    model_config = ConfigDict(extra="forbid")

    numbers: int = Field(100, ge=1, le=1_000_000)
    codes_per_day: int = Field(10, ge=0, le=1_000_000, description="messages a number gets a day")
    android_sims: int | None = Field(
        None, ge=0, le=1_000_000, description="SIMs of your own, default one per number"
    )


class BuyBody(Body):
    """One number to buy; `price` or `yes` confirms what it costs."""

    number: str = Field(max_length=64)
    gateway: str | None = Field(None, max_length=64, description="needed if several sell numbers")
    price: Decimal | None = Field(
        None, ge=0, le=100_000, strict=False, description="the most to pay at once, USD"
    )
    yes: bool = Field(False, description="accept the price, whatever it is")


class ImportBody(Body):
    """An account whose numbers become ours."""

    gateway: str | None = Field(None, max_length=64, description="needed if several sell numbers")
    tenant: str | None = Field(None, min_length=1, max_length=64, description="whose they become")


class NumberAnswer(BaseModel):
    """One number of ours."""

    number: str
    gateway: str
    provider: str
    tenant: str | None = Field(description="null = of a shared gateway, and bound to nobody")
    state: Literal["pending", "active", "releasing"]
    source: Literal["bought", "imported", "settings"]
    features: list[str]
    monthly: CostAnswer | None
    order_id: str | None
    detail: str | None
    since: str | None


class NumbersAnswer(BaseModel):
    """All of them."""

    numbers: list[NumberAnswer]


class OfferAnswer(BaseModel):
    """A number on sale."""

    number: str
    gateway: str
    provider: str
    features: list[str]
    region: str | None
    locality: str | None
    monthly: CostAnswer | None
    setup: CostAnswer | None


class FailureAnswer(BaseModel):
    """A gateway that could not be searched."""

    gateway: str
    reason: str
    detail: str


class AvailableAnswer(BaseModel):
    """What is on sale."""

    numbers: list[OfferAnswer]
    failures: list[FailureAnswer]


class ReleasedAnswer(BaseModel):
    """The number is given back, or will be once the provider's order is done."""

    success: bool
    number: str
    gateway: str
    state: Literal["released", "releasing"]


class ImportedAnswer(BaseModel):
    """Numbers found in the account; `gone` are ours by our table only."""

    success: bool
    added: list[str]
    known: list[str]
    elsewhere: list[str]
    gone: list[str]


class AcceptanceAnswer(BaseModel):
    """Whether services that refuse VoIP numbers are likely to take it."""

    likely: bool | None
    reason: str


class OfflineAnswer(BaseModel):
    """What the numbering plan says, and what it cannot know."""

    line_type: str
    valid: bool
    carrier_of_range: str | None
    caveats: list[str]


class LiveAnswer(BaseModel):
    """What a provider says."""

    gateway: str
    line_type: str
    carrier: str | None
    ported: bool | None
    detail: str | None


class ClassifyAnswer(BaseModel):
    """What kind of line a number is."""

    number: str
    line_type: str
    region: str | None
    accepted_where_voip_is_refused: AcceptanceAnswer
    offline: OfflineAnswer
    live: LiveAnswer | None
    live_error: str | None


class LoopAnswer(BaseModel):
    """A message from a number to itself."""

    success: bool
    number: str
    gateway: str
    message_id: str
    status: str
    arrived: bool
    seconds: float


class ProviderCostAnswer(BaseModel):
    """One provider's bill; `once` at the start, the rest a month."""

    provider: str
    monthly: str
    rental: str
    messages: str
    per_number: str
    once: str
    source: str


class CostsAnswer(BaseModel):
    """The comparison, cheapest month first."""

    numbers: int
    codes_per_day: int
    android_sims: int
    messages_per_month: int
    currency: str
    as_of: str
    providers: list[ProviderCostAnswer]
