"""Sessions over time."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from enum_backend.accounts import sessions as module
from enum_backend.accounts.model import Origin
from enum_backend.accounts.sessions import SessionStore, begin_anew_in
from enum_backend.accounts.sweep import sweep
from enum_backend.accounts.users import UserStore
from enum_backend.audit import AuditLog
from enum_backend.storage import Database
from enum_backend.storage.tables import sessions as table
from tests.unit.accounts.conftest import SETTINGS, Clock

COOKIE = Origin("192.0.2.1", via="cookie", agent="Test/1")
PASSWORD = "seven green lanterns"


async def test_idle_and_absolute_end(
    sessions: SessionStore, users: UserStore, clock: Clock
) -> None:
    user = await users.create("a@example.org", PASSWORD)
    token = (await sessions.create(user, COOKIE)).token
    for _ in range(27):
        clock.move(SETTINGS.session_idle - 1)
        assert await sessions.find(token, "cookie")
    clock.move(SETTINGS.session_idle)
    assert await sessions.find(token, "cookie") is None
    token = (await sessions.create(user, COOKIE)).token
    started = clock.now
    while clock.now < started + (SETTINGS.session_life - SETTINGS.session_idle) * 1000:
        clock.move(SETTINGS.session_idle / 2)
        assert await sessions.find(token, "cookie")
    clock.move(SETTINGS.session_idle - 1)
    await sessions.find(token, "cookie")
    clock.move(SETTINGS.session_idle - 1)
    assert await sessions.find(token, "cookie") is None


async def test_rotation_overlaps_and_shows_a_copied_token(
    sessions: SessionStore, users: UserStore, clock: Clock, audit: AuditLog
) -> None:
    user = await users.create("a@example.org", PASSWORD)
    first = (await sessions.create(user, COOKIE)).token
    found = await sessions.look(first, "cookie")
    assert found is not None
    assert await sessions.renew(found) is None
    clock.move(SETTINGS.session_rotate)
    found = await sessions.look(first, "cookie")
    assert found is not None
    second = await sessions.renew(found)
    assert second is not None
    assert await sessions.renew(found) is None  # another request at the same time
    # The answer may have been lost: the former token works until the new one has come back.
    clock.move(3 * 3600)
    late = await sessions.look(first, "cookie")
    assert late is not None
    assert not late.confirmed
    third = await sessions.renew(late)
    assert third is not None
    assert await sessions.find(second, "cookie") is None
    assert await sessions.find(third, "cookie")
    clock.move(module.OVERLAP_MS / 1000 - 1)
    assert await sessions.find(first, "cookie")
    assert await sessions.find(third, "cookie")
    clock.move(1)
    assert await sessions.find(first, "cookie") is None
    assert await sessions.find(third, "cookie") is None
    page = await audit.page(event_type="SESSION_TOKEN_REUSED")
    assert [entry.user_id for entry in page.entries] == [user.id]


async def test_many_renew_at_once(sessions: SessionStore, users: UserStore, clock: Clock) -> None:
    user = await users.create("a@example.org", PASSWORD)
    token = (await sessions.create(user, COOKIE)).token
    clock.move(SETTINGS.session_rotate)
    found = [await sessions.look(token, "cookie") for _ in range(20)]
    renewed = await asyncio.gather(*(sessions.renew(item) for item in found if item))
    assert len([new for new in renewed if new is not None]) == 1
    assert await sessions.find(token, "cookie")


async def test_only_hashes_are_stored(
    sessions: SessionStore, users: UserStore, database: Database
) -> None:
    user = await users.create("a@example.org", PASSWORD)
    issued = await sessions.create(user, Origin("192.0.2.1"))
    row = await database.read(lambda c: c.execute(select(table)).one())
    assert issued.token not in repr(row)
    assert issued.session.csrf not in repr(row)
    assert issued.token not in repr(issued)
    assert issued.session.csrf not in repr(issued)


async def test_a_login_that_began_before_a_reset_is_over(
    sessions: SessionStore, users: UserStore, database: Database, clock: Clock
) -> None:
    user = await users.create("a@example.org", PASSWORD)
    began = clock.now
    clock.move(0.001)
    await database.write(lambda c: begin_anew_in(c, user.id))
    late = await database.write(lambda c: sessions.create_in(c, user, COOKIE, since=began))
    assert await sessions.find(late.token, "cookie") is None
    assert await sessions.find((await sessions.create(user, COOKIE)).token, "cookie")


async def test_sweep(
    sessions: SessionStore, users: UserStore, database: Database, clock: Clock
) -> None:
    user = await users.create("a@example.org", PASSWORD)
    await sessions.create(user, COOKIE)
    await sweep(database, SETTINGS.session_idle)
    assert len(await sessions.of_user(user.id)) == 1
    clock.move(SETTINGS.session_idle + 1)
    await sweep(database, SETTINGS.session_idle)
    assert await database.read(lambda c: c.execute(select(table)).all()) == []
    assert await sessions.of_user("usr_nobody") == []
