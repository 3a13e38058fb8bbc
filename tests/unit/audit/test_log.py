from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from enum_backend.audit import AuditEvent, AuditLog, Severity
from enum_backend.audit.chain import Head
from enum_backend.errors import DatabaseUnavailable
from enum_backend.storage import Database, Sealer
from enum_backend.storage.tables import audit_log, audit_people

SEALER = Sealer(b"k" * 32)


@pytest.fixture
def log(database: Database) -> AuditLog:
    return AuditLog(database, SEALER)


def event(number: int = 1, severity: Severity = Severity.LOW, **more: Any) -> AuditEvent:
    return AuditEvent("LOGIN", severity, f"Logged in for the {number}th time.", **more)


async def rows(database: Database) -> list[Any]:
    query = select(audit_log).order_by(audit_log.c.id)
    return list(await database.read(lambda c: c.execute(query).all()))


async def stored_text(database: Database) -> str:
    return "\n".join(
        f"{row.description} {row.user_id} {row.details}" for row in await rows(database)
    )


async def test_an_entry_is_read_as_it_was_recorded(log: AuditLog) -> None:
    await log.record(
        AuditEvent(
            "USER_PHONE_VERIFIED",
            Severity.MEDIUM,
            "boss@example.org verified +14155550134 of joe@example.org by hand.",
            user_id="usr_boss",
            metadata={
                "adminId": "usr_boss",
                "adminEmail": "boss@example.org",
                "targetUserId": "usr_joe",
                "targetUserEmail": "joe@example.org",
                "ip": "192.0.2.7",
                "tries": 3,
                "forced": True,
                "why": None,
            },
        )
    )
    (entry,) = (await log.page()).entries
    document = entry.document
    assert document.pop("id").startswith("aud_")
    assert document.pop("createdAt").endswith("Z")
    assert document == {
        "seq": 1,
        "eventType": "USER_PHONE_VERIFIED",
        "severity": "MEDIUM",
        "description": "boss@example.org verified +14155550134 of joe@example.org by hand.",
        "userId": "usr_boss",
        "metadata": {
            "adminId": "usr_boss",
            "adminEmail": "boss@example.org",
            "targetUserId": "usr_joe",
            "targetUserEmail": "joe@example.org",
            "ip": "192.0.2.7",
            "tries": 3,
            "forced": True,
            "why": None,
        },
    }


async def test_entries_hold_pseudonyms_only(log: AuditLog, database: Database) -> None:
    await log.record(
        AuditEvent(
            "NUMBER_BOUGHT",
            Severity.MEDIUM,
            "usr_1 bought +14155550100 and told ann@example.org of it.",
            user_id="usr_1",
            metadata={"number": "14155550101", "ip": "192.0.2.1", "note": "ask bob@example.org"},
        )
    )
    stored = await stored_text(database)
    for personal in ("usr_1", "155550", "example.org", "192.0.2"):
        assert personal not in stored
    values = await database.read(lambda c: c.execute(select(audit_people.c.value)).scalars().all())
    assert not any(b"155550" in value for value in values)


async def test_programs_are_no_people(log: AuditLog, database: Database) -> None:
    await log.record(event(metadata={"adminId": "key_0123456789abcdef"}, user_id="system"))
    assert "key_0123456789abcdef" in await stored_text(database)
    assert (await rows(database))[0].user_id == "system"


async def test_one_person_has_the_same_pseudonym_each_time(
    log: AuditLog, database: Database
) -> None:
    for _ in range(2):
        await log.record(event(user_id="usr_1", metadata={"ip": "192.0.2.1"}))
    await log.record(event(user_id="usr_2", metadata={"ip": "192.0.2.1"}))
    one, again, other = await rows(database)
    assert one.user_id == again.user_id != other.user_id
    assert one.details == again.details != other.details


