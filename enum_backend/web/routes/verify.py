"""`/verify/...`: codes for other applications."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.clock import rfc3339
from enum_backend.errors import Forbidden, wrong_field
from enum_backend.messaging.service import key_client
from enum_backend.phone import normalize
from enum_backend.verification import Purpose, StartRequest
from enum_backend.verification.fraud.decisions import Decision, Verdict
from enum_backend.verification.statistics import PurposeStatistics
from enum_backend.web.endpoints import Body, Call, Endpoint
from enum_backend.web.fields import Position

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_ACCOUNTS = re.compile(r"nobody|usr_.*", re.IGNORECASE)
"""Subjects of this server's own accounts: their codes are not for API keys."""


class WordingBody(Body):
    """What the message says."""

    purpose: Purpose = Field(Purpose.PHONE_VERIFICATION, description="what the code proves")
    app_name: str | None = Field(
        None, max_length=200, description="name before the text; not given = as set"
    )
    locale: str | None = Field(
        None, max_length=35, description="language such as pt-BR; not given or unknown = as set"
    )
    domain: str | None = Field(
        None, max_length=253, description="site that may read the code (WebOTP); empty = none"
    )
    android_hash: str | None = Field(
        None, max_length=20, description="11 characters: Android app that may read it"
    )


class StartBody(WordingBody):
    """A code to send."""

    to: str = Field(max_length=64, description="as people type it; +E.164 is surest")
    subject: str | None = Field(
        None,
        max_length=128,
        pattern=_PRINTABLE,
        description="whom it is for; the check must name the same",
    )
    ip: str | None = Field(
        None, max_length=45, description="the person's address, for limits and the fraud guard"
    )
    anonymous: bool = Field(
        False, description="nobody is known to own the number: a smaller quota of its own"
    )


class CheckBody(Body):
    """A code that came back."""

    verification_id: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        pattern=_PRINTABLE,
        description="not given = the newest of `to`",
    )
    code: str = Field(min_length=1, max_length=32)
    purpose: Purpose | None = Field(None, description="must be the verification's")
    to: str | None = Field(None, max_length=64, description="must be the verification's")
    subject: str | None = Field(
        None,
        max_length=128,
        pattern=_PRINTABLE,
        description="must be the verification's, if it has one",
    )


class StartAnswer(BaseModel):
    """The code is on its way."""

    verification_id: str
    message_id: str
    status: str
    expires_at: str
    resend_at: str


class CheckAnswer(BaseModel):
    """The code was right; it works never again."""

    success: bool
    status: str


class PreviewAnswer(BaseModel):
    """The text, with 000000 for the code."""

    text: str
    locale: str
    encoding: str
    segments: int
    characters: int


class StatsQuery(BaseModel):
    """Whose."""

    model_config = ConfigDict(extra="forbid")

    tenant: str | None = Field(
        None, max_length=64, pattern=_PRINTABLE, description="admins; default: all tenants'"
    )


class PurposeStats(BaseModel):
    """The last 24 hours."""

    started: int
    started_hour: int
    sent: int
    verified: int
    attempts: int
    success_rate: float | None


class StatsAnswer(PurposeStats):
    """All purposes together, each, and what the fraud guard said."""

    by_purpose: dict[str, PurposeStats]
    verdicts: dict[str, int]


class DecisionsQuery(BaseModel):
    """Which, newest first."""

    model_config = ConfigDict(extra="forbid")

    after: Position | None = Field(None, description="`next` of the page before")
    limit: int = Field(100, ge=1, le=500)
    verdict: Verdict | None = None
    tenant: str | None = Field(None, max_length=64, pattern=_PRINTABLE)


class DecisionAnswer(BaseModel):
    """One code that was asked for."""

    id: int
    verification_id: str | None
    tenant: str
    purpose: str
    number: str
    country: str
    ip: str | None
    subject: str | None
    anonymous: bool
    verdict: str
    reasons: list[str]
    allowed_by: str | None
    created_at: str
    verified_at: str | None


class DecisionsAnswer(BaseModel):
    """One page."""

    decisions: list[DecisionAnswer]
    next: int | None


async def start(call: Call) -> web.Response:
    """`POST /verify/start`"""
    body = await call.body(StartBody)
    settings = call.services.settings
    started = await call.services.verification.start(
        StartRequest(
            to=normalize(body.to, settings.default_region, field="to"),
            purpose=body.purpose,
            client=key_client(call.caller, settings.limits),
            app_name=body.app_name,
            locale=body.locale,
            domain=body.domain,
            android_hash=body.android_hash,
            subject=_subject(body.subject),
            ip=body.ip,
            anonymous=body.anonymous or None,
        )
    )
    return web.json_response(
        {
            "verification_id": started.verification_id,
            "message_id": started.message_id,
            "status": "pending",
            "expires_at": rfc3339(started.expires_at),
            "resend_at": rfc3339(started.resend_at),
        }
    )


