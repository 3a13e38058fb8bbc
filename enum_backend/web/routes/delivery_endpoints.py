"""`/deliveries/endpoints...`: where tenants want their inbound messages."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from enum_backend.audit.noting import Note
from enum_backend.clock import rfc3339
from enum_backend.egress import MAX_URL_CHARACTERS
from enum_backend.messaging.deliveries.endpoints import Endpoint as Target
from enum_backend.messaging.deliveries.model import Kind
from enum_backend.phone import normalize
from enum_backend.web.acting import acted, record
from enum_backend.web.endpoints import Body, Call, Endpoint


class TenantQuery(BaseModel):
    """Whose."""

    model_config = ConfigDict(extra="forbid")

    tenant: str | None = Field(None, min_length=1, max_length=64, description="default: all")


class SecretQuery(BaseModel):
    """Whose."""

    model_config = ConfigDict(extra="forbid")

    tenant: str = Field("default", min_length=1, max_length=64)


class EndpointBody(Body):
    """A new endpoint."""

    tenant: str = Field("default", min_length=1, max_length=64)
    kind: Kind = Field(Kind.WEBHOOK, strict=False)
    address: str = Field(
        max_length=MAX_URL_CHARACTERS, description="https:// address, mail address or number"
    )
    failover_url: str | None = Field(
        None, max_length=MAX_URL_CHARACTERS, description="tried when the first one fails"
    )
    secret: str | None = Field(
        None, max_length=200, description="whsec_... or 32 characters; default: a random one"
    )


class EndpointChange(Body):
    """What to change; what is left out stays."""

    address: str | None = Field(None, max_length=MAX_URL_CHARACTERS)
    failover_url: str | None = Field(
        None, max_length=MAX_URL_CHARACTERS, description='"" takes it away'
    )
    enabled: bool | None = None


class RotateBody(Body):
    """The new secret."""

    secret: str | None = Field(None, max_length=200, description="default: a random one")
    finish: bool = Field(False, description="no new secret: only end the rotation before")


class EndpointAnswer(BaseModel):
    """One endpoint."""

    id: str
    tenant: str
    kind: Kind
    address: str
    failover_url: str | None
    events: list[str]
    source: str
    enabled: bool
    disabled_reason: str | None
    created_at: str


class EndpointsAnswer(BaseModel):
    """All of them, oldest first."""

    endpoints: list[EndpointAnswer]


class NewEndpointAnswer(EndpointAnswer):
    """The same with its secret, which is shown only here."""

    secret: str | None


class SecretAnswer(BaseModel):
    """A Standard Webhooks secret."""

    secret: str | None


class DoneAnswer(BaseModel):
    """It is done."""

    success: bool


async def list_endpoints(call: Call) -> web.Response:
    """`GET /deliveries/endpoints`"""
    found = await call.services.deliveries.endpoints(call.query(TenantQuery).tenant)
    return web.json_response({"endpoints": [endpoint_json(target) for target in found]})


async def add(call: Call) -> web.Response:
    """`POST /deliveries/endpoints`"""
    body = await call.body(EndpointBody)
    address = _address(call, body.kind, body.address)
    made, secret = await call.services.deliveries.add(
        body.tenant,
        body.kind,
        address,
        body.failover_url or None,
        body.secret,
        note=_note(call, "ENDPOINT_ADDED", "was added"),
    )
    return web.json_response(endpoint_json(made) | {"secret": secret})


async def change(call: Call) -> web.Response:
    """`PATCH /deliveries/endpoints/{endpoint_id}`"""
    body = await call.body(EndpointChange)
    changed = await call.services.deliveries.change(
        _id(call),
        address=body.address,
        failover_url=body.failover_url,
        enabled=body.enabled,
        note=_note(call, "ENDPOINT_CHANGED", "was changed"),
    )
    return web.json_response(endpoint_json(changed))


async def rotate(call: Call) -> web.Response:
    """`POST /deliveries/endpoints/{endpoint_id}/rotate`"""
    body = await call.body(RotateBody)
    if body.finish:
        note = _note(call, "ENDPOINT_SECRET_ROTATED", "signs with its new secret only")
        await call.services.deliveries.end_rotation(_id(call), note=note)
        return web.json_response({"secret": None})
    note = _note(call, "ENDPOINT_SECRET_ROTATED", "has a new secret")
    secret = await call.services.deliveries.rotate(_id(call), body.secret, note=note)
    return web.json_response({"secret": secret})


async def remove(call: Call) -> web.Response:
    """`DELETE /deliveries/endpoints/{endpoint_id}`"""
    note = _note(call, "ENDPOINT_REMOVED", "was removed")
    await call.services.deliveries.remove(_id(call), note=note)
    return web.json_response({"success": True})


async def secret(call: Call) -> web.Response:
    """`GET /deliveries/secret`"""
    tenant = call.query(SecretQuery).tenant
    found = await call.services.deliveries.secret_of(tenant)
    said = f"The webhook secret of tenant {tenant} was shown."
    await record(call, acted(call, "TENANT_SECRET_SHOWN", said, tenant=tenant))
    return web.json_response({"secret": found})


def _note(call: Call, event_type: str, done: str) -> Note[Target]:
    def note(connection: Connection, target: Target) -> None:
        event = acted(
            call,
            event_type,
            f"Endpoint {target.id} of tenant {target.tenant} {done}.",
            tenant=target.tenant,
            endpointId=target.id,
            kind=target.kind.value,
        )
        call.services.audit.record_in(connection, event)

    return note


def _address(call: Call, kind: Kind, text: str) -> str:
    if kind is not Kind.SMS:
        return text
    return normalize(text, call.services.settings.default_region, field="address")


def _id(call: Call) -> str:
    return call.request.match_info["endpoint_id"]


def endpoint_json(target: Target) -> dict[str, Any]:
    """`EndpointAnswer` of an endpoint."""
    return {
        "id": target.id,
        "tenant": target.tenant,
        "kind": target.kind,
        "address": target.address,
        "failover_url": target.failover_url,
        "events": list(target.events),
        "source": target.source,
        "enabled": target.enabled,
        "disabled_reason": target.disabled_reason,
        "created_at": rfc3339(target.created_at),
    }


ENDPOINTS = (
    Endpoint(
        "GET",
        "/deliveries/endpoints",
        list_endpoints,
        "Where tenants want their inbound messages",
        scope="admin",
        query=TenantQuery,
        answer=EndpointsAnswer,
    ),
    Endpoint(
        "POST",
        "/deliveries/endpoints",
        add,
        "Send a tenant's inbound messages to one more address",
        scope="admin",
        body=EndpointBody,
        answer=NewEndpointAnswer,
        errors=("INVALID_PHONE_FORMAT",),
    ),
    Endpoint(
        "PATCH",
        "/deliveries/endpoints/{endpoint_id}",
        change,
        "Move, disable or enable an endpoint",
        scope="admin",
        body=EndpointChange,
        answer=EndpointAnswer,
        errors=("NOT_FOUND",),
    ),
    Endpoint(
        "POST",
        "/deliveries/endpoints/{endpoint_id}/rotate",
        rotate,
        "Give a webhook a new secret; both sign until the rotation is ended",
        scope="admin",
        body=RotateBody,
        answer=SecretAnswer,
        errors=("NOT_FOUND",),
    ),
    Endpoint(
        "DELETE",
        "/deliveries/endpoints/{endpoint_id}",
        remove,
        "Forget an endpoint",
        scope="admin",
        answer=DoneAnswer,
        errors=("NOT_FOUND", "VALIDATION_FAILED"),
    ),
    Endpoint(
        "GET",
        "/deliveries/secret",
        secret,
        "What webhooks that a tenant's records name are signed with",
        scope="admin",
        query=SecretQuery,
        answer=SecretAnswer,
    ),
)
