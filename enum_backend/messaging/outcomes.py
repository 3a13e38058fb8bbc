"""How attempts end, and what that makes of their messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from enum_backend.gateways.base import (
    GatewayError,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.messaging.changes import (
    Change,
    Hop,
    again,
    apply,
    final,
    learned_cost,
    moved_on,
)
from enum_backend.messaging.model import MessageState, to_micros
from enum_backend.storage.many import FromRows, kind
from enum_backend.storage.tables import attempts

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

_IN_FLIGHT = frozenset({MessageState.DISPATCHING})
_UNSETTLED = _IN_FLIGHT | {MessageState.UNKNOWN}
"""A message that is `unknown` may still learn the truth."""


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
        values = again(retry_at)
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
    change = Change(message_id, _UNSETTLED, again(now), attempt=number)
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
    values = (again(now) if retry else final(state)) | {"detail": detail}
    change = Change(message_id, _IN_FLIGHT, values, attempt=number)
    return Outcome(message_id, number, finished, change)


def _failed(message_id: str, number: int, why: Mapping[str, Any]) -> Change:
    """A message called `unknown` too early that was not sent, and whose text is erased since."""
    values = final(MessageState.FAILED) | dict(why)
    return Change(message_id, {MessageState.UNKNOWN}, values, attempt=number)


def _why(error: GatewayError) -> dict[str, Any]:
    return {
        "reason": error.reason,
        "provider_code": _clip(error.provider_code, CODE_CHARACTERS),
        "detail": _clip(error.detail, DETAIL_CHARACTERS),
    }


def _clip(text: str | None, characters: int) -> str | None:
    """A provider's words as they can be stored: lone surrogates replaced, cut to the column."""
    return None if text is None else text[:characters].encode("utf-8", "replace").decode()
