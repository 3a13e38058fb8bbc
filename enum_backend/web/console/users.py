"""`/admin/users`: who has an account."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from enum_backend.errors import EnumBackendError, wrong_field
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

PER_PAGE: Final = 50


class Filters(BaseModel):
    """Which users."""

    search: str = Field("", max_length=254)
    after: str = Field("", max_length=254)


class NewUser(BaseModel):
    """Who is to have an account."""

    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=1024)
    again: SecretStr = Field(max_length=1024)
    is_admin: bool = False


async def listing(view: View) -> web.Response:
    """`GET /admin/users`: by e-mail address."""
    asked = view.form.read(Filters)
    accounts = view.services.accounts
    users = await accounts.users.page(search=asked.search, after=asked.after, limit=PER_PAGE + 1)
    shown = users[:PER_PAGE]
    return view.render(
        "users.html",
        users=shown,
        next=shown[-1].email if len(users) > PER_PAGE else None,
        total=await accounts.users.count(),
    )


async def new(view: View) -> web.Response:
    """`GET /admin/users/new`"""
    return view.render("user_new.html")


async def create(view: View) -> web.Response:
    """`POST /admin/users/new`"""
    try:
        asked = view.form.read(NewUser)
        if asked.password != asked.again:
            raise wrong_field("again", "is not the same password")
        user = await view.services.accounts.create_user(
            asked.email,
            asked.password.get_secret_value(),
            is_admin=asked.is_admin,
            by=view.actor,
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return view.render("user_new.html", status=error.status)
    return view.go(f"/users/{user.id}", f"{user.email} has an account now.")


PAGES = (
    Page("GET", "/users", listing, "Users"),
    Page("GET", "/users/new", new, "New user", menu="/users"),
    Page("POST", "/users/new", create, "New user", menu="/users"),
)
