"""`/shim/{program}/{token}`: other programs' SMS, each in its own shape."""

from __future__ import annotations

import time

from aiohttp import web
from pydantic import BaseModel

from enum_backend.errors import NotFound
from enum_backend.messaging.model import Accepted
from enum_backend.shim_tokens import ShimToken
from enum_backend.web.addresses import check_query, read_query
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.middleware import failure_of, problem, say_when
from enum_backend.web.shims.base import Program, ShimCall, not_proven
from enum_backend.web.shims.programs import PROGRAMS
from enum_backend.web.shims.sending import request_of

MAX_BODY = 1024 * 1024
"""Octets. Supabase sends all that its project knows of a user; only who has a token is read."""

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
    "REDIS_UNAVAILABLE",
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
    """Commit the message, then answer; every refusal but 404 is in the program's own shape.

    Unknown programs and tokens are one and the same.
    """
    program = PROGRAMS.get(call.request.match_info["program"])
    token = call.request.match_info["token"]
    try:
        found = await call.services.shim_tokens.find(program.name if program else "", token)
        if program is not None and found is not None and program.method == method:
            return program.answer(await _accept(call, program, found))
    except Exception as error:
        failure = failure_of(call.request, error)
        if failure is None:
            raise
        refused = program.refuse(failure) if program else None
        if refused is None:
            return problem(failure)
        say_when(refused, failure)
        return refused
    raise NotFound("There is no such address.")


async def _accept(call: Call, program: Program, token: ShimToken) -> Accepted:
    sms = program.read(await _call_of(call, program, token.options.secret or ""))
    return await call.services.messages.send(
        request_of(
            token,
            sms,
            call.services.settings,
            repeat_seconds=program.repeat_seconds,
            field="phone",
        )
    )


async def _call_of(call: Call, program: Program, secret: str) -> ShimCall:
    if program.signs and not secret:
        raise not_proven()
    request = call.request
    check_query(request)
    most = max(MAX_BODY, call.services.settings.http.max_body)
    return ShimCall(
        headers={name.lower(): value for name, value in request.headers.items()},
        query=read_query(request) if program.method == "GET" else {},
        body=await request.clone(client_max_size=most + 1).read(),
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
        own_query=True,
    ),
    Endpoint(
        "GET",
        "/shim/{program}/{token}",
        get,
        f"SMS of {', '.join(name for name, item in PROGRAMS.items() if item.method == 'GET')}",
        answer=ShimAnswer,
        errors=ERRORS,
        own_tokens=True,
        own_query=True,
    ),
)
