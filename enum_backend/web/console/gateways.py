"""`/admin/gateways`: what each can do, how it is doing, and a test message through it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields
from typing import Final

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.audit.model import Severity
from enum_backend.errors import EnumBackendError, NotFound
from enum_backend.gateways.base import Capabilities, Gateway, GatewayError
from enum_backend.gateways.providers import balance_kinds
from enum_backend.messaging.gateways import SIMULATOR
from enum_backend.messaging.model import Client, SendRequest
from enum_backend.phone import normalize
from enum_backend.web.acting import acted, record
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

ASK_SECONDS: Final = 10.0
TEXT: Final = "Test message of enum-backend: this gateway works."

_CAN: Final = {
    "lookup_by_own_id": "look-up by our id",
    "status_query": "status",
    "delivery_reports": "delivery reports",
    "inbound": "inbound",
    "numbers": "numbers",
    "line_type": "line type",
    "balance": "balance",
}


class TestForm(BaseModel):
    """Where the test message goes."""

    to: str = Field(max_length=64)
    text: str = Field(TEXT, max_length=1600)


@dataclass(frozen=True, slots=True)
class Shown:
    """A gateway as the page shows it; nothing secret."""

    name: str
    provider: str
    tenant: str
    missing: list[str]
    health: str
    opens_in: float
    numbers: tuple[str, ...]
    can: list[str]
    idempotency: str
    max_characters: int | None
    asks_balance: bool
    is_default: bool


async def listing(view: View) -> web.Response:
    """`GET /admin/gateways`"""
    pool = view.services.pool
    default = pool.default_chain("default")
    shown = [_shown(view, gateway, gateway.name in default) for gateway in pool.registry]
    return view.render(
        "gateways.html",
        gateways=shown,
        default=default,
        simulator=SIMULATOR,
        because=pool.disabled_because,
    )


async def balance(view: View) -> web.Response:
    """`POST /admin/gateways/{name}/balance`: asks the provider; nothing is sent."""
    gateway = _named(view)
    kind = balance_kinds().get(gateway.provider)
    if kind is None:
        return view.go("/gateways", f"{gateway.provider} cannot be asked.", kind="warn")
    try:
        async with asyncio.timeout(ASK_SECONDS):
            left = await kind(gateway).check()
    except GatewayError as error:
        why = f"{error.reason.replace('_', ' ')}{f': {error.detail}' if error.detail else ''}"
        return view.go("/gateways", f"{gateway.name} refuses: {why}.", kind="bad")
    except TimeoutError:
        said = f"{gateway.name} did not answer within {ASK_SECONDS:.0f} s."
        return view.go("/gateways", said, kind="bad")
    money = "" if left is None else f" Money left: {left.amount:.2f} {left.currency}."
    return view.go("/gateways", f"{gateway.name} takes the credentials.{money}")


async def write(view: View) -> web.Response:
    """`GET /admin/gateways/{name}/test`"""
    return _page(view, _named(view))


async def send(view: View) -> web.Response:
    """`POST /admin/gateways/{name}/test`: the same way as every message, this gateway first."""
    gateway = _named(view)
    services, tenant = view.services, gateway.options.tenant or "default"
    try:
        asked = view.form.read(TestForm)
        accepted = await services.messages.send(
            SendRequest(
                to=normalize(asked.to, services.settings.default_region, field="to"),
                text=asked.text,
                client=Client(
                    view.admin.client_id, tenant, services.settings.limits.per_client_minute
                ),
                gateway=gateway.name,
            )
        )
    except EnumBackendError as error:
        view.form.refuse(error, message="text")
        return _page(view, gateway, error.status)
    event = acted(
        view.call,
        "GATEWAY_TEST_SENT",
        f"A test message was sent through gateway {gateway.name}.",
        Severity.LOW,
        user=view.admin,
        gateway=gateway.name,
        messageId=accepted.message_id,
    )
    await record(view.call, event)
    return view.go(f"/messages/{accepted.message_id}", "The test message is accepted.")


def _page(view: View, gateway: Gateway, status: int = 200) -> web.Response:
    return view.render(
        "gateway_test.html",
        title=f"Test {gateway.name}",
        status=status,
        gateway=gateway,
        text=TEXT,
    )


def _named(view: View) -> Gateway:
    found = view.services.pool.registry.get(view.part("name"))
    if found is None:
        raise NotFound("There is no gateway of that name.")
    return found


def _shown(view: View, gateway: Gateway, is_default: bool) -> Shown:
    pool, can = view.services.pool, gateway.capabilities
    listed = (gateway.options.sender, *gateway.options.numbers, *gateway.bindings)
    return Shown(
        name=gateway.name,
        provider=gateway.provider,
        tenant=gateway.options.tenant,
        missing=gateway.missing(),
        health=pool.health(gateway.name),
        opens_in=pool.breakers.seconds_left(gateway.name),
        numbers=tuple(dict.fromkeys(number for number in listed if number)),
        can=[_CAN[item.name] for item in fields(Capabilities) if getattr(can, item.name) is True],
        idempotency=can.idempotency,
        max_characters=can.max_characters,
        asks_balance=gateway.provider in balance_kinds(),
        is_default=is_default,
    )


PAGES = (
    Page("GET", "/gateways", listing, "Gateways"),
    Page("POST", "/gateways/{name}/balance", balance, "Balance", menu="/gateways"),
    Page("GET", "/gateways/{name}/test", write, "Test a gateway", menu="/gateways"),
    Page("POST", "/gateways/{name}/test", send, "Test a gateway", menu="/gateways"),
)
