"""`/audit`: who did what, for admins."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from enum_backend.audit.model import MAX_VALUE, Severity, Value
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.fields import Position


class AuditQuery(BaseModel):
    """Which entries."""

    model_config = ConfigDict(extra="forbid")

    severity: Severity | None = None
    event_type: str | None = Field(None, max_length=64, description="e.g. KEY_CREATED")
    user_id: str | None = Field(None, max_length=MAX_VALUE, description="entries of this user")
    order: Literal["oldest", "newest"] = Field("oldest", description="which come first")
    after: Position | None = Field(None, description="`next` of the page before")
    limit: int = Field(100, ge=1, le=1000)


class AuditEntryAnswer(BaseModel):
    """One entry; erased values are shown as pseudonyms, `anon_...`."""

    id: str
    seq: int = Field(description="place in the chain, in the order of commits")
    eventType: str  # noqa: N815
    severity: Severity
    description: str
    userId: str | None  # noqa: N815
    metadata: dict[str, Value]
    createdAt: str  # noqa: N815


class AuditAnswer(BaseModel):
    """A page of entries; `next` is null when there are no more for now."""

    entries: list[AuditEntryAnswer]
    next: int | None


async def list_entries(call: Call) -> web.Response:
    """`GET /audit`"""
    query = call.query(AuditQuery)
    found = await call.services.audit.page(
        after=query.after,
        limit=query.limit,
        newest_first=query.order == "newest",
        severity=query.severity,
        event_type=query.event_type,
        user_id=query.user_id,
    )
    return web.json_response(
        {"entries": [entry.document for entry in found.entries], "next": found.next}
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/audit",
        list_entries,
        "The audit log: admin actions and security events",
        scope="admin",
        query=AuditQuery,
        answer=AuditAnswer,
        errors=("DATABASE_UNAVAILABLE",),
    ),
)
