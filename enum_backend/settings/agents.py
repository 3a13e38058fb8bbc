"""Settings of numbers that agents lease: who may, how long, for which services."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from enum_backend.settings.base import MOST, Seconds, Section, TextList

EVERYBODY = "*"
MAX_PATTERN = 64
COUNTRY = r"^([A-Z]{2})?$"


def _patterns(senders: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in senders:
        if not pattern or len(pattern) > MAX_PATTERN or "*" in pattern[:-1]:
            raise ValueError(
                "expected senders such as GITHUB or +14155550100, with * at their end at most; "
                f"got {pattern[:20]!r}"
            )
    return senders


SenderPatterns = Annotated[TextList, AfterValidator(_patterns)]


class ServiceSettings(Section):
    """A service of your own that leased numbers may be used for."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description="what a lease calls it: lower-case letters, digits, dots, dashes, underscores",
    )
    senders: SenderPatterns = Field(
        min_length=1,
        description="who writes for it: names or numbers; a * at the end stands for any rest",
    )
    tenants: TextList = Field((), description="tenants that may use it, empty = all")


class AgentSettings(Section):
    """Leased numbers."""

    enabled: bool = Field(True, description="lend numbers of the pool to keys of scope agents")
    consent: TextList = Field(
        (EVERYBODY,), description="tenants that agree to lend their numbers, * = all"
    )
    numbers: TextList = Field(
        (), description="numbers of the pool; TWILIO_PHONE_NUMBERS sets it as well"
    )
    withhold_bodies: bool = Field(False, description="agents get codes, never the message text")
    services: tuple[ServiceSettings, ...] = Field(
        (), description="the only services a lease may be used for, empty = any"
    )
    ttl: Seconds = Field(900.0, gt=0, description="length of a lease that asks for none")
    min_ttl: Seconds = Field(1.0, ge=1, description="shortest lease")
    max_ttl: Seconds = Field(86400.0, gt=0, description="longest time a lease ends from now")
    cool_down: Seconds = Field(
        86400.0, description="rest of a number before anybody but its last passport gets it"
    )
    clock_tolerance: Seconds = Field(
        0.0, le=600, description="how far a provider's clock may be from ours"
    )
    leases_per_key: int = Field(50, ge=0, le=MOST, description="at once, 0 = no limit")
    leases_per_tenant: int = Field(500, ge=0, le=MOST, description="at once, 0 = no limit")
    new_leases_per_day: int = Field(
        1000, ge=0, le=MOST, description="leases a key may begin in 24 hours, 0 = no limit"
    )
    max_wait: Seconds = Field(300.0, gt=0, le=3600, description="longest wait for a message")
    waits_per_key: int = Field(20, ge=1, le=10_000, description="waits of a key at once")
    waits: int = Field(1000, ge=1, le=100_000, description="waits of this process at once")
    provision: str = Field(
        "", max_length=64, description="gateway that numbers are bought from, empty = none are"
    )
    provision_country: str = Field("", pattern=COUNTRY, description="empty = default_region")
    provision_area_code: str = Field("", pattern=r"^[0-9]{0,6}$", description="digits")
    provision_most: int = Field(
        5, ge=1, le=10_000, description="no more are bought once a tenant's pool has so many"
    )
    provision_price: Decimal = Field(
        Decimal("3.00"), gt=0, le=MOST, description="most to pay at once for one number, USD"
    )

    @field_validator("services")
    @classmethod
    def _once(cls, services: tuple[ServiceSettings, ...]) -> tuple[ServiceSettings, ...]:
        names = [service.name for service in services]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the service {twice[0]!r} stands here twice")
        return services

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_ttl <= self.ttl <= self.max_ttl:
            raise ValueError("expected min_ttl <= ttl <= max_ttl")
        return self
