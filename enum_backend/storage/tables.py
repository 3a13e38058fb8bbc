"""Every table, as SQLAlchemy Core metadata.

Times are integer milliseconds since 1970 (UTC), columns ending in `_at`.
Money is integer millionths of a unit of `currency`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = BigInteger().with_variant(Integer, "sqlite")

outbox = Table(
    "outbox",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("message_id", String(40), nullable=False, unique=True),
    Column("tenant", String(64), nullable=False),
    Column("client", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_to", String(16), nullable=False),
    Column("destination", String(16), nullable=False),
    Column("sender", String(32)),
    Column("body", LargeBinary),
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
    Column("created_at", BigInteger, nullable=False),
    Column("next_attempt_at", BigInteger),
    Column("valid_until", BigInteger, nullable=False),
    Column("lease_owner", String(40)),
    Column("lease_until", BigInteger),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_outbox_due", "state", "gateway", "next_attempt_at"),
    Index("ix_outbox_destination_created_at", "destination", "created_at"),
    Index("ix_outbox_client_created_at", "client", "created_at"),
    Index("ix_outbox_created_at_cost", "created_at", "cost_micros"),
    Index("ix_outbox_repeat_hash_created_at", "repeat_hash", "created_at"),
    Index("uq_outbox_idempotency", "client", "idempotency_key", unique=True),
)
"""Outbound messages. `client` is who asked: `key:...`, `shim:...`; `gateway` is the
one whose turn it is in `chain` (JSON list of names), or that had it last.

`body` is sealed and erased at the final state when `erase_body`. `repeat_hash`
is a keyed hash of client, destination and text, for callers that have no
idempotency key. `lease_*` say which process works on the row until when.
"""

attempts = Table(
    "attempts",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("message_id", ForeignKey("outbox.message_id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(32)),
    Column("provider_code", String(64)),
    Column("provider_message_id", String(128)),
    Column("detail", Text),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index("uq_attempts_message_id_number", "message_id", "number", unique=True),
)
"""One row per request to a provider, committed as `dispatching` before it is written.

`outcome`: `dispatching`, `accepted`, `refused`, `ambiguous`.
"""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
"""Bearer keys; only their hash is kept."""

shim_tokens = Table(
    "shim_tokens",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("program", String(40), nullable=False),
    Column("server", String(80), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("token", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index("uq_shim_tokens_program_server", "program", "server", unique=True),
)
"""Tokens of callers that can only put a secret into a URL. `token` is sealed,
so that the same server gets the same URL again; look-ups go by the hash."""

inbox = Table(
    "inbox",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
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
    Column("media", Text, nullable=False),
    Column("opt_out", String(8)),
    Column("foreign_number", Boolean, nullable=False, default=False),
    Column("sent_at", BigInteger),
    Column("received_at", BigInteger, nullable=False),
    Index("uq_inbox_gateway_dedupe_key", "gateway", "dedupe_key", unique=True),
    Index("ix_inbox_gateway_content_key", "gateway", "content_key"),
    Index("ix_inbox_to_number_id", "to_number", "id"),
)
"""Messages that came in, each once; `body` is sealed.

`duplicate_of` links a repeat that came under another id. `foreign_number` marks a
proven call about a number that is not its gateway's: kept for the admin, never
handed to anybody.
"""

reports = Table(
    "reports",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
    Column("provider_message_id", String(128), nullable=False),
    Column("dedupe_key", String(200), nullable=False),
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
)
"""Delivery reports as they came; one may arrive before the answer that tells the id."""

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

numbers = Table(
    "numbers",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("gateway", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("features", String(40), nullable=False),
    Column("order_id", String(128)),
    Column("detail", Text),
    Column("monthly_micros", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""Numbers that were bought or imported, each bound to one gateway and one tenant.

`state`: `pending` (ordered), `active`; `source`: `bought`, `imported`. What is given
back is gone from here.
"""

spend = Table(
    "spend",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("reference", String(128), nullable=False),
    Column("cost_micros", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_spend_created_at_cost_micros", "created_at", "cost_micros"),
)
"""US dollars spent other than on messages (`kind`: `number`); counts against the daily ceiling."""
