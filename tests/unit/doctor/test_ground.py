from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from enum_backend.doctor import ground
from enum_backend.doctor.model import Finding, Level, Report, Verdict
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.storage.database import sqlite_url
from enum_backend.storage.schema import upgrade

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def at(folder: Path, **more: Any) -> Settings:
    return Settings(data_dir=folder, **more)


def only(findings: Any) -> Finding:
    (finding,) = findings
    return finding


def test_settings() -> None:
    loaded = LoadedSettings(Settings(), {"mode": "flag"}, ("redis.url has no effect",))
    read, reserved = ground.settings(loaded)
    assert (read.level, read.message) == (Level.OK, "read, 1 of them set")
    assert (reserved.level, reserved.message) == (Level.WARNING, "redis.url has no effect")


def test_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "a" / "b"
    assert only(ground.data_directory(at(missing))).level is Level.NOTE
    tmp_path.chmod(0o700)
    assert only(ground.data_directory(at(tmp_path))).level is Level.OK
    tmp_path.chmod(0o755)
    open_to_all = only(ground.data_directory(at(tmp_path)))
    assert (open_to_all.level, open_to_all.fix) == (Level.WARNING, f"chmod 700 {tmp_path}")
    file = tmp_path / "file"
    file.touch()
    assert only(ground.data_directory(at(file))).level is Level.PROBLEM
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert only(ground.data_directory(at(missing))).level is Level.PROBLEM
    assert only(ground.data_directory(at(tmp_path))).level is Level.PROBLEM


def test_server_key(tmp_path: Path) -> None:
    assert only(ground.server_key(at(tmp_path))).level is Level.NOTE
    assert not (tmp_path / "server.key").exists()
    assert only(ground.server_key(at(tmp_path, server_key=KEY))).level is Level.OK
    assert only(ground.server_key(at(tmp_path, server_key="short"))).level is Level.PROBLEM
    path = tmp_path / "server.key"
    path.write_text(KEY)
    path.chmod(0o644)
    assert only(ground.server_key(at(tmp_path))).fix == f"chmod 600 {path}"
    path.chmod(0o600)
    assert only(ground.server_key(at(tmp_path))).level is Level.OK


def test_database(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    file = Path(url.removeprefix("sqlite:///"))
    assert only(ground.database(at(tmp_path))).level is Level.NOTE
    assert not file.exists()
    upgrade(url)
    assert only(ground.database(at(tmp_path))).level is Level.OK

    def version(number: str) -> Finding:
        connection = sqlite3.connect(file)
        with connection:
            connection.execute("update alembic_version set version_num = ?", (number,))
        connection.close()
        return only(ground.database(at(tmp_path)))

    old = version("0001")
    assert (old.level, "db upgrade" in old.fix) == (Level.NOTE, True)
    assert version("9999").level is Level.PROBLEM
    file.write_bytes(b"not a database, surely" * 100)
    assert only(ground.database(at(tmp_path))).level is Level.PROBLEM


def test_price_list(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('as_of = "2001-01-01"\ncurrency = "USD"\n')
    old = only(ground.price_list(at(tmp_path, prices_file=str(path))))
    assert (old.level, "days old" in old.message) == (Level.WARNING, True)
    path.write_text("")
    assert only(ground.price_list(at(tmp_path, prices_file=str(path)))).level is Level.PROBLEM
    assert only(ground.price_list(at(tmp_path))).level is Level.OK


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ((), Verdict.READY),
        ((Level.OK, Level.NOTE), Verdict.READY),
        ((Level.OK, Level.WARNING), Verdict.DEGRADED),
        ((Level.WARNING, Level.PROBLEM), Verdict.NOT_READY),
    ],
)
def test_the_worst_finding_decides(levels: tuple[Level, ...], verdict: Verdict) -> None:
    report = Report(tuple(Finding("x", level, "y", "z") for level in levels))
    assert report.verdict is verdict
