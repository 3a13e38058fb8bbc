"""Load: keep-alive connections that write ready-made requests and note when each was answered.

Two ways: as fast as answers come (`saturate`), and at a fixed rate whatever the
answers do (`at_rate`). At a fixed rate a request's latency counts from the
moment it was due, so a stalled server cannot hide its stall by slowing us down
("co-ordinated omission").
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

Address = tuple[str, int]
"""Host and port."""

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_TICK_SECONDS = 0.001
_SETTLE_SECONDS = 15.0
"""How long answers to what was written are waited for at the end."""


@dataclass(slots=True)
class Sample:
    """What was answered.

    Attributes:
        since, until: moments of the monotonic clock; requests due between them count.
        latencies: seconds from due to answered with 2xx; infinite for all others.
        refused: answers other than 2xx by status; 0 stands for no answer.
        total: 2xx answers, those outside the two moments included.
    """

    since: float
    until: float
    latencies: array[float] = field(default_factory=lambda: array("d"))
    refused: Counter[int] = field(default_factory=Counter)
    total: int = 0

    @property
    def rate(self) -> float:
        """2xx answers a second."""
        answered = sum(map(math.isfinite, self.latencies))
        return answered / (self.until - self.since)

    def quantile(self, share: float) -> float:
        """A latency in seconds."""
        ordered = sorted(self.latencies) or [math.inf]
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def note(self, due: float, status: int) -> None:
        """An answer that came now, or (0) will never come."""
        taken = 200 <= status < 300
        if taken:
            self.total += 1
        else:
            self.refused[status] += 1
        if self.since <= due < self.until:
            self.latencies.append(time.monotonic() - due if taken else math.inf)


class _Connection(asyncio.Protocol):
    """One request at a time."""

    transport: asyncio.Transport

    def __init__(self, done: Callable[[_Connection, int], None]) -> None:
        self._done = done
        self._buffer = b""
        self.due = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.give_up()

    def give_up(self) -> None:
        """There will be no answer any more."""
        if self.busy:
            self.busy = False
            self._done(self, 0)
        self.transport.abort()

    def write(self, octets: bytes, due: float) -> None:
        """Send a request that was due at a moment."""
        self.due, self.busy = due, True
        self.transport.write(octets)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end >= 0:
            found = _LENGTH.search(buffer, 0, end)
            if len(buffer) >= end + 4 + (int(found[1]) if found else 0):
                self._buffer = b""
                self.busy = False
                self._done(self, int(buffer[9:12]))
                return
        self._buffer = buffer


async def saturate(
    addresses: Sequence[Address],
    requests: Iterator[bytes],
    *,
    connections: int,
    seconds: float,
    warm_up: float,
    at_most: float = math.inf,
) -> Sample:
    """Write the next request as soon as one is answered.

    Args:
        connections: how many requests at once, shared out among the addresses.
        seconds: how long requests count, after `warm_up` seconds.
        at_most: end earlier, after so many requests.
    """
    written = 0

    def write(connection: _Connection) -> None:
        nonlocal written
        now = time.monotonic()
        if written < at_most and now < sample.until:
            written += 1
            connection.write(next(requests), now)

    def done(connection: _Connection, status: int) -> None:
        sample.note(connection.due, status)
        if status:
            write(connection)

    opened = await _open(addresses, connections, done)
    start = time.monotonic()
    sample = Sample(start + warm_up, start + warm_up + seconds)
    for connection in opened:
        write(connection)
    while time.monotonic() < sample.until and any(one.busy for one in opened):
        await asyncio.sleep(0.01)
    await _settle(opened)
    return sample


async def at_rate(
    addresses: Sequence[Address],
    requests: Iterator[bytes],
    *,
    rate: float,
    connections: int,
    seconds: float,
    warm_up: float,
) -> Sample:
    """Write `rate` requests a second; one that finds no free connection waits for it."""
    free: deque[_Connection] = deque()
    waiting: deque[float] = deque()

    def done(connection: _Connection, status: int) -> None:
        sample.note(connection.due, status)
        if not status:
            return
        if waiting:
            connection.write(next(requests), waiting.popleft())
        else:
            free.append(connection)

    opened = await _open(addresses, connections, done)
    free.extend(opened)
    start = time.monotonic()
    sample = Sample(start + warm_up, start + warm_up + seconds)
    written = 0
    while (now := time.monotonic()) < sample.until:
        while (due := start + written / rate) <= now:
            written += 1
            if free:
                free.popleft().write(next(requests), due)
            else:
                waiting.append(due)
        await asyncio.sleep(_TICK_SECONDS)
    await _settle(opened, waiting)
    for due in waiting:
        sample.note(due, 0)
    return sample


async def _open(
    addresses: Sequence[Address], connections: int, done: Callable[[_Connection, int], None]
) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    opened = []
    for number in range(connections):
        host, port = addresses[number % len(addresses)]
        _, connection = await loop.create_connection(lambda: _Connection(done), host, port)
        opened.append(connection)
    return opened


async def _settle(opened: Sequence[_Connection], waiting: Sequence[float] = ()) -> None:
    """Wait for what is under way, then close."""
    end = time.monotonic() + _SETTLE_SECONDS
    while (waiting or any(one.busy for one in opened)) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    for connection in opened:
        connection.give_up()
