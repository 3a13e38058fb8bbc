"""How many messages went out and came in, per stretch of time, however many there are.

Nothing is counted twice over: ids grow with time, so a stretch is a range of ids. A range
that is too long to be read at once is estimated from its latest messages.

Functions of a connection inside a transaction of `Database`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from enum_backend.messaging.list_pages import DEAD
from enum_backend.messaging.model import MessageState
from enum_backend.storage.tables import inbox, outbox

EXACT: Final = 20_000
"""Longest range of ids that is counted row by row."""
SAMPLE: Final = 5_000
"""Messages from which the states of a longer range are estimated."""

ARRIVED: Final = frozenset({MessageState.SENT, MessageState.DELIVERED})


@dataclass(frozen=True, slots=True)
class Counted:
    """The messages of one stretch.

    Attributes:
        arrived: sent or delivered; failed: ended without arriving.
        about: estimated.
    """

    total: int = 0
    arrived: int = 0
    failed: int = 0
    about: bool = False

    @property
    def success(self) -> float | None:
        """Per cent of those that have ended; None = none has."""
        ended = self.arrived + self.failed
        return 100 * self.arrived / ended if ended else None


def outbound(connection: Connection, first: int, end: int) -> Counted:
    """The outbound messages of `first <= id < end`."""
    if end - first <= EXACT:
        states = _states(connection, first, end)
        return Counted(sum(states.values()), *_outcome(states, 1))
    start = end - SAMPLE
    states = _states(connection, start, end)
    seen = sum(states.values())
    share = (end - first) / SAMPLE  # ids that nobody has count as in the sample
    return Counted(round(seen * share), *_outcome(states, share), about=True)


def inbound(connection: Connection, first: int, end: int) -> Counted:
    """The messages that came in, of `first <= id < end`."""
    if end - first > EXACT:
        return Counted(end - first, about=True)
    query = select(func.count()).where(inbox.c.id >= first, inbox.c.id < end)
    return Counted(connection.execute(query).scalar_one())


def _states(connection: Connection, first: int, end: int) -> dict[str, int]:
    rows = connection.execute(
        select(outbox.c.state, func.count())
        .where(outbox.c.id >= first, outbox.c.id < end)
        .group_by(outbox.c.state)
    )
    return {state: count for state, count in rows}  # noqa: C416


def _outcome(states: Mapping[str, int], share: float) -> tuple[int, int]:
    """(arrived, failed)"""
    arrived, failed = (sum(states.get(state, 0) for state in wanted) for wanted in (ARRIVED, DEAD))
    return round(arrived * share), round(failed * share)
