"""Messages that go out, and each request to a provider."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
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


def _where(condition: str) -> dict[str, Any]:
    """Arguments of an index that holds only the rows of a condition."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


_PENDING = "state IN ('queued', 'scheduled')"
_DISPATCHING = "state = 'dispatching'"

PENDING = text(f"outbox.{_PENDING}")
"""Messages nobody sends now. A database uses an index of a condition only for queries
that spell it with the same literals, so these are not bound parameters."""

DISPATCHING = text(f"outbox.{_DISPATCHING}")
"""Messages that a process says it is sending."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("message_id", String(40), nullable=False, unique=True),
    Column("tenant", String(64), nullable=False),
    Column("client", String(80), nullable=False),
    Column("kind", String(16), nullable=False, server_default="message"),
    Column("state", String(16), nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="1"),
    Column("requested_to", String(16), nullable=False),
    Column("destination", String(16), nullable=False),
    Column("recipient_seq", Integer),
    Column("sender", String(32)),
    Column("body", LargeBinary),
    Column("template", String(40)),
    Column("verification_id", String(40)),
    Column("erase_body", Boolean, nullable=False, default=False),
    Column("encoding", String(8), nullable=False),
    Column("segments", Integer, nullable=False),
    Column("chain", Text, nullable=False),
    Column("chain_position", Integer, nullable=False, default=0),
    Column("route", Text, nullable=False),
    Column("is_test", Boolean, nullable=False, default=False),
    Column("limited", Boolean, nullable=False, default=True),
    Column("idempotency_key", String(200)),
    Column("request_hash", LargeBinary, nullable=False),
    Column("repeat_hash", LargeBinary),
    Column("client_reference", String(200)),
    Column("gateway", String(64), nullable=False),
    Column("provider", String(64)),
    Column("provider_message_id", String(128)),
    Column("reason", String(32)),
    Column("provider_code", String(64)),
    Column("detail", Text),
    Column("cost_micros", BigInteger),
    Column("cost_currency", String(3)),
    Column("attempts_at_gateway", Integer, nullable=False, default=0),
    Column("attempts_made", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("send_at", BigInteger),
    Column("next_attempt_at", BigInteger),
    Column("valid_until", BigInteger, nullable=False),
    Column("lease_owner", String(40)),
    Column("lease_until", BigInteger),
    Column("updated_at", BigInteger, nullable=False),
    Index(
        "ix_outbox_due",
        "gateway",
        "priority",
        "next_attempt_at",
        **_where(_PENDING),
    ),
    Index("ix_outbox_dispatching", "lease_until", **_where(_DISPATCHING)),
    Index("ix_outbox_tenant_id", "tenant", "id"),
    Index("ix_outbox_destination_recipient_seq", "destination", "recipient_seq"),
    Index(
        "ix_outbox_repeat_hash_created_at",
        "repeat_hash",
        "created_at",
        **_where("repeat_hash IS NOT NULL"),
    ),
    Index(
        "ix_outbox_verification_id",
        "verification_id",
        "id",
        **_where("verification_id IS NOT NULL"),
    ),
    Index(
        "uq_outbox_idempotency",
        "client",
        "idempotency_key",
        unique=True,
        **_where("idempotency_key IS NOT NULL"),
    ),
)
"""Outbound messages. `client` is who asked: `key:...`, `shim:...`; `gateway` is the
one whose turn it is in `chain` (JSON list of names), or that had it last.

`priority` 0 (codes) leaves before 1. `recipient_seq` counts the limited messages to
one destination (with those of `recipient_retries`), so that the n-th before the next is
one look-up away. `body` is
sealed and erased at the final state when `erase_body`; a message with a `template` has
none: its text is made from it and `verification_id` when it leaves. `repeat_hash` is a keyed
hash of client, destination and text, for callers that have no idempotency key.
`lease_*` say which process sends it and until when that may take.
"""

recipient_retries = Table(
    "recipient_retries",
    metadata,
    Column("destination", String(16), primary_key=True),
    Column("recipient_seq", Integer, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)
"""Messages that a person had sent again: each counts once more for its recipient's limits,
under a `recipient_seq` of its own."""

attempts = Table(
    "attempts",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("message_id", ForeignKey("outbox.message_id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(32)),
    Column("provider_code", String(64)),
    Column("provider_message_id", String(128)),
    Column("detail", Text),
    Column("cost_micros", BigInteger),
    Column("cost_currency", String(3)),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index("uq_attempts_message_id_number", "message_id", "number", unique=True),
    Index(
        "ix_attempts_gateway_provider_message_id",
        "gateway",
        "provider_message_id",
        **_where("provider_message_id IS NOT NULL"),
    ),
)
"""One row per request to a provider, committed as `dispatching` before it is written.

`outcome`: `dispatching`, `accepted`, `refused`, `ambiguous`.
"""
