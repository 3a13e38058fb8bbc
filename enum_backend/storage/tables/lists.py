"""Indices that only the lists of messages use.

Each holds few rows or is written once a message: what leaves in thousands a second
must not pay for what is asked for now and then.
"""

from __future__ import annotations

from sqlalchemy import Index, text

from enum_backend.storage.tables.inbox import inbox
from enum_backend.storage.tables.outbox import outbox

_ENDED_BADLY = "state IN ('failed', 'undelivered', 'expired', 'unknown')"
_SCHEDULED = "state = 'scheduled'"
_REFERRED = "client_reference IS NOT NULL"
_OF_PROGRAMS = "kind IN ('code', 'admin')"

ENDED_BADLY = text(f"outbox.{_ENDED_BADLY}")
"""Messages that did not arrive, or nobody knows: spelled as the index has it."""

SCHEDULED = text(f"outbox.{_SCHEDULED}")
"""Messages that wait for their time."""

REFERRED = text(f"outbox.{_REFERRED}")
"""Messages whose caller gave them a reference."""

OF_PROGRAMS = text(f"outbox.{_OF_PROGRAMS}")
"""Messages of programs that call a shim."""

Index(
    "ix_outbox_tenant_id_ended_badly",
    outbox.c.tenant,
    outbox.c.id,
    sqlite_where=text(_ENDED_BADLY),
    postgresql_where=text(_ENDED_BADLY),
)
Index(
    "ix_outbox_tenant_id_scheduled",
    outbox.c.tenant,
    outbox.c.id,
    sqlite_where=text(_SCHEDULED),
    postgresql_where=text(_SCHEDULED),
)
Index(
    "ix_outbox_client_reference_tenant_id",
    outbox.c.client_reference,
    outbox.c.tenant,
    outbox.c.id,
    sqlite_where=text(_REFERRED),
    postgresql_where=text(_REFERRED),
)
Index(
    "ix_outbox_client_created_at_of_programs",
    outbox.c.client,
    outbox.c.created_at,
    sqlite_where=text(_OF_PROGRAMS),
    postgresql_where=text(_OF_PROGRAMS),
)
Index("ix_inbox_sender_id", inbox.c.sender, inbox.c.id)
