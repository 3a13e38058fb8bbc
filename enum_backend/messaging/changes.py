"""Changes of stored messages: every change of a message's state is made here.

Functions of a connection inside a transaction, for many messages at once. Each
changes a message only from the states it expects, so that a late answer cannot
undo what is known by now; what a message costs is corrected in the day's spend in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from enum_backend.gateways.base import Cost, Reason
from enum_backend.messaging.model import MessageState, to_micros
from enum_backend.numbers import spending
from enum_backend.storage.many import FromRows, Listed, kind
from enum_backend.storage.tables import attempts, outbox

_NEVER_BILLED = frozenset({MessageState.FAILED, MessageState.EXPIRED, MessageState.CANCELED})


_ROWS = Listed(
    outbox.c.message_id,
    lambda among: (
        select(
            outbox.c.id,
            outbox.c.message_id,
            outbox.c.tenant,
            outbox.c.client,
            outbox.c.created_at,
            outbox.c.erase_body,
            outbox.c.is_test,
            outbox.c.attempts_made,
            outbox.c.state,
            outbox.c.cost_micros,
        )
        .where(among)
        # In one order everywhere, so that two transactions do not wait for each other.
        .order_by(outbox.c.id)
        .with_for_update()
    ),
)

_AMBIGUOUS = Listed(
    attempts.c.message_id,
    lambda among: select(attempts.c.message_id).where(among, attempts.c.outcome == "ambiguous"),
)


@cache
def _update(names: tuple[str, ...], *, erases: bool) -> FromRows:
    """Sets some columns of messages; few sets of names ever occur."""
    setting = [f"{name} = given.{name}" for name in names]
    setting += ["body = NULL"] if erases else []
    return FromRows(
        f"UPDATE outbox SET {', '.join([*setting, 'updated_at = :now'])}"  # noqa: S608 - our names
        " FROM {given} WHERE outbox.id = given.id",
        {"id": "bigint"} | {name: kind(outbox.c[name]) for name in names},
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What one message turns into, if it is in one of the states `of`.

    Attributes:
        values: columns of the outbox; texts and integers.
        attempt: the change counts only while this is the latest attempt; None = always.
        outright: made as it stands, also where an earlier attempt may have been sent.
    """

    message_id: str
    of: Collection[MessageState]
    values: Mapping[str, Any]
    attempt: int | None = None
    outright: bool = False


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a message goes next.

    Attributes:
        position: of the gateway in the message's chain.
        estimate: what that gateway is expected to charge; None where no price is known.
    """

    gateway: str
    position: int
    estimate: Cost | None


def apply(connection: Connection, changes: Sequence[Change], now: int) -> list[MessageState | None]:
    """Make changes, at most one per message; the new state of each, None = not made.

    A message that an earlier attempt may have sent does not fail, expire or get
    canceled: it ends as `unknown`, and costs what it did.
    """
    if not changes:
        return []
    rows = _rows(connection, [change.message_id for change in changes])
    perhaps_sent = _perhaps_sent(connection, changes, rows)
    made: dict[tuple[tuple[str, ...], bool], list[list[Any]]] = {}
    costs: dict[tuple[str, int], int] = {}
    states: list[MessageState | None] = []
    for change in changes:
        row = rows.get(change.message_id)
        if (
            row is None
            or row["state"] not in change.of
            or change.attempt not in (None, row["attempts_made"])
        ):
            states.append(None)
            continue
        values = change.values
        if change.message_id in perhaps_sent:
            values = _left_open(values, row)
        state = MessageState(values.get("state") or row["state"])
        if row["erase_body"] and state in _MAY_BE_SENT and row["state"] not in _MAY_BE_SENT:
            states.append(None)  # its text is gone
            continue
        if state in _NEVER_BILLED:
            values = {**values, "cost_micros": None, "cost_currency": None}
        if "cost_micros" in values:
            _count_cost(costs, row, values["cost_micros"])
        erases = row["erase_body"] and state not in _MAY_BE_SENT
        made.setdefault((tuple(values), erases), []).append([row["id"], *values.values()])
        states.append(state)
    for (names, erases), rows_of in made.items():
        _update(names, erases=erases).run(connection, rows_of, now=now)
    spending.add(connection, costs)
    return states


_MAY_BE_SENT = frozenset({MessageState.SCHEDULED, MessageState.QUEUED, MessageState.DISPATCHING})
"""States in which the text is still needed."""


def _rows(connection: Connection, message_ids: list[str]) -> dict[str, RowMapping]:
    found = _ROWS.run(connection, message_ids).mappings()
    return {row["message_id"]: row for row in found}


def _perhaps_sent(
    connection: Connection, changes: Sequence[Change], rows: Mapping[str, RowMapping]
) -> set[str]:
    """The messages that an earlier attempt may have sent, of those it makes a difference for."""
    asked = [
        change.message_id
        for change in changes
        if not change.outright
        and (row := rows.get(change.message_id)) is not None
        and row["attempts_made"] > (0 if change.attempt is None else 1)
        and (change.values.get("state") in _NEVER_BILLED or "chain_position" in change.values)
    ]
    return set(_AMBIGUOUS.run(connection, asked).scalars()) if asked else set()


def _left_open(values: Mapping[str, Any], row: RowMapping) -> dict[str, Any]:
    """The columns of a change, for a message that an earlier attempt may have sent."""
    if values["state"] in _NEVER_BILLED:
        reason = values.get("reason") or Reason.UNKNOWN
        return {**values, "state": MessageState.UNKNOWN, "reason": reason}
    if (values["cost_micros"] or 0) < (row["cost_micros"] or 0):
        return {name: value for name, value in values.items() if not name.startswith("cost_")}
    return {**values}


def _count_cost(costs: dict[tuple[str, int], int], row: RowMapping, micros: int | None) -> None:
    if row["is_test"]:
        return
    change = (micros or 0) - (row["cost_micros"] or 0)
    for scope in spending.scopes(row["tenant"], row["client"]) if change else ():
        key = (scope, row["created_at"])
        costs[key] = costs.get(key, 0) + change


def final(state: MessageState) -> dict[str, Any]:
    """Columns of a message that nobody works on any more."""
    return {
        "state": state,
        "reason": None,
        "next_attempt_at": None,
        "lease_owner": None,
        "lease_until": None,
    }


def moved_on(hop: Hop) -> dict[str, Any]:
    """Columns of a message that goes to another gateway of its chain, at once.

    From now on it counts with what that gateway charges, whatever the ceilings say: it
    is accepted.
    """
    micros, currency = to_micros(hop.estimate)
    return {
        "state": MessageState.QUEUED,
        "gateway": hop.gateway,
        "chain_position": hop.position,
        "cost_micros": micros,
        "cost_currency": currency,
        "attempts_at_gateway": 0,
        "next_attempt_at": 0,
        "lease_owner": None,
        "lease_until": None,
    }


def learned_cost(cost: Cost | None) -> dict[str, Any]:
    """Columns of what a provider reports to charge; nothing where it says nothing credible."""
    micros, currency = to_micros(cost)
    return {} if micros is None else {"cost_micros": micros, "cost_currency": currency}


def again(due: int) -> dict[str, Any]:
    """Columns of a message that waits to be sent again, from `due` (milliseconds) on."""
    return {
        "state": MessageState.QUEUED,
        "next_attempt_at": due,
        "lease_owner": None,
        "lease_until": None,
    }
