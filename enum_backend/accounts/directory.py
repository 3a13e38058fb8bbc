"""Where users come from: our own table, or an application that has users already.

An application that has its own users writes a class with these methods, names it in its
`pyproject.toml`

    [project.entry-points."enum_backend.user_directories"]
    shop = "shop.enum:ShopUsers"

and sets `accounts.directory = "shop"`. It keeps who there is and the passwords; phones,
second factors, sessions and limits stay here, under the ids it gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from enum_backend.errors import SettingsError

GROUP = "enum_backend.user_directories"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a directory knows.

    Attributes:
        id: 1 to 80 characters, never given to another person.
        email: in small letters.
        is_admin: may use the console and `/api/admin`.
        created_at, disabled_at: milliseconds; a disabled one cannot log in.
    """

    id: str
    email: str
    is_admin: bool = False
    created_at: int = 0
    disabled_at: int | None = None


class UserDirectory(Protocol):
    """What knows users and checks passwords. The entry point is called without arguments."""

    async def find(self, user_id: str) -> Person | None:
        """The person of an id, disabled ones too."""
        ...

    async def find_by_email(self, email: str) -> Person | None:
        """The person of an address in small letters."""
        ...

    async def authenticate(self, email: str, password: str) -> Person | None:
        """Who it is; None = no such person, wrong password, or disabled.

        All three must take the same work: otherwise the time tells who has an account.
        """
        ...

    async def set_password(self, user_id: str, password: str) -> None:
        """Replace the password; it is checked already.

        Raises:
            Forbidden: passwords are not changed here.
        """
        ...

    async def page(self, *, search: str, after: str, limit: int) -> Sequence[Person]:
        """Persons in the order of their addresses.

        Args:
            search: part of the address, empty = all.
            after: only addresses behind this one.
        """
        ...

    async def count(self) -> int:
        """How many there are."""
        ...

    async def has_admin(self) -> bool:
        """Whether somebody who is not disabled is an admin."""
        ...


def load_directory(name: str) -> UserDirectory:
    """The directory of an entry point.

    Raises:
        SettingsError: there is none of that name, or it cannot be loaded.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none is installed"
        raise SettingsError(f"accounts.directory: no entry point {name!r} of {GROUP} ({known})")
    try:
        directory: UserDirectory = found[name].load()()
    except Exception as error:
        raise SettingsError(f"accounts.directory: {name} cannot be loaded: {error}") from error
    return directory
