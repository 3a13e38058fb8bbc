"""Passwords: what is accepted (NIST SP 800-63B-4, 3.1.1.2), and argon2id beside the loop."""

from __future__ import annotations

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from enum_backend.accounts.common_passwords import is_common
from enum_backend.accounts.emails import normal_email
from enum_backend.errors import RateLimitExceeded, wrong_field
from enum_backend.settings.accounts import AccountSettings

T = TypeVar("T")

SHORTEST: Final = 8
LONGEST: Final = 128
MOST_WAITING: Final = 256
"""Passwords that wait to be worked on; more are refused instead of piling up."""

_HAS_PLACE: Final = ContextVar("_HAS_PLACE", default=False)
_SALT_OCTETS: Final = 16
_HASH_OCTETS: Final = 32


def check_password(password: str, email: str = "", *, field: str = "password") -> None:
    """Length and guessability; which kinds of characters are in it does not matter.

    Raises:
        ValidationFailed: says which rule.
    """
    length = len(_plain(password))
    if length < SHORTEST:
        raise wrong_field(field, f"expected at least {SHORTEST} characters")
    if length > LONGEST:
        raise wrong_field(field, f"expected at most {LONGEST} characters")
    if is_common(password):
        raise wrong_field(field, "is among the first that are tried; choose another")
    own = normal_email(email)
    if own and _plain(password).casefold() in {own, own.partition("@")[0]}:
        raise wrong_field(field, "is your e-mail address; choose another")


class Passwords:
    """Hashes and verifies in threads of its own, so the loop goes on meanwhile.

    Changed settings take effect on new passwords, and on old ones at the next login.
    """

    def __init__(self, settings: AccountSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.hash_passes,
            memory_cost=settings.hash_memory,
            parallelism=1,
            hash_len=_HASH_OCTETS,
            salt_len=_SALT_OCTETS,
        )
        self._threads = ThreadPoolExecutor(settings.hash_threads, thread_name_prefix="passwords")
        self._waiting = 0
        self._nobodys = (
            f"$argon2id$v=19$m={settings.hash_memory},t={settings.hash_passes},p=1"
            f"${_base64(_SALT_OCTETS)}${_base64(_HASH_OCTETS)}"
        )

    async def hash(self, password: str) -> str:
        """The text to store.

        Raises:
            RateLimitExceeded: too many wait already.
        """
        return await self._run(lambda: self._hasher.hash(_plain(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; None = there is no such user: the same work, False.

        Raises:
            RateLimitExceeded: too many wait already.
        """
        against = self._nobodys if stored is None else stored

        def work() -> bool:
            try:
                return self._hasher.verify(against, _plain(password))
            except (Argon2Error, InvalidHashError):
                return False

        return await self._run(work) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than the settings have now."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    @contextmanager
    def place(self) -> Iterator[None]:
        """What is hashed inside is not refused: the place for it is taken before.

        Raises:
            RateLimitExceeded: too many wait already.
        """
        self._refuse_if_full()
        self._waiting += 1
        token = _HAS_PLACE.set(True)
        try:
            yield
        finally:
            _HAS_PLACE.reset(token)
            self._leave()

    def _refuse_if_full(self) -> None:
        if self._waiting >= MOST_WAITING and not _HAS_PLACE.get():
            raise RateLimitExceeded("Too many logins at once; try again.", retry_after=1)

    async def _run(self, work: Callable[[], T]) -> T:
        self._refuse_if_full()
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.shield(future)

    def _leave(self) -> None:
        self._waiting -= 1


def _plain(password: str) -> str:
    """NFKC: the same characters typed on another system are the same password."""
    return unicodedata.normalize("NFKC", password)


def _base64(octets: int) -> str:
    return base64.b64encode(secrets.token_bytes(octets)).decode("ascii").rstrip("=")
