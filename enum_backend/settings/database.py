"""Settings of the database: a file of this process, or a server for several."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, field_validator

from enum_backend.settings.base import Section

_SERVER = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})


class DatabaseSettings(Section):
    """Tables and queues."""

    url: SecretStr = Field(
        SecretStr(""),
        description="empty = SQLite in data_dir; sqlite:///FILE; "
        "postgresql://USER:PASSWORD@HOST/DATABASE for several processes",
    )
    connections: int = Field(
        12, ge=2, le=500, description="most PostgreSQL connections of one process"
    )

    @field_validator("url")
    @classmethod
    def _usable(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if not text:
            return url
        if text.startswith("sqlite:///"):
            file = text.removeprefix("sqlite:///")
            if file in {"", ":memory:"} or "?" in file or file.startswith("file:"):
                raise ValueError("expected a file that outlives the process, without options")
        elif not _names_a_database(text):
            raise ValueError(
                "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            )
        return url


def _names_a_database(url: str) -> bool:
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        return False
    named = parts.path.strip("/") or "dbname" in query or "service" in query
    return parts.scheme in _SERVER and bool(named)
