"""`/admin/profile/two-factor/...`: one's own second factors, on and off."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from enum_backend.accounts.authenticator import Enrolment
from enum_backend.errors import EnumBackendError
from enum_backend.web import sessions
from enum_backend.web.console.page import Page
from enum_backend.web.console.profile import PATH, CodeForm, ProofForm, proof
from enum_backend.web.console.view import View

OFF = "Log in with the password alone from now on? Backup codes are forgotten."
APP_OFF = "Stop using the authenticator app?"


async def ask_sms(view: View) -> web.Response:
    """`POST /admin/profile/two-factor/sms`: the code that confirms it goes out."""
    try:
        await view.services.accounts.two_factor.enable(view.own_session, ip=view.ip)
    except EnumBackendError as error:
        return view.go(PATH, error.message, kind="bad")
    return view.render("two_factor_sms.html")


async def confirm_sms(view: View) -> web.Response:
    """`POST /admin/profile/two-factor/sms/confirm`"""
    try:
        asked = view.form.read(CodeForm)
        codes = await view.services.accounts.two_factor.confirm(
            view.own_session, asked.code.replace(" ", "")
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return view.render("two_factor_sms.html", status=error.status)
    return _backup_codes(view, codes)


async def enrol_app(view: View) -> web.Response:
    """`POST /admin/profile/two-factor/app`: a secret to scan."""
    try:
        enrolment = await view.services.accounts.two_factor.enrol_app(view.own_session)
    except EnumBackendError as error:
        return view.go(PATH, error.message, kind="bad")
    return _app(view, enrolment)


async def confirm_app(view: View) -> web.Response:
    """`POST /admin/profile/two-factor/app/confirm`"""
    try:
        asked = view.form.read(CodeForm)
        codes = await view.services.accounts.two_factor.confirm_app(
            view.own_session,
            asked.code.replace(" ", ""),
            sessions.origin_of(view.call, "cookie"),
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return _app(view, None, status=error.status)
    if not codes:
        return view.go(PATH, "The authenticator app is in use.")
    return _backup_codes(view, codes)


async def ask_off(view: View) -> web.Response:
    """`GET /admin/profile/two-factor/off`"""
    return proof(view, what=OFF, button="Switch it off", action="/profile/two-factor/off")


async def off(view: View) -> web.Response:
    """`POST /admin/profile/two-factor/off`"""
    try:
        await view.services.accounts.two_factor.disable(
            view.own_session,
            view.form.read(ProofForm).password.get_secret_value(),
            sessions.origin_of(view.call, "cookie"),
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return proof(
            view,
            what=OFF,
            button="Switch it off",
            action="/profile/two-factor/off",
            status=error.status,
        )
    return view.go(PATH, "Two-factor login is off.", kind="warn")


async def ask_app_off(view: View) -> web.Response:
    """`GET /admin/profile/two-factor/app/off`"""
    return proof(view, what=APP_OFF, button="Remove it", action="/profile/two-factor/app/off")


async def app_off(view: View) -> web.Response:
    """`POST /admin/profile/two-factor/app/off`"""
    try:
        await view.services.accounts.two_factor.drop_app(
            view.own_session,
            view.form.read(ProofForm).password.get_secret_value(),
            sessions.origin_of(view.call, "cookie"),
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return proof(
            view,
            what=APP_OFF,
            button="Remove it",
            action="/profile/two-factor/app/off",
            status=error.status,
        )
    return view.go(PATH, "The authenticator app is removed.", kind="warn")


def _app(view: View, enrolment: Enrolment | None, status: int = 200) -> web.Response:
    """The secret to scan; after a wrong code it is not shown again."""
    picture = f"data:image/svg+xml,{quote(enrolment.qr)}" if enrolment else ""
    secret = enrolment.secret if enrolment else ""
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return view.render("two_factor_app.html", status=status, picture=picture, secret=spaced)


def _backup_codes(view: View, codes: list[str]) -> web.Response:
    return view.render("backup_codes.html", title="Backup codes", codes=codes)


_TITLE = "Two-factor login"

PAGES = (
    Page("POST", "/profile/two-factor/sms", ask_sms, _TITLE, menu="/profile"),
    Page("POST", "/profile/two-factor/sms/confirm", confirm_sms, _TITLE, menu="/profile"),
    Page("POST", "/profile/two-factor/app", enrol_app, _TITLE, menu="/profile"),
    Page("POST", "/profile/two-factor/app/confirm", confirm_app, _TITLE, menu="/profile"),
    Page("GET", "/profile/two-factor/off", ask_off, _TITLE, menu="/profile"),
    Page("POST", "/profile/two-factor/off", off, _TITLE, menu="/profile"),
    Page("GET", "/profile/two-factor/app/off", ask_app_off, _TITLE, menu="/profile"),
    Page("POST", "/profile/two-factor/app/off", app_off, _TITLE, menu="/profile"),
)
