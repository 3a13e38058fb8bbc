"""What the doctor says of PostgreSQL and Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from enum_backend.doctor import ground, sharing
from enum_backend.doctor.model import Finding, Level
from enum_backend.settings import Settings
from enum_backend.storage import Sealer
from enum_backend.storage.installation import check_server_key
from enum_backend.storage.once import in_transaction
from enum_backend.storage.sealing import load_server_key
from tests.acceptance.faults.own_servers import own_redis
from tests.databases import RedisServer
from tests.unit.gateways.wire_server import closed_port

POSTGRES = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def at(folder: Path, url: str, **more: Any) -> Settings:
    return Settings(data_dir=folder, database={"url": url.partition("?")[0]}, **more)


def only(findings: Any) -> Finding:
    (finding,) = findings
    return finding


@POSTGRES
def test_a_server_of_ours(database_url: str, tmp_path: Path) -> None:
    settings = at(tmp_path, database_url)
    assert only(ground.database(settings)).level is Level.OK
    found = only(sharing.postgres(settings))
    assert found.level is Level.OK
    assert "processes like this one" in found.message
    crowd = at(tmp_path, database_url)
    crowd = crowd.model_copy(
        update={"database": crowd.database.model_copy(update={"connections": 500})}
    )
    assert only(sharing.postgres(crowd)).level is Level.WARNING


@POSTGRES
@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (("15", 90, True, True), Level.PROBLEM),
        (("15", 90, False, False), Level.WARNING),
        (("15", 5, True, False), Level.WARNING),
    ],
)
def test_servers_that_do_not_do(
    database_url: str,
    tmp_path: Path,
    facts: tuple[object, ...],
    level: Level,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "_facts", lambda _connection: facts)
    found = only(sharing.postgres(at(tmp_path, database_url)))
    assert found.level is level
    assert found.fix


def test_without_servers(tmp_path: Path) -> None:
    assert list(sharing.postgres(Settings(data_dir=tmp_path))) == []
    gone = at(tmp_path, f"postgresql://u:canary@127.0.0.1:{closed_port()}/x")
    said = only(ground.database(gone))
    assert (said.level, said.fix) == (Level.PROBLEM, "start its server, or correct database.url")
    assert "canary" not in said.message
    assert list(sharing.postgres(gone)) == []


def test_another_server_key(database_url: str, tmp_path: Path) -> None:
    settings = at(tmp_path, database_url)
    ours = Sealer(load_server_key("", tmp_path))
    assert only(ground.database(settings)).level is Level.OK
    in_transaction(database_url, lambda c: check_server_key(c, ours), writing=True)
    assert only(ground.database(settings)).level is Level.OK
    (tmp_path / "server.key").unlink()
    load_server_key("", tmp_path)
    _, key = ground.database(settings)
    assert (key.check, key.level) == ("server key", Level.PROBLEM)
    (tmp_path / "server.key").write_text("no key")
    assert only(ground.database(settings)).level is Level.OK, "said of the key itself"


async def test_redis(redis_server: RedisServer) -> None:
    found = only(await sharing.redis(Settings(redis=redis_server.settings("test-doctor"))))
    assert (found.level, "test-doctor" in found.message) == (Level.OK, True)


@pytest.mark.parametrize(
    "command", [("REPLICAOF", "127.0.0.1", "1"), ("CONFIG", "SET", "maxmemory", "1")]
)
async def test_redis_that_takes_no_writes(command: tuple[str, ...]) -> None:
    async with own_redis() as server:
        await server.tell(*command)
        for word, level in (("open", Level.WARNING), ("closed", Level.PROBLEM)):
            settings = Settings(redis={"url": server.url}, limits={"redis_lost": word})
            found = only(await sharing.redis(settings))
            assert (found.level, "takes no writes" in found.message) == (level, True)


async def test_redis_that_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await sharing.redis(Settings()) == []
    shared = at(tmp_path, "postgresql://u@db.example/x")
    assert only(await sharing.redis(shared)).level is Level.NOTE
    gone = {"url": f"redis://:canary@127.0.0.1:{closed_port()}/0"}
    opened = only(await sharing.redis(Settings(redis=gone)))
    assert opened.level is Level.WARNING
    closed = only(await sharing.redis(Settings(redis=gone, limits={"redis_lost": "closed"})))
    assert closed.level is Level.PROBLEM
    assert "refusing: per_client_minute, shim_per_minute" in closed.message
    assert "canary" not in f"{opened}{closed}"
    monkeypatch.setitem(__import__("sys").modules, "enum_backend.redis_link", None)
    missing = only(await sharing.redis(Settings(redis=gone)))
    assert (missing.level, "pip install" in missing.message) == (Level.PROBLEM, True)
