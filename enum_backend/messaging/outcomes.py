"""What became of messages: every change of a stored message's state is made here.

Functions of a connection inside a transaction, for many messages at once. Each
changes a message only from the states it expects, so that a late answer cannot
undo what is known by now; what a message costs is corrected in the day's spend in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from enum_backend.gateways.base import (
    Cost,
    GatewayError,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.messaging.model import MessageState, to_micros
from enum_backend.numbers import spending
from enum_backend.storage.many import FromRows, Listed, kind
from enum_backend.storage.tables import attempts, outbox

DETAIL_CHARACTERS = 300
CODE_CHARACTERS = 64
ID_CHARACTERS = 128
MAX_SEGMENTS = 255

STATE_OF: dict[ProviderStatus, MessageState] = {
    ProviderStatus.QUEUED: MessageState.SENT,
    ProviderStatus.SENT: MessageState.SENT,
    ProviderStatus.DELIVERED: MessageState.DELIVERED,
    ProviderStatus.UNDELIVERED: MessageState.UNDELIVERED,
    ProviderStatus.FAILED: MessageState.FAILED,
    ProviderStatus.CANCELED: MessageState.CANCELED,
}
"""A message the provider has accepted counts as `sent` here."""

_NEVER_BILLED = frozenset({MessageState.FAILED, MessageState.EXPIRED, MessageState.CANCELED})

_IN_FLIGHT = frozenset({MessageState.DISPATCHING})
_UNSETTLED = _IN_FLIGHT | {MessageState.UNKNOWN}
"""A message that is `unknown` may still learn the truth."""


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


_FINISHED = (
    "outcome",
    "reason",
    "provider_code",
    "provider_message_id",
    "detail",
    "cost_micros",
    "cost_currency",
)

_FINISH = FromRows(
    f"UPDATE attempts SET {', '.join(f'{name} = given.{name}' for name in _FINISHED)},"  # noqa: S608
    " finished_at = :now FROM {given}"
    " WHERE attempts.message_id = given.message_id AND attempts.number = given.number"
    # Whoever looked after it meanwhile knows less than the provider's answer tells.
    " AND attempts.provider_message_id IS NULL",
    {name: kind(attempts.c[name]) for name in ("message_id", "number", *_FINISHED)},
)

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
class Outcome:
    """How one attempt ended.

    Attributes:
        number: of the attempt.
        finished: columns of its row.
        change: what the message turns into.
        otherwise: made where `change` is not: what is still learned of it.
    """

    message_id: str
    number: int
    finished: Mapping[str, Any] = field(repr=False)
    change: Change = field(repr=False)
    otherwise: Change | None = field(default=None, repr=False)


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


def record_many(
    connection: Connection, outcomes: Sequence[Outcome], now: int
) -> list[MessageState | None]:
    """Store how attempts ended; the new state of each message, None = it had moved on."""
    _FINISH.run(
        connection,
        [
            (outcome.message_id, outcome.number, *map(outcome.finished.get, _FINISHED))
            for outcome in outcomes
        ],
        now=now,
    )
    states = apply(connection, [outcome.change for outcome in outcomes], now)
    learned = {
        place: outcome.otherwise
        for place, (outcome, state) in enumerate(zip(outcomes, states, strict=True))
        if state is None and outcome.otherwise is not None
    }
    for place, state in zip(learned, apply(connection, [*learned.values()], now), strict=True):
        states[place] = state
    return states


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


def accepted(message_id: str, number: int, result: SendResult) -> Outcome:
    """The provider took it.

    A message that waits to be sent again is settled as well: a late answer stops the double.
    """
    provider_id = _clip(result.provider_message_id, ID_CHARACTERS)
    micros, currency = to_micros(result.cost)
    state = STATE_OF[result.status]
    told = {"provider_message_id": provider_id} | learned_cost(result.cost)
    if result.segments is not None and 1 <= result.segments <= MAX_SEGMENTS:
        told["segments"] = result.segments
    finished = {
        "outcome": "accepted",
        "provider_message_id": provider_id,
        "cost_micros": micros,
        "cost_currency": currency,
    }
    change = Change(message_id, _UNSETTLED | {MessageState.QUEUED}, final(state) | told)
    # A report can overtake the answer.
    overtaken = Change(message_id, {MessageState.DELIVERED}, told, attempt=number)
    return Outcome(message_id, number, finished, change, overtaken)


def refused(
    message_id: str,
    number: int,
    error: GatewayError,
    *,
    retry_at: int | None = None,
    next_hop: Hop | None = None,
) -> Outcome:
    """The provider refused it: repeat at `retry_at`, go to the next gateway, or end it.

    An ambiguous error with neither ends as `unknown`, and so does a provider's
    word that it had the message before.

    Args:
        retry_at: milliseconds; within the message's validity.
        next_hop: the gateway to go to.
    """
    why = _why(error)
    finished = {"outcome": "ambiguous" if error.ambiguous else "refused", **why}
    if next_hop is not None:
        values = moved_on(next_hop)
    elif retry_at is not None:
        values = _again(retry_at)
    else:
        perhaps_sent = error.ambiguous or error.reason is Reason.DUPLICATE
        values = final(MessageState.UNKNOWN if perhaps_sent else MessageState.FAILED)
    surely_not_sent = not error.ambiguous and error.reason is not Reason.DUPLICATE
    requeued = values["state"] == MessageState.QUEUED
    of = _UNSETTLED if surely_not_sent or not requeued else _IN_FLIGHT
    change = Change(message_id, of, values | why, attempt=number)
    otherwise = _failed(message_id, number, why) if requeued and surely_not_sent else None
    return Outcome(message_id, number, finished, change, otherwise)


def reported(message_id: str, status: StatusResult) -> Change:
    """What a provider, when asked, says of a message it took; never goes backwards."""
    values = {
        "state": STATE_OF[status.status],
        "reason": status.reason,
        "provider_code": status.provider_code,
    }
    values |= learned_cost(status.cost)
    return Change(message_id, {MessageState.SENT}, values, outright=True)


def withdrawn(message_id: str, number: int, why: str) -> Outcome:
    """It is wanted no more; nothing was written, so it ends here."""
    finished = {"outcome": "refused", "detail": f"not sent: {why}"}
    values = final(MessageState.CANCELED) | {"detail": why}
    return Outcome(
        message_id, number, finished, Change(message_id, _UNSETTLED, values, attempt=number)
    )


def not_sent(message_id: str, number: int, now: int) -> Outcome:
    """This process held it too long to send it safely; nothing was written, so it waits again.

    Another process may have called it `unknown` meanwhile: now it is known.
    """
    finished = {"outcome": "refused", "detail": "not sent: the lease was over"}
    change = Change(message_id, _UNSETTLED, _again(now), attempt=number)
    return Outcome(message_id, number, finished, change, _failed(message_id, number, {}))


def orphaned(
    message_id: str, number: int, state: MessageState, *, retry: bool, now: int
) -> Outcome:
    """End (or, when `retry`, queue again) a message whose last attempt nobody finished."""
    known = state in STATE_OF.values() and not retry
    detail = "the process ended between writing the request and reading the answer"
    finished = {
        "outcome": "accepted" if known else "ambiguous",
        "reason": None if known else Reason.UNKNOWN,
        "detail": detail,
    }
    values = (_again(now) if retry else final(state)) | {"detail": detail}
    change = Change(message_id, _IN_FLIGHT, values, attempt=number)
    return Outcome(message_id, number, finished, change)


def _failed(message_id: str, number: int, why: Mapping[str, Any]) -> Change:
    """A message called `unknown` too early that was not sent, and whose text is erased since."""
    values = final(MessageState.FAILED) | dict(why)
    return Change(message_id, {MessageState.UNKNOWN}, values, attempt=number)


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


def _again(due: int) -> dict[str, Any]:
    return {
        "state": MessageState.QUEUED,
        "next_attempt_at": due,
        "lease_owner": None,
        "lease_until": None,
    }


def _why(error: GatewayError) -> dict[str, Any]:
    return {
        "reason": error.reason,
        "provider_code": _clip(error.provider_code, CODE_CHARACTERS),
        "detail": _clip(error.detail, DETAIL_CHARACTERS),
    }


def _clip(text: str | None, characters: int) -> str | None:
    """A provider's words as they can be stored: lone surrogates replaced, cut to the column."""
    return None if text is None else text[:characters].encode("utf-8", "replace").decode()
