"""What agents do, as the audit log keeps it; texts and codes never."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from enum_backend.agents.model import Caller, Lease
from enum_backend.audit.model import AuditEvent, Severity, Value

Record = Callable[[Connection, AuditEvent], None]
"""Keeps an event inside the caller's transaction."""


class AgentJournal:
    """Writes entries."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def lease(self, connection: Connection, caller: Caller, lease: Lease, what: str) -> None:
        """A lease was STARTED, RENEWED, RELEASED or WITHDRAWN."""
        severity = Severity.MEDIUM if what == "WITHDRAWN" else Severity.LOW
        self._write(
            connection,
            f"AGENT_LEASE_{what}",
            severity,
            f"An agent's lease was {what.lower()}.",
            caller,
            leaseId=lease.lease_id,
            passportId=lease.passport_id,
            phoneNumber=lease.number,
            service=lease.service,
        )

    def refused(
        self, connection: Connection, caller: Caller, passport_id: str, service: str | None
    ) -> None:
        """The owner's policy allowed no lease."""
        self._write(
            connection,
            "AGENT_LEASE_REFUSED",
            Severity.MEDIUM,
            "The owner's policy refused a lease to an agent.",
            caller,
            passportId=passport_id,
            service=service,
        )

    def read(self, connection: Connection, caller: Caller, lease: Lease, count: int) -> None:
        """An agent has read messages for the first time."""
        self._write(
            connection,
            "AGENT_MESSAGES_READ",
            Severity.LOW,
            "An agent read messages of its lease.",
            caller,
            leaseId=lease.lease_id,
            passportId=lease.passport_id,
            phoneNumber=lease.number,
            messages=count,
        )

    def number(self, connection: Connection, caller: Caller, number: str, what: str) -> None:
        """A number of the pool was ADDED, REMOVED or BOUGHT."""
        self._write(
            connection,
            f"AGENT_NUMBER_{what}",
            Severity.MEDIUM,
            f"A number of the agents' pool was {what.lower()}.",
            caller,
            phoneNumber=number,
        )

    def _write(
        self,
        connection: Connection,
        event_type: str,
        severity: Severity,
        description: str,
        caller: Caller,
        **facts: Value,
    ) -> None:
        metadata = {"keyId": caller.key_id, "tenant": caller.tenant, **facts}
        told = {name: value for name, value in metadata.items() if value is not None}
        self._record(connection, AuditEvent(event_type, severity, description, metadata=told))
