"""Nonces of providers whose signature does not cover the body."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from enum_backend.messaging.webhooks import DatabaseNonces
from enum_backend.storage import Database
from enum_backend.storage.tables import nonces


@pytest.mark.parametrize(("body_hash", "taken"), [("h", True), ("other", False)])
async def test_a_nonce_comes_again_only_with_the_same_body(
    database: Database, body_hash: str, taken: bool
) -> None:
    store = DatabaseNonces(database)
    assert await store.first_use("plivo", "n", "h", 60)
    assert await store.first_use("plivo", "n", body_hash, 60) is taken
    assert await store.first_use("plivo-2", "n", "other", 60)


async def test_old_nonces_go(database: Database) -> None:
    store = DatabaseNonces(database)
    await store.first_use("plivo", "n", "h", 60)
    await database.write(lambda c: c.execute(update(nonces).values(expires_at=1)))
    assert await store.first_use("plivo", "n", "other", 60)
