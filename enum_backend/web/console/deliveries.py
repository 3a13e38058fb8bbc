"""`/admin/deliveries`: what became of handing messages over, dead letters, making them again."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.errors import EnumBackendError
from enum_backend.messaging.deliveries.model import State
from enum_backend.web.acting import acted, noted, record
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.fields import Position

PER_PAGE = 50


class Filters(BaseModel):
    """Which deliveries."""

    tenant: str | None = Field(None, max_length=64)
    state: State | None = None
    after: Position | None = None


class ReplayForm(BaseModel):
    """Whose dead letters; none = everybody's."""

    tenant: str | None = Field(None, max_length=64)


async def listing(view: View) -> web.Response:
    """`GET /admin/deliveries`"""
    letters = []
    try:
        wanted = view.form.read(Filters)
        letters = await view.services.deliveries.page(
            tenant=wanted.tenant, state=wanted.state, before=wanted.after, limit=PER_PAGE + 1
        )
    except EnumBackendError as error:
        view.form.refuse(error)
    endpoints = await view.services.deliveries.endpoints(None)
    tenants = await view.services.tenants.all()
    more = len(letters) > PER_PAGE
    return view.render(
        "deliveries.html",
        status=422 if view.form.is_refused else 200,
        letters=letters[:PER_PAGE],
        next=letters[PER_PAGE - 1].cursor if more else None,
        states=[(state.value, state.value) for state in State],
        tenants=[(tenant.name, tenant.name) for tenant in tenants],
        endpoints=endpoints,
        addresses={endpoint.id: endpoint.address for endpoint in endpoints},
    )


async def replay(view: View) -> web.Response:
    """`POST /admin/deliveries/{delivery_id}/replay`"""
    delivery_id = view.part("delivery_id")
    note = noted(
        view.call,
        "DELIVERY_REPLAYED",
        f"Delivery {delivery_id[:40]} is made again.",
        user=view.admin,
        deliveryId=delivery_id,
    )
    try:
        await view.services.deliveries.replay(delivery_id, note=note)
    except EnumBackendError as error:
        return view.go("/deliveries", error.message, kind="bad")
    return view.go("/deliveries", "The delivery is made again.")


async def ask_replay_dead(view: View) -> web.Response:
    """`GET /admin/deliveries/dead/replay`"""
    tenant = view.form.read(ReplayForm).tenant
    return view.confirm(
        what="Make every dead letter again? Receivers that did get one get it twice, with the"
        " same id.",
        button="Make them again",
        action="/deliveries/dead/replay",
        back="/deliveries?state=dead",
        facts=[("Tenant", tenant or "all")],
        hidden={"tenant": tenant or ""},
    )


async def replay_dead(view: View) -> web.Response:
    """`POST /admin/deliveries/dead/replay`"""
    tenant = view.form.read(ReplayForm).tenant
    count = await view.services.deliveries.replay_dead(tenant)
    event = acted(
        view.call,
        "DEAD_LETTERS_REPLAYED",
        f"{count} dead letters are made again.",
        user=view.admin,
        tenant=tenant,
        count=count,
    )
    await record(view.call, event)
    return view.go("/deliveries", f"{count} dead letter{'' if count == 1 else 's'} made again.")


PAGES = (
    Page("GET", "/deliveries", listing, "Deliveries"),
    Page("GET", "/deliveries/dead/replay", ask_replay_dead, "Dead letters", menu="/deliveries"),
    Page("POST", "/deliveries/dead/replay", replay_dead, "Dead letters", menu="/deliveries"),
    Page("POST", "/deliveries/{delivery_id}/replay", replay, "Deliver again", menu="/deliveries"),
)
