"""`/admin/audit`: who did what, and whether the log still holds."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.audit import AuditPage, Severity
from enum_backend.audit.chain import Verdict
from enum_backend.audit.heads import HEAD_FILE, read_heads
from enum_backend.audit.model import MAX_VALUE
from enum_backend.errors import EnumBackendError
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.fields import Position

PER_PAGE = 50


class Filters(BaseModel):
    """Which entries."""

    severity: Severity | None = None
    event_type: str | None = Field(None, max_length=64)
    user_id: str | None = Field(None, max_length=MAX_VALUE)
    after: Position | None = None


async def listing(view: View) -> web.Response:
    """`GET /admin/audit`"""
    return await _page(view, None)


async def verify(view: View) -> web.Response:
    """`POST /admin/audit/verify`: recompute the chain against the head in the data directory."""
    file = view.services.settings.data_dir / HEAD_FILE
    verdict = await view.services.audit.verify(await asyncio.to_thread(read_heads, file))
    return await _page(view, verdict)


async def _page(view: View, verdict: Verdict | None) -> web.Response:
    found = AuditPage((), None)
    try:
        wanted = view.form.read(Filters)
        found = await view.services.audit.page(
            after=wanted.after,
            limit=PER_PAGE,
            newest_first=True,
            severity=wanted.severity,
            event_type=wanted.event_type,
            user_id=wanted.user_id,
        )
    except EnumBackendError as error:
        view.form.refuse(error)
    return view.render(
        "audit.html",
        status=422 if view.form.is_refused else 200,
        entries=found.entries,
        next=found.next,
        severities=[(severity.value, severity.value) for severity in Severity],
        verdict=verdict,
    )


PAGES = (
    Page("GET", "/audit", listing, "Audit log"),
    Page("POST", "/audit/verify", verify, "Audit log", menu="/audit"),
)
