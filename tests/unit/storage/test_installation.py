"""Every process has the installation's server key."""

from __future__ import annotations

import asyncio

import pytest

from enum_backend.errors import SettingsError
from enum_backend.storage import Database, Sealer
from enum_backend.storage.installation import check_server_key, has_server_key

OURS, OTHER = Sealer(bytes(range(32))), Sealer(bytes(32))


async def test_the_first_key_counts(database: Database) -> None:
    assert await database.read(lambda c: has_server_key(c, OURS)) is None
    await asyncio.gather(*(database.write(lambda c: check_server_key(c, OURS)) for _ in range(4)))
    with pytest.raises(SettingsError, match="server_key: the database belongs to another key"):
        await database.write(lambda c: check_server_key(c, OTHER))
    await database.write(lambda c: check_server_key(c, OURS))
    assert await database.read(lambda c: has_server_key(c, OURS)) is True
    assert await database.read(lambda c: has_server_key(c, OTHER)) is False


async def test_two_keys_at_once(database: Database) -> None:
    found = await asyncio.gather(
        *(
            database.write(lambda c, key=key: check_server_key(c, key))
            for key in (OURS, OTHER, OURS, OTHER)
        ),
        return_exceptions=True,
    )
    assert sorted(type(item).__name__ for item in found) == ["NoneType"] * 2 + ["SettingsError"] * 2
