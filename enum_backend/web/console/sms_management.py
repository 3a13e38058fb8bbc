"""`/admin/sms-management`: codes by SMS: for whom, what became of them; never a code."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import BaseModel, Field

from enum_backend.accounts import admin_views
from enum_backend.accounts.model import User
from enum_backend.clock import now_ms
from enum_backend.errors import EnumBackendError, wrong_field
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

PATH: Final = "/sms-management"
PER_PAGE: Final = 50


class WhomForm(BaseModel):
    """A user, by e-mail address or id."""

    user: str = Field(max_length=254)


class Filters(BaseModel):
    """Which codes."""

    user: str | None = Field(None, max_length=254)
    offset: int = Field(0, ge=0, le=10_000_000)


async def show(view: View) -> web.Response:
    """`GET /admin/sms-management`"""
    return await _page(view)


async def _page(view: View, status: int = 200) -> web.Response:
    overview = await view.services.database.read(admin_views.overview)
    return view.render(
        "sms_management.html",
        status=status,
        overview=overview,
        by_purpose=sorted(overview.by_purpose.items()),
    )


async def send_reset(view: View) -> web.Response:
    """`POST /admin/sms-management/reset`"""
    try:
        user = await _whom(view)
        await view.services.accounts.send_password_reset(user.id, ip=view.ip, by=view.actor)
    except EnumBackendError as error:
        view.form.refuse(error)
        return await _page(view, error.status)
    return view.go(PATH, f"A code to reset the password is on its way to {user.email}'s phone.")


async def verify_phone(view: View) -> web.Response:
    """`POST /admin/sms-management/verify`"""
    try:
        user = await _whom(view)
        await view.services.accounts.verify_phone_by_hand(user.id, by=view.actor)
    except EnumBackendError as error:
        view.form.refuse(error, userId="user")
        return await _page(view, error.status)
    return view.go(PATH, f"The number of {user.email} is verified.")


async def logs(view: View) -> web.Response:
    """`GET /admin/sms-management/logs`: codes that were sent, newest first."""
    asked = view.form.read(Filters)
    user_id = None
    try:
        user_id = (await _find(view, asked.user)).id if asked.user else None
    except EnumBackendError as error:
        view.form.refuse(error)
    found = await view.services.database.read(
        lambda connection: admin_views.log_page(
            connection, user_id=user_id, limit=PER_PAGE, offset=asked.offset
        )
    )
    entries = [] if view.form.is_refused else found.entries
    users = {entry.user_id: None for entry in entries if entry.user_id}
    emails = {}
    for known in users:
        user = await view.services.accounts.users.find(known)
        emails[known] = user.email if user else None
    return view.render(
        "sms_logs.html",
        entries=entries,
        emails=emails,
        total=found.total,
        offset=asked.offset,
        per_page=PER_PAGE,
        now=now_ms(),
    )


async def _whom(view: View) -> User:
    return await _find(view, view.form.read(WhomForm).user)


async def _find(view: View, text: str) -> User:
    users = view.services.accounts.users
    user = await users.find_by_email(text) if "@" in text else await users.find(text)
    if user is None:
        raise wrong_field("user", "nobody has this e-mail address or id")
    return user


PAGES = (
    Page("GET", PATH, show, "SMS management"),
    Page("POST", f"{PATH}/reset", send_reset, "SMS management", menu=PATH),
    Page("POST", f"{PATH}/verify", verify_phone, "SMS management", menu=PATH),
    Page("GET", f"{PATH}/logs", logs, "Codes that were sent", menu=PATH),
)
