"""Every table, as SQLAlchemy Core metadata."""

from enum_backend.storage.tables import lists as lists
from enum_backend.storage.tables.access import api_keys, shim_tokens
from enum_backend.storage.tables.base import metadata
from enum_backend.storage.tables.deliveries import deliveries, endpoints
from enum_backend.storage.tables.inbox import inbox, inbox_parts, nonces, reports
from enum_backend.storage.tables.installation import installation
from enum_backend.storage.tables.numbers import numbers, spend, spend_buckets
from enum_backend.storage.tables.outbox import attempts, outbox
from enum_backend.storage.tables.policy import (
    keyword_answers,
    opt_outs,
    spend_alerts,
    sticky_senders,
)
from enum_backend.storage.tables.sim_sends import sim_sends
from enum_backend.storage.tables.tenants import binding_proofs, bindings, tenants

__all__ = [
    "api_keys",
    "attempts",
    "binding_proofs",
    "bindings",
    "deliveries",
    "endpoints",
    "inbox",
    "inbox_parts",
    "installation",
    "keyword_answers",
    "metadata",
    "nonces",
    "numbers",
    "opt_outs",
    "outbox",
    "reports",
    "shim_tokens",
    "sim_sends",
    "spend",
    "spend_alerts",
    "spend_buckets",
    "sticky_senders",
    "tenants",
]
