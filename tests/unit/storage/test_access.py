from __future__ import annotations

from pathlib import Path

import pytest

from enum_backend.access import KEY_PREFIX, KeyStore
from enum_backend.errors import NotFound, Unauthorized, ValidationFailed
from enum_backend.storage import Database


async def test_a_key_from_birth_to_end(database: Database) -> None:
    store = KeyStore(database)
    key, token = await store.create("shop", ("sms:send", "sms:read"), "acme")
    assert token.startswith(KEY_PREFIX)
    assert len(token) > 40
    assert await store.authenticate(token) == key
    assert key.may("sms:send")
    assert not key.may("admin")
    assert not key.may("numbers")
    admin, other = await store.create("root", ("admin",))
    assert admin.may("numbers")
    assert [k.name for k in await store.list()] == ["shop", "root"]
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


async def test_the_file_holds_no_token(database: Database, url: str) -> None:
    _, token = await KeyStore(database).create("n", ("admin",))
    path = url.removeprefix("sqlite:///")
    for name in (path, f"{path}-wal"):
        assert token.encode() not in Path(name).read_bytes()
