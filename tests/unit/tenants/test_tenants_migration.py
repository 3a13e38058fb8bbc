"""What a database of before becomes: its tenants, and the owners of its numbers."""

from __future__ import annotations

from typing import Any

from alembic import command
from sqlalchemy import Connection, select, text

from enum_backend.storage.once import in_transaction
from enum_backend.storage.schema import migrate, upgrade
from enum_backend.storage.tables import api_keys, bindings, tenants

_KEY = text(
    "INSERT INTO api_keys (id, name, tenant, scopes, token_hash, created_at)"
    " VALUES ('key_1', 'n', 'acme', 'admin', :hash, 5)"
)
_NUMBER = text(
    "INSERT INTO numbers (number, gateway, provider, tenant, state, source, features,"
    " created_at, updated_at)"
    " VALUES ('+15550100001', 'g', 'p', 'Shop Ltd', 'active', 'imported', 'sms', 7, 7)"
)


def test_what_was_there_keeps_its_owner(empty_url: str) -> None:
    migrate(empty_url, lambda config: command.upgrade(config, "0005"))

    def fill(connection: Connection) -> None:
        connection.execute(_KEY, {"hash": b"h"})
        connection.execute(_NUMBER)

    in_transaction(empty_url, fill, writing=True)
    upgrade(empty_url)

    def seen(connection: Connection) -> tuple[Any, ...]:
        names = connection.execute(select(tenants.c.name, tenants.c.source)).all()
        owned = connection.execute(select(bindings)).all()
        key = connection.execute(select(api_keys)).one()
        return sorted(tuple(row) for row in names), [tuple(row) for row in owned], key

    names, owned, key = in_transaction(empty_url, seen)
    assert names == [("Shop Ltd", "api"), ("acme", "api"), ("default", "api")]
    assert owned == [("+15550100001", "Shop Ltd", "inventory", "imported", 7)]
    assert (key.senders, key.daily_cost_micros, key.expires_at) == ("[]", None, None)
    migrate(empty_url, lambda config: command.downgrade(config, "0005"))
    upgrade(empty_url)
