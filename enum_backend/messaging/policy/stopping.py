"""Opting out, with everything that waits to be sent: a STOP counts from now on, not later."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from enum_backend.gateways.base import Reason
from enum_backend.messaging.changes import Change, apply, final
from enum_backend.messaging.leaving import WAITING
from enum_backend.messaging.model import MessageKind, MessageState
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.optouts import EVERY, Source
from enum_backend.messaging.senders import picked_by
from enum_backend.storage.locks import serialize
from enum_backend.storage.many import Listed
from enum_backend.storage.tables import outbox

_Stop = tuple[str, frozenset[str]]
"""(tenant, senders)"""

_WAITS = Listed(
    outbox.c.destination,
    lambda among: select(
        *(
            outbox.c[name]
            for name in (
                "message_id",
                "tenant",
                "destination",
                "gateway",
                "chain",
                "chain_position",
                "route",
            )
        )
    ).where(
        among,
        outbox.c.state.in_(WAITING),
        # The answer to STOP is the one message that still goes out.
        outbox.c.kind != MessageKind.REPLY,
        outbox.c.is_test.is_(False),
    ),
)

_REFUSED = Listed(
    outbox.c.message_id,
    lambda among: select(
        outbox.c.tenant, outbox.c.destination, outbox.c.gateway, outbox.c.route
    ).where(among),
)


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
    wait_for_turn(connection)
    is_new = optouts.record(connection, tenant, sender, recipient, source, now)
    _end(connection, {recipient: [(tenant, _senders(sender, gateway))]}, now)
    return is_new


def stop_refused(connection: Connection, message_ids: Collection[str], now: int) -> None:
    """Do the same for what providers say when they refuse messages as `opted_out`.

    Whether they say so at once or in a report. A few statements for all.
    """
    if not message_ids:
        return
    wait_for_turn(connection)
    wanted = set()
    stops: dict[str, list[_Stop]] = {}
    for row in _REFUSED.run(connection, sorted(message_ids)):
        sender = optouts.sender_of(row)
        wanted.add((row.tenant, sender, row.destination))
        stops.setdefault(row.destination, []).append((row.tenant, _senders(sender, row.gateway)))
    optouts.record_refused(connection, wanted, now)
    _end(connection, stops, now)


def wait_for_turn(connection: Connection) -> None:
    """Wait until nobody accepts, so that no message slips in between the look and the commit.

    A transaction that also changes messages begins with it: those who accept lock in this order.
    """
    serialize(connection, "outbox")


def _senders(sender: str, gateway: str | None) -> frozenset[str]:
    return frozenset({sender, picked_by(gateway)} if gateway else {sender})


def _end(connection: Connection, stops: Mapping[str, Sequence[_Stop]], now: int) -> None:
    """End what waits, or shorten its way; `stops` are those of each recipient."""
    ended = []
    for row in _WAITS.run(connection, stops):
        senders = frozenset[str]().union(
            *(what for tenant, what in stops[row.destination] if tenant in (row.tenant, EVERY))
        )
        if _comes_from(row, row.gateway, senders):
            values = final(MessageState.FAILED) | {"reason": Reason.OPTED_OUT}
            ended.append(Change(row.message_id, WAITING, values))
        elif senders:
            _shorten(connection, row, senders)
    apply(connection, ended, now)


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
