"""Verifications under way, what the fraud guard decided, and what it counts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from enum_backend.storage.tables.base import ID, metadata

verifications = Table(
    "verifications",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("verification_id", String(40), nullable=False, unique=True),
    Column("tenant", String(64), nullable=False),
    Column("client", String(80), nullable=False),
    Column("purpose", String(24), nullable=False),
    Column("number", String(16), nullable=False),
    Column("subject", String(128)),
    Column("salt", LargeBinary, nullable=False),
    Column("app_name", String(64), nullable=False),
    Column("locale", String(16), nullable=False),
    Column("domain", String(253)),
    Column("android_hash", String(11)),
    Column("anonymous", Boolean, nullable=False),
    Column("decoy", Boolean, nullable=False),
    Column("is_test", Boolean, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("sends", SmallInteger, nullable=False),
    Column("resend_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("ix_verifications_number_purpose", "number", "purpose", "id"),
    Index("ix_verifications_tenant_created_at", "tenant", "created_at"),
    Index(
        "ix_verifications_subject",
        "subject",
        "id",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)
"""One code each; the code itself is derived from the server key, the id and `salt`.

`subject` is whom it is for (a user's id). `attempts` counts checks before they compare,
`sends` the messages that held the code; `resend_at` is when the next may go. The code
of a `decoy` was never sent and is never right.
"""

ANONYMOUS = text("anonymous AND counted")
"""Codes that strangers had sent. A database uses an index of a condition only for queries
that spell it alike, so it is no bound parameter."""

fraud_decisions = Table(
    "fraud_decisions",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("verification_id", String(40), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("purpose", String(24), nullable=False),
    Column("number", String(16), nullable=False),
    Column("country", String(3), nullable=False),
    Column("ip", String(45)),
    Column("subject", String(128)),
    Column("anonymous", Boolean, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("allowed_by", String(16)),
    Column("counted", Boolean, nullable=False),
    Column("verified_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_fraud_decisions_verification_id", "verification_id"),
    Index("ix_fraud_decisions_created_at", "created_at"),
    Index(
        "ix_fraud_decisions_anonymous",
        "number",
        "created_at",
        sqlite_where=ANONYMOUS,
        postgresql_where=ANONYMOUS,
    ),
)
"""One row per code that was asked for, sent or not.

`verdict`: `allowed`, `flagged` (sent although there are `reasons`), `blocked`, `exempt`
(test numbers), `unsent` (allowed, but sending was refused; `reasons` holds the error
code). `reasons` are words with blanks between. `allowed_by`: the allow list that
overruled them. `counted`: it is in `fraud_counts`.
"""

fraud_counts = Table(
    "fraud_counts",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("bucket_at", BigInteger, primary_key=True),
    Column("country", String(3), primary_key=True),
    Column("sent", Integer, nullable=False),
    Column("unverified", Integer, nullable=False),
    Column("verified", Integer, nullable=False),
)
"""Codes summed per scope and five minutes (`day:...`: per UTC day).

`scope`: `country:GB`, `ip:192.0.2.1`, `prefix:+4477009`, `day:GB`. `unverified` falls in
the bucket of the sending when the code is used; `verified` grows in the bucket of the use.
"""
