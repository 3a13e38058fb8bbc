"""What became of a message: accepted, refused, expired, unknown; and when it is tried again.

Functions of a connection inside a transaction; each changes a message only from
the state it expects, so that a late answer cannot undo what is known by now.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select, update

from enum_backend.gateways.base import Cost, GatewayError, ProviderStatus, Reason, SendResult
from enum_backend.messaging.model import MessageState, to_micros
from enum_backend.messaging.queue import Claimed
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


def record_accepted(
    connection: Connection, message_id: str, number: int, result: SendResult, now: int
) -> MessageState | None:
    """The provider took it. Returns the new state, None if the message moved on meanwhile.

    One that waits to be sent again is settled as well: a late answer stops the double.
    """
    provider_id = _clip(result.provider_message_id, ID_CHARACTERS)
    _finish_attempt(
        connection, message_id, number, now, outcome="accepted", provider_message_id=provider_id
    )
    state = STATE_OF[result.status]
    values = {"provider_message_id": provider_id} | learned_cost(state, result.cost)
    if result.segments is not None and 1 <= result.segments <= MAX_SEGMENTS:
        values["segments"] = result.segments
    return _settle(connection, message_id, state, now, MessageState.QUEUED, **values)


def learned_cost(state: MessageState, cost: Cost | None) -> dict[str, Any]:
    """Columns of what a provider reports to charge; nothing where it says nothing credible."""
    if state in _NEVER_BILLED:
        return {"cost_micros": None, "cost_currency": None}
    micros, currency = to_micros(cost)
    return {} if micros is None else {"cost_micros": micros, "cost_currency": currency}


def record_failure(
    connection: Connection,
    claimed: Claimed,
    number: int,
    error: GatewayError,
    *,
    now: int,
    retry_at: int | None,
    fail_over: bool,
) -> MessageState | None:
    """The provider refused it: repeat at `retry_at`, go to the next gateway, or end it.

    An ambiguous error with neither ends as `unknown`, and so does a provider's
    word that it had the message before. A repeat waits no longer than the message
    is valid.
    """
    why = _why(error)
    _finish_attempt(
        connection,
        claimed.message_id,
        number,
        now,
        outcome="ambiguous" if error.ambiguous else "refused",
        **why,
    )
    if fail_over and claimed.next_gateway is not None:
        return _requeue(
            connection,
            claimed.message_id,
            now,
            now,
            gateway=claimed.next_gateway,
            chain_position=claimed.position + 1,
            attempts_at_gateway=0,
            **why,
        )
    if retry_at is not None:
        due = min(retry_at, claimed.valid_until)
        return _requeue(connection, claimed.message_id, due, now, **why)
    perhaps_sent = error.ambiguous or error.reason is Reason.DUPLICATE
    state = MessageState.UNKNOWN if perhaps_sent else MessageState.FAILED
    return _settle(connection, claimed.message_id, state, now, **why)


def skip_gateway(
    connection: Connection, claimed: Claimed, owner: str, now: int
) -> MessageState | None:
    """The gateway whose turn it is is gone: the next one, or the end.

    Returns:
        The new state, None when the message moved on meanwhile.
    """
    held = [
        outbox.c.message_id == claimed.message_id,
        outbox.c.state == MessageState.QUEUED,
        outbox.c.lease_owner == owner,
    ]
    detail = f"gateway {claimed.gateway} is not configured now"
    if claimed.next_gateway is not None:
        state = MessageState.QUEUED
        values: dict[str, Any] = {
            "gateway": claimed.next_gateway,
            "chain_position": claimed.position + 1,
            "attempts_at_gateway": 0,
            "lease_owner": None,
            "lease_until": None,
            "detail": detail,
            "updated_at": now,
        }
    else:
        state = MessageState.FAILED
        values = _final(state, now) | {"reason": Reason.TEMPORARY_UNAVAILABLE, "detail": detail}
    changed = connection.execute(update(outbox).where(*held).values(**values)).rowcount
    _erase(connection, claimed.message_id)
    return state if changed else None


def expire(connection: Connection, claimed: Claimed, owner: str, now: int) -> MessageState | None:
    """Its validity is over before anybody took it. Returns the new state, None if it moved on."""
    changed = connection.execute(
        update(outbox)
        .where(
            outbox.c.message_id == claimed.message_id,
            outbox.c.state == MessageState.QUEUED,
            outbox.c.lease_owner == owner,
        )
        .values(**_final(MessageState.EXPIRED, now), reason=Reason.EXPIRED)
    ).rowcount
    _erase(connection, claimed.message_id)
    return MessageState.EXPIRED if changed else None


def settle_orphan(
    connection: Connection, message_id: str, state: MessageState, now: int, *, retry: bool
) -> MessageState | None:
    """End (or, when `retry`, queue again) a message whose last attempt nobody finished.

    Returns:
        The new state, None when somebody has finished it meanwhile.
    """
    standing = select(outbox.c.state).where(outbox.c.message_id == message_id)
    if connection.execute(standing).scalar_one_or_none() != MessageState.DISPATCHING:
        return None
    number = connection.execute(
        select(func.max(attempts.c.number)).where(attempts.c.message_id == message_id)
    ).scalar_one()
    outcome = "accepted" if state in STATE_OF.values() and not retry else "ambiguous"
    detail = "the process ended between writing the request and reading the answer"
    _finish_attempt(
        connection,
        message_id,
        number,
        now,
        outcome=outcome,
        reason=None if outcome == "accepted" else Reason.UNKNOWN,
        detail=detail,
    )
    if retry:
        return _requeue(connection, message_id, now, now, detail=detail)
    return _settle(connection, message_id, state, now, detail=detail)


def _finish_attempt(
    connection: Connection, message_id: str, number: int, now: int, **values: Any
) -> None:
    connection.execute(
        update(attempts)
        .where(attempts.c.message_id == message_id, attempts.c.number == number)
        .values(finished_at=now, **values)
    )


def _settle(
    connection: Connection,
    message_id: str,
    state: MessageState,
    now: int,
    *also_from: MessageState,
    **values: Any,
) -> MessageState | None:
    """Final state of a message in `dispatching`; an `unknown` one may still learn the truth."""
    changed = connection.execute(
        update(outbox)
        .where(
            outbox.c.message_id == message_id,
            outbox.c.state.in_([MessageState.DISPATCHING, MessageState.UNKNOWN, *also_from]),
        )
        .values(**{"reason": None, **_final(state, now), **values})
    ).rowcount
    if not changed:
        return None
    _erase(connection, message_id)
    return state


def _requeue(
    connection: Connection, message_id: str, due: int, now: int, **values: Any
) -> MessageState | None:
    changed = connection.execute(
        update(outbox)
        .where(outbox.c.message_id == message_id, outbox.c.state == MessageState.DISPATCHING)
        .values(
            state=MessageState.QUEUED,
            next_attempt_at=due,
            lease_owner=None,
            lease_until=None,
            updated_at=now,
            **values,
        )
    ).rowcount
    return MessageState.QUEUED if changed else None


def _final(state: MessageState, now: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": state,
        "next_attempt_at": None,
        "lease_owner": None,
        "lease_until": None,
        "updated_at": now,
    }
    if state in _NEVER_BILLED:
        values |= {"cost_micros": None, "cost_currency": None}
    return values


def _erase(connection: Connection, message_id: str) -> None:
    """Erase the text of a message that asks for it once nothing can send it any more."""
    connection.execute(
        update(outbox)
        .where(
            outbox.c.message_id == message_id,
            outbox.c.erase_body,
            outbox.c.state.not_in([MessageState.QUEUED, MessageState.DISPATCHING]),
        )
        .values(body=None)
    )


def _why(error: GatewayError) -> dict[str, Any]:
    return {
        "reason": error.reason,
        "provider_code": _clip(error.provider_code, CODE_CHARACTERS),
        "detail": _clip(error.detail, DETAIL_CHARACTERS),
    }


def _clip(text: str | None, characters: int) -> str | None:
    """A provider's words as they can be stored: lone surrogates replaced, cut to the column."""
    return None if text is None else text[:characters].encode("utf-8", "replace").decode()
