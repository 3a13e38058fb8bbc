"""Who acts over HTTP, as the audit log wants to know it.

await call.services.tenants.delete(name, note=noted(call, "TENANT_DELETED", f"..."))
await record(call, acted(call, "NUMBER_BOUGHT", f"...", number=row.number))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from enum_backend.audit.model import AuditEvent, Severity, Value
from enum_backend.audit.noting import Note
from enum_backend.errors import DatabaseUnavailable
from enum_backend.web.endpoints import Call
from enum_backend.web.middleware import client_address

if TYPE_CHECKING:
    from enum_backend.accounts.model import User

log = structlog.get_logger("enum_backend.audit")


def acted(
    call: Call,
    event_type: str,
    description: str,
    severity: Severity = Severity.MEDIUM,
    *,
    user: User | None = None,
    **metadata: Value,
) -> AuditEvent:
    """An event that the caller's key, or a signed-in admin, has brought about.

    Args:
        user: the admin; None = the API key of the call.
    """
    who: dict[str, Value] = {"adminId": call.key.id, "keyName": call.key.name} if call.key else {}
    if user is not None:
        who = {"adminId": user.id, "adminEmail": user.email}
    who["ip"] = client_address(call.request, call.services.settings.http.trusted_proxies)
    return AuditEvent(
        event_type=event_type,
        severity=severity,
        description=description,
        user_id=None if user is None else user.id,
        metadata={**who, **metadata},
    )


def noted(
    call: Call,
    event_type: str,
    description: str,
    severity: Severity = Severity.MEDIUM,
    *,
    user: User | None = None,
    **metadata: Value,
) -> Note[object]:
    """The same as the `note` of a store."""
    event = acted(call, event_type, description, severity, user=user, **metadata)
    return lambda connection, _made: call.services.audit.record_in(connection, event)


async def record(call: Call, event: AuditEvent) -> None:
    """Record what is done already; that it cannot be recorded is logged, not answered.

    Who is told that it failed would do it again.
    """
    try:
        await call.services.audit.record(event)
    except DatabaseUnavailable:
        log.error("not recorded in the audit log", event_type=event.event_type)
