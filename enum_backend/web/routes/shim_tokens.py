"""`/shims`: tokens of other programs' shims, for admins."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.audit.noting import Note
from enum_backend.shim_tokens import REVOKED, SET, shim_event
from enum_backend.web.acting import noted
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.tenants import DoneAnswer
from enum_backend.web.shims.programs import check_secret, program_of, shim_url
from enum_backend.web.shims.tokens import (
    ShimBody,
    ShimTokensAnswer,
    ShimUrlAnswer,
    changes_of,
    token_json,
)


class ShimsQuery(BaseModel):
    """Whose tokens."""

    model_config = ConfigDict(extra="forbid")

    program: str | None = Field(None, max_length=40, description="default: every program's")


async def list_tokens(call: Call) -> web.Response:
    """`GET /shims`"""
    found = await call.services.shim_tokens.list(call.query(ShimsQuery).program)
    return web.json_response({"tokens": [token_json(token) for token in found]})


async def put(call: Call) -> web.Response:
    """`PUT /shims/{program}/{server}`: the same URL each time, until it is revoked."""
    body = await call.body(ShimBody)
    program = program_of(call.request.match_info["program"])
    changes = await changes_of(call, body)
    check_secret(program, changes)
    server = call.request.match_info["server"]
    token, secret = await call.services.shim_tokens.ensure(
        program.name,
        server,
        body.tenant,
        changes,
        note=shim_note(call, SET, program.name, server),
    )
    url = shim_url(call.services.public_url, program.name, secret)
    return web.json_response(token_json(token) | {"url": url, "settings": program.settings})


async def revoke(call: Call) -> web.Response:
    """`DELETE /shims/{program}/{server}`"""
    names = call.request.match_info
    program, server = program_of(names["program"]).name, names["server"]
    note = shim_note(call, REVOKED, program, server)
    await call.services.shim_tokens.revoke(program, server, note=note)
    return web.json_response({"success": True})


def shim_note(call: Call, event_type: str, program: str, server: str) -> Note[object]:
    """That the caller made, changed or revoked a token."""
    said = shim_event(event_type, program, server)
    return noted(call, said.event_type, said.description, program=program, server=server)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/shims",
        list_tokens,
        "Tokens of programs that send through a shim",
        scope="admin",
        query=ShimsQuery,
        answer=ShimTokensAnswer,
    ),
    Endpoint(
        "PUT",
        "/shims/{program}/{server}",
        put,
        "Make a program's token, or change its settings",
        scope="admin",
        body=ShimBody,
        answer=ShimUrlAnswer,
        errors=("INVALID_PHONE_FORMAT", "NVS_UNAVAILABLE"),
    ),
    Endpoint(
        "DELETE",
        "/shims/{program}/{server}",
        revoke,
        "End a program's token at once",
        scope="admin",
        answer=DoneAnswer,
        errors=("NOT_FOUND", "VALIDATION_FAILED"),
    ),
)
