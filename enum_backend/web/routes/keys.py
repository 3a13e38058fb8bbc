"""`/keys`: API keys of every tenant, for admins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from enum_backend.access import MAX_SENDERS, SCOPES, ApiKey
from enum_backend.accounts.model import User
from enum_backend.audit import AuditEvent, Severity
from enum_backend.clock import rfc3339
from enum_backend.numbers.views import dollars_json
from enum_backend.settings.base import MOST
from enum_backend.tenants.store import DEFAULT
from enum_backend.web.acting import acted, noted
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.fields import read_sender, read_time
from enum_backend.web.routes.sms import CostAnswer
from enum_backend.web.routes.tenants import DoneAnswer


class KeysQuery(BaseModel):
    """Whose keys."""

    model_config = ConfigDict(extra="forbid")

    tenant: str | None = Field(None, max_length=64, description="default: all tenants'")


class KeyBody(Body):
    """A new key."""

    name: str = Field(max_length=80, description="for whom or what it is")
    scopes: list[str] = Field(max_length=len(SCOPES), description=f"some of {', '.join(SCOPES)}")
    tenant: str = Field(DEFAULT, max_length=64, description="whose messages and numbers it uses")
    daily_cost: Decimal | None = Field(
        None, strict=False, description="USD its messages may cost in 24 hours"
    )
    per_minute: int | None = Field(
        None, ge=0, le=MOST, description="messages in a minute, unset = limits.per_client_minute"
    )
    senders: list[str] = Field(
        [], max_length=MAX_SENDERS, description="the only numbers or names it may send from"
    )
    expires_at: str | None = Field(None, max_length=40, description="RFC 3339 time")


class KeyAnswer(BaseModel):
    """One key, without its token."""

    id: str
    name: str
    tenant: str
    scopes: list[str]
    daily_cost: CostAnswer | None
    per_minute: int | None
    senders: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class NewKeyAnswer(KeyAnswer):
    """A key and its token, which is never shown again."""

    token: str


class KeysAnswer(BaseModel):
    """All of them, revoked ones included."""

    keys: list[KeyAnswer]


async def list_keys(call: Call) -> web.Response:
    """`GET /keys`"""
    found = await call.services.keys.list(call.query(KeysQuery).tenant)
    return web.json_response({"keys": [key_json(key) for key in found]})


async def create(call: Call) -> web.Response:
    """`POST /keys`"""
    body = await call.body(KeyBody)
    region = call.services.settings.default_region

    def note(connection: Connection, made: ApiKey) -> None:
        call.services.audit.record_in(connection, key_created(call, made))

    key, token = await call.services.keys.create(
        body.name,
        body.scopes,
        body.tenant,
        daily_cost=body.daily_cost,
        per_minute=body.per_minute,
        senders=[read_sender(sender, region, field="senders") for sender in body.senders],
        expires_at=read_time("expires_at", body.expires_at),
        note=note,
    )
    return web.json_response(key_json(key) | {"token": token})


async def revoke(call: Call) -> web.Response:
    """`DELETE /keys/{key_id}`"""
    key_id = call.request.match_info["key_id"]
    note = noted(call, "KEY_REVOKED", f"API key {key_id} was revoked.", keyId=key_id)
    await call.services.keys.revoke(key_id, note=note)
    return web.json_response({"success": True})


def key_created(call: Call, key: ApiKey, user: User | None = None) -> AuditEvent:
    """What the audit log has of a new key; one with the scope `admin` may do everything."""
    return acted(
        call,
        "KEY_CREATED",
        f"API key {key.id} was made for {key.name}.",
        Severity.HIGH if "admin" in key.scopes else Severity.MEDIUM,
        user=user,
        keyId=key.id,
        tenant=key.tenant,
        scopes=" ".join(sorted(key.scopes)),
    )


def key_json(key: ApiKey) -> dict[str, Any]:
    """`KeyAnswer` of a key."""
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": sorted(key.scopes),
        "daily_cost": dollars_json(key.daily_cost),
        "per_minute": key.per_minute,
        "senders": list(key.senders),
        "created_at": rfc3339(key.created_at),
        "expires_at": rfc3339(key.expires_at) if key.expires_at else None,
        "last_used_at": rfc3339(key.last_used_at) if key.last_used_at else None,
        "revoked_at": rfc3339(key.revoked_at) if key.revoked_at else None,
    }


ENDPOINTS = (
    Endpoint(
        "GET", "/keys", list_keys, "API keys", scope="admin", query=KeysQuery, answer=KeysAnswer
    ),
    Endpoint(
        "POST",
        "/keys",
        create,
        "Make an API key; its token is shown once",
        scope="admin",
        body=KeyBody,
        answer=NewKeyAnswer,
        errors=("INVALID_PHONE_FORMAT",),
    ),
    Endpoint(
        "DELETE",
        "/keys/{key_id}",
        revoke,
        "End an API key at once",
        scope="admin",
        answer=DoneAnswer,
        errors=("NOT_FOUND",),
    ),
)
