"""Security events of accounts, as the audit log keeps them."""

from __future__ import annotations

from sqlalchemy import Connection

from enum_backend.audit import AuditEvent, AuditLog, Severity


class Recorder:
    """Writes events; codes, passwords and tokens never stand in one."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def record(
        self,
        event_type: str,
        severity: Severity,
        description: str,
        *,
        user_id: str | None = None,
        **metadata: str | int | bool | None,
    ) -> None:
        """Keep an event in a transaction of its own."""
        await self._audit.record(AuditEvent(event_type, severity, description, user_id, metadata))

    def record_in(
        self,
        connection: Connection,
        event_type: str,
        severity: Severity,
        description: str,
        *,
        user_id: str | None = None,
        **metadata: str | int | bool | None,
    ) -> None:
        """Keep it together with what it tells of."""
        self._audit.record_in(
            connection, AuditEvent(event_type, severity, description, user_id, metadata)
        )
