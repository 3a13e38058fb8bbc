"""Register, log in, and the second step of a login.

The answers, the queries and the work of argon2 are the same whether an account exists or
not; what tells them apart is only what the right password opens.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from enum_backend.accounts import factors, pending
from enum_backend.accounts.emails import checked_email, normal_email
from enum_backend.accounts.factors import Factors
from enum_backend.accounts.guard import FIRST, SECOND, Taken
from enum_backend.accounts.model import Factor, Issued, LoggedIn, Origin, StepUp, User
from enum_backend.accounts.own_users import add_in, new_person
from enum_backend.accounts.parts import Parts
from enum_backend.accounts.passwords import check_password
from enum_backend.accounts.pending import Pending
from enum_backend.audit import Severity
from enum_backend.clock import now_ms
from enum_backend.errors import (
    BlockedByFraudGuard,
    CodeInvalid,
    Forbidden,
    RateLimitExceeded,
    TooManyAttempts,
    Unauthorized,
    wrong_field,
)
from enum_backend.verification import Purpose, StartRequest

MAX_CODE: Final = 32


class WrongLogin(Unauthorized):
    """The e-mail address or the password is wrong."""


class Logins:
    """The flows that end with a session."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def register(self, email: str, password: str, origin: Origin) -> Issued:
        """A new account, logged in.

        For an address that has an account already the same is done: a password is
        hashed, a session is stored and its token returned. The session is nobody's. The
        owner is told, once a day.

        Raises:
            ValidationFailed: e-mail or password.
            Forbidden: nobody may register here.
        """
        parts = self._parts
        if not parts.settings.registration:
            raise Forbidden("Accounts are made by an admin here.")
        _ = parts.users.own
        person = new_person(checked_email(email))
        check_password(password, person.email)
        since = now_ms()
        hashed = await parts.passwords.hash(password)

        def work(connection: Connection) -> tuple[Issued, bool]:
            added = add_in(connection, person, hashed)
            user = Factors.nothing(person.id).user(person)
            issued = parts.sessions.create_in(connection, user, origin, since=since)
            parts.recorder.record_in(
                connection,
                "ACCOUNT_REGISTERED" if added else "REGISTRATION_REPEATED",
                Severity.LOW,
                "An account was made." if added else "An address that has an account was used.",
                # The id of nobody where nothing was made: the same rows for both.
                user_id=person.id,
                email=person.email,
                ip=origin.ip,
            )
            # The same row of nobody where an account was made.
            first = parts.guard.first_today_in(connection, person.id if added else person.email)
            return issued, first and not added

        issued, tell = await parts.database.write(work)
        if tell:
            parts.notices.registered_again(person.email)
        return issued

    async def login(self, email: str, password: str, origin: Origin) -> LoggedIn | StepUp:
        """Password first; then a session, or a token that waits for the second factor.

        Raises:
            WrongLogin: whatever is wrong.
            Locked: too many failures; `retry_after` seconds.
        """
        parts, since = self._parts, now_ms()
        account = normal_email(email)
        taken = await parts.guard.take(FIRST, account, origin)
        person = await parts.users.directory.authenticate(account, password)
        if person is None:
            await self._note_failure("LOGIN", account, origin, taken)
            raise WrongLogin
        mine = await parts.database.read(lambda c: factors.of_user(c, person.id))
        user = mine.user(person)
        if user.two_factor:
            return await self._step_up(user, mine, taken, since)

        def work(connection: Connection) -> Issued:
            parts.guard.release_in(connection, taken)
            return self._begin_in(connection, user, origin, since, "password")

        return LoggedIn(await parts.database.write(work))

    async def begin(self, user: User, origin: Origin) -> Issued:
        """A session for somebody whose identity is proven otherwise."""
        since = now_ms()
        return await self._parts.database.write(
            lambda connection: self._begin_in(connection, user, origin, since, "token")
        )

    async def send_code(self, email: str, login_token: str, origin: Origin) -> None:
        """Send the code of a pending login; again the same one while it lives.

        Where sending is refused (the pause) but a code of this user is under way, that one
        counts for this login too: who knows the password only cannot keep the owner out by
        having asked first.

        Raises:
            CodeInvalid: no such pending login.
            ValidationFailed: the account has no phone for codes.
            EnumBackendError: refused by limits and others, see `VerificationService.start`.
        """
        parts = self._parts
        waiting = await parts.database.read(
            lambda c: pending.find_in(c, pending.LOGIN, login_token)
        )
        user = await self._user_of(waiting, email)
        if not (user.sms and user.phone and user.phone_verified):
            raise wrong_field("email", "this account uses an authenticator app, not SMS")
        purpose = Purpose.TWO_FACTOR_AUTH
        try:
            started = await parts.verification.start(
                StartRequest(
                    to=user.phone,
                    purpose=purpose,
                    client=parts.client_of(user),
                    subject=user.id,
                    ip=origin.ip,
                )
            )
        except (RateLimitExceeded, BlockedByFraudGuard):
            live = await parts.verification.find_open(user.phone, purpose, subject=user.id)
            if live is not None:
                await self._note_code(waiting, live)
            raise
        await self._note_code(waiting, started.verification_id)

    async def verify(
        self,
        email: str,
        code: str,
        login_token: str,
        origin: Origin,
        *,
        use_backup_code: bool = False,
    ) -> LoggedIn:
        """Complete a login.

        Args:
            code: of the SMS or the authenticator app; or a backup code.

        Raises:
            CodeInvalid: wrong; or no such pending login, or of another account.
            TooManyAttempts: three were wrong; log in again.
            CodeExpired: the SMS is too old.
            Locked: too many failures; `retry_after` seconds.
        """
        parts = self._parts
        found = await parts.database.read(lambda c: pending.find_in(c, pending.LOGIN, login_token))
        user = await self._user_of(found, email)

        def begin(connection: Connection) -> tuple[Pending, Taken] | TooManyAttempts:
            waiting = pending.attempt_in(connection, pending.LOGIN, login_token)
            if isinstance(waiting, TooManyAttempts):
                return waiting
            # A try that has to wait takes none of the three: `Locked` undoes it.
            return waiting, parts.guard.take_in(connection, SECOND, user.email, origin)

        begun = await parts.database.write(begin)
        if isinstance(begun, TooManyAttempts):
            raise begun
        waiting, taken = begun
        try:
            factor = await self.prove(
                user, code, use_backup_code=use_backup_code, verification=waiting.verification
            )
        except CodeInvalid:
            await self._note_failure("TWO_FACTOR", user.email, origin, taken)
            raise

        def work(connection: Connection) -> Issued:
            pending.use_in(connection, waiting)
            parts.guard.release_in(connection, taken)
            return self._begin_in(connection, user, origin, waiting.created_at, factor.value)

        return LoggedIn(await parts.database.write(work))

    async def prove(
        self, user: User, code: str, *, use_backup_code: bool, verification: str | None
    ) -> Factor:
        """Use a second factor up.

        Args:
            verification: id of the code that was sent for this, None = none was.

        Raises:
            CodeInvalid, CodeExpired, TooManyAttempts
        """
        parts = self._parts
        if use_backup_code:
            if not user.two_factor or not await parts.database.write(
                lambda c: self._use_backup_code_in(c, user, code)
            ):
                raise CodeInvalid
            return Factor.BACKUP_CODE
        if user.totp and await parts.database.write(
            lambda c: factors.use_totp_in(c, parts.sealer, user.id, code)
        ):
            return Factor.TOTP
        if verification is None or not user.sms:
            raise CodeInvalid
        await parts.verification.check(
            verification,
            code,
            purpose=Purpose.TWO_FACTOR_AUTH,
            number=user.phone,
            subject=user.id,
        )
        return Factor.SMS

    async def _step_up(self, user: User, mine: Factors, taken: Taken, since: int) -> StepUp:
        parts = self._parts
        life = parts.settings.login_life

        def work(connection: Connection) -> str:
            parts.guard.release_in(connection, taken)
            return pending.create_in(connection, pending.LOGIN, user.id, life, since=since)

        token = await parts.database.write(work)
        return StepUp(token, mine.methods, now_ms() + int(life * 1000))

    async def _note_code(self, waiting: Pending, verification: str) -> None:
        await self._parts.database.write(
            lambda c: pending.note_verification_in(c, waiting, verification)
        )

    async def _user_of(self, waiting: Pending, email: str) -> User:
        user = await self._parts.users.find(waiting.user_id)
        if user is None or user.disabled_at is not None or user.email != normal_email(email):
            raise CodeInvalid
        return user

    def _begin_in(
        self, connection: Connection, user: User, origin: Origin, since: int, how: str
    ) -> Issued:
        parts = self._parts
        parts.guard.settle_in(connection, user.email, origin)
        factors.set_in(connection, user.id, last_login_at=now_ms())
        issued = parts.sessions.create_in(connection, user, origin, since=since)
        parts.recorder.record_in(
            connection,
            "LOGIN_SUCCEEDED",
            Severity.LOW,
            f"Logged in ({how}).",
            user_id=user.id,
            ip=origin.ip,
        )
        return Issued(issued.session, issued.token, parts.guard.device_for(user.email))

    def _use_backup_code_in(self, connection: Connection, user: User, code: str) -> bool:
        parts = self._parts
        left = factors.use_backup_code_in(connection, parts.sealer, user.id, code)
        if left is not None:
            parts.recorder.record_in(
                connection,
                "BACKUP_CODE_USED",
                Severity.MEDIUM,
                "A backup code was used.",
                user_id=user.id,
                left=left,
            )
        return left is not None

    async def _note_failure(self, what: str, account: str, origin: Origin, taken: Taken) -> None:
        await self._parts.recorder.record(
            f"{what}_LOCKED" if taken.locks else f"{what}_FAILED",
            Severity.MEDIUM if taken.locks else Severity.LOW,
            "Too many failed attempts: the next has to wait."
            if taken.locks
            else "An attempt failed.",
            email=account[:254],
            ip=origin.ip,
        )
