"""`/admin/numbers`: our numbers, what they are, and giving one back."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.audit.model import AuditEvent, Severity
from enum_backend.errors import EnumBackendError
from enum_backend.numbers.actor import Actor
from enum_backend.numbers.classify import Classification
from enum_backend.numbers.store import NumberState, StoredNumber
from enum_backend.phone import normalize
from enum_backend.web.acting import acted, record
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

ADMIN = Actor("default", is_admin=True)


class Filters(BaseModel):
    """Which numbers."""

    tenant: str | None = Field(None, max_length=64)
    gateway: str | None = Field(None, max_length=64)
    state: NumberState | None = None

    def fit(self, row: StoredNumber) -> bool:
        """Whether a number is wanted."""
        return (
            self.tenant in (None, row.tenant)
            and self.gateway in (None, row.gateway)
            and self.state in (None, row.state)
        )


class Asked(BaseModel):
    """One number, as people type it."""

    number: str = Field(max_length=64)


async def listing(view: View) -> web.Response:
    """`GET /admin/numbers`"""
    rows: list[StoredNumber] = []
    every = await view.services.numbers.ours(ADMIN)
    try:
        wanted = view.form.read(Filters)
        rows = [row for row in every if wanted.fit(row)]
    except EnumBackendError as error:
        view.form.refuse(error)
    monthly = [row.monthly for row in rows if row.monthly is not None]
    return view.render(
        "numbers.html",
        status=422 if view.form.is_refused else 200,
        numbers=rows,
        monthly=sum(monthly) if monthly else None,
        unknown=len(rows) - len(monthly),
        tenants=_options(row.tenant for row in every if row.tenant),
        gateways=_options(row.gateway for row in every),
        states=[(state.value, state.value) for state in NumberState if state != "released"],
    )


async def classify(view: View) -> web.Response:
    """`GET /admin/numbers/classify`: by the numbering plans, which costs nothing."""
    return await _classified(view, live=False)


async def classify_live(view: View) -> web.Response:
    """`POST /admin/numbers/classify`: by asking a provider, which costs money."""
    return await _classified(view, live=True)


async def _classified(view: View, *, live: bool) -> web.Response:
    found: Classification | None = None
    if view.form.has("number"):
        try:
            number = _number(view, view.form.read(Asked).number)
            found = await view.services.classifier.classify(number, live=live, tenant="default")
            if live:
                event = acted(
                    view.call,
                    "NUMBER_LOOKED_UP",
                    "An admin asked a provider what kind of line a number is.",
                    Severity.LOW,
                    user=view.admin,
                    number=number,
                )
                await record(view.call, event)
        except EnumBackendError as error:
            view.form.refuse(error, phone="number")
    return view.render(
        "number_classify.html", status=422 if view.form.is_refused else 200, found=found
    )


async def ask_release(view: View) -> web.Response:
    """`GET /admin/numbers/{number}/release`"""
    number = _number(view, view.part("number"))
    row = next(
        (row for row in await view.services.numbers.ours(ADMIN) if row.number == number), None
    )
    facts = [("Number", number)]
    if row is not None:
        facts += [
            ("Gateway", row.gateway),
            ("Tenant", row.tenant or "–"),
            ("State", row.state.value),
        ]
    return view.confirm(
        what="Give this number back to its provider? Messages to it are lost from then on, and"
        " somebody else may get it.",
        button="Release the number",
        action=f"/numbers/{number}/release",
        back="/numbers",
        facts=facts,
    )


async def release(view: View) -> web.Response:
    """`POST /admin/numbers/{number}/release`"""
    number = _number(view, view.part("number"))
    try:
        row = await view.services.numbers.release(ADMIN, number)
    except EnumBackendError as error:
        return view.go("/numbers", error.message, kind="bad")
    await record(view.call, number_event(view, "NUMBER_RELEASED", row, "was given back"))
    if row.state is NumberState.RELEASED:
        return view.go("/numbers", f"{number} is given back.")
    return view.go("/numbers", f"{number} is being given back; the provider's order is under way.")


def number_event(view: View, event_type: str, row: StoredNumber, done: str) -> AuditEvent:
    """What the audit log has of a number that came or went."""
    return acted(
        view.call,
        event_type,
        f"{row.number} {done} at {row.gateway}.",
        user=view.admin,
        tenant=row.tenant,
        number=row.number,
        gateway=row.gateway,
        state=row.state.value,
    )


def _options(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in sorted(set(values))]


def _number(view: View, text: str) -> str:
    return normalize(text, view.services.settings.default_region, field="number")


PAGES = (
    Page("GET", "/numbers", listing, "Numbers"),
    Page("GET", "/numbers/classify", classify, "What is this number?", menu="/numbers"),
    Page("POST", "/numbers/classify", classify_live, "What is this number?", menu="/numbers"),
    Page("GET", "/numbers/{number}/release", ask_release, "Release a number", menu="/numbers"),
    Page("POST", "/numbers/{number}/release", release, "Release a number", menu="/numbers"),
)
