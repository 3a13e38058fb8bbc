"""`/admin/agents`: the pool of numbers, who has leased which, who waits, and what keys used."""

from __future__ import annotations

from collections import Counter
from typing import Final

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.agents.model import Caller, NumberStatus
from enum_backend.audit.model import AuditEvent
from enum_backend.errors import EnumBackendError
from enum_backend.phone import normalize
from enum_backend.web.acting import acted, record
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

USAGE_DAYS: Final = 7
LEASES: Final = 100

_CALLER: Final = Caller("console", "default", is_admin=True)
"""Agents' own journal knows keys only; who it was stands in an entry of ours."""


class AddForm(BaseModel):
    """A number for the pool."""

    number: str = Field(max_length=64)
    tenant: str | None = Field(None, max_length=64)


async def overview(view: View) -> web.Response:
    """`GET /admin/agents`"""
    return await _page(view)


async def add(view: View) -> web.Response:
    """`POST /admin/agents/pool`"""
    region = view.services.settings.default_region
    try:
        asked = view.form.read(AddForm)
        number = normalize(asked.number, region, field="number")
        added = await view.services.agents.desk.add(_CALLER, number, asked.tenant)
    except EnumBackendError as error:
        view.form.refuse(error, phone_number="number")
        return await _page(view, error.status)
    said = f"{number} was put into the agents' pool."
    await record(view.call, _event(view, "AGENT_POOL_EDITED", said, number, added.tenant))
    return view.go("/agents", f"{number} is in the pool.")


async def ask_remove(view: View) -> web.Response:
    """`GET /admin/agents/pool/{number}/remove`"""
    number = view.part("number")
    return view.confirm(
        what="Take this number out of the pool? Its lease, if it has one, ends now.",
        button="Take it out",
        action=f"/agents/pool/{number}/remove",
        back="/agents",
        facts=[("Number", number)],
    )


async def remove(view: View) -> web.Response:
    """`POST /admin/agents/pool/{number}/remove`"""
    number = normalize(view.part("number"), view.services.settings.default_region)
    try:
        await view.services.agents.desk.remove(_CALLER, number, end_lease=True)
    except EnumBackendError as error:
        return view.go("/agents", error.message, kind="bad")
    said = f"{number} was taken out of the agents' pool."
    await record(view.call, _event(view, "AGENT_POOL_EDITED", said, number, None))
    return view.go("/agents", f"{number} is out of the pool.")


async def ask_end(view: View) -> web.Response:
    """`GET /admin/agents/leases/{lease_id}/end`"""
    lease = await view.services.agents.find(_CALLER, view.part("lease_id"))
    return view.confirm(
        what="End this lease now? Its agent sees no more messages of the number.",
        button="End the lease",
        action=f"/agents/leases/{lease.lease_id}/end",
        back="/agents",
        facts=[("Number", lease.number), ("Passport", lease.passport_id), ("Key", lease.key_id)],
    )


async def end(view: View) -> web.Response:
    """`POST /admin/agents/leases/{lease_id}/end`"""
    lease = await view.services.agents.release(_CALLER, view.part("lease_id"))
    event = _event(
        view, "AGENT_LEASE_ENDED", "An admin ended an agent's lease.", lease.number, lease.tenant
    )
    await record(view.call, event)
    return view.go("/agents", f"The lease of {lease.number} is ended.")


async def _page(view: View, status: int = 200) -> web.Response:
    services, caller = view.services, _CALLER
    numbers = await services.agents.desk.numbers(caller)
    leases = await services.agents.leases(caller, everybody=True, limit=LEASES)
    usage = await services.agents.desk.usage(caller, days=USAGE_DAYS)
    counts = Counter(number.status for number in numbers)
    tenants = await services.tenants.all()
    return view.render(
        "agents.html",
        status=status,
        numbers=numbers,
        leases=leases,
        usage=usage,
        days=USAGE_DAYS,
        counts=[(word.value, counts[word]) for word in NumberStatus],
        waiting=services.agents.room.waiting,
        waiting_of=services.agents.room.waiting_of,
        keys={key.id: key.name for key in await services.keys.list()},
        tenants=[(tenant.name, tenant.name) for tenant in tenants],
        withholds=services.settings.agents.withhold_bodies,
    )


def _event(view: View, event_type: str, said: str, number: str, tenant: str | None) -> AuditEvent:
    return acted(view.call, event_type, said, user=view.admin, number=number, tenant=tenant)


PAGES = (
    Page("GET", "/agents", overview, "Agents"),
    Page("POST", "/agents/pool", add, "Agents", menu="/agents"),
    Page("GET", "/agents/pool/{number}/remove", ask_remove, "Pool", menu="/agents"),
    Page("POST", "/agents/pool/{number}/remove", remove, "Pool", menu="/agents"),
    Page("GET", "/agents/leases/{lease_id}/end", ask_end, "End a lease", menu="/agents"),
    Page("POST", "/agents/leases/{lease_id}/end", end, "End a lease", menu="/agents"),
)
