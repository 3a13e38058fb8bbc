"""The end of a lease, by its key or by an admin."""

from __future__ import annotations

from sqlalchemy import Connection

from enum_backend.agents import leases
from enum_backend.agents.journal import AgentJournal
from enum_backend.agents.model import Caller, Lease, LeaseState
from enum_backend.agents.pool import lock_of
from enum_backend.clock import now_ms
from enum_backend.storage.locks import serialize


def end(
    connection: Connection, journal: AgentJournal, caller: Caller, lease_id: str
) -> tuple[Lease, bool]:
    """(the lease as it stands, whether it was ended just now).

    Raises:
        NotFound: it is another key's, and the caller no admin.
    """
    lease = leases.find(connection, caller, lease_id, admin=True)
    serialize(connection, lock_of(lease.tenant))
    now = now_ms()
    lease = leases.find(connection, caller, lease_id, admin=True)
    if lease.over_at(now) is not None:
        return lease, False
    own = lease.key_id == caller.key_id
    reason = LeaseState.RELEASED if own else LeaseState.WITHDRAWN
    ended = leases.end(connection, lease, reason, now)
    journal.lease(connection, caller, ended, reason.value.upper())
    return ended, True
