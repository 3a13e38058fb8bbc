"""`/admin/opt-outs`: who wants no messages."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from enum_backend.audit.noting import Note
from enum_backend.clock import now_ms
from enum_backend.errors import EnumBackendError, NotFound
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import EVERY, OptOut, Source
from enum_backend.messaging.policy.stopping import stop
from enum_backend.phone import normalize
from enum_backend.web.acting import noted
from enum_backend.web.console.keys import tenants
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.fields import Position

PER_PAGE = 50


class Filters(BaseModel):
    """Which entries."""

    tenant: str = Field("default", max_length=64)
    recipient: str | None = Field(None, max_length=64)
    after: Position = 0


class OptOutForm(BaseModel):
    """Who wants no messages from whom."""

    recipient: str = Field(max_length=64)
    sender: str = Field(EVERY, max_length=80)
    tenant: str = Field("default", max_length=64)


async def listing(view: View) -> web.Response:
    """`GET /admin/opt-outs`"""
    return await _list(view)


async def add(view: View) -> web.Response:
    """`POST /admin/opt-outs`"""
    try:
        asked, sender, recipient = _asked(view)
        note = _note(view, "OPT_OUT_ADDED", asked.tenant, sender, recipient, "wants no messages")

        def work(connection: Connection) -> bool:
            is_new = stop(connection, asked.tenant, sender, recipient, Source.MANUAL, now_ms())
            if is_new:
                note(connection, None)
            return is_new

        is_new = await view.services.database.write(work)
    except EnumBackendError as error:
        view.form.refuse(error)
        return await _list(view, error.status)
    said = f"{recipient} gets no more messages." if is_new else f"{recipient} stood there already."
    return view.go(f"/opt-outs?tenant={asked.tenant}", said)


async def ask_remove(view: View) -> web.Response:
    """`GET /admin/opt-outs/remove`"""
    asked = view.form.read(OptOutForm)
    return view.confirm(
        what="Take this opt-out back? Do so only when the person asks for messages again.",
        button="Take it back",
        action="/opt-outs/remove",
        back="/opt-outs",
        facts=[
            ("Recipient", asked.recipient),
            ("Sender", "all" if asked.sender == EVERY else asked.sender),
            ("Tenant", asked.tenant),
        ],
        hidden={"recipient": asked.recipient, "sender": asked.sender, "tenant": asked.tenant},
    )


async def remove(view: View) -> web.Response:
    """`POST /admin/opt-outs/remove`"""
    asked, sender, recipient = _asked(view)
    note = _note(view, "OPT_OUT_REMOVED", asked.tenant, sender, recipient, "wants messages again")

    def work(connection: Connection) -> None:
        if not optouts.remove(connection, asked.tenant, sender, recipient):
            raise NotFound("There is no such opt-out.")
        note(connection, None)

    await view.services.database.write(work)
    return view.go(f"/opt-outs?tenant={asked.tenant}", f"{recipient} gets messages again.")


async def _list(view: View, status: int = 200) -> web.Response:
    found: list[OptOut] = []
    if view.page.method == "GET":
        try:
            wanted = view.form.read(Filters)
            recipient = _number(view, wanted.recipient) if wanted.recipient else None
            found = await view.services.database.read(
                lambda c: optouts.page(
                    c, wanted.tenant, recipient=recipient, after=wanted.after, limit=PER_PAGE + 1
                )
            )
        except EnumBackendError as error:
            view.form.refuse(error)
            status = 422
    more = len(found) > PER_PAGE
    return view.render(
        "opt_outs.html",
        status=status,
        entries=found[:PER_PAGE],
        next=found[PER_PAGE - 1].id if more else None,
        tenants=await tenants(view),
        every=EVERY,
    )


def _asked(view: View) -> tuple[OptOutForm, str, str]:
    """The form, its sender and its recipient as they are stored."""
    asked = view.form.read(OptOutForm)
    sender = optouts.sender_word(asked.sender, view.services.settings.default_region)
    return asked, sender, _number(view, asked.recipient)


def _number(view: View, text: str) -> str:
    return normalize(text, view.services.settings.default_region, field="recipient")


def _note(
    view: View, event_type: str, tenant: str, sender: str, recipient: str, what: str
) -> Note[object]:
    return noted(
        view.call,
        event_type,
        f"{recipient} {what}.",
        user=view.admin,
        tenant=tenant,
        sender=sender,
        phoneNumber=recipient,
    )


PAGES = (
    Page("GET", "/opt-outs", listing, "Opt-outs"),
    Page("POST", "/opt-outs", add, "Opt-outs"),
    Page("GET", "/opt-outs/remove", ask_remove, "Take an opt-out back", menu="/opt-outs"),
    Page("POST", "/opt-outs/remove", remove, "Take an opt-out back", menu="/opt-outs"),
)
