"""Which SIM card sends the next message.

Carriers block cards that send like a machine, so each has a number of messages
in 24 hours and, if wanted, a pause between two of them. The cards take turns.
Counts are kept in memory, by each process for itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from enum_backend.gateways.base import GatewayError, Reason

DAY = 86_400.0


@dataclass(slots=True, eq=False)
class Sim:
    """One card.

    Attributes:
        phone: place of its phone among the gateway's.
        slot: 1-3, None for the phone's default card.
        number: `+E.164`, empty if not told.
        daily_limit: messages in any 24 hours.
        sent: when it sent, the last 24 hours.
    """

    phone: int
    slot: int | None
    number: str
    daily_limit: int
    sent: deque[float] = field(default_factory=deque)

    def wait(self, now: float, interval: float) -> float:
        """Seconds until it may send again, 0 = now."""
        while self.sent and self.sent[0] <= now - DAY:
            self.sent.popleft()
        pause = self.sent[-1] + interval - now if self.sent else 0.0
        if len(self.sent) >= self.daily_limit:
            pause = max(pause, self.sent[-self.daily_limit] + DAY - now)
        return max(0.0, pause)


class SimRota:
    """The gateway's cards, in turn.

    Args:
        sims: in the order of the settings.
        interval: seconds between two messages of one card.
        clock: seconds, never going back.
    """

    def __init__(
        self, sims: Sequence[Sim], interval: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.sims = tuple(sims)
        self._interval = interval
        self._clock = clock
        self._next = 0

    def take(
        self, number: str = "", *, phone: int | None = None, not_phones: Collection[int] = ()
    ) -> Sim:
        """The next card with room; the message counts from now on.

        Args:
            number: the sender that was asked for, empty = any card.
            phone: only cards of this phone.
            not_phones: none of these phones.

        Raises:
            GatewayError: `invalid_sender` if no card has that number, `rate_limited`
                with `retry_after` if all that fit have sent enough for now.
        """
        fitting = [
            place
            for place in (*range(self._next, len(self.sims)), *range(self._next))
            if number in ("", self.sims[place].number)
            and phone in (None, self.sims[place].phone)
            and self.sims[place].phone not in not_phones
        ]
        if not fitting:
            raise GatewayError(Reason.INVALID_SENDER, "no SIM has the number of the sender")
        now = self._clock()
        waits = {place: self.sims[place].wait(now, self._interval) for place in fitting}
        free = [place for place in fitting if not waits[place]]
        if not free:
            raise GatewayError(
                Reason.RATE_LIMITED,
                "every SIM has sent enough for now",
                retry_after=min(waits.values()),
            )
        sim: Sim = self.sims[free[0]]
        sim.sent.append(now)
        self._next = (free[0] + 1) % len(self.sims)
        return sim

    @staticmethod
    def give_back(sim: Sim) -> None:
        """The message that `take` counted last on this card was surely not sent."""
        sim.sent.pop()
