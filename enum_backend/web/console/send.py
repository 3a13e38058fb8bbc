"""`/admin/send`: write an SMS, see what would happen, send it."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.audit.model import Severity
from enum_backend.clock import rfc3339
from enum_backend.errors import EnumBackendError, IdempotencyConflict
from enum_backend.messaging.model import Client, SendRequest
from enum_backend.messaging.segments import segment
from enum_backend.phone import normalize
from enum_backend.web.console.messages import moment
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View
from enum_backend.web.routes.sms import parse_sender, read_send_at


class SendForm(BaseModel):
    """One SMS, without its text, of which every blank counts."""

    to: str = Field(max_length=64)
    sender: str | None = Field(None, max_length=32)
    gateway: str | None = Field(None, max_length=64)
    tenant: str = Field("default", max_length=64)
    send_at: str | None = Field(None, max_length=40)
    once: str | None = Field(None, max_length=64, pattern=r"^[\w-]+$")


async def write(view: View) -> web.Response:
    """`GET /admin/send`: `to` may stand in the address."""
    return await _page(view)


async def preview(view: View) -> web.Response:
    """`POST /admin/send/preview`: the preview alone, for the script of the page."""
    return view.render("_preview.html", **await _preview(view))


async def send(view: View) -> web.Response:
    """`POST /admin/send`: by the button pressed, look or send."""
    if view.form.has("preview"):
        return await _page(view, **await _preview(view))
    try:
        request = _request(view)
        accepted = await view.services.messages.send(request)
    except EnumBackendError as error:
        view.form.refuse(error)
        fresh = isinstance(error, IdempotencyConflict)
        return await _page(view, status=error.status, once="" if fresh else view.form.get("once"))
    await view.audit(
        "MESSAGE_SENT",
        "An admin sent a message from the console.",
        Severity.LOW,
        messageId=accepted.message_id,
        tenant=request.client.tenant,
    )
    return view.go(f"/messages/{accepted.message_id}", "The message is accepted.")


async def _page(view: View, *, status: int = 200, once: str = "", **shown: Any) -> web.Response:
    pool = view.services.pool
    tenants = await view.services.tenants.all()
    return view.render(
        "send.html",
        status=status,
        once=once or secrets.token_urlsafe(16),
        tenants=[(tenant.name, tenant.name) for tenant in tenants],
        gateways=[(gateway.name, gateway.name) for gateway in pool.registry],
        **{"explained": None, "measured": None, "refusal": "", **shown},
    )


async def _preview(view: View) -> dict[str, Any]:
    """What the page shows of a text that is not sent yet."""
    text = view.form.get("message")
    shown: dict[str, Any] = {
        "explained": None,
        "measured": segment(text) if text else None,
        "refusal": "",
        "once": view.form.get("once"),
    }
    if not view.form.get("to").strip():
        return shown
    try:
        shown["explained"] = await view.services.explainer.explain(_request(view))
    except EnumBackendError as error:
        shown["refusal"] = error.message
    return shown


def _request(view: View) -> SendRequest:
    asked = view.form.read(SendForm)
    settings = view.services.settings
    at = moment("send_at", asked.send_at)
    return SendRequest(
        to=normalize(asked.to, settings.default_region, field="to"),
        text=view.form.get("message"),
        client=Client(view.admin.client_id, asked.tenant, settings.limits.per_client_minute),
        sender=parse_sender(asked.sender, settings.default_region),
        gateway=asked.gateway,
        idempotency_key=asked.once,
        send_at=None if at is None else read_send_at(rfc3339(at)),
    )


PAGES = (
    Page("GET", "/send", write, "Send a message"),
    Page("POST", "/send", send, "Send a message"),
    Page("POST", "/send/preview", preview, "Preview", menu="/send"),
)
