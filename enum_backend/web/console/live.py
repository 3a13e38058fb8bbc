"""`/admin/live`: messages as they go out and come in, by server-sent events.

The stream goes on behind the last event that the browser had (`Last-Event-ID`), so a
broken connection loses nothing. `message` carries a row of the list, `status` what became
of one, `skipped` says that there are more than anybody could read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Final

import structlog
from aiohttp import hdrs, web

from enum_backend.errors import EnumBackendError
from enum_backend.messaging.list_pages import Wanted
from enum_backend.web.console.frame import HEADERS, templates
from enum_backend.web.console.page import Page
from enum_backend.web.console.tails import TAILS, Changed, News, Tail, Tails
from enum_backend.web.console.view import View

log = structlog.get_logger("enum_backend.console")

SHOWN: Final = 25
"""Messages on the page before any come."""
POLL_SECONDS: Final = 1.0
"""Longest pause between two looks; a wake-up shortens it."""
PAUSE_SECONDS: Final = 0.2
CHECK_SECONDS: Final = 15.0
"""How often a silent stream says that it is there; the session is looked at before each write."""
WRITE_SECONDS: Final = 30.0
RETRY_MS: Final = 2000


async def page(view: View) -> web.Response:
    """`GET /admin/live`"""
    lists = view.services.lists
    position = await lists.end(view.viewer)
    found = await lists.page(view.viewer, Wanted(tenant=None, backwards=True), None, SHOWN)
    return view.render(
        "live.html", position=position, messages=[shown.message for shown in found.messages]
    )


async def stream(view: View) -> web.StreamResponse:
    """`GET /admin/live/stream`"""
    lists = view.services.lists
    position = view.request.headers.get("Last-Event-ID") or view.form.get("after")
    tail = Tail(
        lists, view.services.database, view.viewer, position or await lists.end(view.viewer)
    )
    tails = view.request.app[TAILS]
    with tails.place() as wake:
        first = await tail.next()  # a wrong position is refused before anything is sent
        await tail.begin()
        response = web.StreamResponse(
            headers={
                **HEADERS,
                hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(view.request)
        try:
            await _write(response, f"retry: {RETRY_MS}\n\n".encode() + _events(first))
            await _follow(view, response, tail, tails, wake)
        except (ConnectionError, TimeoutError, EnumBackendError) as error:
            # The browser is gone, or the database is away: it comes back.
            log.info("tail ended", why=type(error).__name__)
    return response


async def _follow(
    view: View, response: web.StreamResponse, tail: Tail, tails: Tails, wake: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    check_at = loop.time() + CHECK_SECONDS
    while not tails.stopping and _is_there(view.request):
        wake.clear()
        news = await tail.next()
        data = _events(news)
        if not data and loop.time() >= check_at:
            data = b": still here\n\n"
        if data:
            if not await _may_go_on(view):
                return
            await _write(response, data)
            check_at = loop.time() + CHECK_SECONDS
        await asyncio.sleep(PAUSE_SECONDS)
        if not tail.is_behind:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), POLL_SECONDS)


def _is_there(request: web.Request) -> bool:
    """Whether the browser still listens."""
    return request.transport is not None and not request.transport.is_closing()


async def _may_go_on(view: View) -> bool:
    """Whether the session still lives, and is still an admin's."""
    live = await view.services.accounts.sessions_of(view.admin.id)
    own = view.own_session.id
    return any(session.id == own and session.user.is_admin for session in live)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


def _events(news: News) -> bytes:
    """News as events; each carries the position behind all of them."""
    rows = templates().get_template("_messages.html").module
    events: list[tuple[str, dict[str, str | None]]] = [
        ("message", {"id": message.id, "row": str(rows.row(message))})  # type: ignore[attr-defined]
        for message in news.messages
    ]
    events += [("status", _changed(item)) for item in news.changed]
    if news.skipped:
        events.append(("skipped", {}))
    return b"".join(
        f"id: {news.position}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()
        for name, data in events
    )


def _changed(item: Changed) -> dict[str, str | None]:
    rows = templates().get_template("_messages.html").module
    return {"id": item.id, "status": str(rows.status(item))}  # type: ignore[attr-defined]


PAGES = (
    Page("GET", "/live", page, "Live"),
    Page("GET", "/live/stream", stream, "Live", menu="/live"),
)
