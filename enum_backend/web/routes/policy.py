"""`/opt-outs` and `/alerts`: who wants no messages, and which spend limits are near."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from enum_backend.audit.noting import Note
from enum_backend.clock import now_ms, rfc3339
from enum_backend.errors import Forbidden, NotFound
from enum_backend.messaging.policy import alerts, optouts
from enum_backend.messaging.policy.alerts import SpendAlert
from enum_backend.messaging.policy.optouts import EVERY, OptOut, Source
from enum_backend.messaging.policy.stopping import stop
from enum_backend.phone import normalize
from enum_backend.web.acting import noted
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.fields import Position

PAGE = 100
"""Rows in one answer, unless the caller wants fewer."""


class OptOutsQuery(BaseModel):
    """Which entries."""

    model_config = ConfigDict(extra="forbid")

    recipient: str = Field("", max_length=64, description="of this number only")
    after: Position = Field(0, description="`next` of the page before")
    limit: int = Field(PAGE, ge=1, le=1000)
    tenant: str = Field("", max_length=64, description="needs admin; * = numbers without owner")


class OptOutAnswer(BaseModel):
    """One entry."""

    tenant: str
    sender: str = Field(description="`*` = every sender of the tenant")
    recipient: str
    source: str = Field(description="keyword, provider, refused or manual")
    created_at: str


class OptOutsAnswer(BaseModel):
    """A page of entries, oldest first; `next` is null on the last one."""

    opt_outs: list[OptOutAnswer]
    next: int | None


class OptOutBody(Body):
    """Who wants no messages from whom."""

    recipient: str = Field(max_length=64)
    sender: str = Field(EVERY, max_length=32, description="one of your numbers; * = all")
    tenant: str = Field("", max_length=64, description="needs admin")


class OptOutQuery(BaseModel):
    """The entry to take back."""

    model_config = ConfigDict(extra="forbid")

    recipient: str = Field(max_length=64)
    sender: str = Field(EVERY, max_length=80)
    tenant: str = Field("", max_length=64, description="needs admin")


class ChangedAnswer(BaseModel):
    """Done."""

    success: bool
    changed: bool = Field(description="false = it stood so before")


class AlertsQuery(BaseModel):
    """Which alerts."""

    model_config = ConfigDict(extra="forbid")

    before: Position | None = Field(None, description="`next` of the page before")
    limit: int = Field(PAGE, ge=1, le=1000)


class AlertAnswer(BaseModel):
    """One spend limit that came near."""

    scope: str = Field(description="all, tenant:NAME or client:ID")
    level: int = Field(description="per cent")
    used: str = Field(description="USD")
    limit: str = Field(description="USD")
    raised_at: str
    told: list[str]


class AlertsAnswer(BaseModel):
    """A page of alerts, newest first; `next` is null on the last one."""

    alerts: list[AlertAnswer]
    next: int | None


async def list_opt_outs(call: Call) -> web.Response:
    """`GET /opt-outs`"""
    query = call.query(OptOutsQuery)
    tenant = _tenant(call, query.tenant)
    recipient = _recipient(call, query.recipient) if query.recipient else None
    found = await call.services.database.read(
        lambda c: optouts.page(c, tenant, recipient=recipient, after=query.after, limit=query.limit)
    )
    following = found[-1].id if len(found) == query.limit else None
    return web.json_response({"opt_outs": [opt_out_json(o) for o in found], "next": following})


async def add_opt_out(call: Call) -> web.Response:
    """`POST /opt-outs`"""
    body = await call.body(OptOutBody)
    tenant, recipient = _tenant(call, body.tenant), _recipient(call, body.recipient)
    sender = optouts.sender_word(body.sender, call.services.settings.default_region)
    note = _note(call, "OPT_OUT_ADDED", tenant, sender, recipient, "wants no messages any more")

    def work(connection: Connection) -> bool:
        is_new = stop(connection, tenant, sender, recipient, Source.MANUAL, now_ms())
        if is_new:
            note(connection, None)
        return is_new

    is_new = await call.services.database.write(work)
    return web.json_response({"success": True, "changed": is_new})


async def remove_opt_out(call: Call) -> web.Response:
    """`DELETE /opt-outs`"""
    query = call.query(OptOutQuery)
    tenant, recipient = _tenant(call, query.tenant), _recipient(call, query.recipient)
    sender = optouts.sender_word(query.sender, call.services.settings.default_region)
    note = _note(call, "OPT_OUT_REMOVED", tenant, sender, recipient, "wants messages again")

    def work(connection: Connection) -> None:
        if not optouts.remove(connection, tenant, sender, recipient):
            raise NotFound("There is no such opt-out.")
        note(connection, None)

    await call.services.database.write(work)
    return web.json_response({"success": True, "changed": True})


async def list_alerts(call: Call) -> web.Response:
    """`GET /alerts`"""
    query = call.query(AlertsQuery)
    found = await call.services.database.read(
        lambda c: alerts.page(c, before=query.before, limit=query.limit)
    )
    following = found[-1].id if len(found) == query.limit else None
    return web.json_response({"alerts": [alert_json(item) for item in found], "next": following})


def opt_out_json(entry: OptOut) -> dict[str, Any]:
    """`OptOutAnswer` of an entry."""
    return {
        "tenant": entry.tenant,
        "sender": entry.sender,
        "recipient": entry.recipient,
        "source": entry.source,
        "created_at": rfc3339(entry.created_at),
    }


def alert_json(alert: SpendAlert) -> dict[str, Any]:
    """`AlertAnswer` of an alert."""
    return {
        "scope": alert.scope,
        "level": alert.level,
        "used": f"{alert.used:.4f}",
        "limit": f"{alert.limit:.4f}",
        "raised_at": rfc3339(alert.raised_at),
        "told": list(alert.told),
    }


def _note(
    call: Call, event_type: str, tenant: str, sender: str, recipient: str, what: str
) -> Note[object]:
    return noted(
        call,
        event_type,
        f"{recipient} {what}.",
        tenant=tenant,
        sender=sender,
        phoneNumber=recipient,
    )


def _tenant(call: Call, named: str) -> str:
    """The caller's tenant, or another one that an admin names.

    Raises:
        Forbidden: the caller is no admin.
    """
    if named and named != call.caller.tenant and not call.caller.may("admin"):
        raise Forbidden("Another tenant's opt-outs need the scope admin.")
    return named or call.caller.tenant


def _recipient(call: Call, text: str) -> str:
    return normalize(text, call.services.settings.default_region, field="recipient")


_INPUT = ("INVALID_PHONE_FORMAT", "DATABASE_UNAVAILABLE")

ENDPOINTS = (
    Endpoint(
        "GET",
        "/opt-outs",
        list_opt_outs,
        "Who wants no messages from your numbers",
        scope="sms:send",
        query=OptOutsQuery,
        answer=OptOutsAnswer,
        errors=_INPUT,
    ),
    Endpoint(
        "POST",
        "/opt-outs",
        add_opt_out,
        "Send nothing more to a number; what waits for it is ended",
        scope="sms:send",
        body=OptOutBody,
        answer=ChangedAnswer,
        errors=_INPUT,
    ),
    Endpoint(
        "DELETE",
        "/opt-outs",
        remove_opt_out,
        "Take an opt-out back, when the person wants messages again",
        scope="sms:send",
        query=OptOutQuery,
        answer=ChangedAnswer,
        errors=("NOT_FOUND", *_INPUT),
    ),
    Endpoint(
        "GET",
        "/alerts",
        list_alerts,
        "Daily spend limits that were neared or reached",
        scope="admin",
        query=AlertsQuery,
        answer=AlertsAnswer,
        errors=("DATABASE_UNAVAILABLE",),
    ),
)
