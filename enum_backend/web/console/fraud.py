"""`/admin/fraud`: what the guard said of each code that was asked for."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.errors import EnumBackendError
from enum_backend.verification.fraud.decisions import Decision, Verdict
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.fields import Position

PER_PAGE = 50


class Filters(BaseModel):
    """Which decisions."""

    verdict: Verdict | None = None
    tenant: str | None = Field(None, max_length=64)
    after: Position | None = None


async def listing(view: View) -> web.Response:
    """`GET /admin/fraud`"""
    found: list[Decision] = []
    try:
        wanted = view.form.read(Filters)
        found = await view.services.fraud.decisions(
            wanted.after,
            PER_PAGE + 1,
            verdicts=(wanted.verdict.value,) if wanted.verdict else (),
            tenant=wanted.tenant,
        )
    except EnumBackendError as error:
        view.form.refuse(error)
    settings = view.services.settings.verification.fraud
    tenants = await view.services.tenants.all()
    more = len(found) > PER_PAGE
    return view.render(
        "fraud.html",
        status=422 if view.form.is_refused else 200,
        decisions=found[:PER_PAGE],
        next=found[PER_PAGE - 1].id if more else None,
        verdicts=[(verdict.value, verdict.value) for verdict in Verdict],
        tenants=[(tenant.name, tenant.name) for tenant in tenants],
        guard=settings,
    )


PAGES = (Page("GET", "/fraud", listing, "Fraud decisions"),)
