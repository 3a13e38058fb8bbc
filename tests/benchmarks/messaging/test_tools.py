"""The benchmark's own tools: a stalled server cannot hide, and a whole table read is seen."""

from __future__ import annotations

import asyncio
import math
import pickle
import sqlite3
from contextlib import closing
from itertools import repeat
from pathlib import Path

from tests.benchmarks.messaging.load import at_rate, saturate
from tests.benchmarks.messaging.plans import plans
from tests.benchmarks.messaging.rows import RECIPIENTS, fill
from tests.http_sink import HttpSink, SinkConnection, reply

REQUEST = b"GET / HTTP/1.1\r\nHost: sink\r\n\r\n"
STALL = 0.3


class Stalling:
    """Answers at once, but for one stall of the whole server."""

    def __init__(self) -> None:
        self.requests = 0

    def __call__(self, connection: SinkConnection, _head: bytes, _body: bytes) -> bytes | None:
        self.requests += 1
        if self.requests == 1:
            self.until = asyncio.get_running_loop().time() + STALL
        wait = self.until - asyncio.get_running_loop().time()
        if wait <= 0:
            return reply(b"ok")
        asyncio.get_running_loop().call_later(wait, connection.transport.write, reply(b"ok"))
        return None


async def test_a_stall_counts_for_all_that_were_due() -> None:
    async with HttpSink(Stalling()) as sink:
        sample = await at_rate(
            [("127.0.0.1", sink.port)],
            repeat(REQUEST),
            rate=100,
            connections=1,
            seconds=1,
            warm_up=0,
        )
    # One connection wrote one request into the stall; thirty were due meanwhile.
    waited = [latency for latency in sample.latencies if latency > STALL / 3]
    assert len(waited) > 10
    assert not sample.refused


async def test_no_answer_is_no_fast_answer() -> None:
    async with HttpSink(lambda connection, _head, _body: connection.reset()) as sink:
        sample = await saturate(
            [("127.0.0.1", sink.port)], repeat(REQUEST), connections=3, seconds=1, warm_up=0
        )
    assert sample.rate == 0
    assert sample.quantile(0.5) == math.inf
    assert sample.refused == {0: 3}


def _statements(file: Path, *statements: tuple[str, tuple[object, ...]]) -> Path:
    with file.open("wb") as seen:
        for statement in statements:
            pickle.dump(statement, seen)
    return file


def test_plans(tmp_path: Path) -> None:
    database = tmp_path / "db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "CREATE TABLE outbox (id INTEGER PRIMARY KEY, state TEXT, name TEXT);"
            "CREATE TABLE small (id INTEGER PRIMARY KEY);"
            "CREATE INDEX few ON outbox (id) WHERE state = 'queued';"
            "CREATE INDEX many ON outbox (name) WHERE state = 'sent';"
        )
        connection.executemany("INSERT INTO outbox (state) VALUES (?)", [("sent",)] * 1000)
        connection.commit()
    seen = _statements(
        tmp_path / "seen",
        ("BEGIN", ()),
        ("SELECT name FROM outbox WHERE id = ?", (1,)),
        ("SELECT id FROM small", ()),
        ("SELECT id FROM outbox WHERE state = 'queued' ORDER BY id", ()),
        ("SELECT name FROM outbox WHERE state = 'sent' ORDER BY name", ()),
        ("SELECT o.id FROM outbox AS o WHERE o.name = ?", ("x",)),
    )
    scanning = [plan.statement for plan in plans(database, seen) if plan.scans]
    assert scanning == [
        "SELECT name FROM outbox WHERE state = 'sent' ORDER BY name",
        "SELECT o.id FROM outbox AS o WHERE o.name = ?",
    ]


def test_fill(tmp_path: Path) -> None:
    database = tmp_path / "db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "CREATE TABLE outbox (id INTEGER PRIMARY KEY, message_id TEXT UNIQUE, destination TEXT,"
            " recipient_seq INTEGER, body BLOB, client_reference TEXT, created_at INTEGER);"
            "CREATE TABLE attempts (id INTEGER PRIMARY KEY, message_id TEXT, number INTEGER,"
            " started_at INTEGER);"
            "INSERT INTO outbox VALUES (1, 'msg_0', '+15550000001', 1, x'0102', NULL, 1000000000);"
            "INSERT INTO attempts VALUES (1, 'msg_0', 1, 1000000000);"
        )
    fill(database, 300)
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT message_id), count(DISTINCT destination),"
            " count(client_reference), max(created_at) FROM outbox"
        ).fetchone()
        joined = connection.execute(
            "SELECT count(*) FROM outbox JOIN attempts USING (message_id)"
        ).fetchone()
    assert rows[:4] == (300, 300, 300, 0)
    assert rows[4] <= 1_000_000_000
    assert joined == (300,)
    assert RECIPIENTS > 300
