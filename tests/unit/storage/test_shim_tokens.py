from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from enum_backend.errors import SettingsError, ValidationFailed
from enum_backend.shim_tokens import ShimTokenStore
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import shim_tokens

SEALER = Sealer(bytes(range(32)))


@pytest.fixture
def store(database: Database) -> ShimTokenStore:
    return ShimTokenStore(database, SEALER)


async def test_the_same_server_gets_the_same_token(store: ShimTokenStore) -> None:
    tokens = await asyncio.gather(*(store.token_for("mesh", "a") for _ in range(8)))
    assert len(set(tokens)) == 1
    others = {await store.token_for("mesh", "b"), await store.token_for("other", "a")}
    assert len({*tokens, *others}) == 3
    found = await store.find("mesh", tokens[0])
    assert found is not None
    assert (found.program, found.server, found.tenant) == ("mesh", "a", "default")
    assert tokens[0] not in repr(found)
    for program, token in (("other", tokens[0]), ("mesh", "none"), ("mesh", "\ud800")):
        assert await store.find(program, token) is None


async def test_no_tenant_gets_anothers_token(store: ShimTokenStore) -> None:
    await store.token_for("mesh", "a", "acme")
    with pytest.raises(ValidationFailed, match="another tenant"):
        await store.token_for("mesh", "a", "default")


async def test_a_revoked_token_is_replaced(store: ShimTokenStore, database: Database) -> None:
    first = await store.token_for("mesh", "a")
    await database.write(lambda c: c.execute(update(shim_tokens).values(revoked_at=1)).rowcount)
    assert await store.find("mesh", first) is None
    second = await store.token_for("mesh", "a")
    assert second != first
    assert await store.find("mesh", first) is None
    assert await store.find("mesh", second) is not None


async def test_another_server_key_is_a_settings_error(
    store: ShimTokenStore, database: Database
) -> None:
    token = await store.token_for("mesh", "a")
    other = ShimTokenStore(database, Sealer(bytes(32)))
    with pytest.raises(SettingsError, match="server_key"):
        await other.token_for("mesh", "a")
    assert await other.find("mesh", token) is not None
