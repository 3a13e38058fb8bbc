"""`GET /meshcentral/lookup` and `/meshcentral/explain`: a number's record, and the way of an SMS
to it, for MeshCentral's administrators.

The same as `/enum/{number}` and `/enum/{number}/explain`, with the number as it is typed in
MeshCentral, of a server that has a token but no API key.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.access import ApiKey
from enum_backend.errors import NotFound, NvsUnavailableError
from enum_backend.phone import lookup_digits
from enum_backend.shim_tokens import ShimToken
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.enum import RecordAnswer, record_json
from enum_backend.web.routes.explain import ExplainAnswer, explain_json, seen_record
from meshcentral_plugin.shim import MAX_CHARACTERS, request_by
from meshcentral_plugin.shim_callers import caller_of
from nvs.errors import NvsUnavailable
from nvs.naptr import published, to_text

READ = "sms:read"
SEND = "sms:send"
SAMPLE = "MeshCentral access token is: 000000"
"""What is explained when no text is given: most of MeshCentral's messages are logins."""


class LookupQuery(BaseModel):
    """Whose record."""

    model_config = ConfigDict(extra="forbid")

    phone: str = Field(min_length=1, max_length=64, description="as people type it")


class ExplainQuery(LookupQuery):
    """What would be sent."""

    message: str = Field(
        "", max_length=MAX_CHARACTERS, description="empty = a login code of MeshCentral"
    )


class LookupAnswer(RecordAnswer):
    """The number's record, with what DNS answers for it."""

    naptr: list[str]


class MeshExplainAnswer(ExplainAnswer):
    """What sending would do; `about` is what the text is taken for."""

    about: str


async def lookup(call: Call) -> web.Response:
    """`GET /meshcentral/lookup`"""
    caller = await caller_of(call, READ)
    region = _region(call, caller)
    digits = lookup_digits(call.query(LookupQuery).phone, region, field="phone")
    try:
        record = await call.services.directory.record(f"+{digits}")
    except NvsUnavailable as error:
        raise NvsUnavailableError(f"The record cannot be read now: {error}") from error
    if record is None:
        raise NotFound(f"There is no record for +{digits}.")
    private = isinstance(caller, ApiKey) and caller.may("numbers")
    document: dict[str, Any] = record_json(record, call.services.pool, private=private)
    names = published(record, call.services.settings.dns.publish)
    return web.json_response(document | {"naptr": [to_text(name) for name in names]})


async def explain(call: Call) -> web.Response:
    """`GET /meshcentral/explain`"""
    caller = await caller_of(call, SEND)
    query = call.query(ExplainQuery)
    request = request_by(call, caller, query.phone, query.message or SAMPLE)
    explanation = await call.services.explainer.explain(request)
    document = explain_json(request.to, explanation, call.services.pool.mode)
    document["record"] = await seen_record(call.services.directory, request.to)
    return web.json_response(document | {"about": request.about})


def _region(call: Call, caller: ShimToken | ApiKey) -> str:
    own = caller.options.region if isinstance(caller, ShimToken) else None
    return own or call.services.settings.default_region


ENDPOINTS = (
    Endpoint(
        "GET",
        "/meshcentral/lookup",
        lookup,
        "What is known about a number, and what DNS answers for it",
        query=LookupQuery,
        answer=LookupAnswer,
        scope=READ,
        errors=("INVALID_PHONE_FORMAT", "NOT_FOUND", "NVS_UNAVAILABLE"),
        own_tokens=True,
    ),
    Endpoint(
        "GET",
        "/meshcentral/explain",
        explain,
        "How an SMS of MeshCentral to the number would be routed, without sending it",
        query=ExplainQuery,
        answer=MeshExplainAnswer,
        scope=SEND,
        errors=(
            "INVALID_PHONE_FORMAT",
            "GATEWAY_NOT_CONFIGURED",
            "CREDENTIALS_MISSING",
            "NVS_UNAVAILABLE",
        ),
        own_tokens=True,
    ),
)
