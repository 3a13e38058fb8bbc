"""`enum-backend users create|list|reset|verify-phone|...`: accounts in this server's database.

All of it works on the database itself, so it also works when the server is stopped.
"""

from __future__ import annotations

import asyncio
import getpass
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from enum_backend.accounts import Admin, User
from enum_backend.accounts.by_hand import ByHand
from enum_backend.accounts.emails import checked_email
from enum_backend.accounts.events import Recorder
from enum_backend.accounts.guard import Guard
from enum_backend.accounts.own_users import OwnUsers
from enum_backend.accounts.passwords import Passwords, check_password
from enum_backend.accounts.users import UserStore
from enum_backend.audit import AuditLog
from enum_backend.cli.common import common_options, fail, load, reports_errors, run, show
from enum_backend.clock import rfc3339
from enum_backend.errors import NotFound
from enum_backend.setup.accounts import user_directory
from enum_backend.setup.places import database_url, prepare_data_dir
from enum_backend.storage import Sealer, open_database
from enum_backend.storage.schema import upgrade
from enum_backend.storage.sealing import load_server_key

T = TypeVar("T")

GENERATED_OCTETS: Final = 12


@click.group()
def users() -> None:
    """Accounts."""


_password = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@users.command()
@click.argument("email")
@click.option("--admin", "is_admin", is_flag=True, help="May use the console and /api/admin.")
@_password
@common_options
@reports_errors
def create(
    email: str, is_admin: bool, password_stdin: bool, config_file: Path | None, as_json: bool
) -> None:
    """Make a user; without a password on standard input one is made and shown once."""
    address = checked_email(email)
    password, made = _password_for(address, password_stdin)
    user = _with_accounts(
        config_file,
        lambda accounts, by: accounts.create_user(address, password, is_admin=is_admin, by=by),
    )
    _show_with_password(user, password if made else None, as_json)


@users.command("list")
@click.option("--search", default="", help="Part of the e-mail address.")
@click.option("--after", default="", help="Go on behind this address.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True)
@common_options
@reports_errors
def list_users(
    search: str, after: str, limit: int, config_file: Path | None, as_json: bool
) -> None:
    """List the users by e-mail address."""
    found = _with_accounts(
        config_file,
        lambda accounts, _: accounts.users.page(search=search, after=after, limit=limit),
    )
    document = {"users": [user_json(user) for user in found]}
    show(document, as_json, lambda: "\n".join(map(_line, found)))


@users.command()
@click.argument("email")
@click.option("--two-factor-off", is_flag=True, help="Also forget every second factor.")
@_password
@common_options
@reports_errors
def reset(
    email: str,
    two_factor_off: bool,
    password_stdin: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Set a new password; all sessions end, and waits after failed logins."""
    password, made = _password_for(email, password_stdin)

    async def work(accounts: ByHand, by: Admin) -> User:
        user = await _find(accounts, email)
        return await accounts.reset_by_hand(user.id, password, by=by, two_factor_off=two_factor_off)

    user = _with_accounts(config_file, work)
    _show_with_password(user, password if made else None, as_json)


@users.command("verify-phone")
@click.argument("email")
@click.option("--number", help="The number; default: the one the user has given.")
@click.option("--move", is_flag=True, help="Also when another account has verified it.")
@common_options
@reports_errors
def verify_phone(
    email: str, number: str | None, move: bool, config_file: Path | None, as_json: bool
) -> None:
    """Verify a user's phone number by hand."""

    async def work(accounts: ByHand, by: Admin) -> User:
        user = await _find(accounts, email)
        return await accounts.verify_phone_by_hand(user.id, number, by=by, move=move)

    user = _with_accounts(config_file, work)
    show(user_json(user), as_json, lambda: _line(user))


@users.command()
@click.argument("email")
@click.option(
    "--admin/--no-admin", "is_admin", default=None, help="Give or take an admin's rights."
)
@click.option("--disable/--enable", "disabled", default=None, help="Lock out, or let in again.")
@common_options
@reports_errors
def update(
    email: str,
    is_admin: bool | None,
    disabled: bool | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Change what a user may do."""

    async def work(accounts: ByHand, by: Admin) -> User:
        user = await _find(accounts, email)
        if is_admin is not None:
            user = await accounts.set_admin(user.id, is_admin, by=by)
        if disabled is not None:
            user = await accounts.set_disabled(user.id, disabled, by=by)
        return user

    user = _with_accounts(config_file, work)
    show(user_json(user), as_json, lambda: _line(user))


@users.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@reports_errors
def delete(email: str, yes: bool, config_file: Path | None, as_json: bool) -> None:
    """Delete a user with everything that is kept for it."""
    if not yes and not (sys.stdin.isatty() and click.confirm(f"Delete {email}?", err=True)):
        fail("not deleted: say --yes", as_json=as_json)

    async def work(accounts: ByHand, by: Admin) -> User:
        user = await _find(accounts, email)
        await accounts.delete_user(user.id, by=by)
        return user

    user = _with_accounts(config_file, work)
    show({"success": True, "id": user.id}, as_json, lambda: f"{user.email} is deleted")


def user_json(user: User) -> dict[str, Any]:
    """A user, as the commands print it."""
    return {
        "id": user.id,
        "email": user.email,
        "admin": user.is_admin,
        "phone": user.phone,
        "phone_verified": user.phone_verified,
        "two_factor": user.two_factor,
        "created_at": rfc3339(user.created_at),
        "last_login_at": rfc3339(user.last_login_at) if user.last_login_at else None,
        "disabled_at": rfc3339(user.disabled_at) if user.disabled_at else None,
    }


def _with_accounts(config_file: Path | None, work: Callable[[ByHand, Admin], Awaitable[T]]) -> T:
    async def go() -> T:
        async with _opened(config_file) as accounts:
            return await work(accounts, Admin(f"command line ({getpass.getuser()})"))

    return run(go())


@asynccontextmanager
async def _opened(config_file: Path | None) -> AsyncIterator[ByHand]:
    settings = load(config_file).settings
    data_dir = prepare_data_dir(settings)
    sealer = Sealer(load_server_key(settings.server_key.get_secret_value(), data_dir))
    url = database_url(settings)
    await asyncio.to_thread(upgrade, url)
    database = open_database(url)
    passwords = Passwords(settings.accounts)
    directory = user_directory(settings) or OwnUsers(database, passwords)
    try:
        yield ByHand(
            database,
            UserStore(database, directory, passwords),
            Guard(database, sealer),
            Recorder(AuditLog(database, sealer)),
            region=settings.default_region,
        )
    finally:
        passwords.close()
        await database.close()


async def _find(accounts: ByHand, email: str) -> User:
    user = await accounts.users.find_by_email(email)
    if user is None:
        raise NotFound("There is no user with this e-mail address.")
    return user


def _password_for(email: str, password_stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was made here."""
    if not password_stdin:
        return secrets.token_urlsafe(GENERATED_OCTETS), True
    password = sys.stdin.readline().rstrip("\r\n")
    check_password(password, email)
    return password, False


def _show_with_password(user: User, made: str | None, as_json: bool) -> None:
    document = user_json(user) | ({"password": made} if made else {})
    show(document, as_json, lambda: _line(user) + (f"\n{made}" if made else ""))


def _line(user: User) -> str:
    words = [
        "disabled" if user.disabled_at else "active",
        "admin" if user.is_admin else "user",
        f"{user.phone} ({'verified' if user.phone_verified else 'not verified'})"
        if user.phone
        else "no phone",
        "2FA" if user.two_factor else "no 2FA",
    ]
    return f"{user.id}  {user.email}  {', '.join(words)}"
