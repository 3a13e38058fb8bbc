"""`/admin/enum`: what the name storage says of a number, how far it is believed, what is wrong."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.errors import EnumBackendError, NvsUnavailableError
from enum_backend.phone import lookup_digits
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.routes.enum import record_json
from nvs.directory import TOLLFREE
from nvs.errors import NvsUnavailable
from nvs.lint import Finding, lint_entries, unsigned_names
from nvs.names import e164_nvs_name, to_e164_name
from nvs.naptr import published, to_text
from nvs.number_record import NumberRecord


class Asked(BaseModel):
    """The number."""

    number: str = Field(max_length=64)


async def browse(view: View) -> web.Response:
    """`GET /admin/enum`: with `number`, what is known of it."""
    number, found = "", None
    if view.form.has("number"):
        try:
            region = view.services.settings.default_region
            number = lookup_digits(view.form.read(Asked).number, region)
            found = await _read(view, number)
        except EnumBackendError as error:
            view.form.refuse(error, phone="number")
    services = view.services
    return view.render(
        "enum.html",
        status=422 if view.form.is_refused else 200,
        number=f"+{number}" if number else "",
        name=e164_nvs_name(number) if number else "",
        domain=to_e164_name(number) if number else "",
        record=found,
        known=record_json(found, services.pool, private=True) if found else None,
        values=[_text(item.entry.value) for item in found.entries] if found else [],
        naptrs=_naptrs(found, view) if found else [],
        findings=_findings(found) if found else (),
        source=services.directory.source.status(),
    )


async def _read(view: View, digits: str) -> NumberRecord | None:
    try:
        return await view.services.directory.record(f"+{digits}")
    except NvsUnavailable as error:
        raise NvsUnavailableError(f"The record cannot be read now: {error}") from error


def _naptrs(record: NumberRecord, view: View) -> list[str]:
    publish = view.services.settings.dns.publish
    return [to_text(item) for item in published(record, publish)]


def _findings(record: NumberRecord) -> tuple[Finding, ...]:
    if record.source == TOLLFREE:
        return ()
    return lint_entries(item.entry for item in record.entries) + unsigned_names(record.entries)


def _text(value: bytes) -> str:
    """A value to read: hostile octets become visible signs."""
    text = value.decode("utf-8", "backslashreplace")
    return "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)


PAGES = (Page("GET", "/enum", browse, "Number records"),)
