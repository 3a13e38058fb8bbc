"""The words of accounts: people, their factors, sessions, and what a login comes to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

Via = Literal["cookie", "bearer"]
"""How a session's token travels; one of the one kind is worth nothing in the other."""

LONGEST_ID: Final = 75
"""Characters of a user's id that fit into the id of a client."""


class Factor(StrEnum):
    """What proves a login besides the password."""

    SMS = "sms"
    TOTP = "totp"
    BACKUP_CODE = "backup_code"


@dataclass(frozen=True, slots=True)
class User:
    """One account: who it is (from the directory), and the factors we keep for it.

    Attributes:
        phone: `+E.164`, normalised; the verified number, else the one that waits to be.
        pending_phone: the number that waits to be verified, whatever `phone` is.
        two_factor: a login needs a second factor.
        sms: codes by SMS are one of them; totp: an authenticator app is.
        backup_codes: how many are left.
        created_at, disabled_at, last_login_at: milliseconds.
    """

    id: str
    email: str
    is_admin: bool = False
    phone: str | None = None
    phone_verified: bool = False
    pending_phone: str | None = None
    two_factor: bool = False
    sms: bool = False
    totp: bool = False
    backup_codes: int = 0
    created_at: int = 0
    disabled_at: int | None = None
    last_login_at: int | None = None

    @property
    def client_id(self) -> str:
        """As whom this user sends; the longest ids do not fit behind the prefix."""
        fits = len(self.id) <= LONGEST_ID
        return f"user:{self.id if fits else hashlib.sha256(self.id.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user.

    Attributes:
        csrf: what forms and scripts of a cookie session send along.
        proved_at: milliseconds; when its user last showed their password (and second
            factor): what changes factors needs that to be recent.
        expires_at: milliseconds; idle or absolute, whichever is first.
        address, agent: where it began, for its user's list.
    """

    id: str
    user: User
    csrf: str = field(repr=False)
    created_at: int
    expires_at: int
    via: Via
    proved_at: int = 0
    seen_at: int = 0
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A session and its token, which is never shown again.

    Attributes:
        device: marks this client as one the account is used from: see `Guard`.
    """

    session: Session
    token: str = field(repr=False)
    device: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The login is complete."""

    issued: Issued

    @property
    def session(self) -> Session:
        """The new session."""
        return self.issued.session

    @property
    def token(self) -> str:
        """Its token."""
        return self.issued.token


@dataclass(frozen=True, slots=True)
class StepUp:
    """The password was right; a second factor is needed, shown with this token.

    Attributes:
        methods: which ones the account has.
        expires_at: milliseconds.
    """

    login_token: str = field(repr=False)
    methods: tuple[Factor, ...]
    expires_at: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from.

    Attributes:
        ip: the client's address (`web.middleware.client_address`).
        device: the device token it sent along, empty = none.
        agent: its User-Agent, shortened.
        via: which kind of session it wants.
    """

    ip: str
    device: str = field(default="", repr=False)
    agent: str = ""
    via: Via = "bearer"
