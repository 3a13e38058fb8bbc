"""`/admin/users/{user_id}`: one user, and what an admin can do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr

from enum_backend.accounts.model import User
from enum_backend.audit.model import Severity
from enum_backend.errors import EnumBackendError, NotFound, ValidationFailed, wrong_field
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View


class PasswordForm(BaseModel):
    """A password that an admin sets."""

    password: SecretStr = Field(max_length=1024)
    again: SecretStr = Field(max_length=1024)
    two_factor_off: bool = False


class NumberForm(BaseModel):
    """A number that an admin vouches for; empty = the one that waits."""

    number: str | None = Field(None, max_length=64)
    move: bool = False


async def detail(view: View) -> web.Response:
    """`GET /admin/users/{user_id}`"""
    return await _page(view, await _user(view))


async def _page(view: View, user: User, status: int = 200, step: str = "") -> web.Response:
    return view.render(
        "user.html",
        status=status,
        title=user.email,
        user=user,
        step=step,
        is_self=user.id == view.admin.id,
        sessions=await view.services.accounts.sessions_of(user.id),
    )


async def _user(view: View) -> User:
    user = await view.services.accounts.users.find(view.part("user_id"))
    if user is None:
        raise NotFound("There is no such user.")
    return user


async def send_reset(view: View) -> web.Response:
    """`POST /admin/users/{user_id}/reset`: a code to reset the password, by SMS."""
    user = await _user(view)
    path = f"/users/{user.id}"
    try:
        await view.services.accounts.send_password_reset(user.id, ip=view.ip, by=view.actor)
    except EnumBackendError as error:
        return view.go(path, error.message, kind="bad")
    return view.go(path, "A code to reset the password is on its way.")


async def verify_phone(view: View) -> web.Response:
    """`POST /admin/users/{user_id}/phone`: verify a number by hand."""
    user = await _user(view)
    try:
        asked = view.form.read(NumberForm)
        await view.services.accounts.verify_phone_by_hand(
            user.id, asked.number, by=view.actor, move=asked.move
        )
    except EnumBackendError as error:
        view.form.refuse(error, phoneNumber="number", userId="number")
        return await _page(view, user, error.status, "phone")
    return view.go(f"/users/{user.id}", "The number is verified.")


async def set_password(view: View) -> web.Response:
    """`POST /admin/users/{user_id}/password`: sessions end."""
    user = await _user(view)
    try:
        asked = view.form.read(PasswordForm)
        if asked.password != asked.again:
            raise wrong_field("again", "is not the same password")
        if user.id == view.admin.id:
            raise ValidationFailed("Change your own password in your profile.")
        await view.services.accounts.reset_by_hand(
            user.id,
            asked.password.get_secret_value(),
            by=view.actor,
            two_factor_off=asked.two_factor_off,
        )
    except EnumBackendError as error:
        view.form.refuse(error)
        return await _page(view, user, error.status, "password")
    return view.go(f"/users/{user.id}", "The password is set; every session has ended.")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is asked about first.

    Attributes:
        do: what it does; done: what the page says then.
    """

    what: str
    button: str
    done: str
    do: Callable[[View, User], Awaitable[object]]


async def _disable(view: View, user: User) -> None:
    await view.services.accounts.set_disabled(user.id, True, by=view.actor)


async def _enable(view: View, user: User) -> None:
    await view.services.accounts.set_disabled(user.id, False, by=view.actor)


async def _promote(view: View, user: User) -> None:
    await view.services.accounts.set_admin(user.id, True, by=view.actor)


async def _demote(view: View, user: User) -> None:
    await view.services.accounts.set_admin(user.id, False, by=view.actor)


async def _end_sessions(view: View, user: User) -> None:
    ended = await view.services.accounts.sessions.revoke_all(user.id)
    await view.audit(
        "ADMIN_SESSIONS_ENDED",
        "An admin ended a user's sessions.",
        Severity.MEDIUM,
        targetUserId=user.id,
        targetUserEmail=user.email,
        sessionsEnded=ended,
    )


ACTIONS = {
    "disable": Action(
        "Lock this user out, and end its sessions?", "Disable", "The user is disabled.", _disable
    ),
    "enable": Action("Let this user in again?", "Enable", "The user is enabled.", _enable),
    "promote": Action(
        "Make this user an admin of the whole deployment?",
        "Make an admin",
        "The user is an admin now.",
        _promote,
    ),
    "demote": Action(
        "Take the rights of an admin from this user?",
        "Take them",
        "The user is no admin any more.",
        _demote,
    ),
    "end-sessions": Action(
        "End every session of this user?", "End them", "The sessions have ended.", _end_sessions
    ),
}
"""What is asked about first, by the last part of the path."""

_NOT_ONESELF = frozenset({"disable", "demote"})


async def ask(view: View) -> web.Response:
    """`GET /admin/users/{user_id}/do/{action}`"""
    user, action = await _user(view), _action(view)
    path = f"/users/{user.id}"
    return view.confirm(
        what=action.what,
        button=action.button,
        action=f"{path}/do/{view.part('action')}",
        back=path,
        facts=[("User", user.email)],
    )


async def act(view: View) -> web.Response:
    """`POST /admin/users/{user_id}/do/{action}`"""
    user, action = await _user(view), _action(view)
    path = f"/users/{user.id}"
    if user.id == view.admin.id and view.part("action") in _NOT_ONESELF:
        return view.go(path, "You cannot do that to yourself: ask another admin.", kind="bad")
    try:
        await action.do(view, user)
    except EnumBackendError as error:
        return view.go(path, error.message, kind="bad")
    return view.go(path, action.done)


def _action(view: View) -> Action:
    action = ACTIONS.get(view.part("action"))
    if action is None:
        raise NotFound("There is no such page.")
    return action


PAGES = (
    Page("GET", "/users/{user_id}", detail, "User", menu="/users"),
    Page("POST", "/users/{user_id}/reset", send_reset, "User", menu="/users"),
    Page("POST", "/users/{user_id}/phone", verify_phone, "User", menu="/users"),
    Page("POST", "/users/{user_id}/password", set_password, "User", menu="/users"),
    Page("GET", "/users/{user_id}/do/{action}", ask, "User", menu="/users"),
    Page("POST", "/users/{user_id}/do/{action}", act, "User", menu="/users"),
)
