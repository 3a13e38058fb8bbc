"""`/admin/login`: the password, then the second factor; `/admin/logout`."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from enum_backend.accounts.model import Factor, Issued, StepUp
from enum_backend.errors import EnumBackendError, Forbidden
from enum_backend.web import sessions
from enum_backend.web.console.entry import destination
from enum_backend.web.console.forms import Form
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

METHODS = tuple(Factor)


class LoginForm(BaseModel):
    """E-mail and password."""

    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=1024)


class PendingForm(BaseModel):
    """A login that waits for its second factor."""

    email: str = Field(max_length=254)
    login_token: str = Field(max_length=400)


class CodeForm(PendingForm):
    """The second factor."""

    code: str = Field(max_length=64)
    backup: bool = False


async def show(view: View) -> web.Response:
    """`GET /admin/login`"""
    if view.session is not None and view.session.user.is_admin:
        return view.go("")
    if await view.services.accounts.first_admin.needed():
        return view.go("/first")
    gone = view.form.has("bye")
    view.form = Form.of(next=destination(view.form.get("next")))
    return view.render("login.html", gone=gone)


async def check_password(view: View) -> web.Response:
    """`POST /admin/login`"""
    try:
        asked = view.form.read(LoginForm)
        result = await view.services.accounts.login(
            asked.email, asked.password.get_secret_value(), sessions.origin_of(view.call, "cookie")
        )
        if not isinstance(result, StepUp):
            return await _enter(view, result.issued)
    except EnumBackendError as error:
        view.form.refuse(error)
        return view.render("login.html", status=error.status, gone=False)
    view.form = Form.of(
        next=view.form.get("next"),
        email=asked.email,
        login_token=result.login_token,
        methods=" ".join(result.methods),
    )
    if Factor.SMS in result.methods and Factor.TOTP not in result.methods:
        return await _send_code(view)
    return _step_up(view)


async def send_code(view: View) -> web.Response:
    """`POST /admin/login/code`: the code by SMS."""
    return await _send_code(view)


async def _send_code(view: View) -> web.Response:
    try:
        asked = view.form.read(PendingForm)
        await view.services.accounts.send_login_code(
            asked.email, asked.login_token, sessions.origin_of(view.call, "cookie")
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return _step_up(view, status=error.status)
    return _step_up(view, sent=True)


async def check_code(view: View) -> web.Response:
    """`POST /admin/login/verify`"""
    try:
        asked = view.form.read(CodeForm)
        result = await view.services.accounts.verify_step_up(
            asked.email,
            asked.code.replace(" ", ""),
            asked.login_token,
            sessions.origin_of(view.call, "cookie"),
            use_backup_code=asked.backup,
        )
        return await _enter(view, result.issued)
    except EnumBackendError as error:
        view.form.refuse(error)
        return _step_up(view, status=error.status)


async def log_out(view: View) -> web.Response:
    """`POST /admin/logout`"""
    if view.session is not None:
        await view.services.accounts.logout(view.session)
        view.session = None
    response = view.go("/login?bye=1")
    sessions.clear_cookie(view.call, response)
    return response


async def _enter(view: View, issued: Issued) -> web.Response:
    """The browser gets its session, and the page it wanted."""
    if not issued.session.user.is_admin:
        await view.services.accounts.logout(issued.session)
        raise Forbidden("This account is not an admin's.")
    response = view.go(destination(view.form.get("next")))
    sessions.set_cookie(view.call, response, issued)
    return response


def _step_up(view: View, *, status: int = 200, sent: bool = False) -> web.Response:
    methods: Sequence[str] = view.form.get("methods").split()
    return view.render(
        "step_up.html",
        status=status,
        title="Second step",
        sent=sent,
        methods=[method for method in METHODS if method in methods],
    )


PAGES = (
    Page("GET", "/login", show, "Log in", entry="anyone"),
    Page("POST", "/login", check_password, "Log in", entry="anyone"),
    Page("POST", "/login/code", send_code, "Log in", entry="anyone"),
    Page("POST", "/login/verify", check_code, "Log in", entry="anyone"),
    Page("POST", "/logout", log_out, "Log out", entry="anyone"),
)
