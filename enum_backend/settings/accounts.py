"""Settings of accounts: who may make one, how long logins live, what a password costs."""

from __future__ import annotations

from pydantic import Field

from enum_backend.settings.base import MOST, Seconds, Section


class AccountSettings(Section):
    """Users, their logins and what protects them."""

    registration: bool = Field(True, description="whether anybody may make an account")
    directory: str = Field(
        "",
        max_length=80,
        description="entry point of `enum_backend.user_directories` that knows the users; "
        "empty = our own table",
    )
    app_name: str = Field(
        "enum-backend", min_length=1, max_length=40, description="what messages call this service"
    )
    session_idle: Seconds = Field(
        43_200.0, gt=0, description="a session ends after this time without a request"
    )
    session_life: Seconds = Field(
        1_209_600.0, gt=0, description="a session ends after this time whatever happens"
    )
    session_rotate: Seconds = Field(
        3600.0, gt=0, description="age at which a page's session gets a new token"
    )
    recent: Seconds = Field(
        900.0, gt=0, description="how long after a login phone and factors may be changed"
    )
    login_life: Seconds = Field(
        600.0, gt=0, description="how long a login waits for its second factor"
    )
    per_ip_minute: int = Field(
        300, ge=0, le=MOST, description="account requests of one address in a minute, 0 = no limit"
    )
    hash_memory: int = Field(
        19_456, ge=8, le=4_194_304, description="argon2: memory of one password, KiB"
    )
    hash_passes: int = Field(2, ge=1, le=100, description="argon2: passes over it")
    hash_threads: int = Field(2, ge=1, le=64, description="passwords worked on at once")
