"""Statements about many rows say the same to both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
)

from enum_backend.storage import Database
from enum_backend.storage.many import FromRows, Inserted, Listed, kind
from enum_backend.storage.tables import spend_buckets

things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(40)),
    Column("size", BigInteger),
    Column("good", Boolean),
    Column("body", LargeBinary),
)
INSERT = Inserted(things, ("id", "name", "size", "good", "body"))
NAMES = Listed(things.c.name, select(things.c.id).order_by(things.c.id).where)
IDS = Listed(things.c.id, select(things.c.name).order_by(things.c.id).where, "bigint")
SET = FromRows(
    "UPDATE things SET name = given.name, size = given.size, good = given.good"
    " FROM {given} WHERE things.id = given.id AND things.size < :below",
    {name: kind(things.c[name]) for name in ("id", "name", "size", "good")},
)

AWKWARD = ["plain", "it's", 'a "quote"', "back\\slash", "§ € 你好 😀", "", ":name", "{given}", None]


async def filled(database: Database, rows: list[tuple[Any, ...]], work: Any) -> Any:
    """Make the table, fill it, and undo all of it again."""
    found: list[Any] = []

    def trial(connection: Connection) -> None:
        with connection.begin_nested() as savepoint:
            things.create(connection)
            INSERT.run(connection, rows)
            found.append(work(connection))
            savepoint.rollback()

    await database.write(trial)
    return found[0]


def everything(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(select(things).order_by(things.c.id))]


@pytest.mark.parametrize("number", [0, 1, 5, 63, 64, 65, 200])
async def test_rows_are_inserted_as_they_are(database: Database, number: int) -> None:
    rows = [
        (n, AWKWARD[n % len(AWKWARD)], n * 10**12 if n % 3 else None, n % 2 == 0, bytes([n % 256]))
        for n in range(number)
    ]
    assert await filled(database, rows, everything) == rows


async def test_lists(database: Database) -> None:
    rows = [(n, name, 0, None, None) for n, name in enumerate(AWKWARD)]

    def work(connection: Connection) -> list[Any]:
        return [
            NAMES.run(connection, ["it's", "§ € 你好 😀", "none", 'a "quote"']).scalars().all(),
            NAMES.run(connection, []).scalars().all(),
            IDS.run(connection, [3, 4, 99]).scalars().all(),
        ]

    assert await filled(database, rows, work) == [[1, 2, 4], [], ["back\\slash", AWKWARD[4]]]


async def test_rows_are_updated_each_with_its_own_values(database: Database) -> None:
    rows = [(n, "old", n, True, b"x") for n in range(100)]
    given = [
        (n, AWKWARD[n % len(AWKWARD)], None if n % 2 else 2**53, n % 3 == 0) for n in range(90)
    ]

    def work(connection: Connection) -> list[tuple[Any, ...]]:
        SET.run(connection, given, below=80)
        return everything(connection)

    found = await filled(database, rows, work)
    assert found[:80] == [(*values, b"x") for values in given[:80]]
    assert found[80:] == rows[80:]


async def test_what_follows_the_values(database: Database) -> None:
    add = Inserted(
        spend_buckets,
        ("scope", "bucket_at", "micros"),
        "ON CONFLICT (scope, bucket_at) DO UPDATE SET micros = spend_buckets.micros + 5",
    )
    for _ in range(2):
        await database.write(lambda c: add.run(c, [("all", 1, 2), ("tenant:a", 1, 3)]))
    rows = await database.read(
        lambda c: c.execute(
            select(spend_buckets.c.scope, spend_buckets.c.micros).order_by(spend_buckets.c.scope)
        ).all()
    )
    assert [tuple(row) for row in rows] == [("all", 7), ("tenant:a", 8)]
