"""`/admin/messages`: every message, newest first."""

from __future__ import annotations

import re
from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.clock import from_rfc3339
from enum_backend.errors import EnumBackendError, wrong_field
from enum_backend.messaging.gateways import SIMULATOR
from enum_backend.messaging.list_pages import Wanted
from enum_backend.messaging.listed import RECEIVED
from enum_backend.messaging.lists import ShownPage
from enum_backend.messaging.model import MessageState
from enum_backend.phone import normalize
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

PER_PAGE: Final = 50
WINDOWS: Final = 5
"""How often a page that holds nothing is looked for further on."""

STATUSES: Final = (*(state.value for state in MessageState), RECEIVED)

_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)


class Filters(BaseModel):
    """Which messages."""

    direction: Literal["outbound", "inbound"] | None = None
    number: str | None = Field(None, max_length=64)
    status: str | None = Field(None, max_length=40)
    gateway: str | None = Field(None, max_length=64)
    tenant: str | None = Field(None, max_length=64)
    since: str | None = Field(None, max_length=40)
    until: str | None = Field(None, max_length=40)
    after: str | None = Field(None, max_length=400)


async def listing(view: View) -> web.Response:
    """`GET /admin/messages`"""
    found = ShownPage((), None, "")
    try:
        found = await _found(view, view.form.read(Filters))
    except EnumBackendError as error:
        view.form.refuse(error)
    tenants = await view.services.tenants.all()
    gateways = [item.name for item in view.services.pool.registry]
    return view.render(
        "messages.html",
        status=422 if view.form.is_refused else 200,
        messages=[shown.message for shown in found.messages],
        next=found.next,
        statuses=[(word, word) for word in STATUSES],
        tenants=[(item.name, item.name) for item in tenants],
        gateways=[(name, name) for name in dict.fromkeys([*gateways, SIMULATOR])],
    )


async def _found(view: View, filters: Filters) -> ShownPage:
    region = view.services.settings.default_region
    if filters.status is not None and filters.status not in STATUSES:
        raise wrong_field("status", "is no status of a message")
    wanted = Wanted(
        tenant=filters.tenant,
        direction=filters.direction,
        number=normalize(filters.number, region) if filters.number else None,
        statuses=frozenset({filters.status} if filters.status else ()),
        gateway=filters.gateway,
        since=moment("since", filters.since),
        until=moment("until", filters.until),
        backwards=True,
    )
    found = await view.services.lists.page(view.viewer, wanted, filters.after, PER_PAGE)
    for _ in range(WINDOWS):
        if found.messages or found.next is None:
            break
        found = await view.services.lists.page(view.viewer, wanted, found.next, PER_PAGE)
    return found


def moment(field: str, text: str | None) -> int | None:
    """What a browser's field of date and time holds, taken as UTC; milliseconds.

    Raises:
        ValidationFailed: it is no time.
    """
    if text is None:
        return None
    if _LOCAL.fullmatch(text):
        text = f"{text}Z" if text.count(":") == 2 else f"{text}:00Z"
    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise wrong_field(field, str(error)) from None


PAGES = (Page("GET", "/messages", listing, "Messages"),)
