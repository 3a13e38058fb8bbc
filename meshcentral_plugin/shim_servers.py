"""`/meshcentral/tokens`: the tokens of MeshCentral servers, for admins."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from enum_backend.errors import wrong_field
from enum_backend.shim_tokens import REVOKED, SET
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.shim_tokens import shim_note
from enum_backend.web.routes.tenants import DoneAnswer
from enum_backend.web.shims.tokens import (
    ShimBody,
    ShimTokensAnswer,
    ShimUrlAnswer,
    changes_of,
    token_json,
)
from meshcentral_plugin.shim import shim_url
from meshcentral_plugin.shim_callers import PROGRAM

SETTINGS: Final = 'config.json: "sms": {"provider": "url", "url": ...}'


async def list_tokens(call: Call) -> web.Response:
    """`GET /meshcentral/tokens`"""
    found = await call.services.shim_tokens.list(PROGRAM)
    return web.json_response({"tokens": [token_json(token) for token in found]})


async def put(call: Call) -> web.Response:
    """`PUT /meshcentral/tokens/{server}`: the same URL each time, until it is revoked."""
    body = await call.body(ShimBody)
    server = call.request.match_info["server"]
    changes = await changes_of(call, body)
    if changes.get("secret"):
        raise wrong_field("secret", "MeshCentral signs nothing")
    note = shim_note(call, SET, PROGRAM, server)
    token, secret = await call.services.shim_tokens.ensure(
        PROGRAM, server, body.tenant, changes, note=note
    )
    url = shim_url(call.services.public_url, secret)
    return web.json_response(token_json(token) | {"url": url, "settings": SETTINGS})


async def revoke(call: Call) -> web.Response:
    """`DELETE /meshcentral/tokens/{server}`"""
    server = call.request.match_info["server"]
    note = shim_note(call, REVOKED, PROGRAM, server)
    await call.services.shim_tokens.revoke(PROGRAM, server, note=note)
    return web.json_response({"success": True})


ENDPOINTS = (
    Endpoint(
        "GET",
        "/meshcentral/tokens",
        list_tokens,
        "Tokens of MeshCentral servers",
        scope="admin",
        answer=ShimTokensAnswer,
    ),
    Endpoint(
        "PUT",
        "/meshcentral/tokens/{server}",
        put,
        "Make a MeshCentral server's token, or change its settings",
        scope="admin",
        body=ShimBody,
        answer=ShimUrlAnswer,
        errors=("INVALID_PHONE_FORMAT", "NVS_UNAVAILABLE"),
    ),
    Endpoint(
        "DELETE",
        "/meshcentral/tokens/{server}",
        revoke,
        "End a MeshCentral server's token at once",
        scope="admin",
        answer=DoneAnswer,
        errors=("NOT_FOUND",),
    ),
)
