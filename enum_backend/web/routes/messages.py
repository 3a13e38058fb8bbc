"""`/sms/messages...`: lists of messages, and what can still be done about one."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.clock import rfc3339
from enum_backend.errors import wrong_field
from enum_backend.messaging.list_pages import Wanted
from enum_backend.messaging.listed import RECEIVED
from enum_backend.messaging.lists import ShownMessage
from enum_backend.messaging.model import MessageState, MessageView, cost_json
from enum_backend.messaging.service import key_client
from enum_backend.phone import normalize
from enum_backend.web.acting import acted, record
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.fields import read_time
from enum_backend.web.routes.sms import (
    CostAnswer,
    StatusAnswer,
    message_json,
    provider_of,
    tenant_of,
    viewer,
)

STATUSES = (*(state.value for state in MessageState), RECEIVED)
MAX_PAGE = 500


class ListQuery(BaseModel):
    """Which messages, and from where on."""

    model_config = ConfigDict(extra="forbid")

    direction: Literal["outbound", "inbound"] | None = Field(None, description="default: both")
    number: str | None = Field(
        None, max_length=64, description="it was sent to, or came from or to"
    )
    status: str = Field("", max_length=200, description=f"some of {', '.join(STATUSES)}")
    client_reference: str | None = Field(None, min_length=1, max_length=180)
    since: str | None = Field(None, max_length=40, description="RFC 3339 time")
    until: str | None = Field(None, max_length=40, description="RFC 3339 time, not included")
    tenant: str | None = Field(
        None, min_length=1, max_length=64, description="for admins; default: every tenant's"
    )
    after: str | None = Field(
        None, max_length=200, description="`next` or `position` of an earlier page"
    )
    limit: int = Field(50, ge=1, le=MAX_PAGE)


class ListedAnswer(BaseModel):
    """One message; `body` of your own inbound ones only."""

    id: str
    direction: Literal["outbound", "inbound"]
    status: str
    sender: str | None = Field(alias="from")
    to: str
    destination: str
    body: str | None
    media: list[str]
    tenant: str | None
    gateway: str
    provider: str | None
    segments: int | None
    encoding: str | None
    cost: CostAnswer | None
    reason: str | None
    provider_code: str | None
    client_reference: str | None
    duplicate_of: str | None
    send_at: str | None
    created_at: str
    updated_at: str


class ListAnswer(BaseModel):
    """A page; `next` is null at the end, `position` is where later messages will be."""

    messages: list[ListedAnswer]
    next: str | None
    position: str


async def list_messages(call: Call) -> web.Response:
    """`GET /sms/messages`: oldest first; a page may be short, and still not the last."""
    query = call.query(ListQuery)
    key = call.caller
    region = call.services.settings.default_region
    wanted = Wanted(
        tenant=query.tenant or (None if key.may("admin") else key.tenant),
        direction=query.direction,
        number=None if query.number is None else normalize(query.number, region),
        statuses=_statuses(query.status),
        client_reference=query.client_reference,
        since=read_time("since", query.since),
        until=read_time("until", query.until),
    )
    found = await call.services.lists.page(viewer(key), wanted, query.after, query.limit)
    return web.json_response(
        {
            "messages": [listed_json(item) for item in found.messages],
            "next": found.next,
            "position": found.position,
        }
    )


async def show(call: Call) -> web.Response:
    """`GET /sms/messages/{message_id}`"""
    message_id = call.request.match_info["message_id"]
    found = await call.services.lists.one(viewer(call.caller), message_id)
    return web.json_response(listed_json(found))


async def cancel(call: Call) -> web.Response:
    """`POST /sms/messages/{message_id}/cancel`"""
    message_id = call.request.match_info["message_id"]
    tenant = await tenant_of(call, message_id)
    canceled = await call.services.messages.cancel(message_id, tenant)
    await _record(call, "MESSAGE_CANCELED", canceled, tenant, "was canceled")
    return _status(call, canceled)


async def retry(call: Call) -> web.Response:
    """`POST /sms/messages/{message_id}/retry`"""
    message_id = call.request.match_info["message_id"]
    tenant = await tenant_of(call, message_id)
    client = key_client(call.caller, call.services.settings.limits)
    await call.services.client_limits.hit(client.id, client.per_minute, name=client.limit_name)
    retried = await call.services.messages.retry(message_id, tenant)
    await _record(call, "MESSAGE_RETRIED", retried, tenant, "is sent once more")
    return _status(call, retried)


async def _record(
    call: Call, event_type: str, message: MessageView, tenant: str, done: str
) -> None:
    """What an admin's key did; a tenant's own key is no admin."""
    if call.caller.may("admin"):
        said = f"Message {message.message_id} {done}."
        event = acted(call, event_type, said, tenant=tenant, messageId=message.message_id)
        await record(call, event)


def _status(call: Call, view: MessageView) -> web.Response:
    return web.json_response(message_json(view, provider_of(call, view.gateway)))


def _statuses(text: str) -> frozenset[str]:
    words = frozenset(word.strip() for word in text.split(",") if word.strip())
    if unknown := sorted(words - set(STATUSES)):
        listed = ", ".join(STATUSES)
        raise wrong_field("status", f"expected some of {listed}; got {unknown[0][:20]!r}")
    return words


def listed_json(shown: ShownMessage) -> dict[str, Any]:
    """`ListedAnswer` of a message."""
    message = shown.message
    return {
        "id": message.id,
        "direction": message.direction,
        "status": message.status,
        "from": message.sender,
        "to": message.to,
        "destination": message.destination,
        "body": shown.text,
        "media": list(message.media),
        "tenant": message.tenant,
        "gateway": message.gateway,
        "provider": message.provider,
        "segments": message.segments,
        "encoding": message.encoding,
        "cost": cost_json(message.cost),
        "reason": message.reason,
        "provider_code": message.provider_code,
        "client_reference": message.client_reference,
        "duplicate_of": message.duplicate_of,
        "send_at": rfc3339(message.send_at) if message.send_at else None,
        "created_at": rfc3339(message.created_at),
        "updated_at": rfc3339(message.updated_at),
    }


ENDPOINTS = (
    Endpoint(
        "GET",
        "/sms/messages",
        list_messages,
        "Messages that went out and came in, oldest first, page by page",
        scope="sms:read",
        query=ListQuery,
        answer=ListAnswer,
        errors=("NOT_FOUND", "INVALID_PHONE_FORMAT"),
    ),
    Endpoint(
        "GET",
        "/sms/messages/{message_id}",
        show,
        "One message, out or in",
        scope="sms:read",
        answer=ListedAnswer,
        errors=("NOT_FOUND",),
    ),
    Endpoint(
        "POST",
        "/sms/messages/{message_id}/cancel",
        cancel,
        "Stop a message that waits to be sent",
        scope="sms:send",
        answer=StatusAnswer,
        errors=("NOT_FOUND", "VALIDATION_FAILED"),
    ),
    Endpoint(
        "POST",
        "/sms/messages/{message_id}/retry",
        retry,
        "Send a message that did not arrive once more",
        scope="sms:send",
        answer=StatusAnswer,
        errors=(
            "NOT_FOUND",
            "VALIDATION_FAILED",
            "OPTED_OUT",
            "RATE_LIMIT_EXCEEDED",
            "COST_LIMIT_EXCEEDED",
            "SMS_DISABLED",
            "CREDENTIALS_MISSING",
        ),
    ),
)
