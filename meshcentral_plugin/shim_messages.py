"""`GET /meshcentral/messages`: what went where and why, which MeshCentral does not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.access import ApiKey
from enum_backend.clock import rfc3339
from enum_backend.errors import wrong_field
from enum_backend.messaging import journal
from enum_backend.messaging.journal import Entry
from enum_backend.shim_tokens import ShimToken
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.sms import StatusAnswer, message_json, provider_of
from meshcentral_plugin.shim_callers import PROGRAM, caller_of
from meshcentral_plugin.shim_masks import mask_codes, mask_number, mask_numbers

SCOPE = "sms:read"
MAX_PAGE = 200


class MessagesQuery(BaseModel):
    """Which messages."""

    model_config = ConfigDict(extra="forbid")

    server: str | None = Field(None, max_length=80, description="only this MeshCentral's")
    before: str | None = Field(None, max_length=40, description="`next` of an earlier page")
    limit: int = Field(50, ge=1, le=MAX_PAGE)


class StepAnswer(BaseModel):
    """One reason of the route."""

    rule: str
    applied: bool
    why: str


class MessageAnswer(StatusAnswer):
    """One message without its text. Numbers are masked for all but admins."""

    created_at: str
    server: str | None = Field(description="null = sent with an API key")
    kind: str = Field(description="code or admin")
    about: str = Field(description="what it is, as far as its text tells")
    route: list[StepAnswer]


class MessagesAnswer(BaseModel):
    """Newest first; `next` is null at the end."""

    messages: list[MessageAnswer]
    next: str | None


async def messages(call: Call) -> web.Response:
    """A server sees its own messages, a key its tenant's servers', an admin all."""
    caller = await caller_of(call, SCOPE)
    query = call.query(MessagesQuery)
    servers = await _servers(call, caller)
    if query.server is not None:
        servers = {client: name for client, name in servers.items() if name == query.server}
        if not servers:
            raise wrong_field("server", "there is no live token of that name")
    found = await call.services.database.read(
        lambda connection: journal.page(connection, servers, query.before, query.limit)
    )
    is_admin = isinstance(caller, ApiKey) and caller.may("admin")
    document = {
        "messages": [_shown(call, entry, servers[entry.client], is_admin) for entry in found],
        "next": found[-1].message.message_id if len(found) == query.limit else None,
    }
    return web.json_response(document)


async def _servers(call: Call, caller: ShimToken | ApiKey) -> dict[str, str | None]:
    """Client -> the server's name, of those whose messages the caller may see."""
    if isinstance(caller, ShimToken):
        return {caller.client_id: caller.server}
    tenant = None if caller.may("admin") else caller.tenant
    tokens = await call.services.shim_tokens.list(PROGRAM, tenant)
    own: dict[str, str | None] = {f"key:{caller.id}": None}
    return own | {token.client_id: token.server for token in tokens}


def _shown(call: Call, entry: Entry, server: str | None, is_admin: bool) -> dict[str, Any]:
    """`MessageAnswer` of an entry."""
    message = entry.message
    shown = message_json(message, provider_of(call, message.gateway))
    words: Callable[[str], str] = mask_codes if is_admin else _masked
    if not is_admin:
        shown |= {name: mask_number(shown[name]) for name in ("to", "destination")}
    for attempt in shown["attempts"]:
        attempt["detail"] = words(attempt["detail"]) if attempt["detail"] else None
    steps = [step for step in entry.steps if step.rule != "kind"]
    return shown | {
        "created_at": rfc3339(message.created_at),
        "server": server,
        "kind": entry.kind,
        "about": next((step.why for step in entry.steps if step.rule == "kind"), ""),
        "route": [
            {"rule": step.rule, "applied": step.applied, "why": words(step.why)} for step in steps
        ],
    }


def _masked(text: str) -> str:
    return mask_codes(mask_numbers(text))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/meshcentral/messages",
        messages,
        "What MeshCentral servers sent: where it went, and why",
        query=MessagesQuery,
        answer=MessagesAnswer,
        scope=SCOPE,
        own_tokens=True,
    ),
)
