"""Who may see a page: every request of the console passes here."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import structlog
from aiohttp import hdrs, web

from enum_backend.errors import (
    BodyTooLarge,
    EnumBackendError,
    Forbidden,
    ProviderError,
    Unauthorized,
)
from enum_backend.gateways.base import GatewayError
from enum_backend.web import sessions
from enum_backend.web.console.forms import Form, read_filters, read_form
from enum_backend.web.console.frame import HEADERS, ROOT
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.endpoints import Call, Endpoint

log = structlog.get_logger("enum_backend.console")

_WITHIN: Final = re.compile(r"(/[\w\-.]+)*/?(\?[\w\-.~%=&+]*)?", re.ASCII)


def endpoint(page: Page) -> Endpoint:
    """A page as the HTTP server has it; sessions are looked at here, not API keys."""
    return Endpoint(
        page.method,
        f"{ROOT}{page.path}",
        _guarded(page),
        page.title,
        hidden=True,
        own_tokens=True,
        own_query=True,
    )


def _guarded(page: Page) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    async def handle(call: Call) -> web.StreamResponse:
        view = View(call, page, Form())
        try:
            return await _enter(view)
        except EnumBackendError as error:
            return refused(view, error)
        except GatewayError as error:
            return refused(
                view, ProviderError(provider_code=error.provider_code, reason=error.reason)
            )
        except web.HTTPRequestEntityTooLarge:
            return refused(view, BodyTooLarge())
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as error:
            log.error("page failed", page=page.path, error=type(error).__name__)
            return refused(view, EnumBackendError("Something failed inside the server."))

    return handle


async def _enter(view: View) -> web.StreamResponse:
    """Session, role and form token, then the handler."""
    view.session = await sessions.find_session(view.call, "cookie")
    if view.page.entry == "admin":
        if view.session is None:
            return await _ask_to_log_in(view)
        if not view.session.user.is_admin:
            raise Forbidden("This account is not an admin's. Log in with another one.")
    if view.page.method == "GET":
        view.form = read_filters(view.request)
    else:
        if view.session is not None:
            await sessions.session_of(view.call, "cookie")  # checks the form's token
        else:
            await sessions.check_same_site(view.call)
        view.form = await read_form(view.request)
    return await view.page.handler(view)


async def _ask_to_log_in(view: View) -> web.Response:
    if view.page.method != "GET" or not _is_for_a_person(view.request):
        raise Unauthorized("Your session has ended: log in again.")
    if await view.services.accounts.first_admin.needed():
        return view.go("/first")
    wanted = destination(view.request.rel_url.raw_path_qs.removeprefix(ROOT))
    return view.go(f"/login?{urlencode({'next': wanted})}" if wanted else "/login")


def destination(text: str) -> str:
    """Where to go after logging in: below `/admin`, or nowhere in particular."""
    return text if _WITHIN.fullmatch(text) else ""


def refused(view: View, error: EnumBackendError) -> web.Response:
    """A failure as a page; scripts that fetch get its sentence alone."""
    if not _is_for_a_person(view.request):
        return web.Response(text=error.message, status=error.status, headers=HEADERS)
    is_admin = view.session is not None and view.session.user.is_admin
    response = view.render(
        "error.html",
        status=error.status,
        title=HTTPStatus(error.status).phrase,
        problem=error,
        status_code=int(error.status),
        back=ROOT if is_admin else f"{ROOT}/login",
    )
    if error.retry_after is not None:
        response.headers[hdrs.RETRY_AFTER] = str(max(1, round(error.retry_after)))
    return response


def _is_for_a_person(request: web.Request) -> bool:
    """Whether a page is wanted, and not what a script fetches."""
    wanted = request.headers.get("Sec-Fetch-Dest")
    if wanted is not None:
        return wanted == "document"
    return "text/event-stream" not in request.headers.get(hdrs.ACCEPT, "")
