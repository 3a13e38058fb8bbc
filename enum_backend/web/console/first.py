"""`/admin/first`: the first admin, made with the token that the server printed at its start."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from enum_backend.errors import EnumBackendError, wrong_field
from enum_backend.web import sessions
from enum_backend.web.console.forms import Form
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View


class FirstForm(BaseModel):
    """Who becomes the first admin."""

    token: str = Field(max_length=200)
    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=1024)
    again: SecretStr = Field(max_length=1024)


async def show(view: View) -> web.Response:
    """`GET /admin/first`"""
    if not await view.services.accounts.first_admin.needed():
        return view.go("/login")
    view.form = Form.of(token=view.form.get("token"))
    return view.render("first.html")


async def make(view: View) -> web.Response:
    """`POST /admin/first`"""
    accounts = view.services.accounts
    try:
        asked = view.form.read(FirstForm)
        if asked.password != asked.again:
            raise wrong_field("again", "is not the same password")
        user = await accounts.first_admin.redeem(
            asked.token, asked.email, asked.password.get_secret_value()
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return view.render("first.html", status=error.status)
    issued = await accounts.begin(user, sessions.origin_of(view.call, "cookie"))
    view.session = issued.session
    response = view.go("", "You are the first admin. Turn on two-factor login in your profile.")
    sessions.set_cookie(view.call, response, issued)
    return response


PAGES = (
    Page("GET", "/first", show, "Make the first admin", entry="anyone"),
    Page("POST", "/first", make, "Make the first admin", entry="anyone"),
)
