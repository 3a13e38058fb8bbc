"""`/deliveries...`: what was handed to owners, what could not be, and making it again."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.clock import rfc3339
from enum_backend.messaging.deliveries.letters import Letter
from enum_backend.messaging.deliveries.model import State
from enum_backend.web.acting import acted, noted, record
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.fields import Position

MAX_PAGE = 500


class DeadQuery(BaseModel):
    """Whose, and from where on."""

    model_config = ConfigDict(extra="forbid")

    tenant: str | None = Field(None, min_length=1, max_length=64, description="default: all")
    after: Position | None = Field(None, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=MAX_PAGE)


class ListQuery(DeadQuery):
    """Which ones."""

    state: State | None = Field(None, description="default: all")
    message_id: str | None = Field(None, max_length=40, description="of this inbound message")


class ReplayBody(Body):
    """Whose dead letters."""

    tenant: str | None = Field(None, min_length=1, max_length=64, description="default: all")


class DeliveryAnswer(BaseModel):
    """One delivery, without address and text."""

    id: str
    message_id: str
    tenant: str
    kind: str
    target: str = Field(description="an endpoint, or what stands for an address of a record")
    state: State
    attempts: int
    reason: str | None
    status: int | None
    created_at: str
    expires_at: str
    next_attempt_at: str | None
    finished_at: str | None


class DeliveriesAnswer(BaseModel):
    """A page, newest first; `next` is null at the end."""

    deliveries: list[DeliveryAnswer]
    next: str | None


class ReplayedAnswer(BaseModel):
    """How many are made again."""

    success: bool
    replayed: int


async def list_deliveries(call: Call) -> web.Response:
    """`GET /deliveries`"""
    query = call.query(ListQuery)
    return await _page(call, query, query.state, query.message_id)


async def list_dead(call: Call) -> web.Response:
    """`GET /deliveries/dead`"""
    return await _page(call, call.query(DeadQuery), State.DEAD, None)


async def _page(
    call: Call, query: DeadQuery, state: State | None, message_id: str | None
) -> web.Response:
    found = await call.services.deliveries.page(
        tenant=query.tenant,
        state=state,
        inbox_id=message_id,
        before=query.after,
        limit=query.limit,
    )
    more = len(found) == query.limit
    return web.json_response(
        {
            "deliveries": [delivery_json(letter) for letter in found],
            "next": str(found[-1].cursor) if more else None,
        }
    )


async def replay(call: Call) -> web.Response:
    """`POST /deliveries/{delivery_id}/replay`"""
    delivery_id = call.request.match_info["delivery_id"]
    said = f"Delivery {delivery_id[:40]} is made again."
    note = noted(call, "DELIVERY_REPLAYED", said, deliveryId=delivery_id)
    found = await call.services.deliveries.replay(delivery_id, note=note)
    return web.json_response(delivery_json(found))


async def replay_dead(call: Call) -> web.Response:
    """`POST /deliveries/dead/replay`: the body may be left out."""
    has_body = bool(await call.request.read())
    tenant = (await call.body(ReplayBody)).tenant if has_body else None
    count = await call.services.deliveries.replay_dead(tenant)
    said = f"{count} dead letters are made again."
    await record(call, acted(call, "DEAD_LETTERS_REPLAYED", said, tenant=tenant, count=count))
    return web.json_response({"success": True, "replayed": count})


def delivery_json(letter: Letter) -> dict[str, Any]:
    """`DeliveryAnswer` of a delivery."""
    return {
        "id": letter.delivery_id,
        "message_id": letter.inbox_id,
        "tenant": letter.tenant,
        "kind": letter.kind,
        "target": letter.target,
        "state": letter.state,
        "attempts": letter.attempts,
        "reason": letter.reason,
        "status": letter.status,
        "created_at": rfc3339(letter.created_at),
        "expires_at": rfc3339(letter.expires_at),
        "next_attempt_at": rfc3339(letter.next_attempt_at) if letter.next_attempt_at else None,
        "finished_at": rfc3339(letter.finished_at) if letter.finished_at else None,
    }


ENDPOINTS = (
    Endpoint(
        "GET",
        "/deliveries",
        list_deliveries,
        "Deliveries of inbound messages, newest first",
        scope="admin",
        query=ListQuery,
        answer=DeliveriesAnswer,
    ),
    Endpoint(
        "GET",
        "/deliveries/dead",
        list_dead,
        "Dead letters: deliveries that were given up, newest first",
        scope="admin",
        query=DeadQuery,
        answer=DeliveriesAnswer,
    ),
    Endpoint(
        "POST",
        "/deliveries/dead/replay",
        replay_dead,
        "Make dead letters again",
        scope="admin",
        body=ReplayBody,
        answer=ReplayedAnswer,
    ),
    Endpoint(
        "POST",
        "/deliveries/{delivery_id}/replay",
        replay,
        "Make one delivery again",
        scope="admin",
        answer=DeliveryAnswer,
        errors=("NOT_FOUND",),
    ),
)
