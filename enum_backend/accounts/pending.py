"""What waits for one more proof: logins, resets, the first admin.

The token is random and stored hashed. Each use counts before anything is compared, in one
statement, so however many come at once, `ATTEMPTS` of them are looked at.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from enum_backend.access import token_hash
from enum_backend.clock import now_ms
from enum_backend.errors import CodeInvalid, TooManyAttempts
from enum_backend.storage.tables import pending_logins

LOGIN: Final = "login"
RESET: Final = "reset"
FIRST_ADMIN: Final = "first_admin"

ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Pending:
    """One of them.

    Attributes:
        verification: id of the code that was sent for it.
        created_at: milliseconds; when the proof before it was begun.
    """

    token_hash: bytes
    user_id: str
    verification: str | None
    created_at: int


def create_in(
    connection: Connection, kind: str, user_id: str, seconds: float, *, since: int
) -> str:
    """A new one; returns its token."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(pending_logins).values(
            token_hash=token_hash(token),
            kind=kind,
            user_id=user_id,
            attempts=0,
            created_at=since,
            expires_at=now_ms() + int(seconds * 1000),
        )
    )
    return token


def find_in(connection: Connection, kind: str, token: str) -> Pending:
    """The live one of a token, without counting.

    Raises:
        CodeInvalid: there is none.
    """
    row = connection.execute(
        select(pending_logins).where(
            pending_logins.c.token_hash == token_hash(token),
            pending_logins.c.kind == kind,
            pending_logins.c.expires_at > now_ms(),
            pending_logins.c.used_at.is_(None),
        )
    ).first()
    if row is None:
        raise CodeInvalid
    return Pending(row.token_hash, row.user_id, row.verification, row.created_at)


def attempt_in(connection: Connection, kind: str, token: str) -> Pending | TooManyAttempts:
    """Count a use; the caller raises what it returns, so that the count is kept.

    Raises:
        CodeInvalid: there is none.
    """
    pending = find_in(connection, kind, token)
    counted = connection.execute(
        update(pending_logins)
        .where(
            pending_logins.c.token_hash == pending.token_hash,
            pending_logins.c.attempts < ATTEMPTS,
        )
        .values(attempts=pending_logins.c.attempts + 1)
    )
    return pending if counted.rowcount else TooManyAttempts()


def note_verification_in(connection: Connection, pending: Pending, verification: str) -> None:
    """Which code was sent for it."""
    connection.execute(
        update(pending_logins)
        .where(pending_logins.c.token_hash == pending.token_hash)
        .values(verification=verification)
    )


def use_in(connection: Connection, pending: Pending) -> None:
    """Use it up, in the transaction that does what it stands for.

    Raises:
        CodeInvalid: it was used meanwhile.
    """
    used = connection.execute(
        update(pending_logins)
        .where(
            pending_logins.c.token_hash == pending.token_hash, pending_logins.c.used_at.is_(None)
        )
        .values(used_at=now_ms())
    )
    if used.rowcount != 1:
        raise CodeInvalid


def drop_in(connection: Connection, user_id: str) -> None:
    """End all of a user: what they were proved with is not true any more."""
    connection.execute(delete(pending_logins).where(pending_logins.c.user_id == user_id))


def sweep_in(connection: Connection) -> None:
    """Remove those that are over."""
    connection.execute(delete(pending_logins).where(pending_logins.c.expires_at < now_ms()))
