"""What wakes the mirror when a block arrives: time, or the node's ZMQ message.

A message only wakes. The node publishes no `hashblock` when blocks are merely
disconnected, and messages get lost, so the best block is asked anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from typing import Any

from nvs.mirror.errors import MirrorUnusable

_TOPIC = b"hashblock"


class Wake:
    """Waits for a time, or less if the node published a block."""

    def __init__(self, address: str = "") -> None:
        """`address`: as in the node's `-zmqpubhashblock`, empty for none.

        Raises:
            MirrorUnusable: pyzmq is not installed, or the address is none.
        """
        self._socket: Any = None
        self._context: Any = None
        if not address:
            return
        try:
            zmq = importlib.import_module("zmq")
            zmq_asyncio = importlib.import_module("zmq.asyncio")
        except ImportError:
            raise MirrorUnusable("nvs.rpc.zmq is set, but pyzmq is not installed") from None
        self._context = zmq_asyncio.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SUBSCRIBE, _TOPIC)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as exc:
            self.close()
            raise MirrorUnusable(f"nvs.rpc.zmq: {address[:80]!r}: {exc}") from None

    async def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as a block was published."""
        if self._socket is None:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._socket.recv_multipart()

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close(0)
            self._context.term()
            self._socket = None
