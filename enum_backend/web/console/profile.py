"""`/admin/profile`: one's own password, phone, sessions."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from enum_backend.errors import EnumBackendError, wrong_field
from enum_backend.web import sessions
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

PATH = "/profile"


class PasswordForm(BaseModel):
    """A new password."""

    current: SecretStr = Field(max_length=1024)
    new: SecretStr = Field(max_length=1024)
    again: SecretStr = Field(max_length=1024)


class PhoneForm(BaseModel):
    """A number that is to be verified."""

    phone: str = Field(max_length=64)


class CodeForm(BaseModel):
    """What arrived at it."""

    code: str = Field(max_length=64)


class ProofForm(BaseModel):
    """The password, before something is given up."""

    password: SecretStr = Field(max_length=1024)


async def show(view: View) -> web.Response:
    """`GET /admin/profile`"""
    return await page(view)


async def page(view: View, status: int = 200, step: str = "") -> web.Response:
    """The page; `step` is what was refused: `password`, `phone` or `code`."""
    accounts = view.services.accounts
    user = await accounts.users.find(view.admin.id) or view.admin
    return view.render(
        "profile.html",
        status=status,
        user=user,
        step=step,
        sessions=await accounts.sessions_of(user.id),
        own=view.session.id if view.session else "",
    )


async def change_password(view: View) -> web.Response:
    """`POST /admin/profile/password`: other sessions end."""
    try:
        asked = view.form.read(PasswordForm)
        if asked.new != asked.again:
            raise wrong_field("again", "is not the same password")
        await view.services.accounts.change_password(
            view.own_session,
            asked.current.get_secret_value(),
            asked.new.get_secret_value(),
            sessions.origin_of(view.call, "cookie"),
        )
    except EnumBackendError as error:
        view.form.refuse(error, newPassword="new")
        return await page(view, error.status, "password")
    return view.go(PATH, "The password is changed; every other session has ended.")


async def send_code(view: View) -> web.Response:
    """`POST /admin/profile/phone`"""
    try:
        asked = view.form.read(PhoneForm)
        await view.services.accounts.phones.send_code(view.own_session, asked.phone, ip=view.ip)
    except EnumBackendError as error:
        view.form.refuse(error, phoneNumber="phone")
        return await page(view, error.status, "phone")
    return view.go(PATH, "A code is on its way to that number: type it in here.")


async def verify(view: View) -> web.Response:
    """`POST /admin/profile/phone/verify`"""
    try:
        asked = view.form.read(CodeForm)
        await view.services.accounts.phones.verify(view.own_session, asked.code.replace(" ", ""))
    except EnumBackendError as error:
        view.form.refuse(error)
        return await page(view, error.status, "code")
    return view.go(PATH, "The number is verified.")


async def ask_remove_phone(view: View) -> web.Response:
    """`GET /admin/profile/phone/remove`"""
    return proof(
        view,
        what="Remove the verified number from your account?",
        button="Remove the number",
        action="/profile/phone/remove",
    )


async def remove_phone(view: View) -> web.Response:
    """`POST /admin/profile/phone/remove`"""
    try:
        asked = view.form.read(ProofForm)
        await view.services.accounts.remove_phone(
            view.own_session,
            asked.password.get_secret_value(),
            sessions.origin_of(view.call, "cookie"),
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return proof(
            view,
            what="Remove the verified number from your account?",
            button="Remove the number",
            action="/profile/phone/remove",
            status=error.status,
        )
    return view.go(PATH, "The number is removed.")


async def end_session(view: View) -> web.Response:
    """`POST /admin/profile/sessions`: one by its `id`, or all others."""
    wanted = view.form.get("id") or None
    ended = await view.services.accounts.end_sessions(view.own_session, wanted)
    return view.go(PATH, f"Sessions ended: {ended}.")


def proof(view: View, *, what: str, button: str, action: str, status: int = 200) -> web.Response:
    """The page that asks for the password before something is given up."""
    return view.render("proof.html", status=status, what=what, button=button, action=action)


PAGES = (
    Page("GET", "/profile", show, "Your account"),
    Page("POST", "/profile/password", change_password, "Your account", menu="/profile"),
    Page("POST", "/profile/phone", send_code, "Your account", menu="/profile"),
    Page("POST", "/profile/phone/verify", verify, "Your account", menu="/profile"),
    Page("GET", "/profile/phone/remove", ask_remove_phone, "Remove the number", menu="/profile"),
    Page("POST", "/profile/phone/remove", remove_phone, "Remove the number", menu="/profile"),
    Page("POST", "/profile/sessions", end_session, "Your account", menu="/profile"),
)
