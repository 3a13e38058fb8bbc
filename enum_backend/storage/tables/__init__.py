"""Every table, as SQLAlchemy Core metadata."""

from enum_backend.storage.tables import lists as lists
from enum_backend.storage.tables.access import api_keys, shim_tokens
from enum_backend.storage.tables.accounts import (
    backup_codes,
    login_failures,
    login_places,
    pending_logins,
    sessions,
    user_factors,
    users,
)
from enum_backend.storage.tables.agents import (
    agent_leases,
    agent_numbers,
    agent_purchases,
    agent_reads,
    agent_usage,
)
from enum_backend.storage.tables.audit import audit_log, audit_people
from enum_backend.storage.tables.base import metadata
from enum_backend.storage.tables.deliveries import deliveries, endpoints
from enum_backend.storage.tables.inbox import inbox, inbox_parts, nonces, reports
from enum_backend.storage.tables.installation import installation
from enum_backend.storage.tables.numbers import numbers, spend, spend_buckets
from enum_backend.storage.tables.outbox import attempts, outbox, recipient_retries
from enum_backend.storage.tables.paces import gateway_paces, sender_paces
from enum_backend.storage.tables.policy import (
    keyword_answers,
    opt_outs,
    spend_alerts,
    sticky_senders,
)
from enum_backend.storage.tables.sim_sends import sim_sends
from enum_backend.storage.tables.tenants import binding_proofs, bindings, tenants
from enum_backend.storage.tables.verification import fraud_counts, fraud_decisions, verifications

__all__ = [
    "agent_leases",
    "agent_numbers",
    "agent_purchases",
    "agent_reads",
    "agent_usage",
    "api_keys",
    "attempts",
    "audit_log",
    "audit_people",
    "backup_codes",
    "binding_proofs",
    "bindings",
    "deliveries",
    "endpoints",
    "fraud_counts",
    "fraud_decisions",
    "gateway_paces",
    "inbox",
    "inbox_parts",
    "installation",
    "keyword_answers",
    "login_failures",
    "login_places",
    "metadata",
    "nonces",
    "numbers",
    "opt_outs",
    "outbox",
    "pending_logins",
    "recipient_retries",
    "reports",
    "sender_paces",
    "sessions",
    "shim_tokens",
    "sim_sends",
    "spend",
    "spend_alerts",
    "spend_buckets",
    "sticky_senders",
    "tenants",
    "user_factors",
    "users",
    "verifications",
]
