"""Tells waiting readers that there may be something new, in this process and in others.

A wake-up only wakes. It may get lost or come twice, so every reader also looks by
itself now and then, and what it looks at is the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

    from enum_backend.redis_link import RedisLink

OUTBOX, DELIVERIES, INBOX = "outbox", "deliveries", "inbox"
"""Topics: messages to be sent, deliveries to be made, messages that came in."""

WATCH_SECONDS = 5.0
"""After so long without a word Redis is asked for one; after twice that it is lost."""
CANCEL_SECONDS = 1.0
PAUSE_SECONDS = 0.01
"""Between two publications; what comes meanwhile is one wake-up."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds before a connection is tried again; doubling."""

Callback = Callable[[], object]

log = structlog.get_logger("enum_backend.wakeups")


class WakeUps(Protocol):
    """Publishing and hearing wake-ups, by topic; to be used in the event loop's thread."""

    def publish(self, topic: str) -> None:
        """Wake whoever hears of `topic`; never raises, never waits."""

    def subscribe(
        self, topic: str, callback: Callback, elsewhere: Callback | None = None
    ) -> Callback:
        """Call `callback` at each wake-up; returns a function that ends this.

        Args:
            elsewhere: called in its place where another process published.
        """


class MemoryWakeUps(WakeUps):
    """Wake-ups within this process."""

    def __init__(self) -> None:
        self._callbacks: defaultdict[str, list[Callback]] = defaultdict(list)

    def publish(self, topic: str) -> None:
        """See `WakeUps`."""
        for callback in tuple(self._callbacks[topic]):
            try:
                callback()
            except Exception as error:
                log.error("wake-up failed", topic=topic, error=type(error).__name__)

    def subscribe(
        self, topic: str, callback: Callback, elsewhere: Callback | None = None
    ) -> Callback:
        """See `WakeUps`."""
        self._callbacks[topic].append(callback)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._callbacks[topic].remove(callback)

        return end

    def publish_all(self) -> None:
        """Wake everybody: wake-ups may have been lost."""
        for topic in tuple(self._callbacks):
            self.publish(topic)


class RedisWakeUps(WakeUps):
    """Wake-ups among all processes of a Redis, by publish and subscribe.

    This process wakes its own readers at once, whether Redis is there or not.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._here = MemoryWakeUps()
        self._there = MemoryWakeUps()
        self._channel = f"{link.prefix}:wake:"
        self._sender = secrets.token_hex(8).encode()
        self._topics: set[str] = set()
        self._published = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._hears = asyncio.Event()

    def start(self) -> None:
        """Begin to listen and to publish."""
        self._tasks = [
            asyncio.create_task(self._listen(), name="wake-ups heard"),
            asyncio.create_task(self._tell(), name="wake-ups told"),
        ]

    async def listening(self) -> None:
        """Wait until wake-ups of other processes are heard."""
        await self._hears.wait()

    async def close(self) -> None:
        """Stop both.

        A cancellation that comes at the moment of a time-out inside the client may be taken for
        that time-out, and the task goes on: it is repeated until it is heard.
        """
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_SECONDS)

    def publish(self, topic: str) -> None:
        """See `WakeUps`."""
        self._here.publish(topic)
        self._topics.add(topic)
        self._published.set()

    def subscribe(
        self, topic: str, callback: Callback, elsewhere: Callback | None = None
    ) -> Callback:
        """See `WakeUps`."""
        ends = (
            self._here.subscribe(topic, callback),
            self._there.subscribe(topic, elsewhere or callback),
        )

        def end() -> None:
            for one in ends:
                one()

        return end

    async def _tell(self) -> None:
        while True:
            await self._published.wait()
            self._published.clear()
            topics, self._topics = self._topics, set()
            # Lost ones are not repeated: readers look by themselves.
            with contextlib.suppress(Exception):
                for topic in topics:
                    await self._link.client.publish(self._channel + topic, self._sender)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _listen(self) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                async with self._link.client.pubsub() as pubsub:
                    await pubsub.psubscribe(f"{self._channel}*")
                    wait = FIRST_WAIT
                    await self._hear(pubsub)
            except self._link.errors as error:
                if self._hears.is_set():
                    log.warning("wake-ups of other processes are lost", why=self._link.why(error))
                self._hears.clear()
            except Exception as error:
                # It must outlive whatever it meets: readers would notice only late.
                log.error("wake-ups failed", error=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _hear(self, pubsub: PubSub) -> None:
        """Wake readers until the connection ends."""
        await pubsub.ping()
        asked = True
        while True:
            message = await pubsub.get_message(timeout=WATCH_SECONDS)
            if message is not None:
                asked = False
                self._heard(message)
            elif asked:
                raise TimeoutError
            else:
                await pubsub.ping()
                asked = True

    def _heard(self, message: dict[str, object]) -> None:
        if not self._hears.is_set():
            self._hears.set()
            log.info("wake-ups of other processes are heard")
            self._there.publish_all()
        channel = message.get("channel")
        if (
            message["type"] == "pmessage"
            and isinstance(channel, bytes)
            and message["data"] != self._sender
        ):
            self._there.publish(channel.decode().removeprefix(self._channel))
