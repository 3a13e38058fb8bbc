"""Opting out, with everything that waits to be sent: a STOP counts from now on, not later."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from enum_backend.gateways.base import Reason
from enum_backend.messaging import outcomes
from enum_backend.messaging.model import MessageKind, MessageState
from enum_backend.messaging.outcomes import Change
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.senders import picked_by
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import outbox

_WAITING = frozenset({MessageState.SCHEDULED, MessageState.QUEUED})


def stop(
    connection: Connection,
    tenant: str,
    sender: str,
    recipient: str,
    source: Source,
    now: int,
    *,
    gateway: str | None = None,
) -> bool:
    """Store an opt-out and end the messages it concerns; returns whether it is new.

    What is on its way to a provider cannot be called back.

    Args:
        gateway: which `sender` is a number of, if that is known.
    """
    # No message may be accepted between the look at what waits and the commit.
    serialize(connection, "outbox")
    is_new = optouts.record(connection, tenant, sender, recipient, source, now)
    senders = {sender, picked_by(gateway)} if gateway else {sender}
    ended = []
    for row in _waiting(connection, tenant, recipient):
        if _comes_from(row, row.gateway, senders):
            values = outcomes.final(MessageState.FAILED) | {"reason": Reason.OPTED_OUT}
            ended.append(Change(row.message_id, _WAITING, values))
        else:
            _shorten(connection, row, senders)
    outcomes.apply(connection, ended, now)
    return is_new


def _waiting(connection: Connection, tenant: str, recipient: str) -> Sequence[Row[Any]]:
    which = [
        outbox.c.destination == recipient,
        outbox.c.state.in_(_WAITING),
        # The answer to STOP is the one message that still goes out.
        outbox.c.kind != MessageKind.REPLY,
        outbox.c.is_test.is_(False),
    ]
    if tenant != EVERY:
        which.append(outbox.c.tenant == tenant)
    columns = ("message_id", "gateway", "chain", "chain_position", "route")
    return connection.execute(select(*(outbox.c[name] for name in columns)).where(*which)).all()


def _comes_from(row: Row[Any], gateway: str, senders: Collection[str]) -> bool:
    return EVERY in senders or optouts.sender_of(row, gateway) in senders


def _shorten(connection: Connection, row: Row[Any], senders: Collection[str]) -> None:
    """Leave gateways that would send from there out of what may still follow."""
    chain = json.loads(row.chain)
    gone, ahead = chain[: row.chain_position + 1], chain[row.chain_position + 1 :]
    left = [*gone, *(name for name in ahead if not _comes_from(row, name, senders))]
    if left != chain:
        connection.execute(
            update(outbox)
            .where(outbox.c.message_id == row.message_id)
            .values(chain=json.dumps(left))
        )
