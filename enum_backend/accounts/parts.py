"""What the flows of accounts work with."""

from __future__ import annotations

from dataclasses import dataclass

from enum_backend.accounts.events import Recorder
from enum_backend.accounts.guard import Guard, address_of
from enum_backend.accounts.model import Session, User
from enum_backend.accounts.notices import Notices
from enum_backend.accounts.passwords import Passwords
from enum_backend.accounts.sessions import SessionStore
from enum_backend.accounts.users import UserStore
from enum_backend.clock import now_ms
from enum_backend.errors import Forbidden
from enum_backend.messaging.model import Client
from enum_backend.settings.accounts import AccountSettings
from enum_backend.storage import Database, Sealer
from enum_backend.verification import VerificationService


@dataclass(frozen=True, slots=True)
class Parts:
    """Shared by the flows; put together by `AccountService`.

    Attributes:
        per_minute: codes that one user, or one address, may ask for in a minute.
        region: ISO 3166 country of numbers written without `+`.
    """

    database: Database
    sealer: Sealer
    settings: AccountSettings
    verification: VerificationService
    users: UserStore
    sessions: SessionStore
    guard: Guard
    passwords: Passwords
    recorder: Recorder
    notices: Notices
    per_minute: int
    region: str

    def client_of(self, user: User) -> Client:
        """As whom a signed-in user asks for codes."""
        return Client(user.client_id, "default", self.per_minute)

    def client_at(self, ip: str) -> Client:
        """As whom somebody unknown asks for codes."""
        return Client(f"ip:{address_of(ip)}", "default", self.per_minute)

    def require_recent(self, session: Session) -> None:
        """A session that was stolen must not be enough to change who can log in.

        Raises:
            Forbidden: the login is too long ago.
        """
        if now_ms() - session.proved_at > self.settings.recent * 1000:
            raise Forbidden("Log in again first: this needs a login of the last few minutes.")
