"""Settings of the servers that several processes share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from enum_backend.errors import SettingsError
from enum_backend.settings import load_settings


def loaded(text: str, tmp_path: Path, **environment: str) -> Any:
    path = tmp_path / "settings.toml"
    path.write_text(text, "utf-8")
    return load_settings(path, environment=environment).settings


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:pa%40ss@db.example/sms",
        "postgres://db.example:5433/sms?sslmode=require",
        "postgresql+asyncpg://one,two/sms?target_session_attrs=read-write",
        "postgresql:///sms?host=/run/postgresql",
        "postgresql://db.example/?dbname=sms",
        "postgresql://?service=sms",
        "sqlite:////var/lib/enum-backend.sqlite3",
    ],
)
def test_databases(url: str, tmp_path: Path) -> None:
    database = loaded("", tmp_path, DATABASE_URL=url).database
    assert database.url.get_secret_value() == url
    assert url not in repr(database)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:canary@db.example/sms",
        "postgresql://u:canary@db.example",
        "postgresql://u:canary@[db/sms",
        "postgresql://u:canary@db.example/sms?canary",
        "/var/lib/canary.sqlite3",
    ],
)
def test_databases_nobody_knows(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DATABASE_URL: database\.url: expected ") as refused:
        loaded("", tmp_path, DATABASE_URL=url)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache.example:6379/0",
        "rediss://:secret@cache.example",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_redis(url: str, tmp_path: Path) -> None:
    redis = loaded("", tmp_path, REDIS_URL=url, REDIS_MAX_CONNECTIONS="7").redis
    assert (redis.url.get_secret_value(), redis.max_connections) == (url, 7)
    assert redis.key_prefix == "enum-backend"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url", "http://:canary@cache.example"),
        ("url", "redis://:canary@"),
        ("url", "redis://:canary@cache.example:many/0"),
        ("url", "unix://"),
        ("max_connections", "1"),
        ("key_prefix", "with blanks"),
        ("key_prefix", ""),
    ],
)
def test_redis_that_cannot_be(key: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"redis\.{key}") as refused:
        loaded("", tmp_path, **{f"ENUM_BACKEND_REDIS__{key.upper()}": value})
    assert "canary" not in str(refused.value)


def test_what_limits_do_without_redis(tmp_path: Path) -> None:
    assert loaded("", tmp_path).limits.redis_lost == {}
    every = loaded("[limits]\nredis_lost = 'closed'", tmp_path).limits.redis_lost
    assert set(every.values()) == {"closed"}
    assert "shim_per_minute" in every
    one = loaded("[limits.redis_lost]\nshim_per_minute = 'closed'", tmp_path).limits.redis_lost
    assert one == {"shim_per_minute": "closed"}
    variable = "ENUM_BACKEND_LIMITS__REDIS_LOST__PER_CLIENT_MINUTE"
    assert loaded("", tmp_path, **{variable: "open"}).limits.redis_lost == {
        "per_client_minute": "open"
    }
    for wrong in ("redis_lost = 'shut'", "[limits.redis_lost]\nper_recipient_hour = 'closed'"):
        with pytest.raises(SettingsError, match="redis_lost"):
            loaded(f"[limits]\n{wrong}" if "[" not in wrong else wrong, tmp_path)
