"""Second factors on and off: codes by SMS, an authenticator app, backup codes.

Codes by SMS are what NIST SP 800-63B-4 calls a restricted authenticator: a number can be
ported or its SIM swapped. The authenticator app is the alternative without that, and
either can be used alone.
"""

from __future__ import annotations

from sqlalchemy import Connection

from enum_backend.accounts import authenticator, backup_codes, factors
from enum_backend.accounts.authenticator import Enrolment
from enum_backend.accounts.guard import FIRST
from enum_backend.accounts.model import Origin, Session, User
from enum_backend.accounts.parts import Parts
from enum_backend.audit import Severity
from enum_backend.errors import CodeExpired, CodeInvalid, Forbidden
from enum_backend.verification import Purpose, StartRequest


class WrongPassword(Forbidden):
    """The password is wrong."""


class TwoFactor:
    """Switches them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def enable(self, session: Session, *, ip: str) -> None:
        """Send the code that confirms SMS as a second factor.

        Raises:
            Forbidden: no verified phone, or the login is too long ago.
            EnumBackendError: see `VerificationService.start`.
        """
        parts, user = self._parts, session.user
        parts.require_recent(session)
        if user.phone is None or not user.phone_verified:
            raise Forbidden("Verify a phone number first.")
        mine = await parts.database.read(lambda c: factors.of_user(c, user.id))
        started = await parts.verification.start(
            StartRequest(
                to=mine.phone or user.phone,
                purpose=Purpose.TWO_FACTOR_AUTH,
                client=parts.client_of(user),
                subject=user.id,
                ip=ip,
            )
        )
        await parts.database.write(
            lambda c: factors.set_in(c, user.id, sms_verification=started.verification_id)
        )

    async def confirm(self, session: Session, code: str) -> list[str]:
        """Switch SMS on, once its code is shown; ten new backup codes, shown only here.

        Raises:
            CodeInvalid, CodeExpired, TooManyAttempts
        """
        parts, user = self._parts, session.user
        mine = await parts.database.read(lambda c: factors.of_user(c, user.id))
        number = mine.phone
        if mine.sms_verification is None or number is None:
            raise CodeExpired
        await parts.verification.check(
            mine.sms_verification,
            code,
            purpose=Purpose.TWO_FACTOR_AUTH,
            number=number,
            subject=user.id,
        )

        def work(connection: Connection) -> list[str]:
            if not factors.confirm_sms_in(connection, user.id, number):
                raise CodeExpired
            self._record_in(
                connection, user, "TWO_FACTOR_ENABLED", "Two-factor login by SMS is on."
            )
            return backup_codes.replace_in(connection, parts.sealer, user.id)

        codes = await parts.database.write(work)
        parts.notices.two_factor_on(user)
        return codes

    async def disable(self, session: Session, password: str, origin: Origin) -> None:
        """Switch every second factor off.

        Raises:
            WrongPassword
            Locked: too many wrong ones.
        """
        await self.check_password(session, password, origin)
        user = session.user

        def work(connection: Connection) -> None:
            factors.drop_all_in(connection, user.id)
            self._record_in(connection, user, "TWO_FACTOR_DISABLED", "Two-factor login is off.")

        await self._parts.database.write(work)
        self._parts.notices.two_factor_off(user)

    async def enrol_app(self, session: Session) -> Enrolment:
        """A new secret for an authenticator app; it counts once `confirm_app` saw a code.

        Raises:
            Forbidden: the login is too long ago.
        """
        parts, user = self._parts, session.user
        parts.require_recent(session)
        secret = authenticator.new_secret()
        await parts.database.write(
            lambda c: factors.enrol_totp_in(c, parts.sealer, user.id, secret)
        )
        return authenticator.enrolment(secret, user.email, parts.settings.app_name)

    async def confirm_app(self, session: Session, code: str, origin: Origin) -> list[str]:
        """Let the app count; ten backup codes where the account has none yet.

        Raises:
            CodeInvalid
            Locked: too many wrong ones.
        """
        parts, user = self._parts, session.user
        parts.require_recent(session)
        taken = await parts.guard.take(FIRST, user.email, origin)

        def work(connection: Connection) -> list[str] | None:
            if not factors.confirm_totp_in(connection, parts.sealer, user.id, code):
                return None
            parts.guard.release_in(connection, taken)
            self._record_in(connection, user, "TOTP_ENABLED", "An authenticator app is in use.")
            if backup_codes.left_in(connection, user.id):
                return []
            return backup_codes.replace_in(connection, parts.sealer, user.id)

        codes = await parts.database.write(work)
        if codes is None:
            raise CodeInvalid
        parts.notices.two_factor_on(user)
        return codes

    async def drop_app(self, session: Session, password: str, origin: Origin) -> None:
        """Stop using the authenticator app; codes by SMS stay, if they are on.

        Raises:
            WrongPassword
            Locked: too many wrong ones.
        """
        await self.check_password(session, password, origin)
        user = session.user

        def work(connection: Connection) -> None:
            if user.sms:
                factors.drop_totp_in(connection, user.id)
            else:
                factors.drop_all_in(connection, user.id)
            self._record_in(connection, user, "TOTP_DISABLED", "The authenticator app is gone.")

        await self._parts.database.write(work)
        self._parts.notices.two_factor_off(user)

    async def check_password(self, session: Session, password: str, origin: Origin) -> None:
        """Of a user who is signed in.

        Raises:
            WrongPassword
            Locked: too many wrong ones.
        """
        parts, user = self._parts, session.user
        taken = await parts.guard.take(FIRST, user.email, origin)
        person = await parts.users.directory.authenticate(user.email, password)
        if person is None or person.id != user.id:
            await parts.recorder.record(
                "PASSWORD_FAILED",
                Severity.MEDIUM,
                "A wrong password was given by somebody signed in.",
                user_id=user.id,
                ip=origin.ip,
            )
            raise WrongPassword
        await parts.database.write(lambda c: parts.guard.release_in(c, taken))

    def _record_in(self, connection: Connection, user: User, kind: str, what: str) -> None:
        self._parts.recorder.record_in(connection, kind, Severity.MEDIUM, what, user_id=user.id)
