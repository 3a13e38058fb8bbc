"""`/enum/...`: what is known about a number, its NAPTRs, and how an SMS to it would go."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.errors import NotFound, NvsUnavailableError
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.limits import LimitState
from enum_backend.messaging.model import SendRequest, cost_json
from enum_backend.messaging.service import Explanation, key_client
from enum_backend.phone import lookup_digits, normalize
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.sms import parse_sender
from nvs.directory import Directory
from nvs.errors import NvsUnavailable
from nvs.names import to_e164_name
from nvs.naptr import published, to_text
from nvs.number_record import AssessedEntry, NumberRecord


class TrustAnswer(BaseModel):
    """How far something is believed, and why."""

    level: Literal["untrusted", "attested", "operator"]
    reason: str


class ProblemAnswer(BaseModel):
    """One thing wrong with a value."""

    field: str
    message: str


class EntryAnswer(BaseModel):
    """One name of the storage."""

    name: str
    format: str
    owner: str | None
    expires_in: int | None = Field(description="blocks")
    trust: TrustAnswer
    problems: list[ProblemAnswer]


class VoiceAnswer(BaseModel):
    """One ENUM service other than SMS."""

    service: str
    uri: str | None
    regexp: str
    order: int | None
    preference: int | None


class SmsAnswer(BaseModel):
    """Which gateway carries the number's SMS. The last two only with scope `numbers`."""

    gateway: str
    provider: str
    number: str | None
    configured: bool
    forward_to: list[str] | None = None
    webhook: str | None = None


class RecordAnswer(BaseModel):
    """Everything known about one number."""

    number: str
    e164_name: str
    trust: TrustAnswer
    entries: list[EntryAnswer]
    voice: list[VoiceAnswer]
    sms: SmsAnswer | None
    ttl: int = Field(description="seconds")
    source: str
    height: int | None
    stale_seconds: float


class NaptrAnswer(BaseModel):
    """The records DNS publishes, in presentation format."""

    naptr: list[str]
    ttl: int


class ExplainQuery(BaseModel):
    """What would be sent."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field("", max_length=1600)
    sender: str = Field("", alias="from", max_length=32)
    gateway: str = Field("", max_length=64)


class StepAnswer(BaseModel):
    """One routing rule and what came of it."""

    rule: str
    applied: bool
    why: str


class LimitAnswer(BaseModel):
    """One ceiling as it stands."""

    name: str
    window: int = Field(description="seconds")
    used: str
    limit: str
    left: str


class SeenAnswer(BaseModel):
    """The recipient's record as the decision saw it."""

    trust: TrustAnswer
    source: str
    height: int | None
    stale_seconds: float


class ExplainAnswer(BaseModel):
    """What sending would do."""

    number: str
    destination: str
    mode: str
    steps: list[StepAnswer]
    chain: list[str]
    encoding: str
    segments: int
    estimated_cost: dict[str, str] | None
    limits: list[LimitAnswer]
    record: SeenAnswer | None


async def read_record(call: Call) -> NumberRecord:
    """The record of the path's number.

    Raises:
        InvalidPhoneFormat, NotFound, NvsUnavailableError
    """
    digits = lookup_digits(call.request.match_info["number"], call.services.settings.default_region)
    try:
        record = await call.services.directory.record(f"+{digits}")
    except NvsUnavailable as error:
        raise NvsUnavailableError(f"The record cannot be read now: {error}") from error
    if record is None:
        raise NotFound(f"There is no record for +{digits}.")
    return record


async def show(call: Call) -> web.Response:
    """`GET /enum/{number}`"""
    record = await read_record(call)
    private = call.key is not None and call.key.may("numbers")
    return web.json_response(record_json(record, call.services.pool, private=private))


async def naptr(call: Call) -> web.Response:
    """`GET /enum/{number}/naptr`"""
    record = await read_record(call)
    services = published(record, call.services.settings.dns.publish)
    return web.json_response({"naptr": [to_text(item) for item in services], "ttl": record.ttl})


async def explain(call: Call) -> web.Response:
    """`GET /enum/{number}/explain`"""
    query = call.query(ExplainQuery)
    settings = call.services.settings
    number = normalize(call.request.match_info["number"], settings.default_region)
    request = SendRequest(
        to=number,
        text=query.message,
        client=key_client(call.caller.id, call.caller.tenant, settings.limits),
        sender=parse_sender(query.sender, settings.default_region),
        gateway=query.gateway or None,
    )
    explanation = await call.services.messages.explain(request)
    answer = explain_json(number, explanation, call.services.pool.mode)
    answer["record"] = await seen_record(call.services.directory, number)
    return web.json_response(answer)


