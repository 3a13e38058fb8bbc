"""`/shim/{program}/{token}`: other programs' SMS, each in its own shape."""

from __future__ import annotations

import time

from aiohttp import web
from pydantic import BaseModel

from enum_backend.errors import EnumBackendError, NotFound
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.shims.base import Program, ShimCall, not_proven
from enum_backend.web.shims.programs import PROGRAMS
from enum_backend.web.shims.sending import request_of

ERRORS = (
    "INVALID_PHONE_FORMAT",
    "VALIDATION_FAILED",
    "UNAUTHORIZED",
    "OPTED_OUT",
    "NOT_FOUND",
    "RATE_LIMIT_EXCEEDED",
    "COST_LIMIT_EXCEEDED",
    "SMS_DISABLED",
    "CREDENTIALS_MISSING",
    "GATEWAY_NOT_CONFIGURED",
    "DATABASE_UNAVAILABLE",
)


class ShimAnswer(BaseModel):
    """Most programs read the status only; a hook of Supabase gets `{}`."""

    success: bool
    message_id: str
    status: str


async def post(call: Call) -> web.Response:
    """`POST /shim/{program}/{token}`"""
    return await _send(call, "POST")


async def get(call: Call) -> web.Response:
    """`GET /shim/{program}/{token}`"""
    return await _send(call, "GET")


async def _send(call: Call, method: str) -> web.Response:
    """Commit the message, then answer; unknown programs and tokens are one and the same."""
    program = PROGRAMS.get(call.request.match_info["program"])
    token = call.request.match_info["token"]
    found = await call.services.shim_tokens.find(program.name if program else "", token)
    if program is None or found is None or program.method != method:
        raise NotFound("There is no such address.")
    try:
        shim_call = await _call_of(call, program, found.options.secret or "")
        sms = program.read(shim_call)
        accepted = await call.services.messages.send(
            request_of(
                found,
                sms,
                call.services.settings,
                repeat_seconds=program.repeat_seconds,
                field="phone",
            )
        )
    except EnumBackendError as error:
        answer = program.refuse(error)
        if answer is None:
            raise
        return answer
    return program.answer(accepted)


async def _call_of(call: Call, program: Program, secret: str) -> ShimCall:
    if program.signs and not secret:
        raise not_proven()
    request = call.request
    return ShimCall(
        headers={name.lower(): value for name, value in request.headers.items()},
        query=dict(request.query),
        body=await request.read(),
        received_at=time.time(),
        secret=secret,
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/shim/{program}/{token}",
        post,
        f"SMS of {', '.join(name for name, item in PROGRAMS.items() if item.method == 'POST')}",
        answer=ShimAnswer,
        errors=ERRORS,
        own_tokens=True,
    ),
    Endpoint(
        "GET",
        "/shim/{program}/{token}",
        get,
        f"SMS of {', '.join(name for name, item in PROGRAMS.items() if item.method == 'GET')}",
        answer=ShimAnswer,
        errors=ERRORS,
        own_tokens=True,
    ),
)
