"""New passwords: by a code to the verified phone, or by the old one.

Asking for a code answers the same for every number, and does the same work: for a number
that nobody has, verification is started as a decoy. A code that was asked for can be
tried three times (`verification`), and each address has a count of failures of its own;
the account's count is left alone, so that guessing here never closes this way back in.

Somebody who holds only the phone must not get past a second factor that is this phone:
an account with two-factor login also needs its authenticator app or a backup code.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from enum_backend.accounts import factors, pending, sessions
from enum_backend.accounts.guard import RESET
from enum_backend.accounts.model import Origin, Session, User
from enum_backend.accounts.parts import Parts
from enum_backend.accounts.passwords import check_password
from enum_backend.accounts.pending import Pending
from enum_backend.accounts.users import NOBODY
from enum_backend.audit import Severity
from enum_backend.clock import now_ms
from enum_backend.errors import (
    CodeExpired,
    CodeInvalid,
    DatabaseUnavailable,
    EnumBackendError,
    Forbidden,
    NotFound,
    TooManyAttempts,
    wrong_field,
)
from enum_backend.phone import normalize
from enum_backend.verification import Purpose, StartRequest

GRANT_SECONDS: Final = 600.0
"""How long a right SMS code waits for the second factor."""


class SecondFactorNeeded(Forbidden):
    """This account also needs a code of its authenticator app, or a backup code.

    Attributes:
        reset_token: stands for the SMS code in the next call.
    """

    def __init__(self, reset_token: str) -> None:
        super().__init__()
        self.reset_token = reset_token

    @property
    def members(self) -> dict[str, str | None]:
        """Further members of the problem document."""
        return {"resetToken": self.reset_token}


class Recovery:
    """Replaces passwords."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def request(self, number: str, origin: Origin) -> None:
        """Send a code, if it is the verified phone of somebody.

        Raises:
            InvalidPhoneFormat
            DatabaseUnavailable
        """
        parts = self._parts
        to = normalize(number, parts.region, field="phoneNumber")
        user = await self._owner(to)
        refused = ""
        try:
            await parts.verification.start(
                StartRequest(
                    to=to,
                    purpose=Purpose.PASSWORD_RESET,
                    client=parts.client_at(origin.ip),
                    subject=NOBODY if user is None else user.id,
                    ip=origin.ip,
                    anonymous=True,
                    decoy=user is None,
                )
            )
        except DatabaseUnavailable:
            raise
        except EnumBackendError as error:
            # The caller must not read from a refusal whose number it is.
            refused = error.error_code
        # Whose number it is stands in the list of codes; here it would be more work to store.
        await parts.recorder.record(
            "PASSWORD_RESET_REQUESTED",
            Severity.LOW,
            "A password reset by SMS was asked for.",
            ip=origin.ip,
            refused=refused,
        )

    async def send(self, user_id: str, *, ip: str) -> User:
        """The same for an admin, who is told what is in the way.

        Raises:
            NotFound: no such user.
            ValidationFailed: the user has no verified phone.
            EnumBackendError: see `VerificationService.start`.
        """
        parts = self._parts
        user = await parts.users.find(user_id)
        if user is None or user.disabled_at is not None:
            raise NotFound("There is no such user.")
        if user.phone is None or not user.phone_verified:
            raise wrong_field("userId", "this user has no verified phone number")
        mine = await parts.database.read(lambda c: factors.of_user(c, user.id))
        await parts.verification.start(
            StartRequest(
                to=mine.phone or user.phone,
                purpose=Purpose.PASSWORD_RESET,
                client=parts.client_of(user),
                subject=user.id,
                ip=ip,
                anonymous=False,
            )
        )
        return user

    async def reset(
        self,
        number: str,
        code: str,
        new_password: str,
        origin: Origin,
        *,
        reset_token: str = "",
        use_backup_code: bool = False,
    ) -> User:
        """Replace the password; every session of the user ends.

        Args:
            code: of the SMS; with `reset_token` of the authenticator app, or a backup code.
            reset_token: of `SecondFactorNeeded`.

        Raises:
            CodeInvalid: also of a code whose time is over.
            TooManyAttempts
            SecondFactorNeeded: the SMS code was right.
            ValidationFailed: the new password.
            Locked: too many failures of this address.
            RateLimitExceeded: too many passwords wait to be hashed; the code still works.
        """
        parts = self._parts
        to = normalize(number, parts.region, field="phoneNumber")
        check_password(new_password, field="newPassword")
        with parts.passwords.place():
            taken = await parts.guard.take(RESET, "", origin)
            grant: Pending | None = None
            try:
                if reset_token:
                    user, grant = await self._second_factor(
                        to, code, reset_token, use_backup_code=use_backup_code
                    )
                else:
                    user = await self._by_sms(to, code)
            except (CodeInvalid, TooManyAttempts):
                await self._note_failure(origin)
                raise
            await parts.database.write(lambda c: parts.guard.release_in(c, taken))
            if user.two_factor and grant is None:
                raise SecondFactorNeeded(await self._grant(user))
            # Only now: before, the answer would tell whose number it is.
            check_password(new_password, user.email, field="newPassword")
            # Before the password, so that a failure in between leaves nobody signed in;
            # and after it, for logins with the old one meanwhile.
            ended = await parts.database.write(lambda c: self._end_in(c, user, grant))
            await parts.users.directory.set_password(user.id, new_password)
            await parts.database.write(lambda c: self._settle_in(c, user, origin, ended))
        parts.notices.password_changed(user)
        return user

    async def change(self, session: Session, new_password: str, origin: Origin) -> None:
        """Replace the password of somebody signed in, whose old one was checked.

        All their other sessions end.

        Raises:
            ValidationFailed: the new password.
        """
        parts, user = self._parts, session.user
        check_password(new_password, user.email, field="newPassword")
        await parts.users.directory.set_password(user.id, new_password)

        def work(connection: Connection) -> None:
            ended = sessions.begin_anew_in(connection, user.id, proved_id=session.id)
            pending.drop_in(connection, user.id)
            self._record_in(connection, "PASSWORD_CHANGED", user, origin, ended)

        await parts.database.write(work)
        parts.notices.password_changed(user)

    async def _owner(self, number: str) -> User | None:
        user = await self._parts.users.find_by_phone(number)
        return None if user is None or user.disabled_at is not None else user

    async def _by_sms(self, number: str, code: str) -> User:
        user = await self._owner(number)
        try:
            await self._parts.verification.check_latest(
                number,
                code,
                purpose=Purpose.PASSWORD_RESET,
                subject=NOBODY if user is None else user.id,
            )
        except CodeExpired:
            # Only of a number that codes are sent to.
            raise CodeInvalid from None
        if user is None:
            raise CodeInvalid
        return user

    async def _second_factor(
        self, number: str, code: str, reset_token: str, *, use_backup_code: bool
    ) -> tuple[User, Pending]:
        parts = self._parts
        grant = await parts.database.write(
            lambda c: pending.attempt_in(c, pending.RESET, reset_token)
        )
        if isinstance(grant, TooManyAttempts):
            raise grant
        user = await self._owner(number)
        if user is None or user.id != grant.user_id:
            raise CodeInvalid
        if use_backup_code:
            right = await parts.database.write(
                lambda c: factors.use_backup_code_in(c, parts.sealer, user.id, code)
            )
            proven = right is not None
        else:
            proven = await parts.database.write(
                lambda c: factors.use_totp_in(c, parts.sealer, user.id, code)
            )
        if not proven:
            raise CodeInvalid
        return user, grant

    async def _grant(self, user: User) -> str:
        return await self._parts.database.write(
            lambda c: pending.create_in(c, pending.RESET, user.id, GRANT_SECONDS, since=now_ms())
        )

    def _end_in(self, connection: Connection, user: User, grant: Pending | None) -> int:
        if grant is not None:
            pending.use_in(connection, grant)
        ended = sessions.begin_anew_in(connection, user.id)
        pending.drop_in(connection, user.id)
        return ended

    def _settle_in(self, connection: Connection, user: User, origin: Origin, before: int) -> None:
        ended = before + self._end_in(connection, user, None)
        self._parts.guard.settle_in(connection, user.email, origin)
        self._record_in(connection, "PASSWORD_RESET_DONE", user, origin, ended)

    def _record_in(
        self, connection: Connection, kind: str, user: User, origin: Origin, ended: int
    ) -> None:
        self._parts.recorder.record_in(
            connection,
            kind,
            Severity.MEDIUM,
            "A password was replaced; sessions ended.",
            user_id=user.id,
            ip=origin.ip,
            sessionsEnded=ended,
        )

    async def _note_failure(self, origin: Origin) -> None:
        await self._parts.recorder.record(
            "PASSWORD_RESET_FAILED",
            Severity.LOW,
            "A wrong code was given to reset a password.",
            ip=origin.ip,
        )
