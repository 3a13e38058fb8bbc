"""Settings of tenants: who they are, what they may spend, where their messages are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import Field, SecretStr

from enum_backend.settings.base import MOST, Section

TENANT_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""What names a tenant: in settings, in paths, in logs."""
LEAST = Decimal("0.01")
"""Smallest ceiling, US dollars."""


class TenantSettings(Section):
    """An owner of numbers, keys and deliveries. Over the API it can be read, not changed."""

    name: str = Field(
        pattern=TENANT_NAME, description="lower-case letters, digits, dots, dashes, underscores"
    )
    title: str = Field("", max_length=120, description="the name people read")
    daily_cost: Decimal | None = Field(
        None, ge=LEAST, le=MOST, description="USD in 24 hours, unset = no ceiling of its own"
    )
    webhook_url: SecretStr = Field(
        SecretStr(""), description="https:// address its inbound messages are posted to"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Standard Webhooks secret of that address (whsec_...)"
    )
    failover_url: SecretStr = Field(
        SecretStr(""), description="second address, tried when the first one fails"
    )
    email: str = Field("", max_length=254, description="mailbox its inbound messages are sent to")


def each_once(tenants: Sequence[TenantSettings]) -> None:
    """Refuse a name that stands twice.

    Raises:
        ValueError: names it.
    """
    seen: set[str] = set()
    for tenant in tenants:
        if tenant.name in seen:
            raise ValueError(f"the tenant {tenant.name!r} stands here twice")
        seen.add(tenant.name)
