"""ZMQ notifications as the node sends them (needs pyzmq)."""

from __future__ import annotations

import importlib
from typing import Any


class HashblockPublisher:
    """Three frames a message: `hashblock`, the hash in display order, a number (LE32)."""

    def __init__(self, address: str) -> None:
        zmq: Any = importlib.import_module("zmq")
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(address)
        self._number = 0
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def publish(self, block_hash: str) -> None:
        """Send one message; not from two threads at a time."""
        number = self._number.to_bytes(4, "little")
        self._socket.send_multipart([b"hashblock", bytes.fromhex(block_hash), number])
        self._number += 1

    def close(self) -> None:
        """Close the socket; unsent messages are lost."""
        self._socket.close()
        self._context.term()