async def seen_record(directory: Directory, number: str) -> dict[str, Any] | None:
    """`SeenAnswer`: how far and how fresh the recipient's record is; None where there is none."""
    try:
        record = await directory.record(number)
    except NvsUnavailable:
        return None
    if record is None:
        return None
    return {
        "trust": {"level": record.trust.level.word, "reason": record.trust.reason},
        "source": record.source,
        "height": record.height,
        "stale_seconds": round(record.stale_seconds, 1),
    }


def record_json(record: NumberRecord, pool: GatewayPool, *, private: bool) -> dict[str, Any]:
    """`RecordAnswer` of a record; `private` adds where the owner wants inbound messages."""
    return {
        "number": record.number,
        "e164_name": to_e164_name(record.number),
        "trust": {"level": record.trust.level.word, "reason": record.trust.reason},
        "entries": [_entry_json(entry) for entry in record.entries],
        "voice": [
            {
                "service": item.service,
                "uri": item.uri,
                "regexp": item.regexp,
                "order": item.order,
                "preference": item.preference,
            }
            for item in record.services
            if not item.service.lower().startswith("e2u+sms")
        ],
        "sms": _sms_json(record, pool, private=private),
        "ttl": record.ttl,
        "source": record.source,
        "height": record.height,
        "stale_seconds": round(record.stale_seconds, 1),
    }


def _entry_json(assessed: AssessedEntry) -> dict[str, Any]:
    return {
        "name": assessed.entry.name,
        "format": assessed.parsed.format,
        "owner": assessed.entry.address,
        "expires_in": assessed.entry.expires_in,
        "trust": {"level": assessed.trust.level.word, "reason": assessed.trust.reason},
        "problems": [
            {"field": item.field, "message": item.message} for item in assessed.parsed.problems
        ],
    }


def _sms_json(record: NumberRecord, pool: GatewayPool, *, private: bool) -> dict[str, Any] | None:
    route = record.sms
    if route is None:
        return None
    chosen = pool.registry.select(route.gateway, number=route.number, tenant=record.trust.tenant)
    answer: dict[str, Any] = {
        "gateway": chosen.name if chosen else route.gateway,
        "provider": chosen.provider if chosen else route.gateway,
        "number": route.number,
        "configured": chosen is not None,
    }
    if private:
        answer |= {"forward_to": list(route.forward_to), "webhook": route.webhook}
    return answer


def explain_json(number: str, explanation: Explanation, mode: str) -> dict[str, Any]:
    """`ExplainAnswer` of an explanation."""
    route = explanation.route
    return {
        "number": number,
        "destination": route.destination,
        "mode": mode,
        "steps": [{"rule": s.rule, "applied": s.applied, "why": s.why} for s in route.steps],
        "chain": list(route.planned),
        "encoding": explanation.segmentation.encoding,
        "segments": explanation.segmentation.segments,
        "estimated_cost": cost_json(explanation.estimate),
        "limits": [_limit_json(state) for state in explanation.limits],
    }


def _limit_json(state: LimitState) -> dict[str, Any]:
    return {
        "name": state.name,
        "window": state.window,
        "used": str(state.used),
        "limit": str(state.limit),
        "left": str(state.left),
    }


ENDPOINTS = (
    Endpoint(
        "GET",
        "/enum/{number}",
        show,
        "What is known about a number",
        answer=RecordAnswer,
        errors=("INVALID_PHONE_FORMAT", "NOT_FOUND", "NVS_UNAVAILABLE"),
    ),
    Endpoint(
        "GET",
        "/enum/{number}/naptr",
        naptr,
        "The NAPTR records DNS answers",
        answer=NaptrAnswer,
        errors=("INVALID_PHONE_FORMAT", "NOT_FOUND", "NVS_UNAVAILABLE"),
    ),
    Endpoint(
        "GET",
        "/enum/{number}/explain",
        explain,
        "How an SMS to the number would be routed, without sending it",
        scope="sms:send",
        query=ExplainQuery,
        answer=ExplainAnswer,
        errors=(
            "INVALID_PHONE_FORMAT",
            "GATEWAY_NOT_CONFIGURED",
            "CREDENTIALS_MISSING",
            "NVS_UNAVAILABLE",
        ),
    ),
)
