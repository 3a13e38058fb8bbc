"""Accounts as the rest of the program uses them."""

from __future__ import annotations

from collections.abc import Sequence

from enum_backend.accounts.by_hand import Admin, ByHand
from enum_backend.accounts.directory import UserDirectory
from enum_backend.accounts.events import Recorder
from enum_backend.accounts.first_admin import FirstAdmin
from enum_backend.accounts.guard import Guard
from enum_backend.accounts.login import Logins
from enum_backend.accounts.model import Issued, LoggedIn, Origin, Session, StepUp, User
from enum_backend.accounts.notices import Notices
from enum_backend.accounts.own_users import OwnUsers
from enum_backend.accounts.parts import Parts
from enum_backend.accounts.passwords import Passwords, check_password
from enum_backend.accounts.phones import Phones
from enum_backend.accounts.recovery import Recovery
from enum_backend.accounts.sessions import SessionStore
from enum_backend.accounts.sweep import PAUSE_SECONDS, sweep
from enum_backend.accounts.two_factor import TwoFactor
from enum_backend.accounts.users import UserStore
from enum_backend.audit import AuditLog, Severity
from enum_backend.errors import NotFound
from enum_backend.mail import Mailer
from enum_backend.messaging.service import MessageService
from enum_backend.rounds import Rounds
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer
from enum_backend.verification import VerificationService


class AccountService(ByHand):
    """Users and everything that signs them in.

    Args:
        directory: an application's own users; None = our own table.

    Attributes:
        users, sessions: see there.
        logins, phones, two_factor, recovery, first_admin: the flows.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        sealer: Sealer,
        *,
        verification: VerificationService,
        messages: MessageService,
        audit: AuditLog,
        directory: UserDirectory | None = None,
    ) -> None:
        own = settings.accounts
        self._passwords = Passwords(own)
        self._tell = Notices(messages, Mailer(settings.smtp), own.app_name)
        super().__init__(
            database,
            UserStore(database, directory or OwnUsers(database, self._passwords), self._passwords),
            Guard(database, sealer),
            Recorder(audit),
            region=settings.default_region,
            notices=self._tell,
        )
        self._sweeper = Rounds(
            "accounts", lambda: sweep(database, own.session_idle), pause=PAUSE_SECONDS
        )
        self.sessions = SessionStore(database, sealer, self.users, own, self._recorder)
        parts = Parts(
            database=database,
            sealer=sealer,
            settings=own,
            verification=verification,
            users=self.users,
            sessions=self.sessions,
            guard=self._guard,
            passwords=self._passwords,
            recorder=self._recorder,
            notices=self._tell,
            per_minute=settings.limits.per_client_minute,
            region=settings.default_region,
        )
        self.logins = Logins(parts)
        self.phones = Phones(parts)
        self.two_factor = TwoFactor(parts)
        self.recovery = Recovery(parts)
        self.first_admin = FirstAdmin(parts)

    def start(self) -> None:
        """Begin to remove what is over."""
        self._sweeper.start()

    async def stop(self) -> None:
        """Let notices end, then the threads."""
        await self._sweeper.stop()
        await self._tell.close()
        self._passwords.close()

    async def register(self, email: str, password: str, origin: Origin) -> Issued:
        """See `Logins.register`."""
        return await self.logins.register(email, password, origin)

    async def login(self, email: str, password: str, origin: Origin) -> LoggedIn | StepUp:
        """See `Logins.login`."""
        return await self.logins.login(email, password, origin)

    async def send_login_code(self, email: str, login_token: str, origin: Origin) -> None:
        """See `Logins.send_code`."""
        await self.logins.send_code(email, login_token, origin)

    async def verify_step_up(
        self,
        email: str,
        code: str,
        login_token: str,
        origin: Origin,
        *,
        use_backup_code: bool = False,
    ) -> LoggedIn:
        """See `Logins.verify`."""
        return await self.logins.verify(
            email, code, login_token, origin, use_backup_code=use_backup_code
        )

    async def begin(self, user: User, origin: Origin) -> Issued:
        """See `Logins.begin`."""
        return await self.logins.begin(user, origin)

    async def logout(self, session: Session) -> None:
        """End the session."""
        await self.sessions.revoke(session.id)
        await self._recorder.record(
            "LOGGED_OUT", Severity.LOW, "Logged out.", user_id=session.user.id
        )

    async def end_sessions(self, session: Session, session_id: str | None = None) -> int:
        """End one session of the same user, None = all but this one; how many ended.

        Raises:
            NotFound: no such session.
        """
        user_id = session.user.id
        if session_id is None:
            ended = await self.sessions.revoke_all(user_id, except_id=session.id)
        elif await self.sessions.revoke(session_id, user_id):
            ended = 1
        else:
            raise NotFound("There is no such session.")
        await self._recorder.record(
            "SESSIONS_ENDED",
            Severity.LOW,
            "Sessions were ended by their user.",
            user_id=user_id,
            sessionsEnded=ended,
        )
        return ended

    async def change_password(
        self, session: Session, current: str, new: str, origin: Origin
    ) -> None:
        """Replace a password by somebody who knows it.

        Raises:
            WrongPassword; ValidationFailed: the new one; Locked
        """
        check_password(new, session.user.email, field="newPassword")
        await self.two_factor.check_password(session, current, origin)
        await self.recovery.change(session, new, origin)

    async def remove_phone(self, session: Session, password: str, origin: Origin) -> User:
        """Let the verified number go.

        Raises:
            WrongPassword; Forbidden: it is the second factor; Locked
        """
        await self.two_factor.check_password(session, password, origin)
        return await self.phones.remove(session)

    async def send_password_reset(self, user_id: str, *, ip: str, by: Admin) -> None:
        """An admin asks it: see `Recovery.send`."""
        user = await self.recovery.send(user_id, ip=ip)
        await self._note("ADMIN_PASSWORD_RESET_SENT", "A reset code was sent.", user, by)

    def device_for(self, user: User) -> str:
        """Marks a client as one the account is used from; see `Guard`."""
        return self._guard.device_for(user.email)

    async def sessions_of(self, user_id: str) -> Sequence[Session]:
        """The live sessions of a user, newest first."""
        return await self.sessions.of_user(user_id)
