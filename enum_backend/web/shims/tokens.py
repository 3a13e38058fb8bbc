"""Shim tokens for admins: the bodies and answers of `/shims` and of extensions' own paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from enum_backend.clock import rfc3339
from enum_backend.messaging.chosen import check_chosen
from enum_backend.settings.base import MOST
from enum_backend.shim_templates import MAX_TEMPLATE
from enum_backend.shim_tokens import MAX_SECRET, NAMES, ShimToken
from enum_backend.tenants.store import DEFAULT
from enum_backend.web.endpoints import Body, Call
from enum_backend.web.fields import read_sender

_CEILING = Field(None, ge=0, le=MOST, description="messages, 0 = no ceiling")


class ShimBody(Body):
    """Settings of a token. What is not given stays as it is, null is the deployment's own."""

    tenant: str = Field(DEFAULT, max_length=64, description="whose messages they are")
    per_minute: int | None = _CEILING
    per_hour: int | None = _CEILING
    per_day: int | None = _CEILING
    region: str | None = Field(None, max_length=2, description="of numbers without `+`")
    sender: str | None = Field(None, max_length=32, description="send from this number or name")
    gateway: str | None = Field(None, max_length=64, description="send through this gateway")
    app: str | None = Field(None, max_length=80, description="what texts call the program")
    template: str | None = Field(
        None, max_length=MAX_TEMPLATE, description="text with {app}, {code}, {text}"
    )
    secret: str | None = Field(
        None, max_length=MAX_SECRET, description="what the program signs with, never shown"
    )


class ShimTokenAnswer(BaseModel):
    """One token's settings, without its URL and its secret."""

    program: str
    server: str
    tenant: str
    per_minute: int | None
    per_hour: int | None
    per_day: int | None
    region: str | None
    sender: str | None
    gateway: str | None
    app: str | None
    template: str | None
    created_at: str


class ShimUrlAnswer(ShimTokenAnswer):
    """The same with the URL, which is a secret."""

    url: str
    settings: str = Field(description="where it is entered in the program")


class ShimTokensAnswer(BaseModel):
    """The live tokens."""

    tokens: list[ShimTokenAnswer]


async def changes_of(call: Call, body: ShimBody) -> dict[str, Any]:
    """The settings that a body names.

    Raises:
        InvalidPhoneFormat: `sender` is neither a number nor a name.
        ValidationFailed: the tenant cannot use its sender or its gateway.
        NvsUnavailableError: see `check_chosen`.
    """
    services = call.services
    given = body.model_dump(include=body.model_fields_set & set(NAMES))
    given = read_changes(given, given.get("region") or services.settings.default_region)
    sender, gateway = given.get("sender"), given.get("gateway")
    await check_chosen(services.router, services.pool, body.tenant, sender=sender, gateway=gateway)
    return given


def read_changes(given: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The same settings with the sender normalised.

    Raises:
        InvalidPhoneFormat: it is neither a number nor a name.
    """
    sender = given.get("sender")
    if not sender:
        return dict(given)
    return {**given, "sender": read_sender(sender, region, field="sender")}


def token_json(token: ShimToken) -> dict[str, Any]:
    """`ShimTokenAnswer` of a token."""
    options = {name: getattr(token.options, name) for name in NAMES if name != "secret"}
    return {
        "program": token.program,
        "server": token.server,
        "tenant": token.tenant,
        **options,
        "created_at": rfc3339(token.created_at),
    }
