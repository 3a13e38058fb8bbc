"""`/openapi.json`, `/docs`, and a start page that points to them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from aiohttp import web

from enum_backend.web.endpoints import Call, Endpoint

OPENAPI = web.AppKey("openapi", dict)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


async def openapi(call: Call) -> web.Response:
    """`GET /openapi.json`"""
    return web.json_response(call.request.app[OPENAPI])


async def docs(_call: Call) -> web.Response:
    """`GET /docs`: the API document, readable."""
    return web.Response(
        text=_static("docs.html"),
        content_type="text/html",
        headers={"Content-Security-Policy": _POLICY},
    )


async def docs_script(_call: Call) -> web.Response:
    """`GET /docs/docs.js`"""
    return web.Response(text=_static("docs.js"), content_type="text/javascript")


async def start_page(_call: Call) -> web.Response:
    """`GET /`: nothing is here, the documents are."""
    raise web.HTTPSeeOther("/docs")


@cache
def _static(name: str) -> str:
    return (files("enum_backend.web") / "static" / name).read_text("utf-8")


ENDPOINTS = (
    Endpoint("GET", "/openapi.json", openapi, "This API as an OpenAPI document"),
    Endpoint("GET", "/docs", docs, "This API, readable"),
    Endpoint("GET", "/docs/docs.js", docs_script, "Script of /docs", hidden=True),
    Endpoint("GET", "/", start_page, "Start page", hidden=True),
)
