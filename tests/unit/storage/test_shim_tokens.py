from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from enum_backend.errors import NotFound, SettingsError, ValidationFailed
from enum_backend.shim_tokens import ShimOptions, ShimTokenStore
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import shim_tokens
from enum_backend.tenants.store import TenantStore

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


async def test_no_tenant_gets_anothers_token(store: ShimTokenStore, database: Database) -> None:
    with pytest.raises(ValidationFailed, match="no tenant 'acme'"):
        await store.token_for("mesh", "a", "acme")
    await TenantStore(database).create("acme")
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


async def test_settings_are_kept_and_changed_one_by_one(store: ShimTokenStore) -> None:
    given = {"per_hour": 5, "region": "gb", "template": "{code}!", "secret": "canary-secret"}
    token, text = await store.ensure("mesh", "a", changes=given)
    assert token.options == ShimOptions(
        per_hour=5, region="GB", template="{code}!", secret="canary-secret"
    )
    again, same = await store.ensure("mesh", "a", changes={"per_hour": None, "app": "Mesh"})
    assert same == text
    expected = ShimOptions(region="GB", template="{code}!", app="Mesh", secret="canary-secret")
    assert again.options == expected
    found = await store.find("mesh", text)
    assert found is not None
    assert found.options == expected
    assert "canary" not in repr(found)
    await store.ensure("mesh", "a", changes={"secret": ""})
    found = await store.find("mesh", text)
    assert found is not None
    assert found.options.secret is None


async def test_lists_show_no_secret(store: ShimTokenStore, database: Database) -> None:
    await TenantStore(database).create("acme")
    for program, server, tenant in (("b", "1", "acme"), ("a", "2", "default"), ("a", "1", "acme")):
        await store.ensure(program, server, tenant, {"secret": "canary-secret"})
    listed = await store.list()
    assert [(token.program, token.server) for token in listed] == [
        ("a", "1"),
        ("a", "2"),
        ("b", "1"),
    ]
    assert {token.options.secret for token in listed} == {None}
    assert [token.server for token in await store.list("a", "acme")] == ["1"]
    await store.revoke("a", "1")
    assert [token.server for token in await store.list("a")] == ["2"]
    with pytest.raises(NotFound):
        await store.revoke("a", "1")


@pytest.mark.parametrize(
    "changes",
    [
        {"per_minute": -1},
        {"per_hour": 10**10},
        {"region": "XX"},
        {"sender": "x" * 33},
        {"gateway": "a\nb"},
        {"secret": "x" * 513},
        {"template": "no code"},
        {"colour": "red"},
    ],
)
async def test_wrong_settings(store: ShimTokenStore, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await store.ensure("mesh", "a", changes=changes)
    assert [item.field for item in caught.value.errors] == list(changes)
    assert await store.list() == []


@pytest.mark.parametrize("server", ["", "x" * 81, "a\nb"])
async def test_wrong_names(store: ShimTokenStore, server: str) -> None:
    with pytest.raises(ValidationFailed, match="server"):
        await store.token_for("mesh", server)


async def test_a_secret_of_another_server_key(store: ShimTokenStore, database: Database) -> None:
    _, token = await store.ensure("mesh", "a", changes={"secret": "canary-secret"})
    with pytest.raises(SettingsError, match="server_key"):
        await ShimTokenStore(database, Sealer(bytes(32))).find("mesh", token)
