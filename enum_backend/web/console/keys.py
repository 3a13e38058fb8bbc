"""`/admin/keys`: API keys of every tenant; a token is shown once, on the page that makes it."""

from __future__ import annotations

from decimal import Decimal

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from enum_backend.access import SCOPES, ApiKey
from enum_backend.errors import EnumBackendError, NotFound
from enum_backend.settings.base import MOST
from enum_backend.tenants.store import DEFAULT
from enum_backend.web.acting import noted
from enum_backend.web.console.messages import moment
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.fields import read_sender
from enum_backend.web.routes.keys import key_created

MEANINGS = (
    ("sms:send", "sms:send: send messages, opt-outs"),
    ("sms:read", "sms:read: read messages"),
    ("numbers", "numbers: buy, list, release numbers"),
    ("verify", "verify: send and check codes"),
    ("agents", "agents: lease numbers"),
    ("admin", "admin: everything, of every tenant"),
)


class Filters(BaseModel):
    """Which keys."""

    tenant: str | None = Field(None, max_length=64)
    revoked: str | None = Field(None, max_length=3)


class KeyForm(BaseModel):
    """A key to be."""

    name: str = Field(max_length=80)
    tenant: str = Field(DEFAULT, max_length=64)
    scopes: list[str] = Field([], max_length=len(SCOPES))
    daily_cost: Decimal | None = None
    per_minute: int | None = Field(None, ge=0, le=MOST)
    senders: str = Field("", max_length=2000)
    expires_at: str | None = Field(None, max_length=40)


async def listing(view: View) -> web.Response:
    """`GET /admin/keys`"""
    wanted = view.form.read(Filters)
    found = await view.services.keys.list(wanted.tenant)
    hidden = 0
    if wanted.revoked is None:
        live = [key for key in found if key.revoked_at is None]
        hidden, found = len(found) - len(live), live
    return view.render("keys.html", keys=found[::-1], hidden=hidden, tenants=await tenants(view))


async def write(view: View) -> web.Response:
    """`GET /admin/keys/new`: `tenant` may stand in the address."""
    return await _page(view)


async def create(view: View) -> web.Response:
    """`POST /admin/keys/new`: the answer holds the token, so it is not sent to another page."""
    region = view.services.settings.default_region

    def note(connection: Connection, made: ApiKey) -> None:
        event = key_created(view.call, made, view.admin)
        view.services.audit.record_in(connection, event)

    try:
        asked = view.form.read(KeyForm)
        senders = [line.strip() for line in asked.senders.splitlines() if line.strip()]
        key, token = await view.services.keys.create(
            asked.name,
            asked.scopes,
            asked.tenant,
            daily_cost=asked.daily_cost,
            per_minute=asked.per_minute,
            senders=[read_sender(sender, region, field="senders") for sender in senders],
            expires_at=moment("expires_at", asked.expires_at),
            note=note,
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return await _page(view, error.status)
    return view.render("key_made.html", title="The key is made", key=key, token=token)


async def ask_revoke(view: View) -> web.Response:
    """`GET /admin/keys/{key_id}/revoke`"""
    key = await _live(view)
    return view.confirm(
        what="End this key? Whatever uses it is refused at once.",
        button="Revoke the key",
        action=f"/keys/{key.id}/revoke",
        back="/keys",
        facts=[("Name", key.name), ("Id", key.id), ("Tenant", key.tenant)],
    )


async def revoke(view: View) -> web.Response:
    """`POST /admin/keys/{key_id}/revoke`"""
    key = await _live(view)
    said = f"API key {key.id} was revoked."
    note = noted(view.call, "KEY_REVOKED", said, user=view.admin, keyId=key.id, tenant=key.tenant)
    await view.services.keys.revoke(key.id, note=note)
    return view.go("/keys", f"{key.name} is revoked.")


async def _page(view: View, status: int = 200) -> web.Response:
    return view.render("key_new.html", status=status, tenants=await tenants(view), scopes=MEANINGS)


async def tenants(view: View) -> list[tuple[str, str]]:
    """Names for a choice; the one of who needs none comes first."""
    names = [tenant.name for tenant in await view.services.tenants.all()]
    return [(name, name) for name in sorted(names, key=lambda name: name != DEFAULT)]


async def _live(view: View) -> ApiKey:
    wanted = view.part("key_id")
    for key in await view.services.keys.list():
        if key.id == wanted and key.revoked_at is None:
            return key
    raise NotFound("There is no live API key of that id.")


PAGES = (
    Page("GET", "/keys", listing, "API keys"),
    Page("GET", "/keys/new", write, "New API key", menu="/keys"),
    Page("POST", "/keys/new", create, "New API key", menu="/keys"),
    Page("GET", "/keys/{key_id}/revoke", ask_revoke, "Revoke a key", menu="/keys"),
    Page("POST", "/keys/{key_id}/revoke", revoke, "Revoke a key", menu="/keys"),
)
