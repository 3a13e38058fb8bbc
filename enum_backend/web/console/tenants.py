"""`/admin/tenants`: who owns numbers, keys and messages."""

from __future__ import annotations

from collections.abc import Awaitable
from decimal import Decimal

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.audit.noting import Note
from enum_backend.errors import EnumBackendError
from enum_backend.phone import normalize
from enum_backend.tenants.store import MAX_TITLE, Tenant
from enum_backend.web.acting import noted
from enum_backend.web.console.forms import Form
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View


class TenantForm(BaseModel):
    """What can be said of a tenant."""

    title: str = Field("", max_length=MAX_TITLE)
    daily_cost: Decimal | None = None


class NewTenantForm(TenantForm):
    """A tenant to be."""

    name: str = Field(max_length=64)


class BindForm(BaseModel):
    """A number that shall be the tenant's."""

    number: str = Field(max_length=64)


async def listing(view: View) -> web.Response:
    """`GET /admin/tenants`"""
    return await _list(view)


async def create(view: View) -> web.Response:
    """`POST /admin/tenants`"""
    try:
        asked = view.form.read(NewTenantForm)
        note = _note(view, "TENANT_CREATED", asked.name, "was made", asked.daily_cost)
        await view.services.tenants.create(asked.name, asked.title, asked.daily_cost, note=note)
    except EnumBackendError as error:
        view.form.refuse(error)
        return await _list(view, error.status)
    return view.go(f"/tenants/{asked.name}", f"Tenant {asked.name} is made.")


async def detail(view: View) -> web.Response:
    """`GET /admin/tenants/{tenant}`"""
    tenant = await view.services.tenants.get(view.part("tenant"))
    return await _one(view, tenant)


