"""`/tenants`: who owns numbers, keys and messages; for admins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.clock import rfc3339
from enum_backend.numbers.views import dollars_json
from enum_backend.tenants.store import MAX_TITLE, Tenant
from enum_backend.web.acting import noted
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.routes.sms import CostAnswer

DailyCost = Field(None, strict=False, description="USD in 24 hours, null = no ceiling of its own")


class TenantBody(Body):
    """A new tenant."""

    name: str = Field(max_length=64, description="lower-case letters, digits, dots, dashes")
    title: str = Field("", max_length=MAX_TITLE, description="the name people read")
    daily_cost: Decimal | None = DailyCost


class TenantChange(Body):
    """What to change; what is left out stays."""

    title: str | None = Field(None, max_length=MAX_TITLE)
    daily_cost: Decimal | None = DailyCost
    disabled: bool | None = Field(None, description="true: its keys are refused")


class TenantAnswer(BaseModel):
    """One tenant."""

    name: str
    title: str
    daily_cost: CostAnswer | None
    source: Literal["settings", "api"]
    created_at: str
    disabled_at: str | None


class TenantsAnswer(BaseModel):
    """All of them."""

    tenants: list[TenantAnswer]


class DoneAnswer(BaseModel):
    """It is done."""

    success: bool


async def list_tenants(call: Call) -> web.Response:
    """`GET /tenants`"""
    found = await call.services.tenants.all()
    return web.json_response({"tenants": [tenant_json(tenant) for tenant in found]})


async def create(call: Call) -> web.Response:
    """`POST /tenants`"""
    body = await call.body(TenantBody)
    made = await call.services.tenants.create(
        body.name,
        body.title,
        body.daily_cost,
        note=noted(
            call,
            "TENANT_CREATED",
            f"Tenant {body.name} was made.",
            tenant=body.name,
            dailyCost=_shown(body.daily_cost),
        ),
    )
    return web.json_response(tenant_json(made))


async def show(call: Call) -> web.Response:
    """`GET /tenants/{tenant}`"""
    tenant = await call.services.tenants.get(call.request.match_info["tenant"])
    return web.json_response(tenant_json(tenant))


async def change(call: Call) -> web.Response:
    """`PATCH /tenants/{tenant}`"""
    body = await call.body(TenantChange)
    changes = body.model_dump(include=body.model_fields_set)
    if changes.get("title", "") is None:
        changes["title"] = ""
    name = call.request.match_info["tenant"]
    note = noted(
        call,
        "TENANT_CHANGED",
        f"Tenant {name} was changed: {', '.join(sorted(changes)) or 'nothing'}.",
        tenant=name,
        dailyCost=_shown(changes.get("daily_cost")),
        disabled=changes.get("disabled"),
    )
    changed = await call.services.tenants.change(name, note=note, **changes)
    return web.json_response(tenant_json(changed))


async def delete(call: Call) -> web.Response:
    """`DELETE /tenants/{tenant}`"""
    name = call.request.match_info["tenant"]
    note = noted(call, "TENANT_DELETED", f"Tenant {name} was deleted.", tenant=name)
    await call.services.tenants.delete(name, note=note)
    return web.json_response({"success": True})


def _shown(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount} USD"


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    """`TenantAnswer` of a tenant."""
    return {
        "name": tenant.name,
        "title": tenant.title,
        "daily_cost": dollars_json(tenant.daily_cost),
        "source": tenant.source,
        "created_at": rfc3339(tenant.created_at),
        "disabled_at": rfc3339(tenant.disabled_at) if tenant.disabled_at else None,
    }


ENDPOINTS = (
    Endpoint("GET", "/tenants", list_tenants, "All tenants", scope="admin", answer=TenantsAnswer),
    Endpoint(
        "POST",
        "/tenants",
        create,
        "Make a tenant",
        scope="admin",
        body=TenantBody,
        answer=TenantAnswer,
    ),
    Endpoint(
        "GET",
        "/tenants/{tenant}",
        show,
        "One tenant",
        scope="admin",
        answer=TenantAnswer,
        errors=("NOT_FOUND",),
    ),
    Endpoint(
        "PATCH",
        "/tenants/{tenant}",
        change,
        "Change, disable or enable a tenant",
        scope="admin",
        body=TenantChange,
        answer=TenantAnswer,
        errors=("NOT_FOUND",),
    ),
    Endpoint(
        "DELETE",
        "/tenants/{tenant}",
        delete,
        "Delete a tenant that has no numbers or keys, and nothing under way",
        scope="admin",
        answer=DoneAnswer,
        errors=("NOT_FOUND", "VALIDATION_FAILED"),
    ),
)
