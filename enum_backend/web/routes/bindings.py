"""`/tenants/{tenant}/bindings`: whose number is whose, for admins and for the tenant.

A key without the scope `admin` sees its own tenant only; any other is not there.
"""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.audit.noting import Note
from enum_backend.clock import rfc3339
from enum_backend.errors import Forbidden, NotFound
from enum_backend.messaging.model import MessageKind, SendRequest
from enum_backend.messaging.service import key_client
from enum_backend.phone import normalize
from enum_backend.tenants.bindings import Binding
from enum_backend.web.acting import noted
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.routes.tenants import DoneAnswer


class BindingBody(Body):
    """A number to bind."""

    number: str = Field(max_length=64)
    proof: Literal["admin", "code"] | None = Field(
        None, description="admin: at once; code: by a code that is sent to the number"
    )


class ConfirmBody(Body):
    """The code that came."""

    code: str = Field(pattern=r"^[0-9]{6}$")


class BindingAnswer(BaseModel):
    """Whose a number is; `pending` until the code comes back."""

    number: str
    tenant: str
    status: Literal["bound", "pending"]
    proof: Literal["inventory", "admin", "code"]
    created_at: str | None
    expires_at: str | None


class BindingsAnswer(BaseModel):
    """A tenant's numbers."""

    bindings: list[BindingAnswer]


async def list_bindings(call: Call) -> web.Response:
    """`GET /tenants/{tenant}/bindings`"""
    found = await call.services.tenant_numbers.of(await _tenant(call))
    return web.json_response({"bindings": [binding_json(binding) for binding in found]})


async def bind(call: Call) -> web.Response:
    """`POST /tenants/{tenant}/bindings`: 200 = bound, 202 = a code is on its way."""
    tenant = await _tenant(call)
    body = await call.body(BindingBody)
    number = normalize(body.number, call.services.settings.default_region)
    is_admin = call.caller.may("admin")
    if body.proof == "admin" and not is_admin:
        raise Forbidden("Binding a number without a code needs the scope admin.")
    if is_admin and body.proof != "code":
        note = _note(call, "NUMBER_BOUND", tenant, number, "bound by an admin's word")
        bound = await call.services.tenant_numbers.bind(tenant, number, _by(call), note=note)
        return web.json_response(binding_json(bound))
    pending = await call.services.tenant_numbers.start(
        tenant, number, lambda text: _send_code(call, number, text)
    )
    answer = {
        "number": number,
        "tenant": tenant,
        "status": "pending",
        "proof": "code",
        "created_at": None,
        "expires_at": rfc3339(pending.expires_at),
    }
    return web.json_response(answer, status=202)


async def confirm(call: Call) -> web.Response:
    """`POST /tenants/{tenant}/bindings/{number}/confirm`"""
    tenant = await _tenant(call)
    body = await call.body(ConfirmBody)
    number = _path_number(call)
    bound = await call.services.tenant_numbers.confirm(
        tenant,
        number,
        body.code,
        _by(call),
        note=_note(call, "NUMBER_BOUND", tenant, number, "bound by a code"),
    )
    return web.json_response(binding_json(bound))


async def unbind(call: Call) -> web.Response:
    """`DELETE /tenants/{tenant}/bindings/{number}`"""
    tenant = await _tenant(call)
    number = _path_number(call)
    note = _note(call, "NUMBER_UNBOUND", tenant, number, "taken from its tenant")
    await call.services.tenant_numbers.unbind(tenant, number, note=note)
    return web.json_response({"success": True})


def _note(call: Call, event_type: str, tenant: str, number: str, done: str) -> Note[object]:
    return noted(call, event_type, f"{number} was {done}.", tenant=tenant, number=number)


async def _tenant(call: Call) -> str:
    """The tenant of the path.

    Raises:
        NotFound: it is not there, or not for this key.
    """
    name = call.request.match_info["tenant"]
    if not call.caller.may_see(name):
        raise NotFound("There is no such tenant.")
    return (await call.services.tenants.get(name)).name


async def _send_code(call: Call, number: str, text: str) -> None:
    """A message of the caller's: it counts against his limits and his budget."""
    services = call.services
    await services.messages.send(
        SendRequest(
            to=number,
            text=text,
            client=key_client(call.caller, services.settings.limits),
            is_code=True,
            kind=MessageKind.CODE,
        )
    )


def _by(call: Call) -> str:
    return f"key:{call.caller.id}"


def _path_number(call: Call) -> str:
    return normalize(call.request.match_info["number"], call.services.settings.default_region)


def binding_json(binding: Binding) -> dict[str, Any]:
    """`BindingAnswer` of a binding."""
    return {
        "number": binding.number,
        "tenant": binding.tenant,
        "status": "bound",
        "proof": binding.proof,
        "created_at": rfc3339(binding.created_at),
        "expires_at": None,
    }


_SENDS = (
    "RATE_LIMIT_EXCEEDED",
    "COST_LIMIT_EXCEEDED",
    "SMS_DISABLED",
    "CREDENTIALS_MISSING",
    "GATEWAY_NOT_CONFIGURED",
    "NVS_UNAVAILABLE",
)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/tenants/{tenant}/bindings",
        list_bindings,
        "The numbers that are bound to a tenant",
        scope="numbers",
        answer=BindingsAnswer,
        errors=("NOT_FOUND",),
    ),
    Endpoint(
        "POST",
        "/tenants/{tenant}/bindings",
        bind,
        "Bind a number: at once for admins, else 202 and a code is sent to it",
        scope="numbers",
        body=BindingBody,
        answer=BindingAnswer,
        errors=("NOT_FOUND", "INVALID_PHONE_FORMAT", "TOO_MANY_ATTEMPTS", *_SENDS),
    ),
    Endpoint(
        "POST",
        "/tenants/{tenant}/bindings/{number}/confirm",
        confirm,
        "Bind a number by the code that was sent to it",
        scope="numbers",
        body=ConfirmBody,
        answer=BindingAnswer,
        errors=("NOT_FOUND", "INVALID_PHONE_FORMAT", "CODE_INVALID", "CODE_EXPIRED"),
    ),
    Endpoint(
        "DELETE",
        "/tenants/{tenant}/bindings/{number}",
        unbind,
        "Take a number from a tenant",
        scope="numbers",
        answer=DoneAnswer,
        errors=("NOT_FOUND", "INVALID_PHONE_FORMAT", "VALIDATION_FAILED"),
    ),
)
