"""Settings of what several processes share through Redis."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from enum_backend.settings.base import Section

CLIENT_LIMITS = ("per_client_minute", "shim_per_minute", "webhooks_per_minute")
"""The limits that are counted in Redis."""


class RedisSettings(Section):
    """Shared limits and wake-ups."""

    url: SecretStr = Field(
        SecretStr(""),
        description="redis://HOST:PORT/DB, rediss:// (TLS) or unix://; empty = none, "
        "each process counts by itself",
    )
    max_connections: int = Field(20, ge=2, le=1000, description="size of the connection pool")
    key_prefix: str = Field(
        "enum-backend",
        pattern=r"^[A-Za-z0-9_.:-]{1,40}$",
        description="beginning of all keys and channels; the same in all processes",
    )

    @field_validator("url")
    @classmethod
    def _usable(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if text and not _is_address(text):
            raise ValueError("expected redis://HOST:PORT/DB, rediss://... or unix:///SOCKET")
        return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return bool(parts.path)
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname)


def _by_limit(value: object) -> object:
    """One word for all limits -> that word for each."""
    return dict.fromkeys(CLIENT_LIMITS, value) if isinstance(value, str) else value


LimitName = Literal["per_client_minute", "shim_per_minute", "webhooks_per_minute"]
RedisLost = Annotated[dict[LimitName, Literal["open", "closed"]], BeforeValidator(_by_limit)]
"""Limit -> what it does while Redis is lost; a limit that is not in it is open."""
