"""Users as the rest of the program sees them: a directory's persons with their factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from enum_backend.accounts import factors
from enum_backend.accounts.directory import Person, UserDirectory
from enum_backend.accounts.emails import checked_email, normal_email
from enum_backend.accounts.model import User
from enum_backend.accounts.own_users import OwnUsers, add_in, new_person
from enum_backend.accounts.passwords import Passwords, check_password
from enum_backend.errors import Forbidden, wrong_field
from enum_backend.storage import Database

NOBODY: Final = "nobody"
"""Stands for the user where there is none, so that the same queries are made."""


class UserStore:
    """Looks users up, and makes those of our own directory.

    Args:
        directory: who there is; ours, or an application's.
    """

    def __init__(self, database: Database, directory: UserDirectory, passwords: Passwords) -> None:
        self.directory = directory
        self._database = database
        self._passwords = passwords

    @property
    def own(self) -> OwnUsers:
        """Our own directory.

        Raises:
            Forbidden: the users are an application's.
        """
        if isinstance(self.directory, OwnUsers):
            return self.directory
        raise Forbidden("The users of this server are kept by another program.")

    async def find(self, user_id: str) -> User | None:
        """The user of an id, disabled ones too."""
        person = await self.directory.find(user_id)
        return None if person is None else await self.of(person)

    async def find_by_email(self, email: str) -> User | None:
        """The user of an e-mail address, however it is written."""
        person = await self.directory.find_by_email(normal_email(email))
        return None if person is None else await self.of(person)

    async def find_by_phone(self, number: str) -> User | None:
        """The user whose verified phone it is; the same queries when it is nobody's."""
        user_id = await self._database.read(lambda c: factors.owner_of(c, number)) or NOBODY
        person = await self.directory.find(user_id)
        found = await self._database.read(lambda c: factors.of_user(c, user_id))
        return None if person is None else found.user(person)

    async def of(self, person: Person) -> User:
        """A person with their factors."""
        return (await self._database.read(lambda c: factors.of_user(c, person.id))).user(person)

    async def page(self, *, search: str = "", after: str = "", limit: int = 50) -> Sequence[User]:
        """Users by e-mail address; `backup_codes` is not counted here.

        Args:
            search: part of the address.
            after: address of the last one of the page before.
        """
        persons = await self.directory.page(search=search.strip(), after=after, limit=limit)
        ids = [person.id for person in persons]
        found = await self._database.read(lambda connection: factors.of_users(connection, ids))
        return [found[person.id].user(person) for person in persons]

    async def count(self) -> int:
        """How many there are."""
        return await self.directory.count()

    async def create(self, email: str, password: str, *, is_admin: bool = False) -> User:
        """A new user, made by an admin.

        Raises:
            ValidationFailed: e-mail or password; or the e-mail is taken.
            Forbidden: the users are another program's.
        """
        _ = self.own
        person = new_person(checked_email(email), is_admin=is_admin)
        check_password(password, person.email)
        hashed = await self._passwords.hash(password)
        if not await self._database.write(lambda c: add_in(c, person, hashed)):
            raise wrong_field("email", "has an account already")
        return await self.of(person)
