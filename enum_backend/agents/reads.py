"""What has been read, and which wait has a message: each is consumed once.

Functions of a connection inside a transaction. A wait claims a message, answers, and then
marks it consumed. Where the program dies in between, the claim runs out and the message
is there for the next wait; so it is lost in no case, and had twice only if the answer had
been written and that could not be noted any more.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, insert, select, update

from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import agent_reads

CLAIM_MS = 5_000
"""How long a wait may take to write its answer."""


def mark(connection: Connection, lease_id: str, inbox_ids: Collection[str], now: int) -> int:
    """Messages that were shown; how many of them for the first time."""
    serialize(connection, _lock(lease_id))
    known = set(
        connection.execute(
            select(agent_reads.c.inbox_id).where(
                agent_reads.c.lease_id == lease_id, agent_reads.c.inbox_id.in_(list(inbox_ids))
            )
        ).scalars()
    )
    new = [inbox_id for inbox_id in dict.fromkeys(inbox_ids) if inbox_id not in known]
    if new:
        connection.execute(
            insert(agent_reads),
            [{"lease_id": lease_id, "inbox_id": inbox_id, "read_at": now} for inbox_id in new],
        )
    return len(new)


def claim(connection: Connection, lease_id: str, inbox_id: str, token: str, now: int) -> bool:
    """Take a message for one wait; False = another one has it."""
    serialize(connection, _lock(lease_id))
    row = connection.execute(
        select(agent_reads).where(
            agent_reads.c.lease_id == lease_id, agent_reads.c.inbox_id == inbox_id
        )
    ).one()
    if row.consumed_at is not None or (row.claimed_until or 0) > now:
        return False
    _change(connection, lease_id, inbox_id, None, claim=token, claimed_until=now + CLAIM_MS)
    return True


def consume(connection: Connection, lease_id: str, inbox_id: str, token: str, now: int) -> None:
    """The wait has answered."""
    _change(connection, lease_id, inbox_id, token, claimed_until=None, consumed_at=now)


def give_back(connection: Connection, lease_id: str, inbox_id: str, token: str) -> None:
    """The wait could not answer: the message is there for the next one."""
    _change(connection, lease_id, inbox_id, token, claim=None, claimed_until=None)


def _change(
    connection: Connection,
    lease_id: str,
    inbox_id: str,
    token: str | None,
    **values: str | int | None,
) -> None:
    """Change a row; with a token, only while that wait has it."""
    query = update(agent_reads).where(
        agent_reads.c.lease_id == lease_id, agent_reads.c.inbox_id == inbox_id
    )
    if token is not None:
        query = query.where(agent_reads.c.claim == token)
    connection.execute(query.values(**values))


def _lock(lease_id: str) -> str:
    return f"reads of {lease_id}"
