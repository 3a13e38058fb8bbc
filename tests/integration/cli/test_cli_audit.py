"""`audit list|verify|head|erase` on the database of a server, running or not."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from enum_backend.audit import AuditEvent, AuditLog, Severity
from enum_backend.storage import Sealer, open_database
from enum_backend.storage.database import sqlite_url
from enum_backend.storage.sealing import load_server_key
from tests.integration.cli.conftest import Invoke, document


@pytest.fixture
def data(folder: Path, config: str, invoke: Invoke) -> Path:
    """A data directory with three entries of ann's."""
    invoke("db", "upgrade", "--config", config)
    data = folder / "data"

    async def fill() -> None:
        database = open_database(sqlite_url(data))
        log = AuditLog(database, Sealer(load_server_key("", data)))
        for severity in Severity:
            said = "ann@example.org logged in."
            where = {"ip": "192.0.2.1", "adminEmail": "ann@example.org", "adminId": "usr_ann"}
            await log.record(AuditEvent("LOGIN", severity, said, "usr_ann", where))
        await database.close()

    asyncio.run(fill())
    return data


def tamper(data: Path, *statements: str) -> None:
    connection = sqlite3.connect(data / "enum-backend.sqlite3")
    for name in ("audit_log_no_delete", "audit_log_no_update"):
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_list(data: Path, config: str, invoke: Invoke) -> None:
    listed = document(invoke("audit", "list", "--json", "--config", config))
    assert [entry["seq"] for entry in listed["entries"]] == [3, 2, 1]
    text = invoke("audit", "list", "--severity", "high", "--config", config).stdout
    assert text.count("\n") == 1
    assert "LOGIN  ann@example.org" in text
    assert "no entries" in invoke("audit", "list", "--type", "X", "--config", config).stdout
    mine = invoke(
        "audit", "list", "--user", "usr_ann", "--limit", "2", "--json", "--config", config
    )
    assert document(mine)["next"] == 2


def test_verify_an_untouched_log(data: Path, config: str, invoke: Invoke) -> None:
    head = invoke("audit", "head", "--config", config).stdout.strip()
    assert head.startswith("3:")
    result = invoke("audit", "verify", "--head", head, "--json", "--config", config)
    assert document(result) == {
        "success": True,
        "entries": 3,
        "waiting": 0,
        "head": head,
        "compared_with": [head],
        "faults": [],
    }
    assert "no exported head" in invoke("audit", "verify", "--config", config).stdout


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit_log SET severity = 'LOW' WHERE seq = 2", "entry 2 (aud_"),
        ("DELETE FROM audit_log WHERE seq = 2", "entry 2: is missing in between"),
        ("DELETE FROM audit_log WHERE seq > 1", "entries 2 to 3 are missing from the end"),
    ],
)
def test_verify_an_altered_log(
    data: Path, config: str, invoke: Invoke, statement: str, said: str
) -> None:
    head = document(invoke("audit", "head", "--json", "--config", config))["head"]
    tamper(data, statement)
    result = invoke("audit", "verify", "--head", head, "--config", config, code=1)
    assert said in result.stdout
    assert "the audit log was altered" in result.stdout


def test_verify_against_a_copy_of_the_head_file(
    data: Path, config: str, invoke: Invoke, folder: Path
) -> None:
    head = invoke("audit", "head", "--config", config).stdout.strip()
    (folder / "kept.json").write_text(json.dumps({"head": head}))
    tamper(data, "DELETE FROM audit_log WHERE seq = 3")
    kept = ("--head-file", str(folder / "kept.json"))
    assert (
        "missing from the end"
        in invoke("audit", "verify", *kept, "--config", config, code=1).stdout
    )
    invoke("audit", "verify", "--config", config)
    (data / "audit-head.json").write_text(json.dumps({"head": head}))
    invoke("audit", "verify", "--config", config, code=1)
    (folder / "kept.json").write_text("{}")
    result = invoke("audit", "verify", *kept, "--config", config, code=1)
    assert "holds no head" in result.output
    invoke("audit", "verify", "--head", "x", "--config", config, code=2)


def test_erase(data: Path, config: str, invoke: Invoke) -> None:
    head = invoke("audit", "head", "--config", config).stdout.strip()
    invoke("audit", "erase", "usr_ann", "--config", config, code=1)  # nobody says yes
    result = invoke("audit", "erase", "usr_ann", "+1 415 555 0134", "--yes", "--config", config)
    assert "3 values are erased" in result.stdout
    listed = document(invoke("audit", "list", "--json", "--config", config))["entries"]
    assert listed[0]["eventType"] == "PERSON_ERASED"
    assert "ann" not in json.dumps(listed[1:]).replace("anon_", "")
    invoke("audit", "verify", "--head", head, "--config", config)


def test_without_a_server_there_is_nothing_to_verify(
    folder: Path, config: str, invoke: Invoke
) -> None:
    output = invoke("audit", "verify", "--config", config, code=1).output
    assert "db upgrade" in output
    invoke("db", "upgrade", "--config", config)
    output = invoke("audit", "head", "--config", config, code=1).output
    assert "no server key" in output


def test_commands_on_the_database_leave_entries(config: str, invoke: Invoke) -> None:
    at = ("--config", config)
    key = document(invoke("keys", "create", "robot", "--scope", "admin", "--json", *at))
    invoke("keys", "revoke", key["id"], *at)
    invoke("keys", "revoke", key["id"], *at, code=1)
    for _ in range(2):
        invoke("opt-outs", "add", "+1 415 555 0134", *at)
    invoke("opt-outs", "remove", "+1 415 555 0134", *at)
    for _ in range(2):
        invoke("shims", "create", "authentik", "main", *at)
    invoke("shims", "revoke", "authentik", "main", *at)
    listed = document(invoke("audit", "list", "--json", *at))["entries"]
    assert [entry["eventType"] for entry in listed[::-1]] == [
        "KEY_CREATED",
        "KEY_REVOKED",
        "OPT_OUT_ADDED",
        "OPT_OUT_REMOVED",
        "SHIM_TOKEN_SET",
        "SHIM_TOKEN_REVOKED",
    ]
    assert {entry["metadata"]["adminId"] for entry in listed} == {"cli"}
    assert key["token"] not in json.dumps(listed)
    invoke("audit", "verify", *at)
