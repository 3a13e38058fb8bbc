"""One page declared once: its path, its handler, and where it stands in the menu."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from enum_backend.web.console.view import View

Handler = Callable[[View], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """One method of one path below `/admin`.

    Attributes:
        path: `/messages/{message_id}`; empty = the dashboard, `/admin` itself.
        title: heading and window title; a handler may give `render` another one.
        menu: path of the menu entry that is lit; None = as `path`.
        entry: who may see it: `admin`, or `anyone` for the pages of logging in.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    title: str
    menu: str | None = None
    entry: Literal["admin", "anyone"] = "admin"
