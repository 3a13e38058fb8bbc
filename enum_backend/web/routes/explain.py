"""`/enum/{number}/explain`: how an SMS would be routed, written and paid, without sending it."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.messaging.explaining import Explanation, TextPreview
from enum_backend.messaging.limits import LimitState
from enum_backend.messaging.model import SendRequest, cost_json
from enum_backend.messaging.owners import DEFAULT_TENANT
from enum_backend.messaging.service import key_client
from enum_backend.phone import normalize
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.enum import TrustAnswer
from enum_backend.web.routes.sms import parse_sender
from nvs.directory import Directory
from nvs.errors import NvsUnavailable


class ExplainQuery(BaseModel):
    """What would be sent."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field("", max_length=1600)
    sender: str = Field("", alias="from", max_length=32)
    gateway: str = Field("", max_length=64)
    code: bool = Field(False, description="as a message that holds a login code")
    transliterate: bool | None = Field(None, description="as in /sms/send")


class StepAnswer(BaseModel):
    """One rule and what came of it."""

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


class ReplacedAnswer(BaseModel):
    """One character and what stands for it."""

    character: str
    plain: str


class PlainTextAnswer(BaseModel):
    """What transliteration makes of the text."""

    message: str
    replaced: list[ReplacedAnswer]
    encoding: str
    segments: int
    applied: bool = Field(description="it would be sent like this")


class RefusalAnswer(BaseModel):
    """Why it would not be accepted."""

    error_code: str
    detail: str


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
    senders: dict[str, str] = Field(description="gateway -> number it would send from")
    encoding: str
    segments: int
    units: int = Field(description="septets of GSM-7, UTF-16 code units of UCS-2")
    forcing_ucs2: list[str] = Field(description="characters that GSM-7 lacks")
    transliterated: PlainTextAnswer | None
    estimated_cost: dict[str, str] | None
    limits: list[LimitAnswer]
    refusals: list[RefusalAnswer]
    record: SeenAnswer | None


async def explain(call: Call) -> web.Response:
    """`GET /enum/{number}/explain`"""
    query = call.query(ExplainQuery)
    settings = call.services.settings
    number = normalize(call.request.match_info["number"], settings.default_region)
    request = SendRequest(
        to=number,
        text=query.message,
        client=key_client(call.caller, settings.limits),
        sender=parse_sender(query.sender, settings.default_region),
        gateway=query.gateway or None,
        is_code=query.code,
        transliterate=query.transliterate,
    )
    explanation = await call.services.explainer.explain(request)
    answer = explain_json(number, explanation, call.services.pool.mode)
    if call.caller.tenant != DEFAULT_TENANT and not call.caller.may("admin"):
        # What the deployment has spent in all tells what others send.
        answer["limits"] = [limit for limit in answer["limits"] if limit["name"] != "daily_cost"]
    answer["record"] = await seen_record(call.services.directory, number)
    return web.json_response(answer)


def explain_json(number: str, explanation: Explanation, mode: str) -> dict[str, Any]:
    """`ExplainAnswer` of an explanation, without `record`."""
    route, text = explanation.route, explanation.text
    senders = route.sender_names()
    return {
        "number": number,
        "destination": route.destination,
        "mode": mode,
        "steps": [{"rule": s.rule, "applied": s.applied, "why": s.why} for s in route.steps],
        "chain": list(route.planned),
        "senders": {name: senders[name] for name in route.planned if name in senders},
        "encoding": text.segmentation.encoding,
        "segments": text.segmentation.segments,
        "units": text.segmentation.units,
        "forcing_ucs2": list(text.forcing),
        "transliterated": _plain_json(text),
        "estimated_cost": cost_json(explanation.estimate),
        "limits": [_limit_json(state) for state in explanation.limits],
        "refusals": [
            {"error_code": refused.error_code, "detail": refused.message}
            for refused in explanation.refusals
        ],
    }


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


def _plain_json(text: TextPreview) -> dict[str, Any] | None:
    plain = text.plain
    if plain is None:
        return None
    return {
        "message": plain.text,
        "replaced": [{"character": old, "plain": new} for old, new in plain.replaced],
        "encoding": plain.segmentation.encoding,
        "segments": plain.segmentation.segments,
        "applied": text.is_plain,
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