async def test_erasing_a_person_leaves_the_chain_and_the_others(
    log: AuditLog, database: Database
) -> None:
    await log.record(
        event(user_id="usr_1", metadata={"email": "ann@example.org", "ip": "192.0.2.1"})
    )
    await log.record(event(user_id="usr_2", metadata={"ip": "192.0.2.1"}))
    await log.page()
    before = await rows(database)
    erased = await log.erase(
        "usr_1", by=AuditEvent("PERSON_ERASED", Severity.MEDIUM, "Somebody was erased.")
    )
    assert erased == 3
    assert (await rows(database))[:2] == before
    one, other, last = (await log.page()).entries
    told = json.dumps(one.document)
    assert "usr_1" not in told
    assert "ann@" not in told
    assert "192.0.2.1" not in told
    assert str(one.user_id).startswith("anon_")
    assert (other.user_id, other.metadata["ip"]) == ("usr_2", "192.0.2.1")
    assert last.event_type == "PERSON_ERASED"
    assert (await log.verify()).holds


async def test_erasing_by_address_or_number(log: AuditLog) -> None:
    await log.record(
        AuditEvent(
            "USER_CREATED",
            Severity.LOW,
            "Made.",
            "usr_boss",
            {
                "adminId": "usr_boss",
                "adminEmail": "boss@example.org",
                "email": "Ann@example.org",
                "phoneNumber": "+14155550134",
            },
        )
    )
    assert await log.erase("ann@example.org", "+14155550134", "") == 2
    (entry,) = (await log.page()).entries
    assert entry.metadata["adminEmail"] == "boss@example.org"
    assert str(entry.metadata["email"]).startswith("anon_")
    assert str(entry.metadata["phoneNumber"]).startswith("anon_")
    await log.record(event(metadata={"email": "ann@example.org"}))
    assert (await log.page()).entries[1].metadata["email"] == "ann@example.org"


async def test_with_another_server_key_pseudonyms_stay(database: Database, log: AuditLog) -> None:
    await log.record(event(user_id="usr_1"))
    (entry,) = (await AuditLog(database, Sealer(b"x" * 32)).page()).entries
    assert str(entry.user_id).startswith("anon_")


async def test_odd_texts_are_stored(log: AuditLog) -> None:
    await log.record(event(metadata={"odd": "\x00\ud800" + "é" * 600}))
    (entry,) = (await log.page()).entries
    assert entry.metadata["odd"] == "?" + "é" * 499


