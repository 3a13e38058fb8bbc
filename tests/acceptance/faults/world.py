"""Servers that are killed, paused and started again, and when that happened to them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.serving import Serving, serving


@dataclass(frozen=True, slots=True)
class Blow:
    """A moment, or a while, in which a server could not finish what it did; seconds since 1970."""

    since: float
    until: float


@dataclass(slots=True)
class Node:
    """One server that may not run now."""

    folder: Path
    running: Serving | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)


class World:
    """Servers on the same settings.

    Attributes:
        blows: kills and pauses, in order.
    """

    def __init__(self, folder: Path, settings: str, dice: random.Random, nodes: int = 1) -> None:
        self.blows: list[Blow] = []
        self._settings = settings
        self._dice = dice
        self.nodes = [Node(folder / f"server{number}") for number in range(nodes)]

    async def __aenter__(self) -> World:
        for node in self.nodes:
            node.folder.mkdir()
            await self._start(node)
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in self.nodes:
            await node.stack.aclose()

    def server(self) -> Serving | None:
        """One that runs."""
        running = [node.running for node in self.nodes if node.running]
        return self._dice.choice(running) if running else None

    async def kill(self) -> None:
        """`kill -9` of one of them, and a new start."""
        node = self._dice.choice(self.nodes)
        assert node.running is not None
        started = time.time()
        server, node.running = node.running, None
        await server.kill()
        self.blows.append(Blow(started, time.time()))
        await node.stack.aclose()
        await asyncio.sleep(self._dice.uniform(0, 0.3))
        await self._start(node)

    async def pause(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        node = self._dice.choice(self.nodes)
        assert node.running is not None
        started = time.time()
        pid = node.running.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
            self.blows.append(Blow(started, time.time()))

    async def _start(self, node: Node) -> None:
        node.stack = AsyncExitStack()
        node.running = await node.stack.enter_async_context(serving(node.folder, self._settings))
