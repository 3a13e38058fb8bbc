"""Style sheet, scripts and pictures of the console, which browsers keep until they change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from aiohttp import hdrs, web

from enum_backend.errors import NotFound
from enum_backend.web.endpoints import Call

PATH: Final = "/admin/static/{name}"
FOREVER: Final = "public, max-age=31536000, immutable"

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; `version` changes with its content."""

    content: bytes
    content_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """Name -> file."""
    folder = files("enum_backend.web.console") / "static"
    found = {}
    for item in folder.iterdir():
        content_type = _TYPES.get(item.name.rpartition(".")[2])
        if content_type is not None:
            content = item.read_bytes()
            found[item.name] = Asset(
                content, content_type, hashlib.sha256(content).hexdigest()[:12]
            )
    return found


def address(name: str) -> str:
    """`console.css` -> `/admin/static/console.css?v=...`"""
    return f"{PATH.format(name=name)}?v={assets()[name].version}"


async def serve(call: Call) -> web.Response:
    """`GET /admin/static/{name}`"""
    asset = assets().get(call.request.match_info["name"])
    if asset is None:
        raise NotFound("There is no such file.")
    asked = call.request.query.get("v")
    return web.Response(
        body=asset.content,
        content_type=asset.content_type,
        charset="utf-8",
        headers={
            hdrs.CACHE_CONTROL: FOREVER if asked == asset.version else "no-cache",
            hdrs.ETAG: f'"{asset.version}"',
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )
