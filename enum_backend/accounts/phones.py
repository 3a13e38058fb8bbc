"""Phones of users: proven by a code, owned by one account at a time.

A number may wait at any number of accounts; only the right code makes it an account's
own. When another account has verified it already, the right code does not take it over:
that account's owner may have lost the number, or may be asleep while a mailbox or a SIM
is borrowed. The answer says so (whoever reads it has shown that they hold the number),
both sides are in the audit log, and the number moves only when its account lets it go or
an admin does it by hand.
"""

from __future__ import annotations

from sqlalchemy import Connection

from enum_backend.accounts import factors
from enum_backend.accounts.events import Recorder
from enum_backend.accounts.model import Session, User
from enum_backend.accounts.parts import Parts
from enum_backend.audit import Severity
from enum_backend.errors import CodeExpired, Forbidden, NotFound
from enum_backend.phone import normalize
from enum_backend.verification import Purpose, StartRequest


class NumberTaken(Forbidden):
    """Another account has verified this number; it must be removed there first."""


class Phones:
    """Adds, verifies and removes them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def send_code(self, session: Session, number: str, *, ip: str) -> None:
        """Send a code to a number that the user says is theirs.

        Raises:
            InvalidPhoneFormat
            Forbidden: the login is too long ago.
            EnumBackendError: see `VerificationService.start`.
        """
        parts, user = self._parts, session.user
        parts.require_recent(session)
        to = normalize(number, parts.region, field="phoneNumber")
        started = await parts.verification.start(
            StartRequest(
                to=to,
                purpose=Purpose.PHONE_VERIFICATION,
                client=parts.client_of(user),
                subject=user.id,
                ip=ip,
                anonymous=not (user.phone_verified and user.phone == to),
            )
        )
        await parts.database.write(
            lambda c: factors.set_in(
                c, user.id, pending_phone=to, phone_verification=started.verification_id
            )
        )

    async def verify(self, session: Session, code: str) -> User:
        """Make the number the user's, once its code is shown.

        Raises:
            CodeInvalid, CodeExpired, TooManyAttempts
            NumberTaken: it is another account's.
        """
        parts, user = self._parts, session.user
        mine = await parts.database.read(lambda c: factors.of_user(c, user.id))
        if mine.phone_verification is None or mine.pending_phone is None:
            raise CodeExpired
        number = mine.pending_phone
        await parts.verification.check(
            mine.phone_verification,
            code,
            purpose=Purpose.PHONE_VERIFICATION,
            number=number,
            subject=user.id,
        )
        other = await parts.database.write(
            lambda c: take_in(c, parts.recorder, user, number, by="code", move=False)
        )
        if other is not None:
            raise NumberTaken
        if user.phone_verified and user.phone != number:
            parts.notices.phone_changed(user)
        return await self._again(user.id)

    async def remove(self, session: Session) -> User:
        """Let the number go; the caller has checked the password.

        Raises:
            Forbidden: it is the user's second factor.
        """
        parts, user = self._parts, session.user
        if user.sms:
            raise Forbidden("Switch two-factor login off first: it uses this number.")

        def work(connection: Connection) -> None:
            factors.drop_phone_in(connection, user.id)
            parts.recorder.record_in(
                connection,
                "PHONE_REMOVED",
                Severity.MEDIUM,
                "A phone number was removed.",
                user_id=user.id,
            )

        await parts.database.write(work)
        parts.notices.phone_changed(user)
        return await self._again(user.id)

    async def _again(self, user_id: str) -> User:
        user = await self._parts.users.find(user_id)
        if user is None:
            raise NotFound("There is no such user.")
        return user


def take_in(
    connection: Connection, recorder: Recorder, user: User, number: str, *, by: str, move: bool
) -> str | None:
    """Make a number the user's; see `factors.take_phone_in`.

    Args:
        by: what vouches for it, for the audit log.
    """
    other = factors.take_phone_in(connection, user.id, number, move=move)
    if other is not None:
        recorder.record_in(
            connection,
            "PHONE_MOVED" if move else "PHONE_TAKEN",
            Severity.HIGH,
            "A verified number was given to another account."
            if move
            else "Another account showed the code of a number that is verified here.",
            user_id=other,
            targetUserId=user.id,
            phoneNumber=number,
        )
    if other is None or move:
        recorder.record_in(
            connection,
            "PHONE_VERIFIED",
            Severity.MEDIUM,
            f"A phone number was verified (by {by}).",
            user_id=user.id,
            phoneNumber=number,
        )
    return other