async def change(view: View) -> web.Response:
    """`POST /admin/tenants/{tenant}`: title and budget."""
    tenant = await view.services.tenants.get(view.part("tenant"))
    try:
        asked = view.form.read(TenantForm)
        note = _note(view, "TENANT_CHANGED", tenant.name, "was changed", asked.daily_cost)
        await view.services.tenants.change(
            tenant.name, title=asked.title, daily_cost=asked.daily_cost, note=note
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return await _one(view, tenant, view.form, error.status)
    return view.go(f"/tenants/{tenant.name}", "The tenant is changed.")


async def ask_switch(view: View) -> web.Response:
    """`GET /admin/tenants/{tenant}/switch`: before its keys are refused, or taken again."""
    tenant = await view.services.tenants.get(view.part("tenant"))
    disable = tenant.disabled_at is None
    return view.confirm(
        what="Refuse the keys and shim tokens of this tenant? What it sends is refused at once."
        if disable
        else "Take the keys and shim tokens of this tenant again?",
        button="Disable the tenant" if disable else "Enable the tenant",
        action=f"/tenants/{tenant.name}/switch",
        back=f"/tenants/{tenant.name}",
        facts=[("Tenant", tenant.name), ("Title", tenant.title or "–")],
        hidden={"disabled": "yes" if disable else "no"},
    )


async def switch(view: View) -> web.Response:
    """`POST /admin/tenants/{tenant}/switch`"""
    name, disabled = view.part("tenant"), view.form.get("disabled") == "yes"
    word = "disabled" if disabled else "enabled"
    note = _note(view, "TENANT_CHANGED", name, f"was {word}")
    return await _try(
        view,
        name,
        view.services.tenants.change(name, disabled=disabled, note=note),
        f"The tenant is {word}.",
    )


async def ask_delete(view: View) -> web.Response:
    """`GET /admin/tenants/{tenant}/delete`"""
    tenant = await view.services.tenants.get(view.part("tenant"))
    return view.confirm(
        what="Delete this tenant? It must have no numbers, keys or messages under way; its name"
        " stays taken.",
        button="Delete the tenant",
        action=f"/tenants/{tenant.name}/delete",
        back=f"/tenants/{tenant.name}",
        facts=[("Tenant", tenant.name), ("Title", tenant.title or "–")],
    )


async def delete(view: View) -> web.Response:
    """`POST /admin/tenants/{tenant}/delete`"""
    name = view.part("tenant")
    note = _note(view, "TENANT_DELETED", name, "was deleted")
    try:
        await view.services.tenants.delete(name, note=note)
    except EnumBackendError as error:
        return view.go(f"/tenants/{name}", error.message, kind="bad")
    return view.go("/tenants", f"Tenant {name} is deleted.")


async def bind(view: View) -> web.Response:
    """`POST /admin/tenants/{tenant}/numbers`: by the admin's word."""
    tenant = await view.services.tenants.get(view.part("tenant"))
    region = view.services.settings.default_region
    try:
        number = normalize(view.form.read(BindForm).number, region, field="number")
        note = _number_note(view, "NUMBER_BOUND", tenant.name, number, "was bound by an admin")
        await view.services.tenant_numbers.bind(
            tenant.name, number, f"user:{view.admin.id}", note=note
        )
    except EnumBackendError as error:
        view.form.refuse(error, phone="number")
        return await _one(view, tenant, status=error.status)
    return view.go(f"/tenants/{tenant.name}", f"{number} is the tenant's.")


async def ask_unbind(view: View) -> web.Response:
    """`GET /admin/tenants/{tenant}/numbers/{number}/unbind`"""
    tenant, number = view.part("tenant"), view.part("number")
    return view.confirm(
        what="Take this number from the tenant? Its messages are nobody's until it is bound again.",
        button="Take the number",
        action=f"/tenants/{tenant}/numbers/{number}/unbind",
        back=f"/tenants/{tenant}",
        facts=[("Number", number), ("Tenant", tenant)],
    )


async def unbind(view: View) -> web.Response:
    """`POST /admin/tenants/{tenant}/numbers/{number}/unbind`"""
    name = view.part("tenant")
    number = normalize(view.part("number"), view.services.settings.default_region)
    note = _number_note(view, "NUMBER_UNBOUND", name, number, "was taken from its tenant")
    work = view.services.tenant_numbers.unbind(name, number, note=note)
    return await _try(view, name, work, f"{number} is not the tenant's any more.")


async def _try(view: View, name: str, work: Awaitable[object], said: str) -> web.Response:
    """Do it, and say on the tenant's page that it is done, or why not."""
    try:
        await work
    except EnumBackendError as error:
        return view.go(f"/tenants/{name}", error.message, kind="bad")
    return view.go(f"/tenants/{name}", said)


async def _list(view: View, status: int = 200) -> web.Response:
    found = await view.services.tenants.all()
    return view.render("tenants.html", status=status, tenants=found)


async def _one(
    view: View, tenant: Tenant, about: Form | None = None, status: int = 200
) -> web.Response:
    """A tenant's page; `about`: its form as it was posted, None = as it is stored."""
    cost = "" if tenant.daily_cost is None else str(tenant.daily_cost)
    services = view.services
    return view.render(
        "tenant.html",
        title=f"Tenant {tenant.name}",
        status=status,
        tenant=tenant,
        about=about or Form.of(title=tenant.title, daily_cost=cost),
        keys=await services.keys.list(tenant.name),
        bindings=await services.tenant_numbers.of(tenant.name),
    )


def _note(
    view: View, event_type: str, name: str, done: str, daily_cost: Decimal | None = None
) -> Note[object]:
    return noted(
        view.call,
        event_type,
        f"Tenant {name[:64]} {done}.",
        user=view.admin,
        tenant=name[:64],
        dailyCost=None if daily_cost is None else f"{daily_cost} USD",
    )


def _number_note(view: View, event_type: str, tenant: str, number: str, done: str) -> Note[object]:
    return noted(
        view.call, event_type, f"{number} {done}.", user=view.admin, tenant=tenant, number=number
    )


PAGES = (
    Page("GET", "/tenants", listing, "Tenants"),
    Page("POST", "/tenants", create, "Tenants"),
    Page("GET", "/tenants/{tenant}", detail, "Tenant", menu="/tenants"),
    Page("POST", "/tenants/{tenant}", change, "Tenant", menu="/tenants"),
    Page("GET", "/tenants/{tenant}/switch", ask_switch, "Tenant", menu="/tenants"),
    Page("POST", "/tenants/{tenant}/switch", switch, "Tenant", menu="/tenants"),
    Page("GET", "/tenants/{tenant}/delete", ask_delete, "Delete a tenant", menu="/tenants"),
    Page("POST", "/tenants/{tenant}/delete", delete, "Delete a tenant", menu="/tenants"),
    Page("POST", "/tenants/{tenant}/numbers", bind, "Tenant", menu="/tenants"),
    Page(
        "GET",
        "/tenants/{tenant}/numbers/{number}/unbind",
        ask_unbind,
        "Take a number",
        menu="/tenants",
    ),
    Page(
        "POST",
        "/tenants/{tenant}/numbers/{number}/unbind",
        unbind,
        "Take a number",
        menu="/tenants",
    ),
)
