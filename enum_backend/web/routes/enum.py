"""`/enum/...`: what is known about a number, and its NAPTRs."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.access import ApiKey
from enum_backend.errors import NotFound, NvsUnavailableError
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.phone import lookup_digits
from enum_backend.web.endpoints import Call, Endpoint
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
    """Which gateway carries the number's SMS.

    The last two only with scope `numbers`, of the tenant that owns the record if one does.
    """

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
    private = _is_private_to(call.key, record)
    return web.json_response(record_json(record, call.services.pool, private=private))


def _is_private_to(key: ApiKey | None, record: NumberRecord) -> bool:
    """Whether a key may see where the record's inbound messages go."""
    if key is None or not key.may("numbers"):
        return False
    owner = record.trust.tenant
    return owner is None or key.may_see(owner)


async def naptr(call: Call) -> web.Response:
    """`GET /enum/{number}/naptr`"""
    record = await read_record(call)
    services = published(record, call.services.settings.dns.publish)
    return web.json_response({"naptr": [to_text(item) for item in services], "ttl": record.ttl})


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
)
