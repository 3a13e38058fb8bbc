"""Who did what, and whom the pseudonyms in it stand for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, BigInteger, Column, Index, LargeBinary, String, Table, Text, event, text

from enum_backend.storage.tables.base import ID, metadata

_OPEN = text("seq IS NULL")

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("entry_id", String(24), nullable=False),
    Column("event_type", String(64), nullable=False),
    Column("severity", String(6), nullable=False),
    Column("description", Text, nullable=False),
    Column("user_id", String(40)),
    Column("details", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seq", BigInteger),
    Column("mac", LargeBinary),
    Index("uq_audit_log_seq", "seq", unique=True),
    Index("ix_audit_log_id_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_audit_log_severity_seq", "severity", "seq"),
    Index("ix_audit_log_event_type_seq", "event_type", "seq"),
    Index("ix_audit_log_user_id_seq", "user_id", "seq"),
)
"""Append-only: triggers refuse everything but the sealer's one UPDATE of `seq` and `mac`.

`details` is a JSON object. Personal values stand in `user_id`, `details` and
`description` as pseudonyms. `seq` is the place in the chain, `mac` covers this entry and
the `mac` before it; NULL = not sealed yet.
"""

audit_people = Table(
    "audit_people",
    metadata,
    Column("pseudonym", String(40), primary_key=True),
    Column("person", LargeBinary, nullable=False),
    Column("value_digest", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("uq_audit_people_person_value_digest", "person", "value_digest", unique=True),
    Index("ix_audit_people_value_digest", "value_digest"),
)
"""What a pseudonym stands for, sealed; `person` and `value_digest` are keyed hashes. To
erase somebody's data is to delete their rows here."""

APPEND_ONLY: Final = "audit_log is append-only"

_SQLITE = (
    f"""CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
    f"""CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
    WHEN OLD.seq IS NOT NULL OR OLD.mac IS NOT NULL OR NEW.id IS NOT OLD.id
      OR NEW.entry_id IS NOT OLD.entry_id OR NEW.event_type IS NOT OLD.event_type
      OR NEW.severity IS NOT OLD.severity OR NEW.description IS NOT OLD.description
      OR NEW.user_id IS NOT OLD.user_id OR NEW.details IS NOT OLD.details
      OR NEW.created_at IS NOT OLD.created_at
    BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
)
_POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$""",
    """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log FOR EACH ROW
    WHEN (OLD.seq IS NOT NULL OR OLD.mac IS NOT NULL
      OR (NEW.id, NEW.entry_id, NEW.event_type, NEW.severity, NEW.description, NEW.user_id,
          NEW.details, NEW.created_at)
      IS DISTINCT FROM
         (OLD.id, OLD.entry_id, OLD.event_type, OLD.severity, OLD.description, OLD.user_id,
          OLD.details, OLD.created_at))
    EXECUTE FUNCTION audit_log_refuse()""",
)

for _dialect, _statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRES)):
    for _statement in _statements:
        _trigger = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(audit_log, "after_create", _trigger.execute_if(dialect=_dialect))
