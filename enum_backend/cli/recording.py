"""What commands that work on the database themselves leave in the audit log."""

from __future__ import annotations

import getpass

from sqlalchemy import Connection

from enum_backend.access import ApiKey
from enum_backend.audit import AuditEvent, AuditLog, Severity
from enum_backend.audit.model import Value
from enum_backend.audit.noting import Note
from enum_backend.shim_tokens import Record, shim_event


def done_here(
    event_type: str, description: str, severity: Severity = Severity.MEDIUM, **metadata: Value
) -> AuditEvent:
    """An event that somebody with a shell on this machine has brought about."""
    who: dict[str, Value] = {"adminId": "cli", "systemUser": _system_user()}
    return AuditEvent(event_type, severity, description, metadata={**who, **metadata})


def noted_here(
    audit: AuditLog,
    event_type: str,
    description: str,
    severity: Severity = Severity.MEDIUM,
    **metadata: Value,
) -> Note[object]:
    """The same as the `note` of a store."""
    event = done_here(event_type, description, severity, **metadata)
    return lambda connection, _made: audit.record_in(connection, event)


def created_here(audit: AuditLog) -> Note[ApiKey]:
    """That a key was made."""

    def note(connection: Connection, key: ApiKey) -> None:
        event = done_here(
            "KEY_CREATED",
            f"API key {key.id} was made for {key.name}.",
            Severity.HIGH if "admin" in key.scopes else Severity.MEDIUM,
            keyId=key.id,
            tenant=key.tenant,
            scopes=" ".join(sorted(key.scopes)),
        )
        audit.record_in(connection, event)

    return note


def shims_here(audit: AuditLog) -> Record:
    """Keeps what a store of shim tokens does."""

    def record(connection: Connection, event_type: str, program: str, server: str) -> None:
        event = shim_event(event_type, program, server, adminId="cli", systemUser=_system_user())
        audit.record_in(connection, event)

    return record


def _system_user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without an entry for its user
        return None
