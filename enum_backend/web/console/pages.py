"""Every page of the console. A new one: write its handler, declare it there in `PAGES`, add
its module here, and its line to `menu.py`."""

from __future__ import annotations

from aiohttp import web

from enum_backend.errors import NotFound
from enum_backend.wakeups import INBOX, OUTBOX
from enum_backend.web.console import (
    agents,
    audit,
    dashboard,
    deliveries,
    enum_browser,
    enum_builder,
    first,
    fraud,
    gateways,
    keys,
    live,
    login,
    message,
    messages,
    number_search,
    numbers,
    opt_outs,
    profile,
    send,
    sms_management,
    static,
    tenants,
    two_factor,
    user,
    users,
)
from enum_backend.web.console.entry import endpoint
from enum_backend.web.console.frame import ROOT
from enum_backend.web.console.overview import OVERVIEWS, Overviews
from enum_backend.web.console.page import Page
from enum_backend.web.console.tails import TAILS, Tails
from enum_backend.web.console.view import View
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.services import Services

PAGES: tuple[Page, ...] = (
    *first.PAGES,
    *login.PAGES,
    *profile.PAGES,
    *two_factor.PAGES,
    *dashboard.PAGES,
    *messages.PAGES,
    *message.PAGES,
    *live.PAGES,
    *send.PAGES,
    *users.PAGES,
    *user.PAGES,
    *sms_management.PAGES,
    *number_search.PAGES,
    *numbers.PAGES,
    *enum_browser.PAGES,
    *enum_builder.PAGES,
    *gateways.PAGES,
    *tenants.PAGES,
    *keys.PAGES,
    *fraud.PAGES,
    *opt_outs.PAGES,
    *deliveries.PAGES,
    *agents.PAGES,
    *audit.PAGES,
)


def prepare(app: web.Application, services: Services) -> None:
    """Give the application what pages share."""
    tails = Tails()
    app[TAILS] = tails
    app[OVERVIEWS] = Overviews(services.database)
    ends = [services.wakeups.subscribe(topic, tails.wake) for topic in (OUTBOX, INBOX)]

    async def stop(_app: web.Application) -> None:
        for end in ends:
            end()
        tails.stop()

    app.on_shutdown.append(stop)


async def _nowhere(_view: View) -> web.Response:
    raise NotFound("There is no such page.")


async def _slash(_call: Call) -> web.Response:
    raise web.HTTPSeeOther(ROOT)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", static.PATH, static.serve, "Files of the console", hidden=True),
    Endpoint("GET", f"{ROOT}/", _slash, "The console", hidden=True),
    *(endpoint(page) for page in PAGES),
    *(
        endpoint(Page(method, "/{path:.*}", _nowhere, "Not found", entry="anyone"))
        for method in ("GET", "POST")
    ),
)
"""The paths, for `web.application`; the last ones answer for pages that are not there."""
