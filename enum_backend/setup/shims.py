"""Tokens that the server makes by itself, for programs it is set up for."""

from __future__ import annotations

from sqlalchemy import Connection

from enum_backend.audit import AuditLog
from enum_backend.shim_tokens import Record, shim_event


def recorded_by_server(audit: AuditLog) -> Record:
    """Keeps that nobody asked for it: the server did."""

    def record(connection: Connection, event_type: str, program: str, server: str) -> None:
        audit.record_in(connection, shim_event(event_type, program, server, adminId="system"))

    return record