async def check(call: Call) -> web.Response:
    """`POST /verify/check`"""
    body = await call.body(CheckBody)
    verification, tenant = call.services.verification, call.caller.tenant
    region = call.services.settings.default_region
    number = None if body.to is None else normalize(body.to, region, field="to")
    subject = _subject(body.subject)
    if body.verification_id is not None:
        await verification.check(
            body.verification_id,
            body.code,
            purpose=body.purpose,
            number=number,
            subject=subject,
            tenant=tenant,
        )
    elif number is None:
        raise wrong_field("verification_id", "expected it, or `to`")
    else:
        purpose = body.purpose or Purpose.PHONE_VERIFICATION
        await verification.check_latest(
            number, body.code, purpose=purpose, subject=subject, tenant=tenant
        )
    return web.json_response({"success": True, "status": "approved"})


async def preview(call: Call) -> web.Response:
    """`POST /verify/preview`"""
    body = await call.body(WordingBody)
    found = await call.services.verification.preview(
        body.purpose,
        app_name=body.app_name,
        locale=body.locale,
        domain=body.domain,
        android_hash=body.android_hash,
    )
    return web.json_response(
        {
            "text": found.text,
            "locale": found.locale,
            "encoding": found.encoding,
            "segments": found.segments,
            "characters": found.characters,
        }
    )


async def stats(call: Call) -> web.Response:
    """`GET /verify/stats`"""
    wanted = call.query(StatsQuery).tenant
    key = call.caller
    if wanted is not None and not key.may_see(wanted):
        raise Forbidden("The statistics of other tenants need the scope admin.")
    tenant = wanted if key.may("admin") else key.tenant
    found = await call.services.verification.statistics(tenant)
    return web.json_response(
        _statistics(found.total)
        | {
            "by_purpose": {name: _statistics(item) for name, item in found.by_purpose.items()},
            "verdicts": found.verdicts,
        }
    )


async def decisions(call: Call) -> web.Response:
    """`GET /verify/decisions`"""
    query = call.query(DecisionsQuery)
    found = await call.services.fraud.decisions(
        query.after,
        query.limit,
        verdicts=() if query.verdict is None else (query.verdict.value,),
        tenant=query.tenant,
    )
    following = found[-1].id if len(found) == query.limit else None
    return web.json_response(
        {"decisions": [decision_json(item) for item in found], "next": following}
    )


def decision_json(decision: Decision) -> dict[str, Any]:
    """`DecisionAnswer` of a decision."""
    verified_at = decision.verified_at
    return {
        "id": decision.id,
        "verification_id": decision.verification_id or None,
        "tenant": decision.tenant,
        "purpose": decision.purpose,
        "number": decision.number,
        "country": decision.country,
        "ip": decision.ip,
        "subject": decision.subject,
        "anonymous": decision.anonymous,
        "verdict": decision.verdict,
        "reasons": list(decision.reasons),
        "allowed_by": decision.allowed_by,
        "created_at": rfc3339(decision.created_at),
        "verified_at": None if verified_at is None else rfc3339(verified_at),
    }


def _subject(subject: str | None) -> str | None:
    if subject is not None and _ACCOUNTS.fullmatch(subject):
        raise wrong_field("subject", "names an account of this server")
    return subject


def _statistics(item: PurposeStatistics) -> dict[str, Any]:
    rate = item.success_rate
    return {
        "started": item.started,
        "started_hour": item.started_hour,
        "sent": item.sent,
        "verified": item.verified,
        "attempts": item.attempts,
        "success_rate": None if rate is None else round(rate, 4),
    }


ENDPOINTS = (
    Endpoint(
        "POST",
        "/verify/start",
        start,
        "Send a code to a number, or the same code again",
        scope="verify",
        body=StartBody,
        answer=StartAnswer,
        errors=(
            "INVALID_PHONE_FORMAT",
            "FORBIDDEN",
            "OPTED_OUT",
            "RATE_LIMIT_EXCEEDED",
            "BLOCKED_BY_FRAUD_GUARD",
            "COST_LIMIT_EXCEEDED",
            "SMS_DISABLED",
            "CREDENTIALS_MISSING",
            "GATEWAY_NOT_CONFIGURED",
            "DATABASE_UNAVAILABLE",
            "REDIS_UNAVAILABLE",
            "NVS_UNAVAILABLE",
        ),
    ),
    Endpoint(
        "POST",
        "/verify/check",
        check,
        "Use a code up",
        scope="verify",
        body=CheckBody,
        answer=CheckAnswer,
        errors=(
            "CODE_INVALID",
            "CODE_EXPIRED",
            "TOO_MANY_ATTEMPTS",
            "INVALID_PHONE_FORMAT",
            "DATABASE_UNAVAILABLE",
        ),
    ),
    Endpoint(
        "POST",
        "/verify/preview",
        preview,
        "The text of a code's message with its segments; nothing is sent",
        scope="verify",
        body=WordingBody,
        answer=PreviewAnswer,
    ),
    Endpoint(
        "GET",
        "/verify/stats",
        stats,
        "What verification did in the last 24 hours",
        scope="verify",
        query=StatsQuery,
        answer=StatsAnswer,
        errors=("DATABASE_UNAVAILABLE",),
    ),
    Endpoint(
        "GET",
        "/verify/decisions",
        decisions,
        "Every code that was asked for, and what the fraud guard said",
        scope="admin",
        query=DecisionsQuery,
        answer=DecisionsAnswer,
        errors=("DATABASE_UNAVAILABLE",),
    ),
)
