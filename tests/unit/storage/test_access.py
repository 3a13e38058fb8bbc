from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cachetools import TTLCache

from enum_backend import access
from enum_backend.access import KEY_PREFIX, KeyStore
from enum_backend.errors import DatabaseUnavailable, NotFound, Unauthorized, ValidationFailed
from enum_backend.messaging.service import key_client
from enum_backend.settings.models import LimitSettings
from enum_backend.storage import Database
from enum_backend.storage.database import sqlite_file
from enum_backend.tenants.store import TenantStore


async def test_a_key_from_birth_to_end(database: Database) -> None:
    store = KeyStore(database)
    await TenantStore(database).create("acme")
    key, token = await store.create("shop", ("sms:send", "sms:read"), "acme")
    assert token.startswith(KEY_PREFIX)
    assert len(token) > 40
    assert await store.authenticate(token) == key
    assert (key.may_see("acme"), key.may_see("default")) == (True, False)
    assert key.may("sms:send")
    assert not key.may("admin")
    assert not key.may("numbers")
    admin, other = await store.create("root", ("admin",))
    assert admin.may("numbers")
    assert admin.may_see("acme")
    assert [k.name for k in await store.list()] == ["shop", "root"]
    assert [k.name for k in await store.list("acme")] == ["shop"]
    await store.revoke(key.id)
    with pytest.raises(Unauthorized):
        await store.authenticate(token)
    assert await store.authenticate(other) == admin
    for gone in (key.id, "key_none"):
        with pytest.raises(NotFound):
            await store.revoke(gone)
    assert (await store.list())[0].revoked_at is not None


@pytest.mark.parametrize("token", ["", "ebk_none", "\ud800", "x" * 10_000])
async def test_tokens_nobody_has(database: Database, token: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        await KeyStore(database).authenticate(token)
    assert len(refused.value.message) < 60


class Counting:
    """Counts what the database is asked."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = self.writes = 0
        read, write = database.read, database.write

        async def counted_read(work: Any) -> Any:
            self.reads += 1
            return await read(work)

        async def counted_write(work: Any) -> Any:
            self.writes += 1
            return await write(work)

        monkeypatch.setattr(database, "read", counted_read)
        monkeypatch.setattr(database, "write", counted_write)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms = 1_800_000_000_000
        monkeypatch.setattr(access, "now_ms", lambda: self.ms)

    def store(self, database: Database) -> KeyStore:
        """A store whose cache goes by this clock."""
        store = KeyStore(database)
        store._known = TTLCache(access.CACHE_KEYS, access.CACHE_SECONDS, lambda: self.ms / 1000)
        return store


async def test_a_key_is_asked_for_once_a_second(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = clock.store(database)
    _, token = await store.create("n", ("admin",))
    asked = Counting(database, monkeypatch)
    for _ in range(5):
        await store.authenticate(token)
    assert (asked.reads, asked.writes) == (1, 1)
    clock.ms += 1_001
    await store.authenticate(token)
    assert (asked.reads, asked.writes) == (2, 1)
    with pytest.raises(Unauthorized):
        await store.authenticate("ebk_none")


async def test_what_others_revoke_ends_within_a_second(database: Database, clock: Clock) -> None:
    store = clock.store(database)
    key, token = await store.create("n", ("admin",))
    await store.authenticate(token)
    await KeyStore(database).revoke(key.id)
    assert await store.authenticate(token) == key
    clock.ms += 1_001
    with pytest.raises(Unauthorized):
        await store.authenticate(token)


async def test_a_read_that_a_revocation_overtakes_is_not_remembered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyStore(database)
    key, token = await store.create("n", ("admin",))
    read = database.read

    async def overtaken(work: Any) -> Any:
        row = await read(work)
        monkeypatch.setattr(database, "read", read)
        await store.revoke(key.id)
        return row

    monkeypatch.setattr(database, "read", overtaken)
    assert (await store.authenticate(token)).id == key.id
    with pytest.raises(Unauthorized):
        await store.authenticate(token)


async def test_a_key_expires(database: Database, clock: Clock) -> None:
    store = clock.store(database)
    key, token = await store.create("n", ("admin",), expires_at=clock.ms + 500)
    assert (await store.authenticate(token)).expires_at == key.expires_at
    clock.ms += 500
    with pytest.raises(Unauthorized):
        await store.authenticate(token)
    with pytest.raises(Unauthorized):
        await clock.store(database).authenticate(token)


async def test_the_last_use_is_coarse(database: Database, clock: Clock) -> None:
    store = clock.store(database)
    _, token = await store.create("n", ("admin",))
    uses = []
    for pause in (0, access.USED_MS - 2_000, 2_000):
        clock.ms += pause
        await store.authenticate(token)
        uses.append((await store.list())[0].last_used_at)
    assert uses == [uses[0], uses[0], clock.ms]
    assert uses[0] == clock.ms - access.USED_MS


async def test_a_use_that_cannot_be_written_refuses_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyStore(database)
    _, token = await store.create("n", ("admin",))

    async def full(_: Any) -> Any:
        raise DatabaseUnavailable("disk full")

    monkeypatch.setattr(database, "write", full)
    assert (await store.authenticate(token)).last_used_at is None


async def test_budgets_and_senders_are_kept(database: Database) -> None:
    store = KeyStore(database)
    wanted = {"daily_cost": Decimal("2.50"), "per_minute": 0, "senders": ("+15550100001", "Acme")}
    _, token = await store.create("n", ("sms:send",), **wanted)
    key = await store.authenticate(token)
    assert {name: getattr(key, name) for name in wanted} == wanted
    client = key_client(key, LimitSettings(per_client_minute=7))
    assert (client.id, client.tenant, client.per_minute) == (f"key:{key.id}", "default", 0)
    assert (client.daily_cost, client.senders) == (Decimal("2.50"), wanted["senders"])
    plain, _ = await store.create("n", ("sms:send",))
    assert key_client(plain, LimitSettings(per_client_minute=7)).per_minute == 7


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("daily_cost", {"daily_cost": Decimal(0)}),
        ("per_minute", {"per_minute": -1}),
        ("per_minute", {"per_minute": 10**10}),
        ("senders", {"senders": [str(n) for n in range(51)]}),
        ("expires_at", {"expires_at": 1}),
        ("expires_at", {"expires_at": 10**15}),
        ("tenant", {"tenant": "nobody"}),
    ],
)
async def test_wrong_budgets(database: Database, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await KeyStore(database).create("n", ("admin",), **values)
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize(
    ("name", "scopes", "field"),
    [
        ("", ("admin",), "name"),
        (" ", ("admin",), "name"),
        ("n" * 81, ("admin",), "name"),
        ("n", (), "scopes"),
        ("n", ("admin", "root"), "scopes"),
    ],
)
async def test_wrong_keys(
    database: Database, name: str, scopes: tuple[str, ...], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await KeyStore(database).create(name, scopes)
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_file_holds_no_token(database: Database, database_url: str) -> None:
    _, token = await KeyStore(database).create("n", ("admin",))
    path = sqlite_file(database_url)
    for name in (path, f"{path}-wal"):
        assert token.encode() not in Path(name).read_bytes()
