"""The UDP half of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

Answer = Callable[[bytes], Awaitable[bytes | None]]
"""A packet's octets -> the answer's, None for silence. Must not raise."""


class UdpEndpoint(asyncio.DatagramProtocol):
    """Answers datagrams, each in its own task.

    More than `max_inflight` unfinished look-ups are not begun: the packet is
    dropped, which a resolver takes as "ask again, or ask another server", and
    costs nothing. The same holds while the socket takes no more answers.

    Attributes:
        dropped: datagrams dropped so far.
    """

    def __init__(self, answer: Answer, max_inflight: int) -> None:
        self._answer = answer
        self._max_inflight = max_inflight
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self._blocked = False
        self._stopping = False
        self.dropped = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        # uvloop's transports are no asyncio.DatagramTransport, so no isinstance.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """One query."""
        if not addr[1]:  # port 0 is a forgery that no answer can reach
            return
        if self._blocked or self._stopping or len(self._tasks) >= self._max_inflight:
            self.dropped += 1
            return
        task = asyncio.get_running_loop().create_task(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def error_received(self, exc: Exception) -> None:
        """An earlier answer met a closed port; the client has gone, that is all."""

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        self._blocked = True

    def resume_writing(self) -> None:
        """The socket's buffer has room again."""
        self._blocked = False

    async def stop(self, grace: float) -> None:
        """Answer what has been begun, for at most `grace` seconds, then close."""
        self._stopping = True
        await finish(self._tasks, grace)
        if self._transport is not None:
            self._transport.close()

    async def _reply(self, data: bytes, addr: tuple[Any, ...]) -> None:
        answer = await self._answer(data)
        if answer is None or self._transport is None or self._transport.is_closing():
            return
        self._transport.sendto(answer, addr)


async def finish(tasks: set[asyncio.Task[None]], grace: float) -> None:
    """Wait `grace` seconds for tasks, cancel those left, and wait for their end."""
    if tasks:
        _, late = await asyncio.wait(set(tasks), timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
