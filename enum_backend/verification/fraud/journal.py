"""Decisions that had a reason, as the audit log keeps them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from enum_backend.audit.model import AuditEvent, Severity
from enum_backend.verification.fraud.decisions import Decision, Verdict

Record = Callable[[Connection, AuditEvent], None]
"""Keeps an event inside the caller's transaction."""


def event_of(decision: Decision) -> AuditEvent:
    """`FRAUD_BLOCKED` or `FRAUD_FLAGGED`; the address and the number are personal."""
    blocked = decision.verdict is Verdict.BLOCKED
    what = "was not sent" if blocked else "was sent all the same"
    return AuditEvent(
        "FRAUD_BLOCKED" if blocked else "FRAUD_FLAGGED",
        Severity.HIGH if blocked else Severity.MEDIUM,
        f"A code that the fraud guard warned of {what}.",
        user_id=decision.subject,
        metadata={
            "reasons": " ".join(decision.reasons),
            "country": decision.country,
            "purpose": decision.purpose,
            "tenant": decision.tenant,
            "phoneNumber": decision.number,
            "ip": decision.ip,
            "allowedBy": decision.allowed_by,
        },
    )
