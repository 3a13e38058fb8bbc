"""Reads query parameters: what two readers could understand differently is refused."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from aiohttp import web

from enum_backend.errors import wrong_field


def read_query(request: web.Request) -> dict[str, str]:
    """Each parameter with its one value.

    Raises:
        ValidationFailed: one is given twice, or is not UTF-8.
    """
    query = request.query
    for part in request.rel_url.raw_query_string.split("&"):
        try:
            unquote_to_bytes(part).decode("utf-8")
        except UnicodeError:
            name = part.partition("=")[0]
            raise wrong_field(name if name.isascii() else "query", "is not UTF-8") from None
    for name in query:
        if len(query.getall(name)) > 1:
            raise wrong_field(name, "is given more than once")
    return dict(query)
