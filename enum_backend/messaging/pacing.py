"""How fast one gateway, and one sender at it, may send: token buckets in the database.

Carriers block a number that sends too fast, and a phone's SIM sooner still. They do not
care which of our processes sent, nor that one was restarted: what was sent is counted in
the transaction that begins to send.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import gateway_paces, sender_paces

BURST_SECONDS = 0.1
"""What may leave at once after a pause: what so much time brings, one message at least."""

_EMPTY_AT = select(gateway_paces.c.empty_at).where(gateway_paces.c.gateway == bindparam("gateway"))

_ADDED = insert(gateway_paces)
_COUNT = _ADDED.on_conflict_do_update(
    index_elements=["gateway"], set_={"empty_at": _ADDED.excluded.empty_at}
)

_WAITING = select(sender_paces.c.sender, sender_paces.c.ready_at).where(
    sender_paces.c.gateway == bindparam("gateway"),
    sender_paces.c.ready_at > bindparam("now"),
    sender_paces.c.ready_at <= bindparam("latest"),
)

_FORGET = delete(sender_paces).where(
    and_(
        sender_paces.c.gateway == bindparam("of_gateway"),
        or_(
            sender_paces.c.ready_at <= bindparam("now"),
            sender_paces.c.ready_at > bindparam("latest"),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Held:
    """Until when a pace holds messages back, milliseconds; 0 = it does not.

    Attributes:
        whole: of the whole gateway.
        sender: of the first of the senders that may not send yet.
    """

    whole: int = 0
    sender: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """What a gateway's settings allow, all processes together.

    Attributes:
        per_second: messages a second; 0 = no limit.
        sender_pause: seconds between two messages of one sender; 0 = none.
        own: the number that the gateway sends from where a message names none.
    """

    per_second: float
    sender_pause: float
    own: str = ""

    def sender_key(self, sender: str | None) -> str:
        """How a message's sender is counted: "" = the gateway's own number, named or not."""
        return "" if sender is None or sender == self.own else sender

    @property
    def interval(self) -> int:
        """Microseconds from one message to the next, where there is a rate."""
        return int(1e6 / self.per_second)

    def begin(self, connection: Connection, gateway: str, now: int) -> Pacing:
        """What may go now; nobody else counts at this gateway until the transaction ends.

        Args:
            now: milliseconds.
        """
        serialize(connection, f"pace of {gateway}")
        waiting: dict[str, int] = {}
        if self.sender_pause:
            pause = int(self.sender_pause * 1000)
            # Later ones were written before the clock was set back.
            values = {"gateway": gateway, "now": now, "latest": now + pause}
            waiting = {row.sender: row.ready_at for row in connection.execute(_WAITING, values)}
        empty_at = 0
        if self.per_second:
            found = connection.execute(_EMPTY_AT, {"gateway": gateway}).scalar_one_or_none()
            full_since = now * 1000 - int(max(1.0, self.per_second * BURST_SECONDS) * self.interval)
            empty_at = min(max(found or 0, full_since), now * 1000)
        return Pacing(self, gateway, now, empty_at, waiting)


class Pacing:
    """The buckets of one gateway inside one transaction.

    Args:
        empty_at: microseconds; when the bucket last held nothing. It fills since then,
            and holds what `BURST_SECONDS` bring, one message at least.
        waiting: senders that may not send yet -> when they may; "" = the gateway's own.
    """

    def __init__(
        self, pace: Pace, gateway: str, now: int, empty_at: int, waiting: dict[str, int]
    ) -> None:
        self._pace = pace
        self._gateway = gateway
        self._now = now
        self._empty_at = empty_at
        self._waiting = waiting

    @property
    def waiting(self) -> frozenset[str]:
        """Senders that may not send now, as messages name them."""
        own = {self._pace.own} if "" in self._waiting else set()
        return frozenset(self._waiting) | own

    def places(self, wanted: int) -> int:
        """How many of `wanted` messages may go now."""
        if not self._pace.per_second:
            return wanted
        return min(wanted, (self._now * 1000 - self._empty_at) // self._pace.interval)

    def count(self, connection: Connection, senders: Sequence[str | None]) -> Held | None:
        """Count one message of each of these senders; what is held back from then on."""
        if senders and self._pace.per_second:
            self._empty_at += len(senders) * self._pace.interval
            connection.execute(_COUNT, {"gateway": self._gateway, "empty_at": self._empty_at})
        if senders and self._pace.sender_pause:
            self._pause(connection, {self._pace.sender_key(sender) for sender in senders})
        whole = 0 if self.places(1) else -(-(self._empty_at + self._pace.interval) // 1000)
        sender = min(self._waiting.values(), default=0)
        return Held(whole, sender) if whole or sender else None

    def _pause(self, connection: Connection, senders: Collection[str]) -> None:
        pause = int(self._pace.sender_pause * 1000)
        old = {"of_gateway": self._gateway, "now": self._now, "latest": self._now + pause}
        connection.execute(_FORGET, old)
        self._waiting |= dict.fromkeys(senders, self._now + pause)
        connection.execute(
            insert(sender_paces),
            [
                {"gateway": self._gateway, "sender": sender, "ready_at": self._now + pause}
                for sender in sorted(senders)
            ],
        )
