"""What each SIM card has sent in the last 24 hours, and which card got a message.

A gateway used as a library keeps this in memory; a server gives it a
`DatabaseSimLedger`, so that a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

DAY_MS = 86_400_000

Chooser = Callable[[Mapping[str, Sequence[int]]], str]
"""Card -> when it sent (ms, oldest first, the last 24 hours); returns the card to use.
May raise, which reserves nothing, and may be called again."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """One message counted on one card; `place` tells it from the card's others."""

    card: str
    place: int


class SimLedger(Protocol):
    """Counts messages. All methods raise `GatewayError` when the counts cannot be had."""

    async def reserve(
        self, own_id: str, cards: Collection[str], at: int, choose: Chooser
    ) -> Reservation:
        """Count a message on the card that `choose` names; nobody else counts meanwhile.

        Args:
            own_id: the message's id, as the phone gets it.
            at: now, in ms.
        """

    async def give_back(self, reservation: Reservation) -> None:
        """Count it no more: the message was surely not sent."""

    async def holder(self, own_id: str) -> str | None:
        """The card that a message was last counted on, if that was in the last 24 hours."""


@dataclass(frozen=True, slots=True)
class _Counted:
    reservation: Reservation
    own_id: str
    at: int


class MemorySimLedger:
    """A ledger for one process and one life."""

    def __init__(self) -> None:
        self._counted: list[_Counted] = []
        self._last_place = 0

    async def reserve(
        self, own_id: str, cards: Collection[str], at: int, choose: Chooser
    ) -> Reservation:
        """See `SimLedger`."""
        self._counted = [item for item in self._counted if item.at > at - DAY_MS]
        sent: dict[str, list[int]] = {card: [] for card in cards}
        for item in self._counted:
            if item.reservation.card in sent:
                sent[item.reservation.card].append(item.at)
        self._last_place += 1
        reservation = Reservation(choose(sent), self._last_place)
        self._counted.append(_Counted(reservation, own_id, at))
        return reservation

    async def give_back(self, reservation: Reservation) -> None:
        """See `SimLedger`."""
        self._counted = [item for item in self._counted if item.reservation != reservation]

    async def holder(self, own_id: str) -> str | None:
        """See `SimLedger`."""
        held = (item.reservation.card for item in reversed(self._counted) if item.own_id == own_id)
        return next(held, None)
