"""Which SIM card sends the next message.

Carriers block cards that send like a machine, so each has a number of messages
in 24 hours and, if wanted, a pause between two of them. The cards take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from enum_backend.clock import now_ms
from enum_backend.gateways.android_ledger import (
    DAY_MS,
    MemorySimLedger,
    Reservation,
    SimLedger,
)
from enum_backend.gateways.base import GatewayError, Reason


@dataclass(frozen=True, slots=True)
class Sim:
    """One card.

    Attributes:
        card: what its messages are counted under; the same after a restart.
        phone: place of its phone among the gateway's.
        slot: 1-3, None for the phone's default card.
        number: `+E.164`, empty if not told.
        daily_limit: messages in any 24 hours.
    """

    card: str
    phone: int
    slot: int | None
    number: str
    daily_limit: int

    def wait(self, sent: Sequence[int], now: int, interval: float) -> float:
        """Seconds until it may send again, 0 = now.

        Args:
            sent: when it sent in the last 24 hours, in ms, oldest first.
            now: in ms; a clock that was set back never makes the wait longer than
                the pause or the day.
            interval: seconds between two messages.
        """
        times = [min(at, now) for at in sent]
        pause = times[-1] + interval * 1000 - now if times else 0.0
        if len(times) >= self.daily_limit:
            pause = max(pause, times[-self.daily_limit] + DAY_MS - now)
        return max(0.0, pause / 1000)


@dataclass(frozen=True, slots=True)
class Turn:
    """A card that a message was counted on."""

    sim: Sim
    reservation: Reservation


class SimRota:
    """The gateway's cards, in turn.

    Args:
        sims: in the order of the settings.
        interval: seconds between two messages of one card.
        clock: milliseconds since 1970.

    Attributes:
        ledger: where messages are counted; in memory unless replaced before use.
    """

    def __init__(
        self, sims: Sequence[Sim], interval: float, clock: Callable[[], int] = now_ms
    ) -> None:
        self.sims = tuple(sims)
        self.ledger: SimLedger = MemorySimLedger()
        self._interval = interval
        self._clock = clock
        self._next = 0

    async def take(
        self,
        own_id: str,
        number: str = "",
        *,
        phone: int | None = None,
        not_phones: Collection[int] = (),
    ) -> Turn:
        """The next card with room; the message counts from now on.

        Args:
            own_id: the message's id, as the phone gets it.
            number: the sender that was asked for, empty = any card.
            phone: only cards of this phone.
            not_phones: none of these phones.

        Raises:
            GatewayError: `invalid_sender` if no card has that number, `rate_limited`
                with `retry_after` if all that fit have sent enough for now,
                `temporary_unavailable` if the counts cannot be had.
        """
        fitting: dict[str, int] = {
            self.sims[place].card: place
            for place in (*range(self._next, len(self.sims)), *range(self._next))
            if number in ("", self.sims[place].number)
            and phone in (None, self.sims[place].phone)
            and self.sims[place].phone not in not_phones
        }
        if not fitting:
            raise GatewayError(Reason.INVALID_SENDER, "no SIM has the number of the sender")
        now = self._clock()

        def choose(sent: Mapping[str, Sequence[int]]) -> str:
            waits = {
                card: self.sims[place].wait(sent[card], now, self._interval)
                for card, place in fitting.items()
            }
            free = [card for card, wait in waits.items() if not wait]
            if not free:
                raise GatewayError(
                    Reason.RATE_LIMITED,
                    "every SIM has sent enough for now",
                    retry_after=min(waits.values()),
                )
            return free[0]

        reservation = await self.ledger.reserve(own_id, fitting, now, choose)
        place = fitting[reservation.card]
        self._next = (place + 1) % len(self.sims)
        return Turn(self.sims[place], reservation)

    async def give_back(self, turn: Turn) -> None:
        """The message of this turn was surely not sent."""
        await self.ledger.give_back(turn.reservation)

    async def holder(self, own_id: str) -> int | None:
        """The phone that may have a message, None if that is not known (any more).

        Raises:
            GatewayError: the counts cannot be had.
        """
        card = await self.ledger.holder(own_id)
        return next((sim.phone for sim in self.sims if sim.card == card), None)
