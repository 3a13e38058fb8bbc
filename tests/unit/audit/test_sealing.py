from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

from enum_backend.audit import AuditEvent, AuditLog, Severity
from enum_backend.audit.chain import Head
from enum_backend.audit.heads import HEAD_FILE, read_heads
from enum_backend.audit.sealing import ChainKeeper, seal
from enum_backend.storage import Database, Sealer
from tests.unit.audit.test_log import _without_triggers

SEALER = Sealer(b"k" * 32)
EVENT = AuditEvent("LOGIN", Severity.LOW, "Logged in.")


@pytest.fixture
def log(database: Database) -> AuditLog:
    return AuditLog(database, SEALER)


@pytest.fixture
def keeper(log: AuditLog, database: Database, tmp_path: Path) -> ChainKeeper:
    return ChainKeeper(database, SEALER, log, tmp_path)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def test_entries_are_sealed_and_the_head_is_exported(
    log: AuditLog, keeper: ChainKeeper, tmp_path: Path
) -> None:
    file = tmp_path / HEAD_FILE
    keeper.start()
    with capture_logs() as logged:
        for count in (1, 2):
            await log.record(EVENT)
            await until(lambda count=count: [head.seq for head in read_heads(file)] == [count])  # type: ignore[misc]
        await keeper.stop()
    assert read_heads(file) == [await log.head()]
    said = [line["head"] for line in logged if line["event"] == "audit head"]
    assert said[-1] == str(await log.head())


async def test_entries_of_other_processes_are_found(
    log: AuditLog, keeper: ChainKeeper, database: Database, tmp_path: Path
) -> None:
    assert await keeper.keep() == Head()
    other = AuditLog(database, SEALER)
    await other.record(EVENT)
    await other.page()  # which seals it there
    assert (await keeper.keep()).seq == 1
    assert read_heads(tmp_path / HEAD_FILE) == [await log.head()]


async def test_batches(log: AuditLog, database: Database) -> None:
    for _ in range(5):
        await log.record(EVENT)
    assert (await database.write(lambda c: seal(c, SEALER, limit=2))).seq == 2
    assert (await database.write(lambda c: seal(c, SEALER, limit=2))).seq == 4
    assert (await log.verify()).waiting == 1
    assert (await log.page()).entries[-1].seq == 5


@pytest.mark.parametrize("restarted", [True, False])
async def test_an_altered_end_raises_an_alarm(
    log: AuditLog, keeper: ChainKeeper, database: Database, tmp_path: Path, restarted: bool
) -> None:
    for _ in range(3):
        await log.record(EVENT)
    before = await keeper.keep()

    def cut(connection: Connection) -> None:
        _without_triggers(connection)
        connection.execute(text("DELETE FROM audit_log WHERE seq = 3"))

    await database.write(cut)
    if restarted:
        keeper = ChainKeeper(database, SEALER, log, tmp_path)
    with capture_logs() as logged:
        await keeper.keep()
        await keeper.keep()
    assert [line["log_level"] for line in logged].count("error") == 1
    (alarm,) = (await log.page(severity=Severity.HIGH)).entries
    assert alarm.event_type == "AUDIT_LOG_ALTERED"
    assert alarm.seq == 3
    for _ in range(2):  # it is remembered, however the chain goes on
        await log.record(EVENT)
        await keeper.keep()
        exported = read_heads(tmp_path / HEAD_FILE)
        assert exported == [await log.head(), before]
        (fault,) = (await log.verify(exported)).faults
        assert (fault.seq, fault.problem) == (3, "is not the one of the exported head")


async def test_a_file_that_cannot_be_written_stops_nothing(
    log: AuditLog, database: Database, tmp_path: Path
) -> None:
    keeper = ChainKeeper(database, SEALER, log, tmp_path / "none")
    await log.record(EVENT)
    with capture_logs() as logged:
        assert (await keeper.keep()).seq == 1
    assert "the audit head cannot be written" in [line["event"] for line in logged]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"head": 3}', '{"head": "3:zz"}', "\xff"])
def test_a_head_file_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / HEAD_FILE).write_text(content, "latin-1")
    assert read_heads(tmp_path / HEAD_FILE) == []
