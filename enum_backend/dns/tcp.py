"""The TCP half of the server (RFC 7766)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from enum_backend.dns.udp import Answer, finish

_LENGTH_OCTETS = 2


class TcpEndpoint:
    """Answers queries on TCP connections, several at a time on each.

    Answers go out as they are ready, in any order (RFC 7766 section 6.2.1.1).
    A connection's memory is bounded: no further query is read from it while
    `max_pipelined` of its answers wait for a look-up or for a slow reader. One
    that brings no whole query, or takes no answer, for `idle_timeout` seconds is
    closed; so is one that sends what is no query at all, as NSD does.

    Attributes:
        refused: connections closed at once because of `max_connections`.
    """

    def __init__(
        self, answer: Answer, max_connections: int, max_pipelined: int, idle_timeout: float
    ) -> None:
        self._answer = answer
        self._max_connections = max_connections
        self._max_pipelined = max_pipelined
        self._idle_timeout = idle_timeout
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self.refused = 0

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new connection; the call-back for `asyncio.start_server`."""
        if self._stopping.is_set() or len(self._tasks) >= self._max_connections:
            self.refused += 1
            writer.transport.abort()
            return
        connection = _Connection(
            reader, writer, self._answer, self._max_pipelined, self._idle_timeout
        )
        task = asyncio.get_running_loop().create_task(connection.serve(self._stopping))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, grace: float) -> None:
        """Read no more queries, answer what has been read, for at most `grace` seconds."""
        self._stopping.set()
        await finish(self._tasks, grace)


class _Connection:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Answer,
        max_pipelined: int,
        idle_timeout: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._room = asyncio.Semaphore(max_pipelined)
        self._idle_timeout = idle_timeout
        self._replies: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()

    async def serve(self, stopping: asyncio.Event) -> None:
        """Until the client closes, falls silent or misbehaves, or the server stops."""
        watched = {
            asyncio.ensure_future(self._read_queries()),
            asyncio.ensure_future(self._over.wait()),
            asyncio.ensure_future(stopping.wait()),
        }
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            await _cancel(watched)
            if self._replies:  # a half-closed connection still gets its answers
                await asyncio.wait(set(self._replies))
            self._writer.close()
            async with asyncio.timeout(self._idle_timeout):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            pass
        finally:
            self._writer.transport.abort()
            await _cancel({*watched, *self._replies})

    async def _read_queries(self) -> None:
        try:
            while True:
                async with asyncio.timeout(self._idle_timeout):
                    prefix = await self._reader.readexactly(_LENGTH_OCTETS)
                    wire = await self._reader.readexactly(int.from_bytes(prefix))
                await self._room.acquire()
                reply = asyncio.ensure_future(self._reply(wire))
                self._replies.add(reply)
                reply.add_done_callback(self._replies.discard)
        except (asyncio.IncompleteReadError, OSError, TimeoutError):
            return

    async def _reply(self, wire: bytes) -> None:
        try:
            answer = await self._answer(wire)
            if answer is None:
                self._over.set()
            if answer is None or self._writer.is_closing():
                return
            self._writer.write(len(answer).to_bytes(_LENGTH_OCTETS) + answer)
            async with asyncio.timeout(self._idle_timeout):
                await self._writer.drain()
        except (OSError, TimeoutError):
            self._over.set()  # queries already buffered need no answer either
            self._writer.transport.abort()
        finally:
            self._room.release()


async def _cancel(tasks: Collection[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
