"""Our own directory of users, in the database."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from enum_backend.accounts.directory import Person
from enum_backend.accounts.passwords import Passwords
from enum_backend.clock import now_ms
from enum_backend.errors import NotFound
from enum_backend.storage import Database
from enum_backend.storage.tables import users
from enum_backend.storage.upsert import insert_or_ignore


class OwnUsers:
    """A `UserDirectory` over the table `users`, and what makes and changes its rows."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def find(self, user_id: str) -> Person | None:
        """See `UserDirectory`."""
        return _person(await self._row(users.c.id == user_id))

    async def find_by_email(self, email: str) -> Person | None:
        """See `UserDirectory`."""
        return _person(await self._row(users.c.email == email))

    async def authenticate(self, email: str, password: str) -> Person | None:
        """See `UserDirectory`: one query and one argon2, whoever it is."""
        row = await self._row(users.c.email == email)
        right = await self._passwords.verify(row.password_hash if row else None, password)
        if row is None or not right or row.disabled_at is not None:
            return None
        if self._passwords.is_outdated(row.password_hash):
            await self._store(row.id, await self._passwords.hash(password), row.password_hash)
        return _person(row)

    async def set_password(self, user_id: str, password: str) -> None:
        """See `UserDirectory`.

        Raises:
            NotFound: no such user.
        """
        if not await self._store(user_id, await self._passwords.hash(password)):
            raise NotFound("There is no such user.")

    async def page(self, *, search: str, after: str, limit: int) -> Sequence[Person]:
        """See `UserDirectory`."""
        query = select(users).where(users.c.email > after).order_by(users.c.email).limit(limit)
        if search:
            query = query.where(users.c.email.contains(search.lower(), autoescape=True))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [person for row in rows if (person := _person(row)) is not None]

    async def count(self) -> int:
        """See `UserDirectory`."""
        query = select(func.count()).select_from(users)
        return await self._database.read(lambda c: c.execute(query).scalar_one())

    async def has_admin(self) -> bool:
        """See `UserDirectory`."""
        return await self._database.read(has_admin)

    async def _row(self, condition: Any) -> Row[Any] | None:
        query = select(users).where(condition)
        return await self._database.read(lambda connection: connection.execute(query).first())

    async def _store(self, user_id: str, hashed: str, instead_of: str | None = None) -> bool:
        query = update(users).where(users.c.id == user_id).values(password_hash=hashed)
        if instead_of is not None:
            query = query.where(users.c.password_hash == instead_of)
        return bool(await self._database.write(lambda c: c.execute(query).rowcount))


def new_person(email: str, *, is_admin: bool = False) -> Person:
    """Somebody who is not stored yet."""
    return Person(f"usr_{secrets.token_hex(12)}", email, is_admin, now_ms())


def add_in(connection: Connection, person: Person, password_hash: str) -> bool:
    """Store a person; False = the address is taken, and nothing is stored."""
    return bool(
        connection.execute(
            insert_or_ignore(users).values(
                id=person.id,
                email=person.email,
                password_hash=password_hash,
                is_admin=person.is_admin,
                created_at=person.created_at,
            )
        ).rowcount
    )


def change_in(connection: Connection, user_id: str, **values: Any) -> None:
    """Set `is_admin` or `disabled_at`.

    Raises:
        NotFound: no such user.
    """
    query = update(users).where(users.c.id == user_id).values(**values)
    if not connection.execute(query).rowcount:
        raise NotFound("There is no such user.")


def has_admin(connection: Connection) -> bool:
    """Whether somebody who is not disabled is an admin."""
    query = select(users.c.id).where(users.c.is_admin.is_(True), users.c.disabled_at.is_(None))
    return connection.execute(query.limit(1)).first() is not None


def _person(row: Row[Any] | None) -> Person | None:
    if row is None:
        return None
    return Person(row.id, row.email, row.is_admin, row.created_at, row.disabled_at)
