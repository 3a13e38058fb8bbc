"""Nobody can find out by asking who has an account, or whose number it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import argon2
import pytest
from sqlalchemy import Connection, Engine, event

from enum_backend.storage import Database
from enum_backend.storage.postgres import PostgresDatabase
from enum_backend.storage.sqlite import SqliteDatabase
from tests.people import OTHER_PASSWORD, PASSWORD, People, Reply, people

ALICE, NOBODY = "alice@example.org", "nobody@example.org"
NUMBER, OTHER = "+14155550101", "+14155550199"


class Work:
    """What one request made the server do."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.hashes: list[str] = []

    @property
    def total(self) -> tuple[list[str], list[str]]:
        return self.queries, self.hashes


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Count argon2 calls, and the statements of requests (not of what runs beside them)."""
    work = Work()
    mine: set[int] = set()

    def note(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if id(connection) in mine:
            work.queries.append(" ".join(statement.split())[:70])

    def watched(method: Any) -> Any:
        async def run(database: Database, wanted: Callable[[Connection], Any]) -> Any:
            task = asyncio.current_task()
            if task is None or "RequestHandler" not in task.get_coro().__qualname__:
                return await method(database, wanted)

            def marked(connection: Connection) -> Any:
                mine.add(id(connection))
                try:
                    return wanted(connection)
                finally:
                    mine.discard(id(connection))

            return await method(database, marked)

        return run

    verify, hashing = argon2.PasswordHasher.verify, argon2.PasswordHasher.hash

    def counted_verify(self: Any, stored: str, password: str) -> bool:
        work.hashes.append(f"verify {stored.split('$')[3]}")
        return verify(self, stored, password)

    def counted_hash(self: Any, password: str) -> str:
        work.hashes.append("hash")
        return hashing(self, password)

    with monkeypatch.context() as patch:
        patch.setattr(argon2.PasswordHasher, "verify", counted_verify)
        patch.setattr(argon2.PasswordHasher, "hash", counted_hash)
        for kind in (SqliteDatabase, PostgresDatabase):
            patch.setattr(kind, "read", watched(kind.read))
            patch.setattr(kind, "write", watched(kind.write))
        event.listen(Engine, "before_cursor_execute", note)
        try:
            yield work
        finally:
            event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
async def quiet(storage_settings: dict[str, Any]) -> AsyncIterator[People]:
    """Nothing goes on in it by itself that would be counted too."""
    async with people(storage_settings) as town:
        await town.with_phone(ALICE, NUMBER)
        yield town


def shown(reply: Reply) -> tuple[Any, ...]:
    """All that a caller sees, but for what is random."""
    headers = {name: value for name, value in reply.headers.items() if name != "Date"}
    body = {name: "..." if name == "token" else value for name, value in reply.body.items()}
    lengths = {name: len(value) for name, value in reply.body.items() if name == "token"}
    return reply.status, body, lengths, headers, sorted(reply.cookies)


Call = Callable[[People, str], Awaitable[Reply]]


async def wrong_login(town: People, who: str) -> Reply:
    return await town.login(ALICE if who == "known" else NOBODY, "not the password")


async def registration(town: People, who: str) -> Reply:
    email = ALICE if who == "known" else NOBODY
    return await town.post("/api/auth/register", {"email": email, "password": OTHER_PASSWORD})


async def reset_request(town: People, who: str) -> Reply:
    body = {"phoneNumber": NUMBER if who == "known" else OTHER}
    return await town.post("/api/auth/sms/request-password-reset", body)


async def wrong_reset(town: People, who: str) -> Reply:
    number = NUMBER if who == "known" else OTHER
    body = {"phoneNumber": number, "code": "123456", "newPassword": OTHER_PASSWORD}
    return await town.post("/api/auth/sms/verify-and-reset", body)


async def wrong_step_up(town: People, who: str) -> Reply:
    return await town.verify(ALICE if who == "known" else NOBODY, "made-up", "123456")


async def wrong_send_code(town: People, who: str) -> Reply:
    email = ALICE if who == "known" else NOBODY
    return await town.post("/api/auth/2fa/send-code", {"email": email, "loginToken": "made-up"})


@pytest.mark.parametrize(
    "call",
    [wrong_login, registration, reset_request, wrong_reset, wrong_step_up, wrong_send_code],
    ids=lambda call: call.__name__,
)
async def test_known_and_unknown_look_alike(
    quiet: People, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    seen = {}
    for who in ("known", "unknown"):
        with counted(monkeypatch) as work:
            reply = await call(quiet, who)
        seen[who] = (shown(reply), *work.total)
    assert seen["known"] == seen["unknown"]


async def test_wrong_reset_after_a_request_looks_alike(
    quiet: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in ("known", "unknown"):
        await reset_request(quiet, who)
    for _ in range(4):  # to the last attempt and beyond
        seen = {}
        for who in ("known", "unknown"):
            with counted(monkeypatch) as work:
                reply = await wrong_reset(quiet, who)
            seen[who] = (shown(reply), *work.total)
        assert seen["known"] == seen["unknown"]


async def test_lock_outs_look_alike(quiet: People) -> None:
    for email in (ALICE, NOBODY):
        statuses = [(await quiet.login(email, "no, not this")).status for _ in range(11)]
        assert statuses == [401] * 10 + [429]


async def test_a_second_registration_changes_nothing(quiet: People) -> None:
    reply = await registration(quiet, "known")
    assert not await quiet.lives(reply.body["token"])
    assert (await quiet.login(ALICE, PASSWORD)).status == 200
    assert (await quiet.login(ALICE, OTHER_PASSWORD)).status == 401
    assert "REGISTRATION_REPEATED" in await quiet.events()
