"""What admins do to accounts. Needs the database only, so the command line can do it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete

from enum_backend.accounts import factors, own_users, pending, phones, sessions
from enum_backend.accounts.events import Recorder
from enum_backend.accounts.guard import Guard
from enum_backend.accounts.model import User
from enum_backend.accounts.notices import Notices
from enum_backend.accounts.passwords import check_password
from enum_backend.accounts.phones import NumberTaken
from enum_backend.accounts.users import UserStore
from enum_backend.audit import Severity
from enum_backend.clock import now_ms
from enum_backend.errors import Forbidden, NotFound, wrong_field
from enum_backend.phone import normalize
from enum_backend.storage import Database
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import user_factors
from enum_backend.storage.tables import users as users_table


@dataclass(frozen=True, slots=True)
class Admin:
    """Who acts as an admin, for the audit log; `id` of a user or an API key."""

    id: str
    email: str | None = None


class ByHand:
    """Makes, changes and repairs accounts; each deed stands in the audit log.

    Args:
        region: ISO 3166 country of numbers written without `+`.
        notices: None = the users are not told.
    """

    def __init__(
        self,
        database: Database,
        users: UserStore,
        guard: Guard,
        recorder: Recorder,
        *,
        region: str,
        notices: Notices | None = None,
    ) -> None:
        self.users = users
        self._database = database
        self._guard = guard
        self._recorder = recorder
        self._region = region
        self._notices = notices

    async def create_user(
        self, email: str, password: str, *, is_admin: bool = False, by: Admin
    ) -> User:
        """An admin makes a user: see `UserStore.create`."""
        user = await self.users.create(email, password, is_admin=is_admin)
        await self._note("ADMIN_USER_CREATED", "A user was made.", user, by, isAdmin=is_admin)
        return user

    async def set_admin(self, user_id: str, is_admin: bool, *, by: Admin) -> User:
        """Give or take the rights of an admin.

        Raises:
            NotFound; Forbidden: the last admin, or the users are another program's.
        """
        await self._change(user_id, is_admin=is_admin)
        user = await self._require(user_id)
        word = "now an admin" if is_admin else "no admin any more"
        await self._note("ADMIN_RIGHTS_CHANGED", f"A user is {word}.", user, by)
        return user

    async def set_disabled(self, user_id: str, disabled: bool, *, by: Admin) -> User:
        """Lock a user out, and end its sessions; or let it in again.

        Raises:
            NotFound; Forbidden: the last admin, or the users are another program's.
        """
        await self._change(user_id, disabled_at=now_ms() if disabled else None)
        if disabled:
            await self._database.write(lambda c: _end_everything_in(c, user_id))
        user = await self._require(user_id)
        word = "disabled" if disabled else "enabled"
        await self._note(f"ADMIN_USER_{word.upper()}", f"A user was {word}.", user, by)
        return user

    async def delete_user(self, user_id: str, *, by: Admin) -> None:
        """Remove a user with everything that is kept for it here.

        What the audit log holds of the person is erased by `AuditLog.erase`.

        Raises:
            NotFound; Forbidden: the last admin, or the users are another program's.
        """
        _ = self.users.own
        user = await self._require(user_id)

        def work(connection: Connection) -> None:
            serialize(connection, "admins")
            connection.execute(delete(users_table).where(users_table.c.id == user_id))
            _require_an_admin(connection, user.is_admin)
            _end_everything_in(connection, user_id)
            factors.drop_all_in(connection, user_id)
            connection.execute(delete(user_factors).where(user_factors.c.user_id == user_id))

        await self._database.write(work)
        await self._note("ADMIN_USER_DELETED", "A user was deleted.", user, by)

    async def reset_by_hand(
        self, user_id: str, password: str, *, by: Admin, two_factor_off: bool = False
    ) -> User:
        """An admin sets a password; sessions end, and every wait after failures.

        Args:
            two_factor_off: also forget every second factor, for a user who has lost them.

        Raises:
            NotFound; ValidationFailed: the password.
        """
        user = await self._require(user_id)
        check_password(password, user.email)
        await self.users.directory.set_password(user_id, password)

        def work(connection: Connection) -> None:
            _end_everything_in(connection, user_id)
            self._guard.forgive_in(connection, user.email)
            if two_factor_off:
                factors.drop_all_in(connection, user_id)

        await self._database.write(work)
        more = {"twoFactorOff": True} if two_factor_off else {}
        await self._note("ADMIN_PASSWORD_SET", "A password was set.", user, by, **more)
        if self._notices is not None:
            self._notices.password_changed(user)
        return await self._require(user_id)

    async def verify_phone_by_hand(
        self, user_id: str, number: str | None = None, *, by: Admin, move: bool = False
    ) -> User:
        """An admin's word instead of a code.

        Args:
            number: None = the one that waits.
            move: take it from the account that has it.

        Raises:
            NotFound: no such user.
            ValidationFailed: no number waits.
            NumberTaken: it is another account's.
        """
        user = await self._require(user_id)
        if number is not None:
            wanted = normalize(number, self._region, field="phoneNumber")
        elif user.pending_phone or user.phone:
            wanted = user.pending_phone or user.phone or ""
        else:
            raise wrong_field("userId", "this user has given no phone number")
        other = await self._database.write(
            lambda c: phones.take_in(c, self._recorder, user, wanted, by="admin", move=move)
        )
        if other is not None and not move:
            raise NumberTaken
        await self._note("ADMIN_PHONE_VERIFIED", "A phone was verified by hand.", user, by)
        if self._notices is not None:
            if user.phone_verified and user.phone != wanted:
                self._notices.phone_changed(user)
            if other is not None and (former := await self.users.find(other)) is not None:
                self._notices.phone_lost(former)
        return await self._require(user_id)

    async def end_all_sessions(self, user_id: str, *, by: Admin) -> int:
        """End every session of a user; how many.

        Raises:
            NotFound: no such user.
        """
        user = await self._require(user_id)
        ended = await self._database.write(lambda c: sessions.begin_anew_in(c, user_id))
        await self._note("ADMIN_SESSIONS_ENDED", "Sessions were ended.", user, by, ended=ended)
        return ended

    async def _change(self, user_id: str, **values: Any) -> None:
        _ = self.users.own

        def work(connection: Connection) -> None:
            serialize(connection, "admins")
            own_users.change_in(connection, user_id, **values)
            _require_an_admin(connection, not values.get("is_admin", False))

        await self._database.write(work)

    async def _require(self, user_id: str) -> User:
        user = await self.users.find(user_id)
        if user is None:
            raise NotFound("There is no such user.")
        return user

    async def _note(
        self, kind: str, what: str, user: User, by: Admin, **metadata: str | int | bool | None
    ) -> None:
        await self._recorder.record(
            kind,
            Severity.MEDIUM,
            what,
            user_id=user.id,
            adminId=by.id,
            adminEmail=by.email,
            targetUserId=user.id,
            targetUserEmail=user.email,
            **metadata,
        )


def _require_an_admin(connection: Connection, wanted: bool) -> None:
    """Undo what leaves nobody who could undo it."""
    if wanted and not own_users.has_admin(connection):
        raise Forbidden("This is the last admin: make another one first.")


def _end_everything_in(connection: Connection, user_id: str) -> None:
    sessions.begin_anew_in(connection, user_id)
    pending.drop_in(connection, user_id)
