"""Users, their factors and sessions, logins under way, and failures."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from enum_backend.storage.tables.base import metadata

users = Table(
    "users",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Index("uq_users_email", "email", unique=True),
)
"""Our own directory: who there is. `email` is normalised; `password_hash` is argon2's."""

user_factors = Table(
    "user_factors",
    metadata,
    Column("user_id", String(80), primary_key=True),
    Column("phone", String(16)),
    Column("phone_verified_at", BigInteger),
    Column("pending_phone", String(16)),
    Column("phone_verification", String(64)),
    Column("sms_at", BigInteger),
    Column("sms_verification", String(64)),
    Column("totp_secret", LargeBinary),
    Column("totp_at", BigInteger),
    Column("totp_step", BigInteger),
    Column("totp_pending", LargeBinary),
    Column("sessions_after", BigInteger),
    Column("last_login_at", BigInteger),
    Index("uq_user_factors_phone", "phone", unique=True),
)
"""What proves a user besides the password, whichever directory the user is from.

`phone` is verified, so it has one owner; `pending_phone` may wait at many. Verifications
stand under their ids, codes nowhere. TOTP secrets are sealed. Sessions that were proved
before `sessions_after` are over.
"""

backup_codes = Table(
    "backup_codes",
    metadata,
    Column("user_id", String(80), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("used_at", BigInteger),
)
"""Keyed hashes of single-use codes."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("user_id", String(80), nullable=False),
    Column("via", String(8), nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    Column("previous_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("proved_at", BigInteger, nullable=False),
    Column("rotated_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("address", String(45), nullable=False),
    Column("agent", String(120), nullable=False),
    Index("uq_sessions_token_hash", "token_hash", unique=True),
    Index("ix_sessions_previous_hash", "previous_hash"),
    Index("ix_sessions_user_id", "user_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)
"""Who is signed in. `previous_until`: NULL = until the new token has come back once."""

pending_logins = Table(
    "pending_logins",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("user_id", String(80), nullable=False),
    Column("verification", String(64)),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("ix_pending_logins_user_id", "user_id"),
    Index("ix_pending_logins_expires_at", "expires_at"),
)
"""What waits for one more proof. `kind`: `login`, `reset`, `first_admin`."""

login_failures = Table(
    "login_failures",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("blocked_until", BigInteger, nullable=False),
    Index("ix_login_failures_last_at", "last_at"),
)
"""Attempts since the last success, by keyed hashes of account, device or address."""

login_places = Table(
    "login_places",
    metadata,
    Column("account", LargeBinary, primary_key=True),
    Column("place", LargeBinary, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
    Index("ix_login_places_seen_at", "seen_at"),
)
"""Networks an account has logged in from, both as keyed hashes."""
