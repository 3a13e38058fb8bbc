"""What providers tell us: messages, parts of messages, delivery reports, nonces."""

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
    false,
    text,
)

from enum_backend.storage.tables.base import ID, metadata

_OWNER_SOUGHT = text("owner_check_at IS NOT NULL")
_OPEN_PART = text("inbox_id IS NULL")
_ONE_PART = text("one_part")
_UNMATCHED = text("message_id IS NULL")

ONE_PART = text("reports.one_part")
"""A database uses an index of a condition only for queries that spell it alike."""

inbox = Table(
    "inbox",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("inbox_id", String(40), nullable=False, unique=True),
    Column("gateway", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("dedupe_key", String(200), nullable=False),
    Column("content_key", String(64)),
    Column("duplicate_of", String(40)),
    Column("provider_message_id", String(128)),
    Column("sender", String(32), nullable=False),
    Column("to_number", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("segments", Integer),
    Column("incomplete", Boolean, nullable=False, server_default=false()),
    Column("media", Text, nullable=False),
    Column("opt_out", String(8)),
    Column("foreign_number", Boolean, nullable=False, default=False),
    Column("tenant", String(64)),
    Column("owner_reason", String(16)),
    Column("owner_check_at", BigInteger),
    Column("sent_at", BigInteger),
    Column("received_at", BigInteger, nullable=False),
    Index("uq_inbox_gateway_dedupe_key", "gateway", "dedupe_key", unique=True),
    Index("ix_inbox_gateway_content_key", "gateway", "content_key"),
    Index("ix_inbox_to_number_id", "to_number", "id"),
    Index("ix_inbox_tenant_id", "tenant", "id"),
    Index(
        "ix_inbox_owner_check_at",
        "owner_check_at",
        sqlite_where=_OWNER_SOUGHT,
        postgresql_where=_OWNER_SOUGHT,
    ),
    sqlite_autoincrement=True,
)
"""Messages that came in, each once; `body` is sealed.

`id` grows in the order in which owners learned of messages, and is never used twice: a
message whose owner was found later gets a new one. `duplicate_of` links a repeat that
came under another id. `foreign_number` marks a proven call about a number that is not
its gateway's: kept for the admin, never handed to anybody. `tenant` is the owner,
`owner_reason` the rule that found it or why there is none; while `owner_check_at` is
set, the records could not be read and are asked again then. `incomplete`: parts of it
never came.
"""

inbox_parts = Table(
    "inbox_parts",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("dedupe_key", String(200), nullable=False),
    Column("group_key", String(64), nullable=False),
    Column("group_id", String(40), nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("total", SmallInteger, nullable=False),
    Column("content", LargeBinary),
    Column("inbox_id", String(40)),
    Column("received_at", BigInteger, nullable=False),
    Index("uq_inbox_parts_gateway_dedupe_key", "gateway", "dedupe_key", unique=True),
    Index(
        "ix_inbox_parts_group_key",
        "group_key",
        sqlite_where=_OPEN_PART,
        postgresql_where=_OPEN_PART,
    ),
    Index("ix_inbox_parts_received_at", "received_at"),
)
"""Parts of long messages, each once, until the message is whole or has waited too long.

`group_key` is what the parts of one message have in common; networks use it again, so
`group_id` tells one message from the next. `content` is sealed JSON, erased when the
message is in the inbox as `inbox_id`.
"""

reports = Table(
    "reports",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
    Column("provider_message_id", String(128), nullable=False),
    Column("dedupe_key", String(200), nullable=False),
    Column("message_id", String(40)),
    Column("one_part", Boolean, nullable=False, server_default=false()),
    Column("status", String(16), nullable=False),
    Column("reason", String(32)),
    Column("provider_code", String(64)),
    Column("cost_micros", BigInteger),
    Column("cost_currency", String(3)),
    Column("segments", Integer),
    Column("occurred_at", BigInteger),
    Column("received_at", BigInteger, nullable=False),
    Index("uq_reports_gateway_dedupe_key", "gateway", "dedupe_key", unique=True),
    Index("ix_reports_gateway_provider_message_id", "gateway", "provider_message_id"),
    Index(
        "ix_reports_message_id",
        "message_id",
        sqlite_where=_ONE_PART,
        postgresql_where=_ONE_PART,
    ),
    Index(
        "ix_reports_received_at",
        "received_at",
        sqlite_where=_UNMATCHED,
        postgresql_where=_UNMATCHED,
    ),
)
"""Delivery reports as they came; one may arrive before the answer that tells the id.

`message_id` is our message, once it is known; `one_part`: the report is about one part
of it only, as `provider_message_id` is.
"""

nonces = Table(
    "nonces",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("nonce", String(128), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_nonces_expires_at", "expires_at"),
)
"""Signed nonces seen, for providers whose signature does not cover the body."""
