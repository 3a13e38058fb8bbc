"""What each gateway can take now, as this process sees it, and when to look again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple

from enum_backend.clock import now_ms
from enum_backend.gateways.base import Gateway
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.handover import lease_seconds
from enum_backend.messaging.pacing import Held, Pace
from enum_backend.messaging.queue import Room, Taken

POLL_SECONDS = 1.0
"""Longest pause between two looks."""
BUSY_POLL_SECONDS = 0.05
PUT_OFF_MS = 5000
"""For how long the messages of a broken gateway are put off at most where other processes
work, too: it may work for them."""


class Rooms:
    """The places of the gateways.

    Args:
        concurrency: requests at once per gateway.
        alone: no other process sends.
    """

    def __init__(self, pool: GatewayPool, concurrency: int, *, alone: bool) -> None:
        self._pool = pool
        self._concurrency = concurrency
        self._alone = alone
        self._busy: Counter[str] = Counter()
        self._held: dict[str, Held] = {}
        self._full: set[str] = set()
        self._ended = self._ended_before = 0

    def look(self, gateways: Iterable[Gateway]) -> dict[str, Room]:
        """The room of each gateway, before the queue is looked at."""
        rooms = {gateway.name: self._room(gateway) for gateway in gateways}
        self._full = {name for name, room in rooms.items() if not room.places}
        self._ended_before = self._ended
        return rooms

    def looked(self, rooms: Mapping[str, Room], taken: Taken) -> bool:
        """Note what was found; returns whether a place that is wanted came free meanwhile."""
        self._held |= {name: taken.held.get(name, Held()) for name in rooms if rooms[name].places}
        self._full |= set(taken.more)
        for message in taken.begun:
            self._busy[message.gateway] += 1
        return bool(self._full) and self._ended != self._ended_before

    def ends(self, gateway: str) -> bool:
        """A request is over; returns whether its place is wanted."""
        self._busy[gateway] -= 1
        self._ended += 1
        return gateway in self._full

    def pause_after(self, taken: Taken) -> float:
        """Seconds until the next look, if nobody calls meanwhile."""
        begun = Counter(message.gateway for message in taken.begun)
        if taken.left or any(begun[name] < places for name, places in taken.more.items()):
            return 0.0
        if begun:
            return BUSY_POLL_SECONDS
        now = now_ms()
        times = [until for held in self._held.values() for until in astuple(held) if until > now]
        if taken.due_at is not None:
            times.append(taken.due_at)
        soonest = (min(times) - now) / 1000 if times else POLL_SECONDS
        return min(POLL_SECONDS, max(soonest, BUSY_POLL_SECONDS))

    def _room(self, gateway: Gateway) -> Room:
        name = gateway.name
        health = self._pool.health(name)
        closed_until = None
        places = (1 if health == "half_open" else self._concurrency) - self._busy[name]
        if health == "open":
            left = int(self._pool.breakers.seconds_left(name) * 1000) + 1
            closed_until = now_ms() + (left if self._alone else min(left, PUT_OFF_MS))
        if self._held.get(name, Held()).whole > now_ms():
            places = 0
        options = gateway.options
        pace = Pace(options.per_second, options.sender_pause, options.sender)
        return Room(
            provider=gateway.provider,
            places=max(0, places),
            lease_ms=int(lease_seconds(gateway) * 1000),
            pace=pace if pace.per_second or pace.sender_pause else None,
            closed_until=closed_until,
        )