@pytest.mark.parametrize(
    ("event_type", "metadata"),
    [
        ("login", {}),
        ("LOGIN ok", {}),
        ("LOGIN", {"a b": 1}),
        ("LOGIN", {f"k{n}": n for n in range(33)}),
    ],
)
def test_a_malformed_event_is_a_mistake(event_type: str, metadata: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        AuditEvent(event_type, Severity.LOW, "", metadata=metadata)


async def test_pages_in_both_orders_and_filters(log: AuditLog) -> None:
    for number in range(1, 6):
        severity = Severity.HIGH if number % 2 else Severity.LOW
        await log.record(event(number, severity, user_id=f"usr_{number}"))
    first = await log.page(limit=2)
    assert [entry.seq for entry in first.entries] == [1, 2]
    rest = await log.page(after=first.next, limit=3)
    assert [entry.seq for entry in rest.entries] == [3, 4, 5]
    assert rest.next is None
    newest = await log.page(limit=2, newest_first=True)
    assert [entry.seq for entry in newest.entries] == [5, 4]
    older = await log.page(after=newest.next, limit=9, newest_first=True)
    assert [entry.seq for entry in older.entries] == [3, 2, 1]
    high = await log.page(severity=Severity.HIGH)
    assert [entry.seq for entry in high.entries] == [1, 3, 5]
    assert (await log.page(event_type="LOGOUT")).entries == ()
    assert [entry.seq for entry in (await log.page(user_id="usr_4")).entries] == [4]
    assert (await log.page(user_id="usr_9")).entries == ()


async def test_many_writers_and_readers_leave_one_unbroken_chain(
    log: AuditLog, database: Database
) -> None:
    other = AuditLog(database, SEALER)
    await asyncio.gather(
        *(
            log.record(event(n, user_id=f"usr_{n % 3}", metadata={"ip": f"192.0.2.{n % 5}"}))
            for n in range(40)
        ),
        *(other.page() for _ in range(10)),
        *(log.page() for _ in range(10)),
    )
    seen: list[int | None] = []
    page = await log.page(limit=7)
    while True:
        seen += [entry.seq for entry in page.entries]
        if page.next is None:
            break
        page = await log.page(after=page.next, limit=7)
    assert seen == list(range(1, 41))
    assert (await log.verify()).holds
    assert (await log.head()).seq == 40


async def test_an_entry_is_kept_with_its_transaction_or_not_at_all(
    log: AuditLog, database: Database
) -> None:
    def work(connection: Connection) -> None:
        log.record_in(connection, event(user_id="usr_1"))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await database.write(work)
    assert (await log.page()).entries == ()


async def test_the_tables_refuse_changes(log: AuditLog, database: Database) -> None:
    await log.record(event())
    statements: list[Any] = [
        update(audit_log).values(description="Nothing."),
        update(audit_log).values(severity="LOW", created_at=5),
        delete(audit_log),
    ]
    for sealed in (False, True):
        if sealed:
            await log.page()
            statements.append(update(audit_log).values(seq=None, mac=None))
        if database.shared:
            statements.append(text("TRUNCATE audit_log"))
        for statement in statements:
            with pytest.raises((DBAPIError, DatabaseUnavailable), match="append-only"):
                await database.write(lambda c, s=statement: c.execute(s).close())  # type: ignore[misc]
    assert (await log.verify()).holds


def _without_triggers(connection: Connection) -> None:
    """What somebody does who has the database in his hands."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for name in ("audit_log_no_delete", "audit_log_no_update"):
        connection.execute(text(f"DROP TRIGGER {name}"))


@pytest.mark.parametrize(
    ("tamper", "seq", "problem"),
    [
        ("UPDATE audit_log SET description = 'Nothing.' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit_log SET details = '{}' WHERE seq = 5", 5, "changed"),
        ("DELETE FROM audit_log WHERE seq = 2", 2, "missing in between"),
        ("DELETE FROM audit_log WHERE seq >= 4", 4, "missing from the end"),
        ("DELETE FROM audit_log", 1, "missing from the end"),
        ("UPDATE audit_log SET seq = CASE seq WHEN 2 THEN -4 WHEN 4 THEN -2 END"
         " WHERE seq IN (2, 4)", 2, "changed or moved"),
    ],
)  # fmt: skip
async def test_verify_finds_what_was_done_to_the_table(
    log: AuditLog, database: Database, tamper: str, seq: int, problem: str
) -> None:
    for number in range(5):
        await log.record(event(number, user_id="usr_1", metadata={"ip": "192.0.2.1"}))
    await log.page()
    exported = await log.head()

    def work(connection: Connection) -> None:
        _without_triggers(connection)
        connection.execute(text(tamper))
        connection.execute(text("UPDATE audit_log SET seq = -seq WHERE seq < 0"))

    await database.write(work)
    verdict = await log.verify([exported])
    assert verdict.faults[0].seq == seq
    assert problem in verdict.faults[0].problem


async def test_what_is_not_sealed_is_counted(log: AuditLog) -> None:
    assert await log.head() == Head()
    await log.record(event())
    verdict = await log.verify()
    assert (verdict.holds, verdict.entries, verdict.waiting) == (True, 0, 1)


async def test_alarms_do_not_fill_the_log(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("enum_backend.audit.log.time.monotonic", lambda: now)
    for topic in ("a", "a", "a", "b"):
        await log.alarm(topic, event(metadata={"gateway": topic}))
    now += 61
    await log.alarm("a", event(metadata={"gateway": "a"}))
    entries = (await log.page()).entries
    assert [entry.metadata["gateway"] for entry in entries] == ["a", "b", "a"]
    assert [entry.metadata.get("leftOut") for entry in entries] == [None, None, 2]


async def test_an_alarm_that_cannot_be_kept_troubles_nobody(
    log: AuditLog, database: Database
) -> None:
    await database.close()
    await log.alarm("a", event())
