"""The first admin: made with a token that the server prints once at its start."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete

from enum_backend.accounts import own_users, pending
from enum_backend.accounts.emails import checked_email
from enum_backend.accounts.model import User
from enum_backend.accounts.own_users import OwnUsers, new_person
from enum_backend.accounts.parts import Parts
from enum_backend.accounts.passwords import check_password
from enum_backend.accounts.users import NOBODY
from enum_backend.audit import Severity
from enum_backend.clock import now_ms
from enum_backend.errors import CodeInvalid, wrong_field
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import pending_logins

FIRST_ADMIN_PATH: Final = "/admin/first"
"""The page that takes the token (`?token=...`)."""

LIFE_SECONDS: Final = 86_400.0


class FirstAdmin:
    """Offers and redeems the token."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def needed(self) -> bool:
        """Whether there is no admin yet."""
        return not await self._parts.users.directory.has_admin()

    async def offer(self) -> str | None:
        """A new token, good for 24 hours; None = there is an admin, or users are another's.

        Earlier ones stay good until then: several processes may start at once.
        """
        parts = self._parts
        if not isinstance(parts.users.directory, OwnUsers) or not await self.needed():
            return None
        return await parts.database.write(
            lambda c: pending.create_in(
                c, pending.FIRST_ADMIN, NOBODY, LIFE_SECONDS, since=now_ms()
            )
        )

    async def redeem(self, token: str, email: str, password: str) -> User:
        """Make the first admin. The caller logs it in with `AccountService.begin`.

        Raises:
            CodeInvalid: no such token, or it is over, or there is an admin by now.
            ValidationFailed: e-mail or password; the token stays good.
        """
        parts = self._parts
        person = new_person(checked_email(email), is_admin=True)
        check_password(password, person.email)
        await parts.database.read(lambda c: pending.find_in(c, pending.FIRST_ADMIN, token))
        hashed = await parts.passwords.hash(password)

        def work(connection: Connection) -> bool:
            serialize(connection, "first admin")
            waiting = pending.find_in(connection, pending.FIRST_ADMIN, token)
            if own_users.has_admin(connection):
                raise CodeInvalid
            if not own_users.add_in(connection, person, hashed):
                return False
            pending.use_in(connection, waiting)
            connection.execute(
                delete(pending_logins).where(pending_logins.c.kind == pending.FIRST_ADMIN)
            )
            parts.recorder.record_in(
                connection,
                "FIRST_ADMIN_CREATED",
                Severity.HIGH,
                "The first admin was made with the token of the server's start.",
                user_id=person.id,
                adminId=person.id,
                adminEmail=person.email,
            )
            return True

        if not await parts.database.write(work):
            raise wrong_field("email", "has an account already")
        return await parts.users.of(person)
