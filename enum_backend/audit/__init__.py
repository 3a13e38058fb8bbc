"""Who did what: admin actions and security events, append-only and sealed in a chain.

    await services.audit.record(
        AuditEvent(
            "TENANT_CREATED",
            Severity.MEDIUM,
            "Tenant acme was made.",
            metadata={"adminId": "key_0123456789abcdef", "tenant": "acme"},
        )
    )

Entries hold no personal data. E-mail addresses, phone numbers, client addresses and user
ids are kept apart under random pseudonyms (`people.py`), and only those stand in the
entries. So one person's data can be erased without touching an entry, and the chain of
MACs over the entries (`chain.py`, `sealing.py`) goes on holding.
"""

from enum_backend.audit.log import AuditLog
from enum_backend.audit.model import AuditEntry, AuditEvent, AuditPage, Severity

__all__ = ["AuditEntry", "AuditEvent", "AuditLog", "AuditPage", "Severity"]
