"""Messages that came in: as they come, and the latest of one number."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.clock import rfc3339
from enum_backend.errors import (
    DatabaseUnavailable,
    EnumBackendError,
    RateLimitExceeded,
    wrong_field,
)
from enum_backend.messaging.inbound import RECEIVED
from enum_backend.messaging.stream import InboxStreams, Listener, StreamsClosed, TooManyListeners
from enum_backend.phone import normalize
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.services import SERVICES

log = structlog.get_logger("enum_backend.stream")

HEARTBEAT_SECONDS = 15.0
"""A comment is sent after so long without a message: proxies drop what is silent."""
WRITE_SECONDS = 30.0
"""Longest wait for a client that does not read."""
RETRY_MS = 2000
"""When a client is to come back after a broken connection."""

_HEADERS = {
    hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
    hdrs.CACHE_CONTROL: "no-cache, no-store",
    "X-Accel-Buffering": "no",
}


class NotificationsQuery(BaseModel):
    """How many."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=500)


class NotificationAnswer(BaseModel):
    """One message."""

    id: str
    sender: str = Field(alias="from")
    to: str
    body: str
    received_at: str


class NotificationsAnswer(BaseModel):
    """The latest, newest first."""

    notifications: list[NotificationAnswer]


async def notifications(call: Call) -> web.Response:
    """`GET /webhook/sms-notifications/{number}`"""
    query = call.query(NotificationsQuery)
    region = call.services.settings.default_region
    number = normalize(call.request.match_info["number"], region, field="number")
    found = await call.services.notifications.of(number, call.caller.tenant, query.limit)
    return web.json_response(
        {
            "notifications": [
                {
                    "id": message.inbox_id,
                    "from": message.sender,
                    "to": message.to,
                    "body": message.text,
                    "received_at": rfc3339(message.received_at),
                }
                for message in found
            ]
        }
    )


async def stream(call: Call) -> web.StreamResponse:
    """`GET /sms/stream`: server-sent events; `Last-Event-ID` goes on where a client was."""
    streams, tenant = call.services.streams, call.caller.tenant
    latest = await streams.latest()
    after = _start(call, streams, tenant, latest)
    response = web.StreamResponse(headers=_HEADERS)
    try:
        with streams.listen(tenant, latest) as listener:
            await response.prepare(call.request)
            place = f"retry: {RETRY_MS}\nid: {streams.cursor(tenant, after)}\n\n"
            await _write(response, place.encode())
            await _follow(call, response, streams, listener, after)
    except TooManyListeners:
        raise RateLimitExceeded("Too many streams are open.", retry_after=10) from None
    except StreamsClosed:
        if not response.prepared:
            raise DatabaseUnavailable("The server is stopping.") from None
    except TimeoutError:
        if call.request.transport is not None:
            call.request.transport.abort()
    except (ConnectionError, EnumBackendError) as error:
        # The client is gone, its key was revoked, or the inbox is away: it comes back.
        log.info("stream ended", why=type(error).__name__)
    return response


def _start(call: Call, streams: InboxStreams, tenant: str, latest: int) -> int:
    """Where the stream begins: behind the client's last event, or now."""
    last = call.request.headers.get("Last-Event-ID", "")
    if not last:
        return latest
    try:
        return min(streams.position(tenant, last), latest)
    except ValueError:
        raise wrong_field("Last-Event-ID", "is not an id of this stream") from None


async def _follow(
    call: Call, response: web.StreamResponse, streams: InboxStreams, listener: Listener, after: int
) -> None:
    """Write events until the client leaves, its key ends or the server stops."""
    token = call.request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")[2].strip()
    while True:
        events, after = await listener.next(after, HEARTBEAT_SECONDS)
        # Whoever lost the key since the last write gets nothing of what came after.
        await call.services.keys.authenticate(token)
        lines = [
            b"id: %b\nevent: %b\ndata: %b\n\n"
            % (
                streams.cursor(listener.tenant, event.id).encode(),
                RECEIVED.encode(),
                event.body,
            )
            for event in events
        ]
        await _write(response, b"".join(lines) or b": still here\n\n")


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


async def end_streams(app: web.Application) -> None:
    """Let the handlers of streams return when the server stops."""
    await app[SERVICES].streams.stop()


ENDPOINTS = (
    Endpoint(
        "GET",
        "/sms/stream",
        stream,
        "Inbound messages as they come: server-sent events, resumed by Last-Event-ID",
        scope="sms:read",
        errors=("VALIDATION_FAILED", "RATE_LIMIT_EXCEEDED"),
    ),
    Endpoint(
        "GET",
        "/webhook/sms-notifications/{number}",
        notifications,
        "The latest messages to one of your numbers",
        scope="sms:read",
        query=NotificationsQuery,
        answer=NotificationsAnswer,
        errors=("NOT_FOUND", "INVALID_PHONE_FORMAT", "NVS_UNAVAILABLE"),
    ),
)
