"""Paths and queries as texts: what no database can hold is refused, whatever the route,
and what two readers could understand differently.

PostgreSQL stores no NUL character, and no encoding takes half of a surrogate pair, which
is also what octets become that are not UTF-8.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from aiohttp import web

from enum_backend.errors import FieldError, InvalidPhoneFormat, wrong_field
from enum_backend.unicode_text import fault_of

NUMBERS: Final = frozenset({"number", "phone_number"})
"""Parts of paths that are phone numbers: what is none has an error code of its own."""


def check_path(request: web.Request) -> None:
    """Look at the variable parts of the path.

    Raises:
        ValidationFailed: names the part; `InvalidPhoneFormat` where it is a phone number.
    """
    for name, value in request.match_info.items():
        if (fault := fault_of(value)) is None:
            continue
        if name in NUMBERS:
            raise InvalidPhoneFormat(f"{name}: {fault}", errors=[FieldError(name, fault)])
        raise wrong_field(name, fault)


def check_query(request: web.Request) -> None:
    """Look at the query.

    Raises:
        ValidationFailed: names the parameter, or the query where its name is no better.
    """
    for part in request.rel_url.raw_query_string.split("&"):
        name = part.partition("=")[0]
        field = name if name.isascii() and name.isprintable() and "%" not in name else "query"
        try:
            text = unquote_to_bytes(part).decode("utf-8")
        except UnicodeError:
            raise wrong_field(field, "is not UTF-8") from None
        if (fault := fault_of(text)) is not None:
            raise wrong_field(field, fault)


def read_query(request: web.Request) -> dict[str, str]:
    """Each parameter with its one value; for queries that `check_query` has passed.

    Raises:
        ValidationFailed: one is given twice.
    """
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise wrong_field(name, "is given more than once")
    return dict(request.query)
