"""`/admin/enum/build`: write a number's record, see what DNS will answer, take the command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.errors import EnumBackendError, ValidationFailed, wrong_field
from enum_backend.phone import lookup_digits
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from nvs.names import e164_nvs_name, enumer_nvs_name, to_e164_name
from nvs.record_index import MAX_ENUMER_INDEX
from nvs.registration import (
    MAX_DAYS,
    InvalidRegistration,
    Kind,
    Operation,
    Preview,
    WantedRecord,
    enumer_value,
    json_value,
    preview,
    shell_lines,
)

_FIELDS = {"service": "services", "value": "voice", "name": "number", "sms": "sms_gateway"}


class RecordForm(BaseModel):
    """What a record shall say; lists have one item a line."""

    number: str = Field(max_length=64)
    voice: str = Field("", max_length=4000)
    sms_gateway: str = Field("", max_length=64)
    sms_number: str = Field("", max_length=64)
    forward_to: str = Field("", max_length=2000)
    services: str = Field("", max_length=4000)
    ttl: int | None = Field(None, ge=0)
    format: Literal["json", "enumer"] = "json"
    index: int = Field(0, ge=0, le=MAX_ENUMER_INDEX)
    kind: Literal["name_new", "name_update"] = "name_new"
    days: int = Field(365, ge=0, le=MAX_DAYS)
    address: str = Field("", max_length=90)


@dataclass(frozen=True, slots=True)
class Built:
    """A record ready to be registered."""

    shown: Preview
    commands: tuple[str, ...]
    domain: str
    text: str


async def write(view: View) -> web.Response:
    """`GET /admin/enum/build`: `number` may stand in the address."""
    return _page(view)


async def build(view: View) -> web.Response:
    """`POST /admin/enum/build`: the whole page, for browsers without scripts."""
    return _page(view, *_built(view))


async def show(view: View) -> web.Response:
    """`POST /admin/enum/build/preview`: the preview alone, for the script of the page."""
    built, wrong = _built(view)
    return view.render("_enum_preview.html", built=built, wrong=wrong)


def _page(view: View, built: Built | None = None, wrong: Sequence[str] = ()) -> web.Response:
    gateways = {gateway.name for gateway in view.services.pool.registry}
    gateways |= {gateway.provider for gateway in view.services.pool.registry}
    return view.render(
        "enum_build.html",
        status=422 if view.form.is_refused else 200,
        built=built,
        wrong=wrong,
        gateways=sorted(gateways),
    )


def _built(view: View) -> tuple[Built | None, list[str]]:
    """The record, or what is wrong, which the form says as well."""
    try:
        return _made(view, view.form.read(RecordForm)), []
    except InvalidRegistration as error:
        field = _FIELDS.get(error.field, error.field)
        refused: EnumBackendError = wrong_field(field, error.why)
    except EnumBackendError as error:
        refused = error
    view.form.refuse(refused, phone="number")
    return None, [f"{item.field}: {item.message}" for item in refused.errors] or [refused.message]


def _made(view: View, asked: RecordForm) -> Built:
    region = view.services.settings.default_region
    digits = lookup_digits(asked.number, region)
    wanted = WantedRecord(
        voice=_lines(asked.voice),
        sms=_sms(asked, digits, region),
        forward_to=_lines(asked.forward_to),
        services=tuple(_service(line) for line in _lines(asked.services)),
        ttl=asked.ttl,
    )
    if asked.format == "enumer":
        name = enumer_nvs_name(digits, asked.index)
        value, known = enumer_value(wanted, digits, asked.index)
    else:
        name, value, known = e164_nvs_name(digits), json_value(wanted), ()
    operation = Operation(Kind(asked.kind), name, value, asked.days, asked.address)
    return Built(
        shown=preview(operation, known),
        commands=shell_lines(operation),
        domain=to_e164_name(digits),
        text=value.decode(),
    )


def _sms(asked: RecordForm, digits: str, region: str) -> str | None:
    """`gateway:number`; the record's own number unless another is given."""
    if not asked.sms_gateway:
        if asked.sms_number:
            raise wrong_field("sms_gateway", "is needed with a number for SMS")
        return None
    try:
        number = lookup_digits(asked.sms_number, region) if asked.sms_number else digits
    except ValidationFailed as error:
        raise wrong_field("sms_number", error.message) from None
    return f"{asked.sms_gateway}:+{number}"


def _service(line: str) -> tuple[str, str]:
    service, _, uri = line.partition("=")
    return service.strip(), uri.strip()


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


PAGES = (
    Page("GET", "/enum/build", write, "Write a record", menu="/enum"),
    Page("POST", "/enum/build", build, "Write a record", menu="/enum"),
    Page("POST", "/enum/build/preview", show, "Preview", menu="/enum"),
)
