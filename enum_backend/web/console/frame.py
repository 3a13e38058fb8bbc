"""Every page's frame: templates, headers, menu."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined

from enum_backend import __version__
from enum_backend.web.console import flash, shown, static
from enum_backend.web.console.menu import MENU

if TYPE_CHECKING:
    from enum_backend.web.console.view import View

ROOT: Final = "/admin"

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    hdrs.CACHE_CONTROL: "no-store",
}
"""Of every page. With `no-referrer` browsers would post forms as from nowhere."""

THEME_COOKIE: Final = "eb_theme"
THEMES: Final = ("light", "dark")


def page_response(
    view: View, template: str, status: int, title: str, context: Mapping[str, Any]
) -> web.Response:
    """A template as an answer."""
    said = flash.take(view.request, view.csrf) if view.session is not None else None
    text = (
        templates()
        .get_template(template)
        .render(
            view=view,
            page=view.page,
            form=view.form,
            csrf=view.csrf,
            session=view.session,
            mode=view.services.pool.mode,
            menu=MENU,
            lit=view.page.path if view.page.menu is None else view.page.menu,
            title=title,
            theme=_theme(view.request),
            said=said,
            **context,
        )
    )
    response = web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
    response.headers.update(HEADERS)
    if said is not None:
        flash.clear(response)
    return response


@cache
def templates() -> Environment:
    """The templates; what they show is escaped, and a name they misspell is an error."""
    environment = Environment(
        loader=PackageLoader("enum_backend.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters |= shown.FILTERS
    environment.globals |= {"root": ROOT, "asset": static.address, "version": __version__}
    return environment


def _theme(request: web.Request) -> str:
    """What the switch was set to; empty = as the system has it."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""
