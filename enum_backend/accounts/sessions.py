"""Sessions: opaque tokens, stored hashed, renewed, ended one by one or all at once.

A session ends `session_idle` after its last request and `session_life` after its login.
A page's token is renewed now and then: the former one goes on working until the new one
has come back once, and `OVERLAP_MS` longer, so that an answer that was lost and requests
on their way sign nobody out. A former token that turns up later was copied: the session
ends for both who hold it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from enum_backend.access import token_hash
from enum_backend.accounts import factors
from enum_backend.accounts.events import Recorder
from enum_backend.accounts.model import Issued, Origin, Session, User, Via
from enum_backend.accounts.users import UserStore
from enum_backend.audit import Severity
from enum_backend.clock import now_ms
from enum_backend.settings.accounts import AccountSettings
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import sessions

BEARER_PREFIX: Final = "ebs_"
TOKEN_OCTETS: Final = 32
OVERLAP_MS: Final = 60_000
SEEN_MS: Final = 60_000
"""How coarse `seen_at` is."""
MAX_AGENT: Final = 120
MAX_ADDRESS: Final = 45


@dataclass(frozen=True, slots=True)
class Found:
    """A session as its token was found.

    Attributes:
        token: as it was sent.
        rotated_at: when the session got its newest token, milliseconds.
        confirmed: the newest token has come back.
    """

    session: Session
    token: str = field(repr=False)
    rotated_at: int
    confirmed: bool


class SessionStore:
    """The sessions in the database."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        users: UserStore,
        settings: AccountSettings,
        recorder: Recorder,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._users = users
        self._idle = int(settings.session_idle * 1000)
        self._life = int(settings.session_life * 1000)
        self._rotate = int(settings.session_rotate * 1000)
        self._recorder = recorder

    async def create(self, user: User, origin: Origin) -> Issued:
        """A new session, of somebody whose identity is proven now."""
        since = now_ms()
        return await self._database.write(
            lambda connection: self.create_in(connection, user, origin, since=since)
        )

    def create_in(
        self, connection: Connection, user: User, origin: Origin, *, since: int
    ) -> Issued:
        """The same inside the transaction of a login.

        Args:
            since: when the login began to prove who it is, milliseconds.
        """
        now = now_ms()
        token = _new_token(origin.via)
        values: dict[str, Any] = {
            "id": f"ses_{secrets.token_hex(12)}",
            "user_id": user.id,
            "via": origin.via,
            "token_hash": token_hash(token),
            "created_at": now,
            "proved_at": since,
            "rotated_at": now,
            "seen_at": now,
            "expires_at": now + self._life,
            "address": origin.ip[:MAX_ADDRESS],
            "agent": origin.agent[:MAX_AGENT],
        }
        connection.execute(insert(sessions).values(**values))
        return Issued(self._session(values, user), token)

    async def find(self, token: str, via: Via) -> Session | None:
        """The live session of a token."""
        found = await self.look(token, via)
        return None if found is None else found.session

    async def look(self, token: str, via: Via) -> Found | None:
        """The same, with what renewing its token needs."""
        hashed = token_hash(token)
        row = await self._database.read(lambda c: _row(c, hashed, via))
        now = now_ms()
        if row is None or min(row.expires_at, row.seen_at + self._idle) <= now:
            return None
        former = row.token_hash != hashed
        if former and row.previous_until is not None and row.previous_until <= now:
            await self._end_copied(row)
            return None
        person = await self._users.directory.find(row.user_id)
        mine = await self._database.read(lambda c: factors.of_user(c, row.user_id))
        if person is None or person.disabled_at is not None or row.proved_at < mine.sessions_after:
            return None
        confirmed = await self._note_use(row, former=former, now=now)
        session = self._session(row._mapping, mine.user(person))
        return Found(session, token, row.rotated_at, confirmed)

    async def renew(self, found: Found, *, now_at_once: bool = False) -> str | None:
        """A new token for a session whose one is old; None = it stays.

        Of requests at the same time one renews, the others go on with what they have.

        Args:
            now_at_once: however old it is.
        """
        now = now_ms()
        age = now - found.rotated_at
        if not now_at_once and age < (self._rotate if found.confirmed else OVERLAP_MS):
            return None
        token, hashed = _new_token(found.session.via), token_hash(found.token)
        query = (
            update(sessions)
            .where(
                sessions.c.id == found.session.id,
                sessions.c.rotated_at == found.rotated_at,
                or_(sessions.c.token_hash == hashed, sessions.c.previous_hash == hashed),
            )
            .values(
                token_hash=token_hash(token),
                previous_hash=hashed,
                previous_until=None,
                rotated_at=max(now, found.rotated_at + 1),
            )
        )
        renewed = await self._database.write(lambda c: c.execute(query).rowcount)
        return token if renewed else None

    async def revoke(self, session_id: str, user_id: str | None = None) -> bool:
        """End one; False = there was none (of that user)."""
        query = delete(sessions).where(sessions.c.id == session_id)
        if user_id is not None:
            query = query.where(sessions.c.user_id == user_id)
        return bool(await self._database.write(lambda c: c.execute(query).rowcount))

    async def revoke_all(self, user_id: str, *, except_id: str = "") -> int:
        """End all of a user, but one; how many."""
        return await self._database.write(
            lambda connection: revoke_all_in(connection, user_id, except_id=except_id)
        )

    async def of_user(self, user_id: str) -> Sequence[Session]:
        """The live sessions of a user, newest first."""
        user = await self._users.find(user_id)
        if user is None:
            return []
        now = now_ms()
        query = (
            select(sessions)
            .where(
                sessions.c.user_id == user_id,
                sessions.c.expires_at > now,
                sessions.c.seen_at > now - self._idle,
            )
            .order_by(sessions.c.created_at.desc(), sessions.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [self._session(row._mapping, user) for row in rows]

    async def _note_use(self, row: Row[Any], *, former: bool, now: int) -> bool:
        """Write what a use changes, where it changes something; whether the token is confirmed."""
        values: dict[str, int] = {}
        if now - row.seen_at > SEEN_MS:
            values["seen_at"] = now
        unconfirmed = row.previous_hash is not None and row.previous_until is None
        if unconfirmed and not former:
            values["previous_until"] = now + OVERLAP_MS
        if values:
            query = (
                update(sessions)
                .where(sessions.c.id == row.id, sessions.c.token_hash == row.token_hash)
                .values(**values)
            )
            await self._database.write(lambda c: c.execute(query).rowcount)
        return not former

    async def _end_copied(self, row: Row[Any]) -> None:
        await self.revoke(row.id)
        await self._recorder.record(
            "SESSION_TOKEN_REUSED",
            Severity.HIGH,
            "A session ended: a token of it that had been replaced was used again.",
            user_id=row.user_id,
        )

    def _session(self, values: Any, user: User) -> Session:
        return Session(
            id=values["id"],
            user=user,
            csrf=self._sealer.digest("csrf", values["id"]).hex(),
            created_at=values["created_at"],
            expires_at=min(values["expires_at"], values["seen_at"] + self._idle),
            via=values["via"],
            proved_at=values["proved_at"],
            seen_at=values["seen_at"],
            address=values["address"],
            agent=values["agent"],
        )


def revoke_all_in(connection: Connection, user_id: str, *, except_id: str = "") -> int:
    """End all sessions of a user but one; how many."""
    return connection.execute(
        delete(sessions).where(sessions.c.user_id == user_id, sessions.c.id != except_id)
    ).rowcount


def begin_anew_in(connection: Connection, user_id: str, *, proved_id: str = "") -> int:
    """End all sessions of a user, and those that logins under way would become.

    Args:
        proved_id: a session whose user has just shown the password: it goes on.
    """
    now = now_ms()
    ended = revoke_all_in(connection, user_id, except_id=proved_id)
    connection.execute(update(sessions).where(sessions.c.id == proved_id).values(proved_at=now))
    factors.set_in(connection, user_id, sessions_after=now)
    return ended


def sweep_in(connection: Connection, idle_seconds: float) -> None:
    """Remove those that are over."""
    now = now_ms()
    idle = now - int(idle_seconds * 1000)
    connection.execute(
        delete(sessions).where(or_(sessions.c.expires_at < now, sessions.c.seen_at < idle))
    )


def _row(connection: Connection, hashed: bytes, via: Via) -> Row[Any] | None:
    return connection.execute(
        select(sessions).where(
            or_(sessions.c.token_hash == hashed, sessions.c.previous_hash == hashed),
            sessions.c.via == via,
        )
    ).first()


def _new_token(via: Via) -> str:
    token = secrets.token_urlsafe(TOKEN_OCTETS)
    return BEARER_PREFIX + token if via == "bearer" else token
