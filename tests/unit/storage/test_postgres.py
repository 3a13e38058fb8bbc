"""PostgreSQL: conflicts, lost connections, waits that end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from enum_backend.errors import DatabaseUnavailable, SettingsError
from enum_backend.storage import open_database, postgres, postgres_url
from enum_backend.storage.locks import serialize
from enum_backend.storage.postgres import PostgresDatabase
from enum_backend.storage.schema import upgrade
from tests import databases
from tests.databases import seen
from tests.unit.gateways.wire_server import closed_port
from tests.unit.storage.database_jobs import adding, stored

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

END_OTHERS = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
END_ITSELF = text("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(database_url, connections=6)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PAUSE", 0.001)


def failing(code: str, times: int, key_id: str = "k") -> tuple[list[int], Callable[..., int]]:
    """A function that fails with an SQLSTATE so many times; and the list of its tries."""
    tries: list[int] = []
    statement = text(f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{code}'; END $$")

    def work(connection: Connection) -> int:
        tries.append(1)
        added = adding(key_id)(connection)
        if len(tries) <= times:
            connection.execute(statement)
        return added

    return tries, work


@pytest.mark.parametrize("code", ["40001", "40P01", "23505"])
async def test_conflicts_are_tried_again(database: PostgresDatabase, code: str) -> None:
    tries, work = failing(code, postgres.TRIES - 1)
    assert await database.write(work) == 1
    assert len(tries) == postgres.TRIES
    assert await stored(database) == ["k"]


async def test_conflicts_that_do_not_end(database: PostgresDatabase) -> None:
    tries, work = failing("40001", 100)
    with pytest.raises(DatabaseUnavailable, match="cannot be written: made up"):
        await database.write(work)
    assert len(tries) == postgres.TRIES
    _, work = failing("23505", 100)
    with pytest.raises(IntegrityError):
        await database.write(work)
    assert await stored(database) == []


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("53100", DatabaseUnavailable),  # the disk is full
        ("55P03", DatabaseUnavailable),
        ("57014", DatabaseUnavailable),
        ("25006", DatabaseUnavailable),  # a server that only reads
        ("XX000", DatabaseUnavailable),
        ("22012", DBAPIError),  # division by zero
        ("42P01", ProgrammingError),
        ("23503", IntegrityError),
    ],
)
async def test_whose_fault_it_is(
    database: PostgresDatabase, code: str, raised: type[Exception]
) -> None:
    tries, work = failing(code, 100)
    with pytest.raises(raised):
        await database.write(work)
    assert len(tries) == 1
    with pytest.raises(DatabaseUnavailable, match="cannot be read"):
        await database.read(work)


async def test_a_deadlock_is_settled(database_url: str) -> None:
    database = PostgresDatabase(f"{database_url}&deadlock_timeout=50ms", connections=6)

    def locking(first: str, second: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            serialize(connection, first)
            connection.execute(text("SELECT pg_sleep(0.2)"))
            serialize(connection, second)
            adding(first)(connection)

        return work

    await asyncio.gather(database.write(locking("a", "b")), database.write(locking("b", "a")))
    assert await stored(database) == ["a", "b"]
    await database.close()


async def test_connections_that_ended_meanwhile(
    database: PostgresDatabase, database_url: str
) -> None:
    for round_ in range(3):
        await asyncio.gather(*(database.write(adding(f"{round_}{n}")) for n in range(4)))
        await asyncio.gather(*(stored(database) for _ in range(4)))
        assert await asyncio.to_thread(seen, database_url, lambda c: c.scalar(END_OTHERS)) > 2
    assert len(await stored(database)) == 12
    assert await database.write(adding("last")) == 1


async def test_a_connection_that_ends_in_the_middle(database: PostgresDatabase) -> None:
    tries = []

    def work(connection: Connection) -> int:
        tries.append(1)
        if len(tries) == 1:
            connection.execute(END_ITSELF)
        return adding("k")(connection)

    assert await database.write(work) == 1
    assert len(tries) == 2


@pytest.mark.parametrize("stopped_at", ["in the middle", "before the commit"])
async def test_a_process_that_is_stopped_in_a_transaction(
    database_url: str, stopped_at: str
) -> None:
    """The server ends its connection, and lets others have what it held; it runs again."""
    quick = f"{database_url}&idle_in_transaction_session_timeout=100ms"
    database = PostgresDatabase(quick, connections=2)
    tries = []

    def work(connection: Connection) -> int:
        tries.append(1)
        serialize(connection, "a")
        added = adding("k")(connection)
        if len(tries) == 1:
            time.sleep(0.5)  # the whole process stands still
        if stopped_at == "in the middle":
            connection.execute(text("SELECT 1"))
        return added

    assert await database.write(work) == 1
    assert (len(tries), await stored(database)) == (2, ["k"])
    await database.close()


async def test_a_commit_whose_answer_is_lost_is_not_tried_again(
    database: PostgresDatabase, database_url: str
) -> None:
    statements = (
        "CREATE FUNCTION pg_temp.end_it() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
        "CREATE TEMP TABLE doomed (n int)",
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON doomed DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION pg_temp.end_it()",
        "INSERT INTO doomed VALUES (1)",
    )
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        for statement in statements:
            connection.execute(text(statement))

    with pytest.raises(DatabaseUnavailable, match="cannot be written"):
        await database.write(work)
    assert len(tries) == 1
    assert await database.write(adding("k")) == 1


async def test_waits_end(
    database: PostgresDatabase, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = text("SELECT pg_sleep(30)")
    monkeypatch.setattr(postgres, "TRANSACTION_SECONDS", 0.2)
    with pytest.raises(DatabaseUnavailable, match="cannot be written: no answer in time"):
        await database.write(lambda c: c.execute(slow).all())
    monkeypatch.setattr(postgres, "TRANSACTION_SECONDS", 20.0)
    assert await database.write(adding("k")) == 1
    limited = PostgresDatabase(f"{database_url}&statement_timeout=100ms", connections=2)
    with pytest.raises(DatabaseUnavailable, match="statement timeout"):
        await limited.write(lambda c: c.execute(slow).all())
    await limited.close()


async def test_more_callers_than_connections(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "POOL_SECONDS", 0.2)
    database = PostgresDatabase(database_url, connections=2)
    pause = text("SELECT pg_sleep(1)")
    busy = asyncio.create_task(database.write(lambda c: c.execute(pause).all()))
    await asyncio.sleep(0.1)
    with pytest.raises(DatabaseUnavailable, match="every connection is in use"):
        await database.write(adding("k"))
    await busy
    assert await database.write(adding("k")) == 1
    await database.close()


async def test_schema_changes_while_statements_are_prepared(
    database: PostgresDatabase, database_url: str
) -> None:
    name = text("SELECT * FROM alembic_version")
    for _ in range(3):
        await database.write(lambda c: c.execute(name).all())

    def change(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE alembic_version ADD COLUMN n int"))

    await asyncio.to_thread(seen, database_url, change)
    try:
        rows = await database.write(lambda c: c.execute(name).all())
        assert len(rows[0]) == 2
    finally:
        drop = text("ALTER TABLE alembic_version DROP COLUMN n")
        await asyncio.to_thread(seen, database_url, lambda c: c.execute(drop).close())


async def test_durable_settings(database: PostgresDatabase, database_url: str) -> None:
    strict = PostgresDatabase(database_url.partition("?")[0], connections=2)
    show = text("SELECT current_setting('synchronous_commit'), current_setting('application_name')")
    assert (await strict.read(lambda c: tuple(c.execute(show).one()))) == ("on", "enum-backend")
    assert (await database.read(lambda c: c.execute(show).one()))[0] == "off", "the URL wins"
    idle = text("SHOW idle_in_transaction_session_timeout")
    assert await strict.write(lambda c: c.scalar(idle)) == "5s"
    level = text("SHOW transaction_isolation")
    assert await database.write(lambda c: c.scalar(level)) == "read committed"
    await strict.close()


async def test_a_server_that_is_not_there(database_url: str) -> None:
    url = f"postgresql://user:canary@127.0.0.1:{closed_port()}/x"
    database = open_database(url)
    for act in (database.read, database.write):
        with pytest.raises(DatabaseUnavailable) as refused:
            await act(adding("k"))
        assert "canary" not in str(refused.value)
    await database.close()
    unknown = database_url.replace(databases.NAME, "no-such-database")
    for wrong in (url, unknown, f"{database_url}&sslmode=verify-full"):
        with pytest.raises(SettingsError, match=r"database\.url: cannot be opened: ") as told:
            await asyncio.to_thread(upgrade, wrong)
        assert "canary" not in str(told.value)


async def test_urls_as_libpq_takes_them(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    async def connect(address: str, **options: Any) -> None:
        calls.append((address, options))

    monkeypatch.setattr(asyncpg, "connect", connect)
    await postgres_url.connect(
        "postgresql+asyncpg://u:p%40ss@one,two:5433/d?sslmode=require&channel_binding=require"
        "&connect_timeout=10&search_path=sms&jit=on",
        statement_timeout="0",
    )
    ((address, options),) = calls
    assert address == (
        "postgresql://u:p%40ss@one,two:5433/d?sslmode=require&search_path=sms&jit=on"
    )
    session = options["server_settings"]
    assert session["statement_timeout"] == "0"
    assert "jit" not in session
    assert session["synchronous_commit"] == "on"
