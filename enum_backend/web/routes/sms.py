"""`/sms/...`: send, and ask what became of it."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.access import ApiKey
from enum_backend.clock import now_ms, rfc3339
from enum_backend.errors import Forbidden, ProviderError, wrong_field
from enum_backend.gateways.base import GatewayError
from enum_backend.messaging.lists import Viewer
from enum_backend.messaging.model import MessageView, SendRequest, cost_json
from enum_backend.messaging.service import key_client
from enum_backend.phone import normalize
from enum_backend.web.acting import acted, record
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.fields import read_sender, read_time

MAX_KEY_CHARACTERS = 180
AHEAD_MS = 30 * 86_400_000
"""How far ahead a message may be scheduled."""


class SendBody(Body):
    """One SMS."""

    to: str = Field(max_length=64, description="as people type it; +E.164 is surest")
    message: str = Field(max_length=20000)
    sender: str | None = Field(None, alias="from", max_length=32, description="one of your numbers")
    gateway: str | None = Field(None, max_length=64, description="insist on this gateway")
    client_reference: str | None = Field(
        None, min_length=1, max_length=MAX_KEY_CHARACTERS, description="makes a repeat harmless"
    )
    send_at: str | None = Field(
        None, max_length=40, description="RFC 3339 time in the next 30 days; default: now"
    )
    skip_rate_limit: bool = Field(False, description="needs scope admin")
    transliterate: bool | None = Field(
        None,
        description="replace the characters that alone force UCS-2; not given = as set",
    )


class CostAnswer(BaseModel):
    """Money."""

    amount: str
    currency: str


class SendAnswer(BaseModel):
    """The message is stored and will be dispatched."""

    success: bool
    message_id: str
    status: str
    provider: str | None
    gateway: str
    segments: int
    encoding: str
    cost: CostAnswer | None


class StatusQuery(BaseModel):
    """Whom to ask."""

    model_config = ConfigDict(extra="forbid")

    gateway: str | None = Field(None, max_length=64, description="ask this gateway now")


class AttemptAnswer(BaseModel):
    """One request to a provider; `cost` is what its answer said, null where it said nothing."""

    number: int
    gateway: str
    provider: str
    outcome: str
    reason: str | None
    provider_code: str | None
    provider_message_id: str | None
    detail: str | None
    cost: CostAnswer | None
    started_at: str
    finished_at: str | None
    latency_ms: int | None


class StatusAnswer(BaseModel):
    """What became of a message."""

    success: bool
    message_id: str
    status: str
    to: str
    destination: str
    provider: str | None
    gateway: str
    attempts: list[AttemptAnswer]
    error_code: str | None
    reason: str | None
    provider_code: str | None
    segments: int
    encoding: str
    cost: CostAnswer | None
    client_reference: str | None
    created_at: str
    updated_at: str


async def send(call: Call) -> web.Response:
    """`POST /sms/send`"""
    body = await call.body(SendBody)
    key, services = call.caller, call.services
    if body.skip_rate_limit and not key.may("admin"):
        raise Forbidden("skip_rate_limit needs the scope admin.")
    region = services.settings.default_region
    accepted = await services.messages.send(
        SendRequest(
            to=normalize(body.to, region, field="to"),
            text=body.message,
            client=key_client(key, services.settings.limits),
            sender=parse_sender(body.sender, region),
            gateway=body.gateway or None,
            client_reference=body.client_reference,
            idempotency_key=_idempotency_key(call.request),
            skip_rate_limit=body.skip_rate_limit,
            send_at=read_send_at(body.send_at),
            transliterate=body.transliterate,
        )
    )
    if body.skip_rate_limit:
        said = f"Message {accepted.message_id} was accepted past the rate limits."
        event = acted(
            call, "RATE_LIMIT_SKIPPED", said, tenant=key.tenant, messageId=accepted.message_id
        )
        await record(call, event)
    provider = accepted.provider or provider_of(call, accepted.gateway)
    return web.json_response(
        {
            "success": True,
            "message_id": accepted.message_id,
            "status": accepted.status,
            "provider": provider,
            "gateway": accepted.gateway,
            "segments": accepted.segments,
            "encoding": accepted.encoding,
            "cost": cost_json(accepted.cost),
        }
    )


async def status(call: Call) -> web.Response:
    """`GET /sms/status/{message_id}`"""
    query = call.query(StatusQuery)
    message_id = call.request.match_info["message_id"]
    tenant = await tenant_of(call, message_id)
    try:
        view = await call.services.messages.status(message_id, tenant, refresh_from=query.gateway)
    except GatewayError as error:
        raise ProviderError(
            provider=provider_of(call, query.gateway or ""),
            provider_code=error.provider_code,
            reason=error.reason,
        ) from None
    return web.json_response(message_json(view, provider_of(call, view.gateway)))


async def tenant_of(call: Call, message_id: str) -> str:
    """Among whose messages the caller may look for one: an admin's are everybody's.

    Raises:
        NotFound: there is none of that id.
    """
    key = call.caller
    if not key.may("admin"):
        return key.tenant
    found = await call.services.lists.one(viewer(key), message_id)
    return found.message.tenant or key.tenant


def viewer(key: ApiKey) -> Viewer:
    """The reader of lists that an API key stands for."""
    return Viewer(key.tenant, is_admin=key.may("admin"))


def message_json(view: MessageView, provider: str | None) -> dict[str, Any]:
    """`StatusAnswer` of a message."""
    failed = view.status in ("failed", "undelivered", "expired", "unknown")
    return {
        "success": not failed,
        "message_id": view.message_id,
        "status": view.status,
        "to": view.to,
        "destination": view.destination,
        "provider": view.provider or provider,
        "gateway": view.gateway,
        "attempts": [
            {
                "number": attempt.number,
                "gateway": attempt.gateway,
                "provider": attempt.provider,
                "outcome": attempt.outcome,
                "reason": attempt.reason,
                "provider_code": attempt.provider_code,
                "provider_message_id": attempt.provider_message_id,
                "detail": attempt.detail,
                "cost": cost_json(attempt.cost),
                "started_at": rfc3339(attempt.started_at),
                "finished_at": rfc3339(attempt.finished_at) if attempt.finished_at else None,
                "latency_ms": (
                    attempt.finished_at - attempt.started_at if attempt.finished_at else None
                ),
            }
            for attempt in view.attempts
        ],
        "error_code": "PROVIDER_ERROR" if failed else None,
        "reason": view.reason,
        "provider_code": view.provider_code,
        "segments": view.segments,
        "encoding": view.encoding,
        "cost": cost_json(view.cost),
        "client_reference": view.client_reference,
        "created_at": rfc3339(view.created_at),
        "updated_at": rfc3339(view.updated_at),
    }


def provider_of(call: Call, gateway_name: str) -> str | None:
    """The provider of a configured gateway."""
    gateway = call.services.pool.carrier(gateway_name)
    return gateway.provider if gateway else None


def parse_sender(text: str | None, region: str) -> str | None:
    """See `read_sender`; None for nothing.

    Raises:
        InvalidPhoneFormat: neither a number nor a name.
    """
    return read_sender(text, region) if text else None


def read_send_at(text: str | None) -> int | None:
    """When a message may leave, milliseconds; None = now.

    Raises:
        ValidationFailed: it is no time, or not in the next 30 days.
    """
    at = read_time("send_at", text)
    if at is not None and not 0 < at - now_ms() <= AHEAD_MS:
        raise wrong_field("send_at", "expected a time in the next 30 days")
    return at


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not (key.isascii() and key.isprintable()):
        expected = f"expected 1 to {MAX_KEY_CHARACTERS} printable ASCII characters"
        raise wrong_field("Idempotency-Key", expected)
    return key


ENDPOINTS = (
    Endpoint(
        "POST",
        "/sms/send",
        send,
        "Send an SMS through the gateway the recipient's record names",
        scope="sms:send",
        body=SendBody,
        answer=SendAnswer,
        errors=(
            "INVALID_PHONE_FORMAT",
            "FORBIDDEN",
            "OPTED_OUT",
            "IDEMPOTENCY_CONFLICT",
            "RATE_LIMIT_EXCEEDED",
            "COST_LIMIT_EXCEEDED",
            "SMS_DISABLED",
            "CREDENTIALS_MISSING",
            "GATEWAY_NOT_CONFIGURED",
            "NVS_UNAVAILABLE",
            "DATABASE_UNAVAILABLE",
        ),
    ),
    Endpoint(
        "GET",
        "/sms/status/{message_id}",
        status,
        "What became of a message",
        scope="sms:read",
        query=StatusQuery,
        answer=StatusAnswer,
        errors=("NOT_FOUND", "GATEWAY_NOT_CONFIGURED", "PROVIDER_ERROR"),
    ),
)
