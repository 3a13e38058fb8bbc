"""Accounts over a database, without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from enum_backend.accounts.events import Recorder
from enum_backend.accounts.guard import Guard
from enum_backend.accounts.own_users import OwnUsers
from enum_backend.accounts.passwords import Passwords
from enum_backend.accounts.sessions import SessionStore
from enum_backend.accounts.users import UserStore
from enum_backend.audit import AuditLog
from enum_backend.settings.accounts import AccountSettings
from enum_backend.storage import Database, Sealer

SETTINGS = AccountSettings(hash_memory=8, hash_passes=1)


class Clock:
    """Time that stands still until it is moved; milliseconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    for module in ("devices", "guard", "sessions", "pending", "own_users", "factors"):
        monkeypatch.setattr(f"enum_backend.accounts.{module}.now_ms", moved)
    return moved


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(bytes(range(32)))


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    found = Passwords(SETTINGS)
    yield found
    found.close()


@pytest.fixture
def users(database: Database, passwords: Passwords) -> UserStore:
    return UserStore(database, OwnUsers(database, passwords), passwords)


@pytest.fixture
def audit(database: Database, sealer: Sealer) -> AuditLog:
    return AuditLog(database, sealer)


@pytest.fixture
def sessions(database: Database, sealer: Sealer, users: UserStore, audit: AuditLog) -> SessionStore:
    return SessionStore(database, sealer, users, SETTINGS, Recorder(audit))


@pytest.fixture
def guard(database: Database, sealer: Sealer) -> Guard:
    return Guard(database, sealer)
