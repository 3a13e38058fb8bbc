"""Inbound messages and nonces in the database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from enum_backend.gateways.webhooks.base import InboundSms
from enum_backend.messaging import inbox
from enum_backend.messaging.inbox import Stored
from enum_backend.messaging.webhooks import DatabaseNonces
from enum_backend.storage import Database
from enum_backend.storage.tables import inbox as table
from enum_backend.storage.tables import nonces
from tests.unit.messaging.messaging_world import World

SMS = InboundSms("k-1", "+15557654321", "+15550100001", "Hello", sent_at=1.5, media=("https://x",))


@pytest.fixture
def database(world: World) -> Database:
    return world.database


async def put(
    database: Database, sms: InboundSms, gateway: str = "office", now: int = 10
) -> Stored:
    return await database.write(
        lambda connection: inbox.store(
            connection,
            gateway=gateway,
            provider="android",
            sms=sms,
            body=lambda inbox_id: inbox_id.encode(),
            foreign_number=False,
            now=now,
        )
    )


async def test_the_same_id_is_stored_once(database: Database) -> None:
    first = await put(database, SMS)
    again = await put(database, replace(SMS, text="other"))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.inbox_id == again.inbox_id
    assert (await put(database, SMS, gateway="home")).is_new


async def test_the_same_content_under_another_id_is_linked(database: Database) -> None:
    first = await put(database, replace(SMS, content_key="c"))
    repeat = await put(database, replace(SMS, dedupe_key="k-2", content_key="c"))
    assert repeat.is_new is False
    assert repeat.inbox_id != first.inbox_id
    rows = await database.read(lambda c: list(c.execute(select(table).order_by(table.c.id))))
    assert [row.duplicate_of for row in rows] == [None, first.inbox_id]
    late = 11 + inbox.CONTENT_WINDOW_MS
    assert (await put(database, replace(SMS, dedupe_key="k-3", content_key="c"), now=late)).is_new
    assert (await put(database, replace(SMS, dedupe_key="k-4", content_key="d"))).is_new


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
